// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../frontend/proto/backlog.h"

#define WINDOW DOMLET_STREAM_WINDOW

static uint8_t data[WINDOW];

static void keeps_the_order(void **state)
{
	struct domlet_backlog b = { 0 };

	(void)state;
	assert_null(domlet_backlog_front(&b));
	assert_true(domlet_backlog_add(&b, (const uint8_t *)"abcd", 4));
	domlet_backlog_drop(&b, 3);
	assert_true(domlet_backlog_add(&b, (const uint8_t *)"efg", 3));
	assert_int_equal(b.len, 4);
	assert_memory_equal(domlet_backlog_front(&b), "defg", 4);
	domlet_backlog_drop(&b, 4);
	assert_null(domlet_backlog_front(&b));
	domlet_backlog_free(&b);
}

static void holds_a_window_and_no_byte_more(void **state)
{
	struct domlet_backlog b = { 0 };

	(void)state;
	assert_true(domlet_backlog_add(&b, data, WINDOW));
	assert_false(domlet_backlog_add(&b, data, 1));
	domlet_backlog_drop(&b, 1);
	assert_true(domlet_backlog_add(&b, data, 1));
	assert_false(domlet_backlog_add(&b, data, 1));
	assert_int_equal(b.len, WINDOW);
	domlet_backlog_free(&b);
	assert_true(domlet_backlog_add(&b, data, 1)); /* as new */
	domlet_backlog_free(&b);
}

/* Whatever the pieces, what goes in comes out. */
static void carries_a_stream_in_pieces(void **state)
{
	struct domlet_backlog b = { 0 };
	uint32_t put = 0, got = 0, seed = 1;
	uint8_t piece[70000];

	(void)state;
	while (got < 8 * WINDOW) {
		uint32_t n = (seed = seed * 1664525 + 1013904223) >> 8;
		size_t len = n % sizeof piece;

		for (size_t i = 0; i < len; i++)
			piece[i] = (uint8_t)((put + i) * 7);
		if (domlet_backlog_add(&b, piece, len))
			put += (uint32_t)len;
		n = b.len ? n % b.len + 1 : 0;
		for (uint32_t i = 0; i < n; i++)
			if (domlet_backlog_front(&b)[i] != (uint8_t)((got + i) * 7))
				fail_msg("byte %u is wrong", got + i);
		domlet_backlog_drop(&b, n);
		got += n;
	}
	domlet_backlog_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_order),
		cmocka_unit_test(holds_a_window_and_no_byte_more),
		cmocka_unit_test(carries_a_stream_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
