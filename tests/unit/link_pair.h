/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_TESTS_LINK_PAIR_H
#define DOMLET_TESTS_LINK_PAIR_H

/* Two links over one ring in this process, for cmocka: *state is a struct two. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../frontend/proto/link.h"
#include "ring_pair.h"

#define IN(process) domlet_stream_id(process, DOMLET_STREAM_STDIN)
#define OUT(process) domlet_stream_id(process, DOMLET_STREAM_STDOUT)
#define WINDOW DOMLET_STREAM_WINDOW

struct two {
	struct ring_pair pair;
	struct domlet_link guest, host;
};

static inline struct two *start(uint32_t order)
{
	struct two *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	ring_pair_open(&t->pair, order);
	domlet_link_init(&t->guest, &t->pair.guest, DOMLET_RING_GUEST, RING_PAIR_EPOCH);
	domlet_link_init(&t->host, &t->pair.host, DOMLET_RING_HOST, RING_PAIR_EPOCH);
	return t;
}

static inline int setup(void **state)
{
	*state = start(DOMLET_RING_ORDER_MAX); /* a window fits */
	return 0;
}

static inline int setup_small(void **state)
{
	*state = start(0);
	return 0;
}

static inline int teardown(void **state)
{
	struct two *t = *state;

	ring_pair_close(&t->pair);
	free(t);
	return 0;
}

static inline void open_both(struct two *t, uint32_t stream)
{
	assert_int_equal(domlet_link_open(&t->guest, stream), 0);
	assert_int_equal(domlet_link_open(&t->host, stream), 0);
}

static inline struct domlet_link_event next(struct domlet_link *l, enum domlet_link_event_type wanted)
{
	struct domlet_link_event ev;

	domlet_link_next(l, &ev);
	if (ev.type == DOMLET_LINK_BROKEN && wanted != DOMLET_LINK_BROKEN)
		fail_msg("broken: %s", ev.reason);
	assert_int_equal(ev.type, wanted);
	return ev;
}

/* Sends up to LEN bytes of VALUE; returns how many the link took. */
static inline size_t send_some(struct domlet_link *l, uint32_t stream, uint8_t value, size_t len)
{
	size_t done = 0;

	while (done < len) {
		size_t n = len - done;
		uint8_t *span = domlet_link_reserve(l, stream, &n);

		if (!span) {
			assert_int_equal(n, 0);
			break;
		}
		memset(span, value, n);
		domlet_link_commit(l, n);
		done += n;
	}
	(void)domlet_link_flush(l);
	return done;
}

/* Takes all there is; returns the bytes of STREAM. CREDIT also gives them back. */
static inline size_t drain(struct domlet_link *l, uint32_t stream, bool credit)
{
	struct domlet_link_event ev;
	size_t total = 0;

	for (domlet_link_next(l, &ev); ev.type != DOMLET_LINK_IDLE; domlet_link_next(l, &ev)) {
		if (ev.type == DOMLET_LINK_BROKEN)
			fail_msg("broken: %s", ev.reason);
		if (ev.type != DOMLET_LINK_DATA)
			continue;
		domlet_link_taken(l, ev.len);
		if (ev.stream != stream)
			continue;
		total += ev.len;
		if (credit)
			domlet_link_credit(l, stream, ev.len);
	}
	(void)domlet_link_flush(l);
	return total;
}

static inline int ping(struct domlet_link *l, uint32_t request)
{
	struct domlet_msg m = { .type = DOMLET_MSG_PING, .request = request, .ping.cookie = request };

	return domlet_link_send(l, &m);
}

#define LINK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define SMALL_TEST(name) cmocka_unit_test_setup_teardown(name, setup_small, teardown)

#endif
