// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A link whose peer is the input: a script of what the peer does to the shared
 * memory and of what the link's owner does meanwhile. Whatever happens, a
 * stream's unread bytes stay within its window, and broken stays broken.
 */
#include <stdlib.h>
#include <string.h>

#include "../../frontend/proto/link.h"
#include "../unit/ring_pair.h"
#include "fuzz.h"

#define PROCESSES 4u
#define STREAMS ((PROCESSES + 1) << 2)

struct script {
	const uint8_t *at;
	size_t left;
};

struct play {
	struct script script;
	struct domlet_ring *peer; /* the liar's end */
	struct domlet_link *link;
	uint32_t held[STREAMS];
	uint32_t seq;
	bool broken;
};

static uint8_t get_u8(struct script *s)
{
	if (!s->left)
		return 0;
	s->left--;
	return *s->at++;
}

static uint32_t get_u32(struct script *s)
{
	uint32_t v = get_u8(s);

	/* Small numbers are the usual ones. */
	return v < 250 ? v : v << 24 | (uint32_t)get_u8(s) << 16 | (uint32_t)get_u8(s) << 8 | get_u8(s);
}

static void put_bytes(struct play *p, const void *bytes, size_t len)
{
	int64_t room = domlet_ring_room(p->peer);

	if (room < (int64_t)len)
		return;
	domlet_ring_copy_in(p->peer, 0, bytes, len);
	domlet_ring_produce(p->peer, (uint32_t)len);
}

static void put_script(struct play *p, size_t len)
{
	if (len > p->script.left)
		len = p->script.left;
	put_bytes(p, p->script.at, len);
	p->script.at += len;
	p->script.left -= len;
}

/* A frame whose header may pass; its payload is the script's. */
static void put_frame(struct play *p, uint8_t type)
{
	struct domlet_frame f = { .type = type, .epoch = RING_PAIR_EPOCH, .ack = p->link->peer_ack };
	uint8_t header[DOMLET_FRAME_HEADER_LEN], zeros[4096] = { 0 };
	uint8_t how = get_u8(&p->script);

	f.length = type == DOMLET_FRAME_CREDIT                           ? 4 :
		   type == DOMLET_FRAME_MSG || type == DOMLET_FRAME_DATA ? get_u32(&p->script) :
									   0;
	f.stream = type == DOMLET_FRAME_MSG || type == DOMLET_FRAME_ACK ? 0 : get_u8(&p->script) % STREAMS;
	f.seq = type == DOMLET_FRAME_MSG ? ++p->seq : 0;
	if (how == 1)
		f.ack = get_u32(&p->script);
	if (how == 2)
		f.seq = get_u32(&p->script);
	domlet_frame_encode(&f, header);
	put_bytes(p, header, sizeof(header));
	if (how & 4)
		put_bytes(p, zeros, f.length < sizeof(zeros) ? f.length : sizeof(zeros));
	else
		put_script(p, f.length);
}

static void lie(struct play *p)
{
	struct domlet_ring_half *half = p->peer->in;

	switch (get_u8(&p->script) % 4) {
	case 0: p->peer->out->prod = get_u32(&p->script); return;
	case 1: half->cons = get_u32(&p->script); return;
	case 2: half->cons_asleep = get_u8(&p->script); return;
	default: p->peer->out->prod_asleep = get_u8(&p->script); return;
	}
}

static void take(struct play *p)
{
	struct domlet_link_event ev;

	domlet_link_next(p->link, &ev);
	if (p->broken && ev.type != DOMLET_LINK_BROKEN)
		abort();
	if (ev.type == DOMLET_LINK_BROKEN) {
		if (!ev.reason)
			abort();
		p->broken = true;
	}
	if (ev.type != DOMLET_LINK_DATA)
		return;
	if (ev.len == 0 || ev.len > DOMLET_FRAME_PAYLOAD_MAX)
		abort();
	(void)*(const volatile uint8_t *)&ev.data[0];
	(void)*(const volatile uint8_t *)&ev.data[ev.len - 1];
	domlet_link_taken(p->link, ev.len);
	if (ev.stream < STREAMS) {
		p->held[ev.stream] += (uint32_t)ev.len;
		if (p->held[ev.stream] > DOMLET_STREAM_WINDOW)
			abort();
	}
}

static void send(struct play *p)
{
	struct domlet_msg m = { .type = p->link->role == DOMLET_RING_HOST ? DOMLET_MSG_PING : DOMLET_MSG_REPLY };
	uint32_t stream = get_u8(&p->script) % STREAMS;
	size_t len = get_u32(&p->script);
	uint8_t *span;

	(void)domlet_link_send(p->link, &m);
	span = domlet_link_reserve(p->link, stream, &len);
	if (!span)
		return;
	memset(span, 0, len);
	domlet_link_commit(p->link, len);
}

static void own(struct play *p, uint8_t what)
{
	uint32_t stream = get_u8(&p->script) % STREAMS;

	switch (what % 8) {
	case 0:
		if (domlet_link_open(p->link, stream) == 0)
			p->held[stream] = 0;
		return;
	case 1: domlet_link_close(p->link, stream); return;
	case 2:
		domlet_link_credit(p->link, stream, p->held[stream]);
		p->held[stream] = 0;
		return;
	case 3: (void)domlet_link_send_eof(p->link, stream); return;
	case 4: (void)domlet_link_send_reset(p->link, stream); return;
	case 5: send(p); return;
	case 6: (void)domlet_ring_arm(p->link->ring, stream & 1); return;
	default: (void)domlet_link_flush(p->link); (void)domlet_ring_take_notify(p->link->ring);
	}
}

/* The peer reads, so that the link can go on writing. */
static void peer_reads(struct play *p)
{
	int64_t ready = domlet_ring_ready(p->peer);

	if (ready > 0)
		domlet_ring_consume(p->peer, (uint32_t)ready);
}

static void play(struct play *p)
{
	while (p->script.left) {
		uint8_t what = get_u8(&p->script);

		if (what < 0x80)
			own(p, what);
		else if (what < 0xc0)
			put_frame(p, (uint8_t)(what % 8));
		else if (what < 0xc8)
			put_script(p, get_u8(&p->script));
		else if (what < 0xcc)
			lie(p);
		else if (what < 0xd0)
			peer_reads(p);
		else if (what < 0xd4)
			domlet_link_allow(p->link, get_u32(&p->script) & 0xffff);
		domlet_ring_publish(p->peer);
		take(p);
	}
	for (int i = 0; i < 4; i++)
		take(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ring_pair pairs[4]; /* by order; made once */
	static struct domlet_link link;
	struct play p = { .script = { data, size }, .link = &link };
	uint8_t how = get_u8(&p.script);
	enum domlet_ring_role role = how & 1 ? DOMLET_RING_HOST : DOMLET_RING_GUEST;
	uint32_t order = how >> 1 & 3;
	struct ring_pair *pair = &pairs[order];

	if (!pair->page)
		ring_pair_open(pair, order);
	domlet_ring_page_init(pair->page, order, RING_PAIR_EPOCH);
	ring_pair_attach(pair, order);
	if (how & 8)
		ring_pair_start_at(pair, UINT32_MAX - 2000);
	p.peer = role == DOMLET_RING_HOST ? &pair->guest : &pair->host;
	domlet_link_init(&link, role == DOMLET_RING_HOST ? &pair->host : &pair->guest, role, RING_PAIR_EPOCH);
	play(&p);
	return 0;
}
