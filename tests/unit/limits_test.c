// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "../../toolstack/oci/limits.h"

static struct domlet_limits taken(struct domlet_limits before, const char *resources)
{
	struct json_object *o = json_tokener_parse(resources);

	domlet_limits_take(&before, o);
	json_object_put(o);
	return before;
}

static void what_is_not_given_stays(void **state)
{
	struct domlet_limits l = taken((struct domlet_limits){ 0 }, "{\"memory\": {\"limit\": 5242880}}");

	(void)state;
	assert_int_equal(l.memory, 5242880);
	l = taken(l, "{\"memory\": {\"limit\": 0, \"swap\": 7}, \"cpu\": {\"quota\": 150000}}");
	assert_int_equal(l.memory, 5242880);
	assert_int_equal(l.quota_us, 150000);
	assert_int_equal(domlet_limits_vcpus(&l), 2);
	assert_int_equal(domlet_limits_percent(&l), 150);
	l = taken(l, "{\"cpu\": {\"period\": 50000}}");
	assert_int_equal(domlet_limits_vcpus(&l), 3);
	l = taken(l, "{\"memory\": {\"limit\": -1}, \"cpu\": {\"quota\": -1}}");
	assert_int_equal(domlet_limits_kib(&l), 0);
	assert_int_equal(domlet_limits_vcpus(&l), 0);
	assert_int_equal(domlet_limits_percent(&l), 0);
	l = taken(l, "{\"cpu\": {\"quota\": 1, \"period\": 1000000}}");
	assert_int_equal(domlet_limits_percent(&l), 1); /* 0 is none */
}

static void they_come_back_from_text(void **state)
{
	const struct domlet_limits l = { INT64_MIN, INT64_MAX, UINT64_MAX, UINT32_MAX };
	char text[DOMLET_LIMITS_TEXT_MAX];
	struct domlet_limits got;

	(void)state;
	domlet_limits_write(&l, text);
	assert_true(domlet_limits_read(text, &got));
	assert_true(got.memory == l.memory && got.quota_us == l.quota_us && got.period_us == l.period_us &&
		    got.other_vcpus == l.other_vcpus);
	assert_false(domlet_limits_read("", &got));
	assert_false(domlet_limits_read("1 2 3", &got));
	assert_false(domlet_limits_read("1 2 3 4 5", &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_not_given_stays),
					    cmocka_unit_test(they_come_back_from_text) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
