// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One link, and at the other end of its ring a peer that writes what it likes.
 * Whatever comes ends as a sticky error or as nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "../../frontend/proto/link.h"
#include "ring_pair.h"

#define IN(process) domlet_stream_id(process, DOMLET_STREAM_STDIN)
#define OUT(process) domlet_stream_id(process, DOMLET_STREAM_STDOUT)
#define HEADER DOMLET_FRAME_HEADER_LEN
#define WINDOW DOMLET_STREAM_WINDOW
#define PAYLOAD_MAX DOMLET_FRAME_PAYLOAD_MAX

static struct {
	struct ring_pair pair;
	struct domlet_link link;
	struct domlet_ring *peer;
} t;

static void start(enum domlet_ring_role role)
{
	ring_pair_open(&t.pair, DOMLET_RING_ORDER_DEFAULT);
	t.peer = role == DOMLET_RING_HOST ? &t.pair.guest : &t.pair.host;
	domlet_link_init(&t.link, role == DOMLET_RING_HOST ? &t.pair.host : &t.pair.guest, role, RING_PAIR_EPOCH);
}

static int setup(void **state)
{
	(void)state;
	start(DOMLET_RING_HOST);
	return 0;
}

static int setup_guest(void **state)
{
	(void)state;
	start(DOMLET_RING_GUEST);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ring_pair_close(&t.pair);
	return 0;
}

static void put_bytes(const void *bytes, uint32_t len)
{
	if (domlet_ring_room(t.peer) < len)
		fail_msg("no room for %u bytes", len);
	domlet_ring_copy_in(t.peer, 0, bytes, len);
	domlet_ring_produce(t.peer, len);
	domlet_ring_publish(t.peer);
}

static void put_frame(struct domlet_frame f, const void *payload)
{
	static const uint8_t zeros[PAYLOAD_MAX];
	uint8_t header[HEADER];

	f.epoch ^= RING_PAIR_EPOCH; /* 0 in a test: the right one */
	domlet_frame_encode(&f, header);
	put_bytes(header, HEADER);
	if (f.length)
		put_bytes(payload ? payload : zeros, f.length);
}

static void put_data(uint32_t stream, uint32_t len)
{
	put_frame((struct domlet_frame){ .type = DOMLET_FRAME_DATA, .stream = stream, .length = len }, NULL);
}

static void put_end(uint32_t stream, uint8_t type)
{
	put_frame((struct domlet_frame){ .type = type, .stream = stream }, NULL);
}

static void put_credit(uint32_t stream, uint32_t more)
{
	put_frame((struct domlet_frame){ .type = DOMLET_FRAME_CREDIT, .stream = stream, .length = 4 }, &more);
}

/* An EXITED of process 1 with sequence number SEQ, acknowledging ACK. */
static void put_msg(uint32_t seq, uint32_t ack)
{
	static const uint8_t exited[24] = { DOMLET_MSG_EXITED, 0, 0, 0, 0, 0, 0, 0, 1 };

	put_frame((struct domlet_frame){ .type = DOMLET_FRAME_MSG, .length = sizeof(exited), .seq = seq, .ack = ack },
		  exited);
}

static enum domlet_link_event_type next(void)
{
	struct domlet_link_event ev;

	domlet_link_next(&t.link, &ev);
	if (ev.type == DOMLET_LINK_DATA)
		domlet_link_taken(&t.link, ev.len);
	return ev.type;
}

static void assert_broken(const char *words)
{
	struct domlet_msg m = { .type = t.link.role == DOMLET_RING_HOST ? DOMLET_MSG_PING : DOMLET_MSG_REPLY };
	struct domlet_link_event ev;
	uint32_t ring_at;
	size_t len = 10;

	for (int i = 0; i < 3; i++) {
		domlet_link_next(&t.link, &ev);
		assert_int_equal(ev.type, DOMLET_LINK_BROKEN);
		if (!strstr(ev.reason, words))
			fail_msg("\"%s\" does not say \"%s\"", ev.reason, words);
	}
	ring_at = t.link.ring->out_written;
	assert_int_equal(domlet_link_send(&t.link, &m), -EPROTO);
	assert_int_equal(domlet_link_send_eof(&t.link, IN(1)), -EPROTO);
	assert_int_equal(domlet_link_send_reset(&t.link, OUT(1)), -EPROTO);
	assert_null(domlet_link_reserve(&t.link, IN(1), &len));
	domlet_link_credit(&t.link, OUT(1), 10);
	assert_false(domlet_link_flush(&t.link));
	assert_int_equal(t.link.ring->out_written, ring_at);
}

static void open_one(uint32_t stream)
{
	assert_int_equal(domlet_link_open(&t.link, stream), 0);
}

static void index_runs_away(void **state)
{
	(void)state;
	t.pair.page->to_host.prod = 0x10000000;
	assert_broken("index out of range");
}

static void consumer_index_lies(void **state)
{
	size_t len = 10;

	(void)state;
	open_one(IN(1));
	t.pair.page->to_guest.cons = 1;
	assert_null(domlet_link_reserve(&t.link, IN(1), &len));
	assert_broken("index out of range");
}

static void garbage(void **state)
{
	static uint8_t bytes[4096];

	(void)state;
	memset(bytes, 0xa5, sizeof(bytes));
	put_bytes(bytes, sizeof(bytes));
	assert_broken("unknown type");
}

/* A header is copied out before it is looked at, and nothing is looked at
 * before it is whole. */
static void header_arrives_byte_by_byte(void **state)
{
	struct domlet_frame f = { .type = DOMLET_FRAME_ACK, .epoch = RING_PAIR_EPOCH };
	uint8_t header[HEADER];

	(void)state;
	domlet_frame_encode(&f, header);
	for (uint32_t i = 0; i < HEADER; i++) {
		put_bytes(header + i, 1);
		assert_int_equal(next(), DOMLET_LINK_IDLE);
	}
	assert_int_equal(t.link.ring->in_taken, HEADER);
}

static void lengths_over_the_limit(void **state)
{
	uint8_t header[HEADER];
	struct domlet_frame f = {
		.type = DOMLET_FRAME_DATA, .stream = OUT(1), .length = PAYLOAD_MAX + 1, .epoch = RING_PAIR_EPOCH
	};

	(void)state;
	open_one(OUT(1));
	domlet_frame_encode(&f, header);
	put_bytes(header, HEADER);
	assert_broken("too long");
}

static void message_over_the_limit(void **state)
{
	uint8_t header[HEADER];
	struct domlet_frame f = {
		.type = DOMLET_FRAME_MSG, .length = DOMLET_MSG_MAX + 1, .seq = 1, .epoch = RING_PAIR_EPOCH
	};

	(void)state;
	domlet_frame_encode(&f, header);
	put_bytes(header, HEADER);
	assert_broken("too long");
}

static void another_attachments_frame(void **state)
{
	(void)state;
	put_frame((struct domlet_frame){ .type = DOMLET_FRAME_ACK, .epoch = 1 }, NULL);
	assert_broken("another attachment");
}

/* The peer uses the credit of STREAM up but for LEFT bytes. */
static void use_window(uint32_t stream, uint32_t left)
{
	enum domlet_link_event_type type;

	for (uint32_t rest = WINDOW - left, len; rest; rest -= len) {
		len = rest < PAYLOAD_MAX ? rest : PAYLOAD_MAX;
		put_data(stream, len);
		while ((type = next()) == DOMLET_LINK_DATA)
			;
		assert_int_equal(type, DOMLET_LINK_IDLE);
		(void)domlet_link_flush(&t.link);
	}
}

static void credit_overrun(void **state)
{
	(void)state;
	open_one(OUT(1));
	use_window(OUT(1), 0);
	put_data(OUT(1), 1);
	assert_broken("beyond the stream's credit");
}

static void credit_counts_whole_frames(void **state)
{
	(void)state;
	open_one(OUT(1));
	use_window(OUT(1), 1);
	put_data(OUT(1), 2); /* one byte is left */
	assert_broken("beyond the stream's credit");
}

static void credit_beyond_the_window(void **state)
{
	(void)state;
	open_one(IN(1));
	put_credit(IN(1), 1); /* nothing was sent yet */
	assert_broken("credit beyond");
}

static void credit_of_zero(void **state)
{
	(void)state;
	put_credit(IN(1), 0); /* not even of an unknown stream */
	assert_broken("credit beyond");
}

static void credit_overflows(void **state)
{
	size_t len = 100;

	(void)state;
	open_one(IN(1));
	assert_non_null(domlet_link_reserve(&t.link, IN(1), &len));
	domlet_link_commit(&t.link, len);
	put_credit(IN(1), 60);
	put_credit(IN(1), 40);
	assert_int_equal(next(), DOMLET_LINK_ROOM);
	assert_int_equal(next(), DOMLET_LINK_ROOM);
	put_credit(IN(1), UINT32_MAX);
	assert_broken("credit beyond");
}

static void data_of_an_unknown_stream(void **state)
{
	(void)state;
	put_data(OUT(1), 1);
	assert_broken("not open");
}

/* Harmless, since each costs its sender as much as us: they are only dropped. */
static void ends_of_unknown_streams(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		put_end(OUT(9), DOMLET_FRAME_EOF);
		put_end(IN(9), DOMLET_FRAME_RESET);
		put_credit(IN(9), 1);
	}
	assert_int_equal(next(), DOMLET_LINK_IDLE);
	assert_int_equal(domlet_ring_ready(t.link.ring), 0);
}

static void against_the_direction(void **state)
{
	static const struct {
		uint8_t type;
		bool input;
		const char *words;
	} lies[] = {
		{ DOMLET_FRAME_DATA, true, "data against" },
		{ DOMLET_FRAME_EOF, true, "end against" },
		{ DOMLET_FRAME_CREDIT, false, "credit against" },
		{ DOMLET_FRAME_RESET, false, "reset against" },
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint32_t stream = lies[i].input ? IN(1) : OUT(1);

		teardown(state);
		start(DOMLET_RING_HOST);
		open_one(stream);
		put_frame((struct domlet_frame){ .type = lies[i].type,
						 .stream = stream,
						 .length = lies[i].type == DOMLET_FRAME_DATA   ? 1 :
							   lies[i].type == DOMLET_FRAME_CREDIT ? 4 :
												 0 },
			  NULL);
		assert_broken(lies[i].words);
	}
}

static void data_after_the_end(void **state)
{
	(void)state;
	open_one(OUT(1));
	put_end(OUT(1), DOMLET_FRAME_EOF);
	assert_int_equal(next(), DOMLET_LINK_EOF);
	put_data(OUT(1), 1);
	assert_broken("after the stream's end");
}

static void second_end(void **state)
{
	(void)state;
	open_one(OUT(1));
	put_end(OUT(1), DOMLET_FRAME_EOF);
	assert_int_equal(next(), DOMLET_LINK_EOF);
	put_end(OUT(1), DOMLET_FRAME_EOF);
	assert_broken("second end");
}

static void second_reset(void **state)
{
	(void)state;
	open_one(IN(1));
	put_end(IN(1), DOMLET_FRAME_RESET);
	assert_int_equal(next(), DOMLET_LINK_RESET);
	put_credit(IN(1), 1); /* reset, but its window is as before */
	assert_broken("credit beyond");
	teardown(state);
	start(DOMLET_RING_HOST);
	open_one(IN(1));
	put_end(IN(1), DOMLET_FRAME_RESET);
	put_end(IN(1), DOMLET_FRAME_RESET);
	assert_int_equal(next(), DOMLET_LINK_RESET);
	assert_broken("second reset");
}

static void reset_stream_goes_on_sending(void **state)
{
	(void)state;
	open_one(OUT(1));
	assert_int_equal(domlet_link_send_reset(&t.link, OUT(1)), 0);
	use_window(OUT(1), 0);
	put_data(OUT(1), 1);
	assert_broken("beyond the stream's credit");
}

/* A closed stream's late data is bounded by its credit, whatever other streams there are. */
static void late_data_is_bounded(void **state)
{
	(void)state;
	open_one(OUT(1));
	domlet_link_close(&t.link, OUT(1));
	use_window(OUT(1), 0);
	put_data(OUT(1), 1);
	assert_broken("beyond the stream's credit");
}

static void late_data_of_each_of_many_is_bounded(void **state)
{
	(void)state;
	for (uint32_t p = 1; p <= DOMLET_PROCESS_MAX; p++)
		open_one(OUT(p));
	domlet_link_close(&t.link, OUT(1));
	domlet_link_close(&t.link, OUT(DOMLET_PROCESS_MAX));
	use_window(OUT(1), 0);
	use_window(OUT(DOMLET_PROCESS_MAX), 0);
	put_data(OUT(DOMLET_PROCESS_MAX), 1);
	assert_broken("beyond the stream's credit");
}

/* Only we ourselves make room for streams, and not a peer that names them. */
static void numbers_that_were_never_given(void **state)
{
	static const struct domlet_link_stream none[DOMLET_STREAM_END];

	(void)state;
	for (uint32_t p = 1; p <= DOMLET_PROCESS_MAX; p += 13) {
		put_end(OUT(p), DOMLET_FRAME_EOF);
		put_end(IN(p), DOMLET_FRAME_RESET);
		put_credit(IN(p), 1);
		assert_int_equal(next(), DOMLET_LINK_IDLE);
	}
	put_data(OUT(DOMLET_PROCESS_MAX), 1);
	assert_broken("not open");
	assert_int_equal(t.link.top, 0);
	assert_memory_equal(t.link.streams, none, sizeof none);
}

static void sequence_number_stands(void **state)
{
	(void)state;
	put_msg(5, 0);
	assert_int_equal(next(), DOMLET_LINK_MSG);
	put_msg(5, 0);
	assert_broken("does not rise");
}

static void sequence_number_goes_back(void **state)
{
	(void)state;
	put_msg(5, 0);
	assert_int_equal(next(), DOMLET_LINK_MSG);
	put_msg(4, 0);
	assert_broken("does not rise");
}

static void acknowledges_what_was_not_sent(void **state)
{
	struct domlet_msg m = { .type = DOMLET_MSG_PING };

	(void)state;
	assert_int_equal(domlet_link_send(&t.link, &m), 0);
	put_frame((struct domlet_frame){ .type = DOMLET_FRAME_ACK, .ack = 1 }, NULL);
	assert_int_equal(next(), DOMLET_LINK_IDLE);
	put_frame((struct domlet_frame){ .type = DOMLET_FRAME_ACK, .ack = 2 }, NULL);
	assert_broken("not sent");
}

static void acknowledgement_goes_back(void **state)
{
	struct domlet_msg m = { .type = DOMLET_MSG_PING };

	(void)state;
	assert_int_equal(domlet_link_send(&t.link, &m), 0);
	put_frame((struct domlet_frame){ .type = DOMLET_FRAME_ACK, .ack = 1 }, NULL);
	put_frame((struct domlet_frame){ .type = DOMLET_FRAME_ACK, .ack = 0 }, NULL);
	assert_broken("not sent");
}

static void message_is_no_message(void **state)
{
	static const uint8_t bytes[8] = { 77 };

	(void)state;
	put_frame((struct domlet_frame){ .type = DOMLET_FRAME_MSG, .length = 8, .seq = 1 }, bytes);
	assert_broken("unknown type");
}

static void message_in_the_wrong_direction(void **state)
{
	static const uint8_t ping[16] = { DOMLET_MSG_PING };

	(void)state;
	put_frame((struct domlet_frame){ .type = DOMLET_FRAME_MSG, .length = 16, .seq = 1 }, ping);
	assert_broken("wrong direction");
}

/* Data is in shared pages when it is handed on; messages are not. */
static void message_changes_after_it_came(void **state)
{
	struct domlet_link_event ev;

	(void)state;
	put_msg(1, 0);
	domlet_link_next(&t.link, &ev);
	memset(t.pair.to_host, 0xff, 4096);
	assert_int_equal(ev.type, DOMLET_LINK_MSG);
	assert_int_equal(ev.msg.exited.process, 1);
}

/* One call looks at one ring's worth at most, however fast the peer is. */
static void flood_of_dropped_frames(void **state)
{
	struct domlet_link_event ev;
	uint32_t frames = 0;

	(void)state;
	while (domlet_ring_room(t.peer) >= HEADER) {
		put_end(OUT(3), DOMLET_FRAME_EOF);
		frames++;
	}
	domlet_link_next(&t.link, &ev);
	assert_int_equal(ev.type, DOMLET_LINK_IDLE);
	assert_int_equal(t.link.ring->in_taken, frames * HEADER);
}

/* The host may send before it learns that CREATE failed; a window, no more. */
static void guest_drops_data_of_unknown_streams(void **state)
{
	(void)state;
	use_window(IN(1), 0);
	use_window(IN(2), 1);
	put_end(IN(2), DOMLET_FRAME_EOF);
	put_data(IN(1), 1);
	assert_broken("beyond the stream's credit");
}

static void guest_opens_what_it_dropped(void **state)
{
	(void)state;
	use_window(IN(1), 0);
	open_one(IN(1));
	put_data(IN(1), PAYLOAD_MAX);
	assert_int_equal(next(), DOMLET_LINK_DATA);
}

static void guest_knows_the_last_number(void **state)
{
	(void)state;
	use_window(IN(DOMLET_PROCESS_MAX), 0);
	open_one(IN(DOMLET_PROCESS_MAX));
	put_data(IN(DOMLET_PROCESS_MAX), 1);
	assert_int_equal(next(), DOMLET_LINK_DATA);
}

/* Frames that are no event count, too. */
static void a_call_ends_at_its_bound(void **state)
{
	uint32_t frames = 0;

	(void)state;
	for (; domlet_ring_room(t.peer) >= HEADER; frames++)
		put_end(OUT(3), DOMLET_FRAME_EOF);
	domlet_link_allow(&t.link, 10 * HEADER);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(next(), DOMLET_LINK_BUSY);
		assert_int_equal(t.link.ring->in_taken, 10 * HEADER);
	}
	domlet_link_allow(&t.link, 1);
	assert_int_equal(next(), DOMLET_LINK_BUSY);
	assert_int_equal(t.link.ring->in_taken, 11 * HEADER);
	domlet_link_allow(&t.link, frames * HEADER);
	assert_int_equal(next(), DOMLET_LINK_IDLE);
	assert_int_equal(t.link.ring->in_taken, frames * HEADER);
}

static void a_bound_loses_nothing(void **state)
{
	struct domlet_link_event ev;
	uint32_t data = 0, messages = 0, calls = 0;

	(void)state;
	open_one(OUT(1));
	for (uint32_t i = 1; i <= 9; i++) {
		put_data(OUT(1), 100 * i);
		put_msg(i, 0);
	}
	do {
		domlet_link_allow(&t.link, 7);
		domlet_link_next(&t.link, &ev);
		data += (uint32_t)ev.len;
		messages += ev.type == DOMLET_LINK_MSG;
		assert_int_not_equal(ev.type, DOMLET_LINK_BROKEN);
		if (ev.type == DOMLET_LINK_DATA)
			domlet_link_taken(&t.link, ev.len);
	} while (ev.type != DOMLET_LINK_IDLE && ++calls < 1000);
	assert_int_equal(data, 4500);
	assert_int_equal(messages, 9);
	assert_uint_in_range(calls, 30, 999);
}

int main(void)
{
#define HOST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define GUEST(name) cmocka_unit_test_setup_teardown(name, setup_guest, teardown)
	const struct CMUnitTest tests[] = {
		HOST(index_runs_away),
		HOST(consumer_index_lies),
		HOST(garbage),
		HOST(header_arrives_byte_by_byte),
		HOST(lengths_over_the_limit),
		HOST(message_over_the_limit),
		HOST(another_attachments_frame),
		HOST(credit_overrun),
		HOST(credit_counts_whole_frames),
		HOST(credit_beyond_the_window),
		HOST(credit_of_zero),
		HOST(credit_overflows),
		HOST(data_of_an_unknown_stream),
		HOST(ends_of_unknown_streams),
		HOST(against_the_direction),
		HOST(data_after_the_end),
		HOST(second_end),
		HOST(second_reset),
		HOST(reset_stream_goes_on_sending),
		HOST(late_data_is_bounded),
		HOST(late_data_of_each_of_many_is_bounded),
		HOST(numbers_that_were_never_given),
		HOST(sequence_number_stands),
		HOST(sequence_number_goes_back),
		HOST(acknowledges_what_was_not_sent),
		HOST(acknowledgement_goes_back),
		HOST(message_is_no_message),
		HOST(message_in_the_wrong_direction),
		HOST(message_changes_after_it_came),
		HOST(flood_of_dropped_frames),
		HOST(a_call_ends_at_its_bound),
		HOST(a_bound_loses_nothing),
		GUEST(guest_drops_data_of_unknown_streams),
		GUEST(guest_opens_what_it_dropped),
		GUEST(guest_knows_the_last_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
