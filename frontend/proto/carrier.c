// SPDX-License-Identifier: MIT
#include "carrier.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void domlet_carrier_init(struct domlet_carrier *c, struct domlet_ring *ring, uint8_t *in)
{
	*c = (struct domlet_carrier){ .ring = ring, .in = in };
}

static void copy(struct domlet_carrier *c, uint32_t len)
{
	domlet_ring_copy_out(c->ring, 0, c->in + c->in_have, len);
	domlet_ring_consume(c->ring, len);
	c->in_have += len;
}

static int take_head(struct domlet_carrier *c)
{
	domlet_ring_copy_out(c->ring, 0, (uint8_t *)&c->in_export, sizeof c->in_export);
	domlet_ring_consume(c->ring, sizeof c->in_export);
	copy(c, sizeof c->in_len);
	memcpy(&c->in_len, c->in, sizeof c->in_len);
	if (c->in_len >= DOMLET_SHARE_MESSAGE_MIN && c->in_len <= DOMLET_SHARE_MESSAGE_MAX)
		return 0;
	c->ring->broken = true;
	return -EPROTO;
}

int64_t domlet_carrier_take(struct domlet_carrier *c)
{
	int64_t ready;

	if (c->in_len && c->in_have == c->in_len) /* the last one was whole */
		c->in_len = c->in_have = 0;
	for (;;) {
		uint32_t left = c->in_len - c->in_have;

		ready = domlet_ring_ready(c->ring);
		if (ready < 0)
			return ready;
		if (!c->in_len && ready >= (int64_t)(sizeof c->in_export + sizeof c->in_len)) {
			if (take_head(c) < 0)
				return -EPROTO;
			continue;
		}
		if (!c->in_len || !ready)
			break;
		copy(c, ready < (int64_t)left ? (uint32_t)ready : left);
		if (c->in_have == c->in_len)
			break;
	}
	domlet_ring_publish(c->ring);
	return c->in_len && c->in_have == c->in_len ? (int64_t)c->in_len : 0;
}

void domlet_carrier_send(struct domlet_carrier *c, uint32_t export, const uint8_t *message, uint32_t len)
{
	assert(!c->out && len >= DOMLET_SHARE_MESSAGE_MIN && len <= DOMLET_SHARE_MESSAGE_MAX);
	c->out = message;
	c->out_export = export;
	c->out_len = len;
	c->out_done = 0;
	c->out_begun = false;
}

static void put(struct domlet_carrier *c, const uint8_t *bytes, uint32_t len)
{
	domlet_ring_copy_in(c->ring, 0, bytes, len);
	domlet_ring_produce(c->ring, len);
}

int domlet_carrier_go_on(struct domlet_carrier *c)
{
	while (c->out) {
		uint32_t left = c->out_len - c->out_done;
		int64_t room = domlet_ring_room(c->ring);

		if (room < 0)
			return (int)room;
		if (room <= (int64_t)sizeof c->out_export)
			return 0;
		if (!c->out_begun) {
			put(c, (const uint8_t *)&c->out_export, sizeof c->out_export);
			c->out_begun = true;
			room -= (int64_t)sizeof c->out_export;
		}
		if (room < (int64_t)left)
			left = (uint32_t)room;
		put(c, c->out + c->out_done, left);
		domlet_ring_publish(c->ring);
		c->out_done += left;
		if (c->out_done == c->out_len)
			c->out = NULL;
	}
	return c->ring->broken ? -EPROTO : 1;
}
