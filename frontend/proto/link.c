/* SPDX-License-Identifier: MIT */
#include "link-streams.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "wire.h"

_Static_assert(DOMLET_LINK_OUTBOX_MAX >= DOMLET_FRAME_HEADER_LEN + DOMLET_MSG_MAX, "outbox");

/* Unacknowledged messages after which an ACK is sent without other reason. */
#define ACK_EVERY 16u

/* Of the connections' streams, which stand after all processes'. */
#define CONNECTIONS (DOMLET_STREAM_CONNECTION << 2)

void domlet_link_init(struct domlet_link *l, struct domlet_ring *ring, enum domlet_ring_role role, uint32_t epoch)
{
	memset(l->streams, 0, (l->top + 1) * sizeof(l->streams[0]));
	memset(l->streams + CONNECTIONS, 0, sizeof(l->streams) - CONNECTIONS * sizeof(l->streams[0]));
	memset(l, 0, offsetof(struct domlet_link, outbox));
	l->ring = ring;
	l->role = role;
	l->epoch = epoch;
}

/* --- streams ---------------------------------------------------------- */

int domlet_link_open(struct domlet_link *l, uint32_t stream)
{
	struct domlet_link_stream *s;

	if (!domlet_stream_in_range(stream))
		return -EINVAL;
	if (link_find_open(l, stream))
		return -EEXIST;
	s = &l->streams[stream];
	link_forget(s);
	s->known = true;
	if (link_sends(l->role, stream))
		s->send_credit = DOMLET_STREAM_WINDOW;
	else
		s->recv_credit = DOMLET_STREAM_WINDOW;
	if (l->top < stream && !domlet_stream_is_connection(stream))
		l->top = stream;
	return 0;
}

static void drop_rest(struct domlet_link *l, uint32_t stream)
{
	if (l->in_open && l->in.type == DOMLET_FRAME_DATA && l->in.stream == stream)
		l->in_drop = true;
}

void domlet_link_close(struct domlet_link *l, uint32_t stream)
{
	struct domlet_link_stream *s = link_find_open(l, stream);

	if (!s)
		return;
	drop_rest(l, stream);
	if (l->reserved_stream == stream)
		l->reserved_stream = 0;
	if (link_sends(l->role, stream) || s->recv_eof)
		link_forget(s);
	else
		s->closing = true;
}

/* --- sending ---------------------------------------------------------- */

static void put_header(struct domlet_link *l, uint8_t *out, uint8_t type, uint32_t stream, uint32_t length, uint32_t ack)
{
	struct domlet_frame f = {
		.length = length,
		.type = type,
		.stream = stream,
		.seq = type == DOMLET_FRAME_MSG ? l->send_seq : 0,
		.ack = ack,
		.epoch = l->epoch,
	};

	domlet_frame_encode(&f, out);
	l->acked = ack;
}

/* The outbox's tail when it has room for LEN bytes, else NULL. */
static uint8_t *outbox_tail(struct domlet_link *l, size_t len)
{
	if (l->outbox_head && len > DOMLET_LINK_OUTBOX_MAX - l->outbox_len) {
		l->outbox_len -= l->outbox_head;
		memmove(l->outbox, l->outbox + l->outbox_head, l->outbox_len);
		l->outbox_head = 0;
	}
	return len <= DOMLET_LINK_OUTBOX_MAX - l->outbox_len ? l->outbox + l->outbox_len : NULL;
}

static void move_outbox(struct domlet_link *l)
{
	int64_t room;
	uint32_t n = l->outbox_len - l->outbox_head;

	/* A reservation's header goes where the ring now ends. */
	if (n == 0 || l->reserved_len)
		return;
	room = domlet_ring_room(l->ring);
	if (room <= 0)
		return;
	if (n > room)
		n = (uint32_t)room;
	domlet_ring_copy_in(l->ring, 0, l->outbox + l->outbox_head, n);
	domlet_ring_produce(l->ring, n);
	l->outbox_head += n;
	if (l->outbox_head == l->outbox_len)
		l->outbox_head = l->outbox_len = 0;
}

static int queue(struct domlet_link *l, uint8_t type, uint32_t stream, uint32_t *payload)
{
	uint32_t length = payload ? 4 : 0;
	uint8_t *at = outbox_tail(l, DOMLET_FRAME_HEADER_LEN + length);

	if (!at)
		return -EAGAIN;
	put_header(l, at, type, stream, length, l->recv_seq);
	if (payload)
		domlet_wire_put_u32(at + DOMLET_FRAME_HEADER_LEN, *payload);
	l->outbox_len += DOMLET_FRAME_HEADER_LEN + length;
	return 0;
}

static bool is_broken(const struct domlet_link *l)
{
	return l->broken || l->ring->broken;
}

int domlet_link_send(struct domlet_link *l, const struct domlet_msg *m)
{
	char dir = domlet_msg_direction(m->type);
	size_t size = domlet_msg_size(m);
	uint8_t *at;
	int written;

	if (is_broken(l))
		return -EPROTO;
	if (dir != (l->role == DOMLET_RING_GUEST ? 'G' : 'H'))
		return -EINVAL;
	if (size > DOMLET_MSG_MAX)
		return -EMSGSIZE;
	at = outbox_tail(l, DOMLET_FRAME_HEADER_LEN + size);
	if (!at)
		return -EAGAIN;
	written = domlet_msg_encode(m, at + DOMLET_FRAME_HEADER_LEN, size);
	if (written < 0)
		return written;
	if (++l->send_seq == 0) /* 0 means none */
		l->send_seq = 1;
	put_header(l, at, DOMLET_FRAME_MSG, 0, (uint32_t)written, l->recv_seq);
	l->outbox_len += DOMLET_FRAME_HEADER_LEN + (uint32_t)written;
	move_outbox(l);
	return 0;
}

int domlet_link_send_eof(struct domlet_link *l, uint32_t stream)
{
	struct domlet_link_stream *s = link_find_open(l, stream);
	int rc;

	if (is_broken(l))
		return -EPROTO;
	if (!s)
		return -ENOENT;
	if (!link_sends(l->role, stream))
		return -EINVAL;
	if (s->send_eof)
		return -EALREADY;
	rc = queue(l, DOMLET_FRAME_EOF, stream, NULL);
	if (rc == 0) {
		s->send_eof = true;
		move_outbox(l);
	}
	return rc;
}

int domlet_link_send_reset(struct domlet_link *l, uint32_t stream)
{
	struct domlet_link_stream *s = link_find_open(l, stream);
	int rc;

	if (is_broken(l))
		return -EPROTO;
	if (!s)
		return -ENOENT;
	if (link_sends(l->role, stream))
		return -EINVAL;
	if (s->reset)
		return -EALREADY;
	rc = queue(l, DOMLET_FRAME_RESET, stream, NULL);
	if (rc == 0) {
		s->reset = true;
		drop_rest(l, stream);
		move_outbox(l);
	}
	return rc;
}

bool domlet_link_has_credit(const struct domlet_link *l, uint32_t stream)
{
	const struct domlet_link_stream *s = link_find_open((struct domlet_link *)l, stream);

	return s && s->send_credit && !s->send_eof && !s->reset;
}

/* The ring's room for a frame's data; 0 or less: none. */
static int64_t data_room(const struct domlet_link *l)
{
	/* Left free by data, so that messages get in before the ring drains. */
	uint32_t spare = l->ring->size / 16 < 4096 ? l->ring->size / 16 : 4096;

	return l->outbox_len ? 0 : domlet_ring_room(l->ring) - DOMLET_FRAME_HEADER_LEN - spare;
}

bool domlet_link_has_room(const struct domlet_link *l)
{
	return data_room(l) > 0;
}

uint8_t *domlet_link_reserve(struct domlet_link *l, uint32_t stream, size_t *len)
{
	size_t want = *len < DOMLET_FRAME_PAYLOAD_MAX ? *len : DOMLET_FRAME_PAYLOAD_MAX;
	struct domlet_link_stream *s;
	uint8_t *span;
	int64_t room;

	assert(l->reserved_len == 0);
	*len = 0;
	if (is_broken(l) || !domlet_link_has_credit(l, stream))
		return NULL;
	s = link_find_open(l, stream);
	move_outbox(l);
	room = data_room(l);
	if (room <= 0)
		return NULL;
	if (want > s->send_credit)
		want = s->send_credit;
	if (want > (uint64_t)room)
		want = (size_t)room;
	span = domlet_ring_out_span(l->ring, DOMLET_FRAME_HEADER_LEN, &want);
	*len = want;
	l->reserved_stream = stream;
	l->reserved_len = (uint32_t)want;
	l->reserved_ack = l->recv_seq;
	return span;
}

void domlet_link_commit(struct domlet_link *l, size_t len)
{
	struct domlet_link_stream *s = link_find_open(l, l->reserved_stream);
	uint8_t header[DOMLET_FRAME_HEADER_LEN];

	assert(len <= l->reserved_len);
	/* Closed since reserve: nobody wants the bytes. */
	if (len && s && !is_broken(l)) {
		s->send_credit -= (uint32_t)len;
		/* It overtakes the outbox, and acknowledgements must not go back. */
		put_header(l, header, DOMLET_FRAME_DATA, l->reserved_stream, (uint32_t)len, l->reserved_ack);
		domlet_ring_copy_in(l->ring, 0, header, sizeof(header));
		domlet_ring_produce(l->ring, (uint32_t)(sizeof(header) + len));
		link_publish_quarter(l);
	}
	l->reserved_stream = 0;
	l->reserved_len = 0;
}

static void grant(struct domlet_link *l, uint32_t stream)
{
	struct domlet_link_stream *s = &l->streams[stream];

	if (queue(l, DOMLET_FRAME_CREDIT, stream, &s->recv_owed) < 0) {
		l->credit_waits = true;
		return;
	}
	s->recv_credit += s->recv_owed;
	s->recv_owed = 0;
}

static bool owes_enough(const struct domlet_link_stream *s)
{
	return s->recv_owed >= DOMLET_STREAM_WINDOW / 2 && !s->recv_eof && !s->reset && !s->closing;
}

void domlet_link_credit(struct domlet_link *l, uint32_t stream, size_t len)
{
	struct domlet_link_stream *s = link_find_open(l, stream);
	uint32_t out;

	if (!s || link_sends(l->role, stream) || is_broken(l))
		return;
	/* Never more than was received: LEN may be an earlier stream's of the
	 * same number, still in the caller's buffer when that was closed. */
	out = DOMLET_STREAM_WINDOW - s->recv_credit - s->recv_owed;
	s->recv_owed += len < out ? (uint32_t)len : out;
	if (owes_enough(s))
		grant(l, stream);
}

static void grant_all(struct domlet_link *l, uint32_t first, uint32_t end)
{
	for (uint32_t stream = first; stream < end; stream++)
		if (owes_enough(&l->streams[stream]))
			grant(l, stream);
}

bool domlet_link_flush(struct domlet_link *l)
{
	if (is_broken(l))
		return false;
	move_outbox(l);
	if (l->credit_waits) {
		l->credit_waits = false;
		grant_all(l, 0, l->top + 1);
		grant_all(l, CONNECTIONS, DOMLET_STREAM_END);
	}
	if (l->recv_seq - l->acked >= ACK_EVERY)
		queue(l, DOMLET_FRAME_ACK, 0, NULL); /* when full: next time */
	move_outbox(l);
	domlet_ring_publish(l->ring);
	return l->outbox_len != 0;
}
