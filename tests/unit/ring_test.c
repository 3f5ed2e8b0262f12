// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "ring_pair.h"

#define SIZE DOMLET_PAGE_SIZE /* of an order-0 ring */

static int setup(void **state)
{
	static struct ring_pair pair;

	ring_pair_open(&pair, 0);
	*state = &pair;
	return 0;
}

static int teardown(void **state)
{
	ring_pair_close(*state);
	return 0;
}

static void put(struct domlet_ring *r, uint8_t first, uint32_t len)
{
	uint8_t bytes[SIZE];

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(first + i);
	domlet_ring_copy_in(r, 0, bytes, len);
	domlet_ring_produce(r, len);
}

static void take(struct domlet_ring *r, uint8_t first, uint32_t len)
{
	uint8_t bytes[SIZE];

	domlet_ring_copy_out(r, 0, bytes, len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(bytes[i], (uint8_t)(first + i));
	domlet_ring_consume(r, len);
}

static void carries_bytes_both_ways(void **state)
{
	struct ring_pair *p = *state;

	assert_int_equal(domlet_ring_room(&p->guest), SIZE);
	assert_int_equal(domlet_ring_ready(&p->host), 0);
	put(&p->guest, 1, 100);
	assert_int_equal(domlet_ring_room(&p->guest), SIZE - 100);
	assert_int_equal(domlet_ring_ready(&p->host), 0); /* not yet published */
	domlet_ring_publish(&p->guest);
	assert_int_equal(domlet_ring_ready(&p->host), 100);
	take(&p->host, 1, 100);
	assert_int_equal(domlet_ring_room(&p->guest), SIZE - 100); /* nor given back */
	domlet_ring_publish(&p->host);
	assert_int_equal(domlet_ring_room(&p->guest), SIZE);

	put(&p->host, 9, 3);
	domlet_ring_publish(&p->host);
	assert_int_equal(domlet_ring_ready(&p->guest), 3);
	take(&p->guest, 9, 3);
}

static void fills_to_the_last_byte(void **state)
{
	struct ring_pair *p = *state;
	size_t len = SIZE_MAX;

	assert_int_equal(domlet_ring_room(&p->guest), SIZE);
	put(&p->guest, 0, SIZE);
	domlet_ring_publish(&p->guest);
	assert_int_equal(domlet_ring_room(&p->guest), 0);
	assert_null(domlet_ring_out_span(&p->guest, 0, &len));
	assert_int_equal(len, 0);
	assert_int_equal(domlet_ring_ready(&p->host), SIZE);
	len = SIZE_MAX;
	assert_null(domlet_ring_in_span(&p->host, SIZE, &len));
	len = SIZE_MAX;
	assert_ptr_equal(domlet_ring_in_span(&p->host, SIZE - 1, &len), p->to_host + SIZE - 1);
	assert_int_equal(len, 1);
	take(&p->host, 0, 1);
	domlet_ring_publish(&p->host);
	assert_int_equal(domlet_ring_room(&p->guest), 1);
	len = SIZE_MAX;
	assert_ptr_equal(domlet_ring_out_span(&p->guest, 0, &len), p->to_host);
	assert_int_equal(len, 1);
}

static void spans_end_at_the_wrap(void **state)
{
	struct ring_pair *p = *state;
	size_t len;

	put(&p->guest, 0, SIZE - 10);
	domlet_ring_publish(&p->guest);
	(void)domlet_ring_ready(&p->host);
	take(&p->host, 0, SIZE - 10);
	domlet_ring_publish(&p->host);
	assert_int_equal(domlet_ring_room(&p->guest), SIZE);
	len = 100;
	assert_ptr_equal(domlet_ring_out_span(&p->guest, 0, &len), p->to_host + SIZE - 10);
	assert_int_equal(len, 10);
	len = 100;
	assert_ptr_equal(domlet_ring_out_span(&p->guest, 10, &len), p->to_host);
	assert_int_equal(len, 100);
	len = 100;
	assert_ptr_equal(domlet_ring_out_span(&p->guest, 4, &len), p->to_host + SIZE - 6);
	assert_int_equal(len, 6);
	put(&p->guest, 77, 20);
	domlet_ring_publish(&p->guest);
	assert_int_equal(domlet_ring_ready(&p->host), 20);
	len = SIZE_MAX;
	assert_ptr_equal(domlet_ring_in_span(&p->host, 0, &len), p->to_host + SIZE - 10);
	assert_int_equal(len, 10);
	len = SIZE_MAX;
	assert_ptr_equal(domlet_ring_in_span(&p->host, 12, &len), p->to_host + 2);
	assert_int_equal(len, 8);
	take(&p->host, 77, 20);
}

/* Indices are free-running: 2^32 is no edge. */
static void indices_wrap(void **state)
{
	struct ring_pair *p = *state;

	ring_pair_start_at(p, UINT32_MAX - 1000);
	for (uint8_t round = 0; round < 20; round++) {
		assert_int_equal(domlet_ring_room(&p->guest), SIZE);
		put(&p->guest, round, SIZE);
		domlet_ring_publish(&p->guest);
		assert_int_equal(domlet_ring_room(&p->guest), 0);
		assert_int_equal(domlet_ring_ready(&p->host), SIZE);
		take(&p->host, round, SIZE);
		domlet_ring_publish(&p->host);
	}
	assert_true(p->page->to_host.prod < UINT32_MAX / 2);
}

/* Broken for good, whatever the page says afterwards. */
static void assert_broken(struct domlet_ring *r)
{
	size_t len = SIZE_MAX;

	for (int i = 0; i < 2; i++) {
		assert_true(r->broken);
		assert_int_equal(domlet_ring_room(r), -EPROTO);
		assert_int_equal(domlet_ring_ready(r), -EPROTO);
		assert_null(domlet_ring_out_span(r, 0, &len));
		assert_int_equal(len, 0);
		len = SIZE_MAX;
		assert_null(domlet_ring_in_span(r, 0, &len));
		assert_true(domlet_ring_arm(r, true)); /* never sleep on it */
		r->in->prod = r->in_prod;
		r->out->cons = r->out_cons;
	}
}

static void refuses_producers_that_run_away(void **state)
{
	static const uint32_t lies[] = { SIZE + 1, 2 * SIZE, INT32_MAX, 0x80000000u, UINT32_MAX };
	struct ring_pair *p = *state;

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		ring_pair_attach(p, 0);
		ring_pair_start_at(p, UINT32_MAX - 5);
		p->page->to_host.prod = p->host.in_prod + lies[i];
		assert_int_equal(domlet_ring_ready(&p->host), -EPROTO);
		assert_broken(&p->host);
	}
}

static void refuses_producers_that_go_back_or_overwrite(void **state)
{
	struct ring_pair *p = *state;

	put(&p->guest, 0, 100);
	domlet_ring_publish(&p->guest);
	assert_int_equal(domlet_ring_ready(&p->host), 100);
	take(&p->host, 0, 40);
	/* 40 bytes are taken but not given back: exactly the rest is allowed. */
	p->page->to_host.prod = SIZE;
	assert_int_equal(domlet_ring_ready(&p->host), SIZE - 40);
	p->page->to_host.prod = SIZE + 1;
	assert_int_equal(domlet_ring_ready(&p->host), -EPROTO);
	assert_broken(&p->host);

	ring_pair_attach(p, 0);
	p->page->to_host.prod = 50;
	assert_int_equal(domlet_ring_ready(&p->host), 50);
	p->page->to_host.prod = 49;
	assert_int_equal(domlet_ring_ready(&p->host), -EPROTO);
	assert_broken(&p->host);
}

static void refuses_consumers_that_lie(void **state)
{
	struct ring_pair *p = *state;

	/* More than was published, though it was written. */
	put(&p->host, 0, 100);
	p->page->to_guest.cons = 1;
	assert_int_equal(domlet_ring_room(&p->host), -EPROTO);
	assert_broken(&p->host);

	p->page->to_guest.cons = 0;
	ring_pair_attach(p, 0);
	put(&p->host, 0, 100);
	domlet_ring_publish(&p->host);
	p->page->to_guest.cons = 101;
	assert_int_equal(domlet_ring_room(&p->host), -EPROTO);
	assert_broken(&p->host);

	p->page->to_guest.cons = 0;
	ring_pair_attach(p, 0);
	put(&p->host, 0, 100);
	domlet_ring_publish(&p->host);
	p->page->to_guest.cons = 60;
	assert_int_equal(domlet_ring_room(&p->host), SIZE - 40);
	p->page->to_guest.cons = 59; /* back */
	assert_int_equal(domlet_ring_room(&p->host), -EPROTO);
	assert_broken(&p->host);
}

static void arm_notices_a_lying_consumer(void **state)
{
	struct ring_pair *p = *state;

	p->page->to_guest.cons = 5;
	assert_true(domlet_ring_arm(&p->host, true));
	assert_broken(&p->host);
}

/* What the peer changes after it was looked at changes nothing. */
static void reads_shared_values_once(void **state)
{
	struct ring_pair *p = *state;
	size_t len = SIZE_MAX;

	put(&p->guest, 0, 100);
	domlet_ring_publish(&p->guest);
	assert_int_equal(domlet_ring_ready(&p->host), 100);
	assert_int_equal(domlet_ring_room(&p->host), SIZE);
	memset(p->page, 0xff, sizeof(*p->page));
	assert_non_null(domlet_ring_in_span(&p->host, 0, &len));
	assert_int_equal(len, 100);
	take(&p->host, 0, 100);
	len = SIZE_MAX;
	assert_non_null(domlet_ring_out_span(&p->host, 0, &len));
	assert_int_equal(len, SIZE);
	put(&p->host, 0, SIZE);
	domlet_ring_publish(&p->host);
	assert_int_equal(domlet_ring_room(&p->host), -EPROTO);
	assert_broken(&p->host);
}

static void sleeper_is_woken_once(void **state)
{
	struct ring_pair *p = *state;

	assert_false(domlet_ring_arm(&p->host, false));
	put(&p->guest, 0, 10);
	domlet_ring_publish(&p->guest);
	assert_true(domlet_ring_take_notify(&p->guest));
	assert_false(domlet_ring_take_notify(&p->guest));
	put(&p->guest, 10, 10);
	domlet_ring_publish(&p->guest);
	assert_false(domlet_ring_take_notify(&p->guest)); /* it has one already */
	domlet_ring_disarm(&p->host);
	assert_int_equal(domlet_ring_ready(&p->host), 20);
	assert_false(domlet_ring_arm(&p->host, false)); /* seen bytes keep nobody awake */
}

static void arm_sees_what_came_before(void **state)
{
	struct ring_pair *p = *state;

	put(&p->guest, 0, 10);
	domlet_ring_publish(&p->guest);
	assert_true(domlet_ring_arm(&p->host, false));
	assert_int_equal(p->page->to_host.cons_asleep, 0);
	assert_int_equal(domlet_ring_ready(&p->host), 10);
	put(&p->guest, 10, 10); /* nobody sleeps: no event */
	domlet_ring_publish(&p->guest);
	assert_false(domlet_ring_take_notify(&p->guest));
}

static void room_is_half_the_ring(void **state)
{
	struct ring_pair *p = *state;

	put(&p->guest, 0, SIZE);
	domlet_ring_publish(&p->guest);
	assert_false(domlet_ring_arm(&p->guest, true));
	assert_int_equal(domlet_ring_ready(&p->host), SIZE);
	take(&p->host, 0, SIZE / 2 - 1);
	domlet_ring_publish(&p->host);
	assert_false(domlet_ring_take_notify(&p->host));
	take(&p->host, 255, 1);
	domlet_ring_publish(&p->host);
	assert_true(domlet_ring_take_notify(&p->host));
	take(&p->host, 0, 1);
	domlet_ring_publish(&p->host);
	assert_false(domlet_ring_take_notify(&p->host));
	assert_true(domlet_ring_arm(&p->guest, true)); /* there is room: no sleep */
	assert_false(domlet_ring_arm(&p->guest, false));
	assert_int_equal(p->page->to_host.prod_asleep, 0);
}

/* A stale wish for room is taken back by a sleep that doesn't want it. */
static void sleep_without_wanting_room(void **state)
{
	struct ring_pair *p = *state;

	p->page->to_host.prod_asleep = 1;
	assert_false(domlet_ring_arm(&p->guest, false));
	assert_int_equal(p->page->to_host.prod_asleep, 0);
	assert_int_equal(p->page->to_guest.cons_asleep, 1);
	domlet_ring_disarm(&p->guest);
	assert_int_equal(p->page->to_guest.cons_asleep, 0);
}

static struct ring_pair *lingering;
static int relaxed;

static bool count_relax(void)
{
	relaxed++;
	return true;
}

static bool relax_and_bring(void)
{
	put(&lingering->guest, 1, 1);
	domlet_ring_publish(&lingering->guest);
	return true;
}

static bool relax_no_more(void)
{
	relaxed++;
	return false;
}

static void linger_sees_what_comes(void **state)
{
	lingering = *state;
	assert_true(domlet_ring_linger(&lingering->host, false, relax_and_bring));
	assert_int_equal(domlet_ring_ready(&lingering->host), 1);
	assert_false(domlet_ring_take_notify(&lingering->guest)); /* nobody slept */
}

static void linger_ends_when_told(void **state)
{
	struct ring_pair *p = *state;

	relaxed = 0;
	assert_false(domlet_ring_linger(&p->host, false, relax_no_more));
	assert_int_equal(relaxed, 1);
}

static void linger_sees_half_of_the_room(void **state)
{
	struct ring_pair *p = *state;

	put(&p->guest, 1, SIZE);
	domlet_ring_publish(&p->guest);
	assert_int_equal(domlet_ring_ready(&p->host), SIZE);
	take(&p->host, 1, SIZE / 2 - 1);
	domlet_ring_publish(&p->host);
	assert_false(domlet_ring_linger(&p->guest, true, count_relax));
	p->guest.linger_skip = 0;
	take(&p->host, (uint8_t)(SIZE / 2), 1);
	domlet_ring_publish(&p->host);
	assert_true(domlet_ring_linger(&p->guest, true, count_relax));
	assert_false(domlet_ring_linger(&p->guest, false, count_relax)); /* room that nobody wants */
}

/* 1, 2, 4, 8 and then always 16 sleeps without a look. */
static void lingering_in_vain_becomes_rare(void **state)
{
	struct ring_pair *p = *state;
	int looks = 0, last = -1, gap[7];

	for (int sleep = 0; looks < 7; sleep++) {
		relaxed = 0;
		assert_false(domlet_ring_linger(&p->host, false, count_relax));
		if (!relaxed)
			continue;
		gap[looks++] = sleep - last - 1;
		last = sleep;
	}
	for (int i = 0; i < 7; i++)
		assert_int_equal(gap[i], i == 0 ? 0 : i < 5 ? 1 << (i - 1) : 16);
}

static void linger_gives_up_on_a_broken_ring(void **state)
{
	struct ring_pair *p = *state;

	p->host.broken = true;
	assert_true(domlet_ring_linger(&p->host, false, count_relax));
}

int main(void)
{
#define RING_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		RING_TEST(carries_bytes_both_ways),         RING_TEST(fills_to_the_last_byte),
		RING_TEST(spans_end_at_the_wrap),           RING_TEST(indices_wrap),
		RING_TEST(refuses_producers_that_run_away), RING_TEST(refuses_producers_that_go_back_or_overwrite),
		RING_TEST(refuses_consumers_that_lie),      RING_TEST(arm_notices_a_lying_consumer),
		RING_TEST(reads_shared_values_once),        RING_TEST(sleeper_is_woken_once),
		RING_TEST(arm_sees_what_came_before),       RING_TEST(linger_sees_what_comes),
		RING_TEST(linger_ends_when_told),           RING_TEST(linger_sees_half_of_the_room),
		RING_TEST(lingering_in_vain_becomes_rare),  RING_TEST(linger_gives_up_on_a_broken_ring),
		RING_TEST(room_is_half_the_ring),           RING_TEST(sleep_without_wanting_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
