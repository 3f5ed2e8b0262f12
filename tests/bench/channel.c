// SPDX-License-Identifier: GPL-2.0-or-later
#include "channel.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxenvchan.h>

static _Noreturn void end(const char *why)
{
	(void)fprintf(stderr, "bench: %s\n", why);
	exit(1);
}

void bench_channel_open(struct bench_channel *c, struct domlet_ring *ring, enum domlet_ring_role role, uint32_t epoch)
{
	uint32_t to_guest = domlet_stream_id(1, DOMLET_STREAM_STDIN);
	uint32_t to_host = domlet_stream_id(1, DOMLET_STREAM_STDOUT);

	c->ring = ring;
	c->in = role == DOMLET_RING_GUEST ? to_guest : to_host;
	c->out = role == DOMLET_RING_GUEST ? to_host : to_guest;
	domlet_link_init(&c->link, ring, role, epoch);
	(void)domlet_link_open(&c->link, to_guest);
	(void)domlet_link_open(&c->link, to_host);
}

static void notify(struct bench_channel *c)
{
	if (domlet_ring_take_notify(c->ring)) {
		c->notifications++;
		(void)c->notify(c->device);
	}
}

void bench_channel_flush(struct bench_channel *c)
{
	(void)domlet_link_flush(&c->link);
	notify(c);
}

/* Sleeps until the other side did something. */
static void rest(struct bench_channel *c, bool want_room)
{
	struct pollfd fd = { .fd = c->fd, .events = POLLIN };

	bench_channel_flush(c);
	if (domlet_ring_linger(c->ring, want_room, c->relax) || domlet_ring_arm(c->ring, want_room))
		return;
	(void)poll(&fd, 1, -1);
	domlet_ring_disarm(c->ring);
	(void)c->drain(c->device);
}

/* Takes at most LEN bytes that have come; 0 when there are none. */
static size_t take(struct bench_channel *c, void *data, size_t len)
{
	struct domlet_link_event ev;

	for (;;) {
		domlet_link_next(&c->link, &ev);
		switch (ev.type) {
		case DOMLET_LINK_IDLE: return 0;
		case DOMLET_LINK_DATA:
			len = len < ev.len ? len : ev.len;
			memcpy(data, ev.data, len);
			domlet_link_taken(&c->link, len);
			domlet_link_credit(&c->link, ev.stream, len);
			notify(c);
			return len;
		case DOMLET_LINK_BROKEN: end(ev.reason);
		default: break;
		}
	}
}

void bench_channel_send(struct bench_channel *c, const void *data, size_t len)
{
	const uint8_t *from = data;

	if (c->vchan) {
		if (libxenvchan_write(c->vchan, data, len) != (int)len)
			end("the vchan is closed");
		return;
	}
	while (len) {
		size_t n = len;
		uint8_t *span = domlet_link_reserve(&c->link, c->out, &n), none;

		if (span) {
			memcpy(span, from, n);
			domlet_link_commit(&c->link, n);
			from += n;
			len -= n;
			notify(c);
			continue; /* the rest is published before a rest, as the product does */
		}
		if (take(c, &none, sizeof none))
			end("data came that nobody asked for");
		if (!domlet_link_has_credit(&c->link, c->out))
			rest(c, false);
		else if (domlet_ring_room(c->ring) < (int64_t)DOMLET_FRAME_PAYLOAD_MAX)
			rest(c, true);
	}
}

void bench_channel_receive(struct bench_channel *c, void *data, size_t len)
{
	uint8_t *to = data;

	while (len) {
		int read = c->vchan ? libxenvchan_read(c->vchan, to, len) : 0;
		size_t n = c->vchan ? (size_t)(read > 0 ? read : 0) : take(c, to, len);

		if (c->vchan && read <= 0)
			end("the vchan is closed");
		if (!n)
			rest(c, false);
		to += n;
		len -= n;
	}
	if (!c->vchan)
		bench_channel_flush(c);
}
