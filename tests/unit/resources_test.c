// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <json-c/json.h>

#include "../../toolstack/cli/resources.h"

/* What go-units' RAMInBytes() makes of them. */
static void sizes_are_go_s(void **state)
{
	static const struct {
		const char *text;
		long long bytes;
	} cases[] = {
		{ "-1", -1 },
		{ "0", 0 },
		{ "32", 32 },
		{ "32b", 32 },
		{ "32B", 32 },
		{ "32k", 32768 },
		{ "32K", 32768 },
		{ "32kb", 32768 },
		{ "32KiB", 32768 },
		{ "32 kib", 32768 },
		{ "64m", 67108864 },
		{ "1.5g", 1610612736 },
		{ "1TB", 1099511627776 },
		{ "1p", 1125899906842624 },
		{ "9007199254740993", 9007199254740993 },
	};
	static const char *const wrong[] = { "",    "-2",   "m",   "32x",         "32mm",  "32bb",
					     "1e3", "0x10", "1 2", "9999999999t", "32  k", "." };
	long long bytes;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(domlet_resources_bytes(cases[i].text, &bytes), 0);
		assert_true(bytes == cases[i].bytes);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(domlet_resources_bytes(wrong[i], &bytes), -EINVAL);
}

static void options_are_members(void **state)
{
	struct json_object *o = json_object_new_object();
	struct domlet_error err;

	(void)state;
	assert_int_equal(domlet_resources_add(o, "memory", "64m", &err), 0);
	assert_int_equal(domlet_resources_add(o, "memory-swap", "-1", &err), 0);
	assert_int_equal(domlet_resources_add(o, "cpu-quota", "-1", &err), 0);
	assert_int_equal(domlet_resources_add(o, "cpu-share", "512", &err), 0);
	assert_int_equal(domlet_resources_add(o, "cpuset-cpus", "0-1", &err), 0);
	assert_int_equal(domlet_resources_add(o, "cpu-period", "", &err), 0);
	assert_int_equal(domlet_resources_add(o, "pids-limit", "20", &err), 0);
	assert_string_equal(
		json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
		"{\"memory\":{\"limit\":67108864,\"swap\":-1},\"cpu\":{\"quota\":-1,\"shares\":512,\"cpus\":\"0-1\"},"
		"\"pids\":{\"limit\":20}}");
	assert_int_equal(domlet_resources_add(o, "nosuch", "1", &err), -ENOENT);
	assert_int_equal(domlet_resources_add(o, "cpu-period", "-1", &err), -EINVAL);
	assert_int_equal(domlet_resources_add(o, "cpu-quota", "99999999999999999999", &err), -EINVAL);
	assert_int_equal(domlet_resources_add(o, "memory", "much", &err), -EINVAL);
	assert_string_equal(err.text, "invalid value for memory: \"much\"");
	json_object_put(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sizes_are_go_s), cmocka_unit_test(options_are_members) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
