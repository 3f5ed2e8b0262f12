/* SPDX-License-Identifier: MIT */
/* The receiving half of a link: what the peer sent, checked and as events. */
#include <assert.h>
#include <string.h>

#include "link-streams.h"
#include "wire.h"

/* A guest takes a stream that it doesn't know for one that it opened and
 * closed: the host may send before it learns that CREATE failed. */
static struct domlet_link_stream *adopt(struct domlet_link *l, uint32_t stream)
{
	if (l->role != DOMLET_RING_GUEST || domlet_link_open(l, stream) < 0)
		return NULL;
	domlet_link_close(l, stream);
	return link_find(l, stream);
}

static const char *accept_data(struct domlet_link *l, struct domlet_link_stream *s)
{
	uint32_t length = l->in.length;

	if (!s)
		s = adopt(l, l->in.stream);
	if (!s)
		return "data of a stream that is not open";
	l->in_drop = s->closing || s->reset;
	if (s->recv_eof)
		return "data after the stream's end";
	if (length > s->recv_credit)
		return "data beyond the stream's credit";
	s->recv_credit -= length;
	return NULL;
}

/* What the header says, against what we know. Returns what is wrong. */
static const char *accept_header(struct domlet_link *l)
{
	const struct domlet_frame *f = &l->in;
	struct domlet_link_stream *s = link_find(l, f->stream);
	bool ours = f->stream && link_sends(l->role, f->stream);

	if (f->epoch != l->epoch)
		return "frame of another attachment";
	if (f->ack - l->peer_ack > l->send_seq - l->peer_ack)
		return "acknowledgement of a message that was not sent";
	l->peer_ack = f->ack;
	switch (f->type) {
	case DOMLET_FRAME_MSG:
		if (f->seq - l->recv_seq - 1 > INT32_MAX - 1)
			return "message's sequence number does not rise";
		return NULL;
	case DOMLET_FRAME_DATA: return ours ? "data against the stream's direction" : accept_data(l, s);
	case DOMLET_FRAME_EOF:
		if (ours)
			return "end against the stream's direction";
		return s && s->recv_eof ? "second end of a stream" : NULL;
	case DOMLET_FRAME_CREDIT: return ours ? NULL : "credit against the stream's direction";
	case DOMLET_FRAME_RESET:
		if (!ours)
			return "reset against the stream's direction";
		return s && s->reset ? "second reset of a stream" : NULL;
	default: return NULL;
	}
}

static void fail(struct domlet_link *l, struct domlet_link_event *ev, const char *reason)
{
	l->broken = reason;
	ev->type = DOMLET_LINK_BROKEN;
	ev->reason = reason;
}

/* The steps below return true when *ev is filled in and next() shall return. */

static bool step_header(struct domlet_link *l, struct domlet_link_event *ev, uint32_t have)
{
	uint8_t header[DOMLET_FRAME_HEADER_LEN];
	const char *reason;

	if (have < sizeof(header))
		return true;
	domlet_ring_copy_out(l->ring, 0, header, sizeof(header));
	domlet_ring_consume(l->ring, sizeof(header));
	if (domlet_frame_decode(header, &l->in, &reason) == 0)
		reason = accept_header(l);
	if (reason) {
		fail(l, ev, reason);
		return true;
	}
	l->in_open = true;
	l->in_left = l->in.length;
	return false;
}

/* Copies the message out as it comes; it need not fit the ring. */
static bool step_msg(struct domlet_link *l, struct domlet_link_event *ev, uint32_t have)
{
	uint32_t n = have < l->in_left ? have : l->in_left;
	const char *reason;

	domlet_ring_copy_out(l->ring, 0, l->msg_copy + (l->in.length - l->in_left), n);
	domlet_ring_consume(l->ring, n);
	l->in_left -= n;
	if (l->in_left)
		return true;
	l->in_open = false;
	if (domlet_msg_decode(l->msg_copy, l->in.length, &ev->msg, &reason) < 0) {
		fail(l, ev, reason);
		return true;
	}
	if (domlet_msg_direction(ev->msg.type) != (l->role == DOMLET_RING_GUEST ? 'H' : 'G')) {
		fail(l, ev, "message in the wrong direction");
		return true;
	}
	l->recv_seq = l->in.seq;
	ev->type = DOMLET_LINK_MSG;
	return true;
}

static bool step_data(struct domlet_link *l, struct domlet_link_event *ev, uint32_t have)
{
	uint32_t n = have < l->in_left ? have : l->in_left;

	if (n == 0)
		return true;
	if (!l->in_drop) {
		ev->type = DOMLET_LINK_DATA;
		ev->len = n;
		ev->data = domlet_ring_in_span(l->ring, 0, &ev->len);
		return true;
	}
	domlet_ring_consume(l->ring, n);
	l->in_left -= n;
	l->in_open = l->in_left != 0;
	return false;
}

static bool step_credit(struct domlet_link *l, struct domlet_link_event *ev, uint32_t have)
{
	struct domlet_link_stream *s = link_find_open(l, l->in.stream);
	uint8_t payload[4];
	uint32_t more;

	if (have < sizeof(payload))
		return true;
	domlet_ring_copy_out(l->ring, 0, payload, sizeof(payload));
	domlet_ring_consume(l->ring, sizeof(payload));
	l->in_open = false;
	more = domlet_wire_get_u32(payload);
	if (more == 0 || more > DOMLET_STREAM_WINDOW || (s && more > DOMLET_STREAM_WINDOW - s->send_credit)) {
		fail(l, ev, "credit beyond the stream's window");
		return true;
	}
	if (!s)
		return false;
	s->send_credit += more;
	if (s->send_eof || s->reset)
		return false;
	ev->type = DOMLET_LINK_ROOM;
	return true;
}

static bool step_end(struct domlet_link *l, struct domlet_link_event *ev)
{
	struct domlet_link_stream *s = link_find(l, l->in.stream);

	l->in_open = false;
	if (!s || l->in.type == DOMLET_FRAME_ACK)
		return false;
	if (l->in.type == DOMLET_FRAME_EOF) {
		s->recv_eof = true;
		if (s->closing) {
			link_forget(s);
			return false;
		}
		ev->type = DOMLET_LINK_EOF;
	} else {
		s->reset = true;
		ev->type = DOMLET_LINK_RESET;
	}
	return true;
}

static bool step(struct domlet_link *l, struct domlet_link_event *ev, uint32_t have)
{
	if (!l->in_open)
		return step_header(l, ev, have);
	switch (l->in.type) {
	case DOMLET_FRAME_MSG: return step_msg(l, ev, have);
	case DOMLET_FRAME_DATA: return step_data(l, ev, have);
	case DOMLET_FRAME_CREDIT: return step_credit(l, ev, have);
	default: return step_end(l, ev);
	}
}

void domlet_link_allow(struct domlet_link *l, uint32_t bytes)
{
	assert(bytes <= INT32_MAX);
	l->bounded = true;
	l->bound = l->ring->in_taken + bytes;
}

static bool is_used_up(const struct domlet_link *l)
{
	return l->bounded && (int32_t)(l->ring->in_taken - l->bound) >= 0;
}

void domlet_link_next(struct domlet_link *l, struct domlet_link_event *ev)
{
	struct domlet_ring *r = l->ring;

	memset(ev, 0, sizeof(*ev));
	if (l->broken) {
		fail(l, ev, l->broken);
		return;
	}
	if (is_used_up(l)) {
		ev->type = DOMLET_LINK_BUSY;
		return;
	}
	/* The peer's index is read once per call, or it could keep us here for ever. */
	if (domlet_ring_ready(r) < 0) {
		fail(l, ev, "ring index out of range");
		return;
	}
	while (!step(l, ev, r->in_prod - r->in_taken)) {
		if (is_used_up(l)) {
			ev->type = DOMLET_LINK_BUSY;
			break;
		}
	}
	if (ev->type != DOMLET_LINK_IDLE && ev->type != DOMLET_LINK_MSG)
		ev->stream = l->in.stream;
	link_publish_quarter(l);
}

void domlet_link_taken(struct domlet_link *l, size_t len)
{
	assert(l->in_open && l->in.type == DOMLET_FRAME_DATA && len <= l->in_left);
	domlet_ring_consume(l->ring, (uint32_t)len);
	l->in_left -= (uint32_t)len;
	l->in_open = l->in_left != 0;
	link_publish_quarter(l);
}
