// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages between two honest links: order, the outbox, acknowledgements. */
#include "link_pair.h"

static void carries_messages(void **state)
{
	struct two *t = *state;
	struct domlet_link_event ev;
	struct domlet_msg reply = { .type = DOMLET_MSG_REPLY,
				    .request = 5,
				    .reply = { 2, { (const uint8_t *)"no", 2 } } };

	assert_int_equal(ping(&t->host, 5), 0);
	next(&t->guest, DOMLET_LINK_IDLE); /* not flushed yet */
	assert_false(domlet_link_flush(&t->host));
	ev = next(&t->guest, DOMLET_LINK_MSG);
	assert_int_equal(ev.msg.type, DOMLET_MSG_PING);
	assert_int_equal(ev.msg.request, 5);
	assert_int_equal(domlet_link_send(&t->guest, &reply), 0);
	(void)domlet_link_flush(&t->guest);
	ev = next(&t->host, DOMLET_LINK_MSG);
	assert_int_equal(ev.msg.reply.code, 2);
	assert_memory_equal(ev.msg.reply.text.ptr, "no", 2);
	assert_int_equal(t->host.peer_ack, 1);
	next(&t->host, DOMLET_LINK_IDLE);
}

static void messages_queue_behind_a_reservation(void **state)
{
	struct two *t = *state;
	struct domlet_link_event ev;
	uint8_t *span;
	size_t len = 10;

	open_both(t, IN(1));
	span = domlet_link_reserve(&t->host, IN(1), &len);
	assert_non_null(span);
	assert_int_equal(ping(&t->host, 1), 0);
	assert_int_equal(domlet_link_send_eof(&t->host, IN(1)), 0);
	assert_true(domlet_link_flush(&t->host)); /* they wait */
	memset(span, 3, len);
	domlet_link_commit(&t->host, len);
	assert_false(domlet_link_flush(&t->host));
	ev = next(&t->guest, DOMLET_LINK_DATA);
	assert_int_equal(ev.len, 10);
	assert_int_equal(ev.data[9], 3);
	domlet_link_taken(&t->guest, 10);
	next(&t->guest, DOMLET_LINK_MSG);
	next(&t->guest, DOMLET_LINK_EOF);
}

/* Acknowledgements never go back, though a frame overtook queued ones. */
static void reservation_across_received_messages(void **state)
{
	struct two *t = *state;
	size_t len = 10;

	open_both(t, OUT(1));
	assert_int_equal(ping(&t->host, 1), 0);
	(void)domlet_link_flush(&t->host);
	assert_non_null(domlet_link_reserve(&t->guest, OUT(1), &len));
	for (uint32_t i = 0; i < 3; i++) {
		struct domlet_msg reply = { .type = DOMLET_MSG_REPLY, .request = 1 };

		(void)drain(&t->guest, 0, false);
		assert_int_equal(domlet_link_send(&t->guest, &reply), 0);
		assert_int_equal(ping(&t->host, 1), 0);
		(void)domlet_link_flush(&t->host);
	}
	domlet_link_commit(&t->guest, len);
	(void)domlet_link_flush(&t->guest);
	assert_int_equal(drain(&t->host, OUT(1), false), 10);
	assert_int_equal(t->host.peer_ack, 3);
}

static void largest_message_over_the_smallest_ring(void **state)
{
	struct two *t = *state;
	static uint8_t json[DOMLET_MSG_MAX - 24];
	struct domlet_msg m = { .type = DOMLET_MSG_EXEC, .request = 1, .exec = { 0, 2, 0, { json, sizeof(json) } } };
	struct domlet_link_event ev = { 0 };
	int turns = 0;

	memset(json, 'j', sizeof(json));
	assert_int_equal(domlet_link_send(&t->host, &m), 0);
	assert_int_equal(ping(&t->host, 2), 0);
	while (ev.type == DOMLET_LINK_IDLE) {
		assert_true(++turns < 10);
		(void)domlet_link_flush(&t->host);
		domlet_link_next(&t->guest, &ev);
		(void)domlet_link_flush(&t->guest);
	}
	assert_int_equal(ev.type, DOMLET_LINK_MSG);
	assert_int_equal(ev.msg.exec.process_json.len, sizeof(json));
	assert_memory_equal(ev.msg.exec.process_json.ptr, json, sizeof(json));
	(void)domlet_link_flush(&t->host);
	ev = next(&t->guest, DOMLET_LINK_MSG);
	assert_int_equal(ev.msg.request, 2);
}

/* The peer reads nothing: sending ends with -EAGAIN, in a bounded outbox. */
static void outbox_is_bounded(void **state)
{
	struct two *t = *state;
	uint32_t sent = 0, got = 0;
	struct domlet_link_event ev;

	while (ping(&t->host, ++sent) == 0)
		assert_true(sent < 100000);
	assert_true(t->host.outbox_len <= DOMLET_LINK_OUTBOX_MAX);
	assert_true(domlet_link_flush(&t->host));
	for (int turn = 0; got < sent - 1; turn++) {
		assert_true(turn < 1000);
		for (domlet_link_next(&t->guest, &ev); ev.type == DOMLET_LINK_MSG; domlet_link_next(&t->guest, &ev))
			assert_int_equal(ev.msg.request, ++got);
		assert_int_equal(ev.type, DOMLET_LINK_IDLE);
		(void)domlet_link_flush(&t->guest);
		(void)domlet_link_flush(&t->host);
	}
	assert_false(domlet_link_flush(&t->host));
	assert_int_equal(ping(&t->host, 1), 0);
}

/* Without traffic back, an acknowledgement comes after 16 messages. */
static void acknowledges_by_itself(void **state)
{
	struct two *t = *state;

	for (uint32_t i = 1; i <= 16; i++) {
		assert_int_equal(t->host.peer_ack, 0);
		assert_int_equal(ping(&t->host, 0), 0);
		(void)domlet_link_flush(&t->host);
		(void)drain(&t->guest, 0, false);
		next(&t->host, DOMLET_LINK_IDLE);
	}
	assert_int_equal(t->host.peer_ack, 16);
}

static void sequence_numbers_wrap_past_zero(void **state)
{
	struct two *t = *state;

	t->host.send_seq = t->guest.recv_seq = t->guest.acked = t->host.peer_ack = UINT32_MAX - 20;
	for (uint32_t i = 1; i <= 60; i++) {
		assert_int_equal(ping(&t->host, i), 0);
		(void)domlet_link_flush(&t->host);
		assert_int_equal(next(&t->guest, DOMLET_LINK_MSG).msg.request, i);
		next(&t->guest, DOMLET_LINK_IDLE);
		(void)domlet_link_flush(&t->guest);
		next(&t->host, DOMLET_LINK_IDLE);
	}
	assert_int_equal(t->host.send_seq, 40);
	assert_true(t->host.peer_ack >= 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(carries_messages),
		LINK_TEST(messages_queue_behind_a_reservation),
		LINK_TEST(reservation_across_received_messages),
		SMALL_TEST(largest_message_over_the_smallest_ring),
		LINK_TEST(outbox_is_bounded),
		LINK_TEST(acknowledges_by_itself),
		LINK_TEST(sequence_numbers_wrap_past_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
