// SPDX-License-Identifier: GPL-2.0-or-later
/* The messages of a share: longer than the ring, one after the other, and of a peer that lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../frontend/proto/carrier.h"
#include "ring_pair.h"

#define ORDER 0u /* a page: most messages are longer */

struct both {
	struct ring_pair pair;
	struct domlet_carrier guest, host;
	uint8_t *guest_in, *host_in, *message;
};

static void open_both(struct both *b)
{
	ring_pair_open(&b->pair, ORDER);
	b->guest_in = malloc(DOMLET_SHARE_MESSAGE_MAX);
	b->host_in = malloc(DOMLET_SHARE_MESSAGE_MAX);
	b->message = malloc(DOMLET_SHARE_MESSAGE_MAX);
	assert_true(b->guest_in && b->host_in && b->message);
	domlet_carrier_init(&b->guest, &b->pair.guest, b->guest_in);
	domlet_carrier_init(&b->host, &b->pair.host, b->host_in);
}

static void close_both(struct both *b)
{
	free(b->guest_in);
	free(b->host_in);
	free(b->message);
	ring_pair_close(&b->pair);
}

static void fill(uint8_t *message, uint32_t len, uint32_t seed)
{
	memcpy(message, &len, sizeof len);
	for (uint32_t i = sizeof len; i < len; i++)
		message[i] = (uint8_t)(seed + i * 31 + (i >> 8));
}

/* Until it has come; fails when it doesn't within as many turns as pieces can be. */
static void carry(struct both *b, struct domlet_carrier *from, struct domlet_carrier *to, uint32_t len, uint32_t seed)
{
	int64_t taken = 0;

	fill(b->message, len, seed);
	domlet_carrier_send(from, seed, b->message, len);
	for (uint32_t turn = 0; taken == 0 && turn <= len / DOMLET_PAGE_SIZE + 2; turn++) {
		assert_true(domlet_carrier_go_on(from) >= 0);
		taken = domlet_carrier_take(to);
	}
	assert_int_equal(taken, len);
	assert_int_equal(to->in_export, seed);
	assert_memory_equal(to->in, b->message, len);
	assert_int_equal(domlet_carrier_go_on(from), 1);
	assert_null(from->out);
	assert_int_equal(domlet_carrier_take(to), 0);
}

static void of_all_lengths_both_ways(void **state)
{
	static const uint32_t lens[] = { DOMLET_SHARE_MESSAGE_MIN, 17, 40, 4095, 4096, 4097, 70000,
					 DOMLET_SHARE_MESSAGE_MAX };
	struct both b;

	(void)state;
	open_both(&b);
	for (uint32_t start = 0; start < 3; start++)
		for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
			carry(&b, &b.guest, &b.host, lens[i], start * 7 + (uint32_t)i);
			carry(&b, &b.host, &b.guest, lens[i], start * 5 + (uint32_t)i);
		}
	close_both(&b);
}

/* A length may lie on both sides of the wrap, and come in two parts. */
static void at_each_place_of_the_ring(void **state)
{
	struct both b;

	(void)state;
	open_both(&b);
	for (uint32_t at = DOMLET_PAGE_SIZE - 20; at < DOMLET_PAGE_SIZE + 4; at++) {
		ring_pair_start_at(&b.pair, at);
		carry(&b, &b.guest, &b.host, 100, at);
	}
	close_both(&b);
}

static void several_wait_in_the_ring(void **state)
{
	struct both b;

	(void)state;
	open_both(&b);
	for (uint32_t i = 0; i < 10; i++) {
		fill(b.message, 40 + i, i);
		domlet_carrier_send(&b.guest, i, b.message, 40 + i);
		assert_int_equal(domlet_carrier_go_on(&b.guest), 1);
	}
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(domlet_carrier_take(&b.host), 40 + i);
		fill(b.message, 40 + i, i);
		assert_memory_equal(b.host.in, b.message, 40 + i);
	}
	assert_int_equal(domlet_carrier_take(&b.host), 0);
	close_both(&b);
}

static void put_raw(struct both *b, const void *bytes, uint32_t len)
{
	assert_true(domlet_ring_room(&b->pair.guest) >= (int64_t)len);
	domlet_ring_copy_in(&b->pair.guest, 0, bytes, len);
	domlet_ring_produce(&b->pair.guest, len);
	domlet_ring_publish(&b->pair.guest);
}

static void a_length_that_cannot_be_ends_it(void **state)
{
	static const uint32_t wrong[] = { 0, 1, DOMLET_SHARE_MESSAGE_MIN - 1, DOMLET_SHARE_MESSAGE_MAX + 1, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct both b;

		open_both(&b);
		const uint32_t head[2] = { 0, wrong[i] };

		put_raw(&b, head, sizeof head);
		assert_int_equal(domlet_carrier_take(&b.host), -EPROTO);
		assert_int_equal(domlet_carrier_take(&b.host), -EPROTO);
		assert_int_equal(domlet_carrier_go_on(&b.host), -EPROTO);
		close_both(&b);
	}
}

/* What the guest writes over it after it was taken changes nothing. */
static void what_was_taken_is_a_copy(void **state)
{
	struct both b;

	(void)state;
	open_both(&b);
	fill(b.message, 64, 1);
	domlet_carrier_send(&b.guest, 0, b.message, 64);
	assert_int_equal(domlet_carrier_go_on(&b.guest), 1);
	assert_int_equal(domlet_carrier_take(&b.host), 64);
	memset(b.pair.to_host, 0xff, DOMLET_PAGE_SIZE);
	assert_memory_equal(b.host.in, b.message, 64);
	assert_int_equal(domlet_carrier_take(&b.host), 0);
	close_both(&b);
}

static void a_peer_that_lies_about_its_index_ends_it(void **state)
{
	struct both b;

	(void)state;
	open_both(&b);
	b.pair.page->to_host.prod = 1u << 20;
	assert_int_equal(domlet_carrier_take(&b.host), -EPROTO);
	close_both(&b);
	open_both(&b);
	fill(b.message, 64, 1);
	domlet_carrier_send(&b.host, 0, b.message, 64);
	b.pair.page->to_guest.cons = 77;
	assert_int_equal(domlet_carrier_go_on(&b.host), -EPROTO);
	close_both(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_all_lengths_both_ways), cmocka_unit_test(at_each_place_of_the_ring),
		cmocka_unit_test(several_wait_in_the_ring), cmocka_unit_test(a_length_that_cannot_be_ends_it),
		cmocka_unit_test(what_was_taken_is_a_copy), cmocka_unit_test(a_peer_that_lies_about_its_index_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
