// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "../../toolstack/cli/duration.h"

/* What Go's time.ParseDuration() makes of them. */
static void durations_are_go_s(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "5s", 5000000000 },
		{ "+5s", 5000000000 },
		{ "-5s", -5000000000 },
		{ "1m30s", 90000000000 },
		{ "1.5h", 5400000000000 },
		{ "0.001s", 1000000 },
		{ ".5s", 500000000 },
		{ "1.s", 1000000000 },
		{ "100ms", 100000000 },
		{ "3us", 3000 },
		{ "3\xc2\xb5s", 3000 },
		{ "3\xce\xbcs", 3000 },
		{ "7ns", 7 },
		{ "1h1m1s1ms1us1ns", 3661001001001 },
		{ "9223372036s", 9223372036000000000 },
	};
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(domlet_duration_read(cases[i].text, &ns), 0);
		assert_true(ns == cases[i].ns);
	}
}

static void others_are_none(void **state)
{
	static const char *const texts[] = { "",
					     "5",
					     "s",
					     ".s",
					     "-",
					     "+-5s",
					     "5 s",
					     "5x",
					     "5S",
					     "1s5",
					     "1..5s",
					     "x5s",
					     "5sx",
					     "9223372037s",
					     "9223372036s1s",
					     "99999999999h",
					     "9999999999999999999999s" };
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(domlet_duration_read(texts[i], &ns), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(durations_are_go_s), cmocka_unit_test(others_are_none) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
