// SPDX-License-Identifier: GPL-2.0-or-later
/* The streams of two honest links over one ring. Their messages: link_msg_test.c; what
 * a lying peer may try: link_hostile_test.c. */
#include <errno.h>

#include "link_pair.h"

static void refuses_what_is_not_its_own(void **state)
{
	struct two *t = *state;
	static uint8_t large[DOMLET_MSG_MAX];
	struct domlet_msg m = { .type = DOMLET_MSG_EXEC, .exec.process_json = { large, sizeof(large) } };

	assert_int_equal(ping(&t->guest, 1), -EINVAL);
	assert_int_equal(domlet_link_send(&t->host, &m), -EMSGSIZE);
	m.type = 99;
	assert_int_equal(domlet_link_send(&t->host, &m), -EINVAL);
	assert_int_equal(domlet_link_open(&t->host, 3), -EINVAL);
	assert_int_equal(domlet_link_open(&t->host, IN(DOMLET_STREAM_CONNECTION + DOMLET_FORWARD_CONNECTION_MAX)),
			 -EINVAL);
	assert_int_equal(domlet_link_open(&t->host, domlet_stream_id(DOMLET_STREAM_CONNECTION, DOMLET_STREAM_STDERR)),
			 -EINVAL);
	open_both(t, IN(1));
	assert_int_equal(domlet_link_open(&t->host, IN(1)), -EEXIST);
	assert_int_equal(domlet_link_send_eof(&t->guest, IN(1)), -EINVAL);
	assert_int_equal(domlet_link_send_reset(&t->host, IN(1)), -EINVAL);
	assert_int_equal(domlet_link_send_eof(&t->host, IN(2)), -ENOENT);
	assert_int_equal(domlet_link_send_eof(&t->host, IN(1)), 0);
	assert_int_equal(domlet_link_send_eof(&t->host, IN(1)), -EALREADY);
	assert_int_equal(domlet_link_send_reset(&t->guest, IN(1)), 0);
	assert_int_equal(domlet_link_send_reset(&t->guest, IN(1)), -EALREADY);
	assert_int_equal(send_some(&t->host, IN(1), 0, 1), 0);  /* after the end */
	assert_int_equal(send_some(&t->guest, IN(1), 0, 1), 0); /* not its direction */
}

static void opens_as_many_as_allowed(void **state)
{
	struct two *t = *state;

	for (uint32_t p = 1; p <= DOMLET_PROCESS_MAX; p++)
		for (uint32_t k = 0; k < 4; k++)
			open_both(t, domlet_stream_id(p, k));
	for (uint32_t p = 1; p <= DOMLET_PROCESS_MAX; p += 273) {
		assert_int_equal(send_some(&t->guest, OUT(p), (uint8_t)p, 100), 100);
		assert_int_equal(drain(&t->host, OUT(p), false), 100);
		domlet_link_close(&t->host, OUT(p));
		assert_int_equal(domlet_link_open(&t->host, OUT(p)), 0);
	}
}

/* Of each connection two, which begin afresh with another link, and get their credit also when that has to wait. */
static void connections_have_a_stream_each_way(void **state)
{
	const uint32_t last = DOMLET_STREAM_CONNECTION + DOMLET_FORWARD_CONNECTION_MAX - 1;
	struct two *t = *state;

	for (uint32_t c = DOMLET_STREAM_CONNECTION; c <= last; c++) {
		open_both(t, IN(c));
		open_both(t, OUT(c));
		assert_int_equal(send_some(&t->guest, OUT(c), 1, 100), 100);
		assert_int_equal(drain(&t->host, OUT(c), true), 100);
		assert_int_equal(send_some(&t->host, IN(c), 1, 100), 100);
		assert_int_equal(drain(&t->guest, IN(c), true), 100);
	}
	assert_int_equal(t->host.top, 0);
	for (uint32_t c = last - 1; c <= last; c++) {
		assert_int_equal(send_some(&t->guest, OUT(c), 1, WINDOW), WINDOW - 100);
		assert_int_equal(drain(&t->host, OUT(c), false), WINDOW - 100);
	}
	while (ping(&t->host, 1) == 0)
		;
	for (uint32_t c = last - 1; c <= last; c++) /* one may still have room */
		domlet_link_credit(&t->host, OUT(c), WINDOW - 100);
	assert_true(t->host.credit_waits);
	for (int i = 0; i < 100; i++) {
		(void)domlet_link_flush(&t->host);
		(void)drain(&t->guest, IN(last), false);
	}
	assert_int_equal(send_some(&t->guest, OUT(last), 1, WINDOW), WINDOW);
	domlet_link_init(&t->host, &t->pair.host, DOMLET_RING_HOST, RING_PAIR_EPOCH);
	assert_int_equal(domlet_link_open(&t->host, OUT(last)), 0);
}

/* A window, no byte more; credit comes back at half a window. */
static void credit_bounds_a_stream(void **state)
{
	struct two *t = *state;
	struct domlet_link_event ev;

	open_both(t, IN(1));
	assert_int_equal(send_some(&t->host, IN(1), 1, 2 * WINDOW), WINDOW);
	assert_false(domlet_link_has_credit(&t->host, IN(1)));
	assert_int_equal(drain(&t->guest, IN(1), false), WINDOW);
	domlet_link_credit(&t->guest, IN(1), WINDOW / 2 - 1);
	(void)domlet_link_flush(&t->guest);
	next(&t->host, DOMLET_LINK_IDLE);
	domlet_link_credit(&t->guest, IN(1), 1);
	(void)domlet_link_flush(&t->guest);
	ev = next(&t->host, DOMLET_LINK_ROOM);
	assert_int_equal(ev.stream, IN(1));
	assert_int_equal(send_some(&t->host, IN(1), 1, WINDOW), WINDOW / 2);
	/* More than was received is never granted. */
	domlet_link_credit(&t->guest, IN(1), SIZE_MAX);
	assert_int_equal(drain(&t->guest, IN(1), true), WINDOW / 2);
	(void)domlet_link_flush(&t->guest);
	next(&t->host, DOMLET_LINK_ROOM);
	(void)drain(&t->host, 0, false);
	assert_true(t->host.streams[0].send_credit <= WINDOW);
}

static void one_blocked_stream_blocks_no_other(void **state)
{
	struct two *t = *state;

	open_both(t, OUT(1));
	open_both(t, OUT(2));
	assert_int_equal(send_some(&t->guest, OUT(1), 1, 2 * WINDOW), WINDOW);
	assert_int_equal(drain(&t->host, OUT(1), false), WINDOW);
	for (int i = 0; i < 10; i++) {
		assert_true(send_some(&t->guest, OUT(2), 2, WINDOW) > 0);
		assert_true(drain(&t->host, OUT(2), true) > 0);
		(void)drain(&t->guest, 0, false);
		assert_int_equal(ping(&t->host, 1), 0);
		(void)domlet_link_flush(&t->host);
		next(&t->guest, DOMLET_LINK_MSG);
	}
}

static void data_leaves_room_for_messages(void **state)
{
	struct two *t = *state;

	uint32_t full = t->pair.host.size / WINDOW; /* so many streams fill the ring */

	for (uint32_t n = 1; n <= full + 1; n++)
		open_both(t, IN(n));
	for (uint32_t n = 1; n <= full; n++)
		(void)send_some(&t->host, IN(n), 1, WINDOW);
	assert_true(domlet_link_has_credit(&t->host, IN(full + 1)));
	assert_int_equal(send_some(&t->host, IN(full + 1), 1, WINDOW), 0);
	assert_int_equal(ping(&t->host, 1), 0);
	assert_false(domlet_link_flush(&t->host)); /* it is in the ring */
}

/* Who waits for room must be woken when there is some, however small the ring. */
static void room_is_what_reserve_takes(void **state)
{
	static const uint32_t orders[] = { 0, 1, DOMLET_RING_ORDER_DEFAULT, DOMLET_RING_ORDER_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct ring_pair pair;
		static struct domlet_link guest;
		size_t len = 1000, frames = 0;
		bool room;

		ring_pair_open(&pair, orders[i]);
		domlet_link_init(&guest, &pair.guest, DOMLET_RING_GUEST, RING_PAIR_EPOCH);
		for (room = domlet_link_has_room(&guest); room; room = domlet_link_has_room(&guest), len = 1000) {
			uint32_t stream = domlet_stream_id(1 + (uint32_t)frames / 200, DOMLET_STREAM_STDOUT);

			if (frames++ % 200 == 0)
				assert_int_equal(domlet_link_open(&guest, stream), 0);
			assert_non_null(domlet_link_reserve(&guest, stream, &len));
			assert_true(len > 0);
			domlet_link_commit(&guest, len);
		}
		assert_true(frames >= pair.guest.size / 1100);
		assert_int_equal(domlet_link_open(&guest, domlet_stream_id(64, DOMLET_STREAM_STDOUT)), 0);
		assert_null(domlet_link_reserve(&guest, domlet_stream_id(64, DOMLET_STREAM_STDOUT), &len));
		ring_pair_close(&pair);
	}
}

/* Without a flush: the reader begins while the sender goes on. */
static void sent_bytes_are_published_each_quarter(void **state)
{
	struct two *t = *state;
	uint32_t quarter = t->pair.guest.size / 4;
	size_t n;

	open_both(t, OUT(1));
	for (uint32_t sent = 0; sent < quarter; sent += (uint32_t)n + DOMLET_FRAME_HEADER_LEN) {
		assert_int_equal(domlet_ring_ready(&t->pair.host), 0);
		n = DOMLET_FRAME_PAYLOAD_MAX / 4;
		assert_non_null(domlet_link_reserve(&t->guest, OUT(1), &n));
		domlet_link_commit(&t->guest, n);
	}
	assert_true(domlet_ring_ready(&t->pair.host) >= quarter);
}

static void half_close(void **state)
{
	struct two *t = *state;
	struct domlet_link_event ev;

	open_both(t, OUT(1));
	assert_int_equal(send_some(&t->guest, OUT(1), 1, 10), 10);
	assert_int_equal(domlet_link_send_eof(&t->guest, OUT(1)), 0);
	(void)domlet_link_flush(&t->guest);
	ev = next(&t->host, DOMLET_LINK_DATA);
	domlet_link_taken(&t->host, ev.len);
	ev = next(&t->host, DOMLET_LINK_EOF);
	assert_int_equal(ev.stream, OUT(1));
	domlet_link_close(&t->host, OUT(1));
	domlet_link_close(&t->guest, OUT(1));
	open_both(t, OUT(1)); /* nothing of the old life is left */
	assert_int_equal(send_some(&t->guest, OUT(1), 1, WINDOW), WINDOW);
	assert_int_equal(drain(&t->host, OUT(1), false), WINDOW);
}

/* The reader wants no more: it hears the end all the same. */
static void reset_then_end(void **state)
{
	struct two *t = *state;
	struct domlet_link_event ev;

	open_both(t, OUT(1));
	assert_int_equal(send_some(&t->guest, OUT(1), 1, 1000), 1000);
	assert_int_equal(domlet_link_send_reset(&t->host, OUT(1)), 0);
	(void)domlet_link_flush(&t->host);
	next(&t->host, DOMLET_LINK_IDLE); /* the 1,000 bytes are dropped */
	ev = next(&t->guest, DOMLET_LINK_RESET);
	assert_int_equal(ev.stream, OUT(1));
	assert_false(domlet_link_has_credit(&t->guest, OUT(1)));
	assert_int_equal(send_some(&t->guest, OUT(1), 1, 1), 0);
	assert_int_equal(domlet_link_send_eof(&t->guest, OUT(1)), 0);
	(void)domlet_link_flush(&t->guest);
	next(&t->host, DOMLET_LINK_EOF);
}

/* The end may cross the reset. */
static void reset_and_end_cross(void **state)
{
	struct two *t = *state;

	open_both(t, OUT(1));
	assert_int_equal(domlet_link_send_reset(&t->host, OUT(1)), 0);
	assert_int_equal(domlet_link_send_eof(&t->guest, OUT(1)), 0);
	(void)domlet_link_flush(&t->host);
	(void)domlet_link_flush(&t->guest);
	next(&t->host, DOMLET_LINK_EOF);
	next(&t->guest, DOMLET_LINK_RESET);
}

static void late_frames_of_a_closed_stream_are_dropped(void **state)
{
	struct two *t = *state;

	open_both(t, OUT(1));
	open_both(t, IN(1));
	assert_int_equal(send_some(&t->guest, OUT(1), 1, WINDOW), WINDOW);
	assert_int_equal(domlet_link_send_eof(&t->guest, OUT(1)), 0);
	assert_int_equal(domlet_link_send_reset(&t->guest, IN(1)), 0);
	domlet_link_close(&t->host, OUT(1));
	domlet_link_close(&t->host, IN(1));
	(void)domlet_link_flush(&t->guest);
	next(&t->host, DOMLET_LINK_IDLE);
	assert_false(t->host.streams[OUT(1)].known); /* its end came: forgotten */
	assert_int_equal(domlet_ring_ready(t->host.ring), 0);
}

/* A frame's rest belongs to the life in which the frame began. */
static void close_and_open_in_the_middle_of_a_frame(void **state)
{
	struct two *t = *state;
	struct domlet_link_event ev;

	open_both(t, OUT(1));
	assert_int_equal(send_some(&t->guest, OUT(1), 1, 1000), 1000);
	ev = next(&t->host, DOMLET_LINK_DATA);
	assert_int_equal(ev.len, 1000);
	domlet_link_taken(&t->host, 400);
	domlet_link_close(&t->host, OUT(1));
	assert_int_equal(domlet_link_open(&t->host, OUT(1)), 0);
	domlet_link_close(&t->guest, OUT(1));
	assert_int_equal(domlet_link_open(&t->guest, OUT(1)), 0);
	assert_int_equal(send_some(&t->guest, OUT(1), 2, 50), 50);
	ev = next(&t->host, DOMLET_LINK_DATA);
	assert_int_equal(ev.len, 50);
	assert_int_equal(ev.data[0], 2);
	domlet_link_taken(&t->host, 50);
	/* Credit for the old life's bytes is not given twice. */
	domlet_link_credit(&t->host, OUT(1), 1000);
	assert_int_equal(t->host.streams[OUT(1)].recv_owed, 50);
}

static void commit_of_nothing_sends_nothing(void **state)
{
	struct two *t = *state;
	size_t len = 10;

	open_both(t, IN(1));
	assert_non_null(domlet_link_reserve(&t->host, IN(1), &len));
	domlet_link_commit(&t->host, 0);
	len = 10;
	assert_non_null(domlet_link_reserve(&t->host, IN(1), &len));
	domlet_link_close(&t->host, IN(1));
	assert_int_equal(domlet_link_open(&t->host, IN(1)), 0);
	domlet_link_commit(&t->host, len); /* the old life's bytes */
	(void)domlet_link_flush(&t->host);
	assert_int_equal(t->host.ring->out_written, 0);
	next(&t->guest, DOMLET_LINK_IDLE);
}

/* Credit that found the outbox full is granted when there is room again. */
static void credit_waits_for_the_outbox(void **state)
{
	struct two *t = *state;
	struct domlet_msg reply = { .type = DOMLET_MSG_REPLY };

	open_both(t, IN(1));
	open_both(t, IN(2));
	while (domlet_link_send(&t->guest, &reply) == 0)
		;
	while (domlet_link_send_eof(&t->guest, OUT(1)) == 0)
		;
	for (size_t got = 0; got < WINDOW;) {
		(void)send_some(&t->host, IN(1), 1, WINDOW - got);
		got += drain(&t->guest, IN(1), false);
	}
	for (size_t got = 0; got < WINDOW;) {
		(void)send_some(&t->host, IN(2), 1, WINDOW - got);
		got += drain(&t->guest, IN(2), false);
	}
	domlet_link_credit(&t->guest, IN(1), WINDOW);
	domlet_link_credit(&t->guest, IN(2), WINDOW / 2);
	assert_false(domlet_link_has_credit(&t->host, IN(1)));
	assert_true(t->guest.credit_waits);
	for (int turn = 0; turn < 100; turn++) {
		(void)drain(&t->host, 0, false);
		(void)domlet_link_flush(&t->guest);
	}
	assert_false(t->guest.credit_waits);
	assert_int_equal(t->host.streams[IN(1)].send_credit, WINDOW);
	assert_int_equal(t->host.streams[IN(2)].send_credit, WINDOW / 2);
}

static void works_while_indices_wrap(void **state)
{
	struct two *t = *state;

	ring_pair_start_at(&t->pair, UINT32_MAX - 3000);
	open_both(t, IN(1));
	for (int i = 0; i < 100; i++) {
		size_t sent = send_some(&t->host, IN(1), (uint8_t)i, 1700);

		assert_int_equal(sent, 1700);
		assert_int_equal(drain(&t->guest, IN(1), true), 1700);
		(void)drain(&t->host, 0, false);
	}
	assert_true(t->pair.page->to_guest.prod < UINT32_MAX / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(refuses_what_is_not_its_own),
		LINK_TEST(opens_as_many_as_allowed),
		LINK_TEST(connections_have_a_stream_each_way),
		LINK_TEST(credit_bounds_a_stream),
		LINK_TEST(one_blocked_stream_blocks_no_other),
		LINK_TEST(data_leaves_room_for_messages),
		cmocka_unit_test(room_is_what_reserve_takes),
		LINK_TEST(sent_bytes_are_published_each_quarter),
		LINK_TEST(half_close),
		LINK_TEST(reset_then_end),
		LINK_TEST(reset_and_end_cross),
		LINK_TEST(late_frames_of_a_closed_stream_are_dropped),
		LINK_TEST(close_and_open_in_the_middle_of_a_frame),
		LINK_TEST(commit_of_nothing_sends_nothing),
		LINK_TEST(credit_waits_for_the_outbox),
		SMALL_TEST(works_while_indices_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
