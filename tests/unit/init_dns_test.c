/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a relay changes in DNS messages, and what it leaves alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../guest-init/agent/dns.h"

/* ID 0x1234, recursion desired; www.x, A; OPT with 4,096 bytes, two of them options. */
static const uint8_t question[] = { 0x12, 0x34, 1, 0, 0, 1, 0, 0,  0,    0, 0, 1, 3, 'w', 'w', 'w', 1, 'x',
				    0,    0,    1, 0, 1, 0, 0, 41, 0x10, 0, 0, 0, 0, 0,   0,   2,   9, 9 };
enum { COUNTS = 4, OPT = 23, SIZE = OPT + 3 };

/* Of its own size, so that a sanitizer sees the first byte behind it. */
static uint8_t *copy(size_t len)
{
	uint8_t *m = malloc(len ? len : 1);

	assert_non_null(m);
	memcpy(m, question, len);
	return m;
}

static void expect_lowered(uint8_t *m, size_t len, bool lowered)
{
	uint8_t *before = malloc(len ? len : 1);

	assert_non_null(before);
	memcpy(before, m, len);
	domlet_dns_lower(m, len);
	if (lowered) {
		before[SIZE] = 1232 >> 8;
		before[SIZE + 1] = 1232 & 255;
	}
	assert_memory_equal(m, before, len);
	free(before);
	free(m);
}

static void a_larger_size_is_lowered(void **state)
{
	uint8_t *m = copy(sizeof question);

	(void)state;
	expect_lowered(m, sizeof question, true);
	m = copy(sizeof question);
	m[SIZE] = 1233 >> 8;
	m[SIZE + 1] = 1233 & 255;
	expect_lowered(m, sizeof question, true);
	m = copy(sizeof question);
	m[SIZE] = 1232 >> 8;
	m[SIZE + 1] = 1232 & 255;
	expect_lowered(m, sizeof question, false);
	m = copy(sizeof question);
	m[SIZE] = 2; /* 512 */
	expect_lowered(m, sizeof question, false);
}

static void all_else_stays(void **state)
{
	uint8_t *m = copy(sizeof question);

	(void)state;
	m[2] |= 0x80; /* an answer */
	expect_lowered(m, sizeof question, false);
	m = copy(sizeof question);
	m[COUNTS + 7] = 0; /* no additional record */
	expect_lowered(m, sizeof question, false);
	m = copy(sizeof question);
	m[COUNTS + 7] = 0;
	m[COUNTS + 3] = 1; /* but an answer */
	expect_lowered(m, sizeof question, false);
	m = copy(sizeof question);
	m[OPT + 2] = 1; /* of another type */
	expect_lowered(m, sizeof question, false);
	m = copy(sizeof question);
	memset(m + COUNTS, 0xff, 8); /* as many as can be said */
	expect_lowered(m, sizeof question, false);
	m = copy(sizeof question);
	m[12] = 0x43; /* a label of a kind that there isn't */
	expect_lowered(m, sizeof question, false);
	for (size_t len = 0; len < sizeof question; len++) /* it is there whole, but for its options */
		expect_lowered(copy(len), len, len >= OPT + 11);
}

/* Behind a record whose name stands elsewhere. */
static void it_is_found_behind_others(void **state)
{
	uint8_t *m = malloc(sizeof question + 14);

	(void)state;
	assert_non_null(m);
	memcpy(m, question, OPT);
	memcpy(m + OPT, (const uint8_t[14]){ 0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, 2, 1, 'x' }, 14);
	memcpy(m + OPT + 14, question + OPT, sizeof question - OPT);
	m[COUNTS + 7] = 2;
	domlet_dns_lower(m, sizeof question + 14);
	assert_int_equal(m[SIZE + 14], 1232 >> 8);
	assert_int_equal(m[SIZE + 15], 1232 & 255);
	free(m);
}

static void what_is_cut_says_so(void **state)
{
	uint8_t *m = copy(sizeof question);

	(void)state;
	m[COUNTS + 3] = 77;
	assert_int_equal(domlet_dns_cut(m, sizeof question), OPT);
	assert_int_equal(m[0], 0x12);
	assert_int_equal(m[2], 3);
	assert_memory_equal(m + COUNTS, ((const uint8_t[8]){ 0, 1 }), 8);
	assert_memory_equal(m + 12, question + 12, OPT - 12);
	free(m);
	m = copy(OPT - 1); /* not even the question is whole */
	assert_int_equal(domlet_dns_cut(m, OPT - 1), 12);
	assert_memory_equal(m + COUNTS, ((const uint8_t[8]){ 0 }), 8);
	free(m);
	m = copy(11);
	assert_int_equal(domlet_dns_cut(m, 11), 0);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_larger_size_is_lowered),
		cmocka_unit_test(all_else_stays),
		cmocka_unit_test(it_is_found_behind_others),
		cmocka_unit_test(what_is_cut_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
