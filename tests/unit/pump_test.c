// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../frontend/proto/link.h"
#include "../../frontend/proto/pump.h"

struct end {
	void *mem;
	struct domlet_pump pump;
	struct domlet_link link;
};

static struct end guest, host;

static void open_end(struct end *e, enum domlet_ring_role role)
{
	e->mem = aligned_alloc(DOMLET_PAGE_SIZE, DOMLET_PUMP_MEM_SIZE);
	if (!e->mem)
		abort();
	domlet_pump_init(&e->pump, e->mem, role, 1);
	domlet_link_init(&e->link, &e->pump.near, role, 1);
}

static int setup(void **state)
{
	(void)state;
	open_end(&guest, DOMLET_RING_GUEST);
	open_end(&host, DOMLET_RING_HOST);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(guest.mem);
	free(host.mem);
	return 0;
}

/* What a socket does, AT_ONCE bytes a time; false when nothing moved. */
static bool move(struct end *from, struct end *to, size_t at_once)
{
	size_t have, space;
	const uint8_t *src = domlet_pump_to_send(&from->pump, &have);
	uint8_t *dst = domlet_pump_space(&to->pump, &space);
	size_t n = have < space ? have : space;

	n = n < at_once ? n : at_once;
	if (n == 0)
		return false;
	memcpy(dst, src, n);
	domlet_pump_sent(&from->pump, n);
	domlet_pump_received(&to->pump, n);
	return true;
}

static void carries_a_link(void **state)
{
	uint32_t stream = domlet_stream_id(1, DOMLET_STREAM_STDOUT);
	struct domlet_link_event ev;
	size_t sent = 0, got = 0, total = 1000000, pace = 1;

	(void)state;
	assert_int_equal(domlet_link_open(&guest.link, stream), 0);
	assert_int_equal(domlet_link_open(&host.link, stream), 0);
	for (int turn = 0; got < total; turn++) {
		size_t len = total - sent;
		uint8_t *span = sent < total ? domlet_link_reserve(&guest.link, stream, &len) : NULL;

		assert_true(turn < 100000);
		for (size_t i = 0; span && i < len; i++)
			span[i] = (uint8_t)((sent + i) % 251);
		if (span) {
			domlet_link_commit(&guest.link, len);
			sent += len;
		}
		(void)domlet_link_flush(&guest.link);
		(void)move(&guest, &host, pace);
		(void)move(&host, &guest, pace);
		pace = pace * 7 % 65521 + 1;
		for (domlet_link_next(&host.link, &ev); ev.type != DOMLET_LINK_IDLE; domlet_link_next(&host.link, &ev)) {
			assert_int_equal(ev.type, DOMLET_LINK_DATA);
			for (size_t i = 0; i < ev.len; i++)
				assert_int_equal(ev.data[i], (uint8_t)((got + i) % 251));
			got += ev.len;
			domlet_link_taken(&host.link, ev.len);
			domlet_link_credit(&host.link, stream, ev.len);
		}
		(void)domlet_link_flush(&host.link);
		domlet_link_next(&guest.link, &ev);
		assert_true(ev.type == DOMLET_LINK_IDLE || ev.type == DOMLET_LINK_ROOM);
		(void)domlet_link_flush(&guest.link);
	}
}

static void is_full_after_a_ring(void **state)
{
	size_t len = 0, all = 0;
	uint8_t *space;

	(void)state;
	while ((space = domlet_pump_space(&guest.pump, &len))) {
		memset(space, 0, len);
		domlet_pump_received(&guest.pump, len);
		all += len;
	}
	assert_int_equal(len, 0);
	assert_int_equal(all, (size_t)DOMLET_PAGE_SIZE << DOMLET_RING_ORDER_DEFAULT);
	assert_null(domlet_pump_to_send(&guest.pump, &len));
	assert_int_equal(len, 0);
}

static void garbage_from_the_socket_breaks_the_link(void **state)
{
	struct domlet_link_event ev;
	size_t len;
	uint8_t *space = domlet_pump_space(&guest.pump, &len);

	(void)state;
	memset(space, 0x5a, 24);
	domlet_pump_received(&guest.pump, 24);
	domlet_link_next(&guest.link, &ev);
	assert_int_equal(ev.type, DOMLET_LINK_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(carries_a_link, setup, teardown),
		cmocka_unit_test_setup_teardown(is_full_after_a_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(garbage_from_the_socket_breaks_the_link, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
