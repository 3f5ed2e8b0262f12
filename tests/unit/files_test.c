// SPDX-License-Identifier: GPL-2.0-or-later
/* Which resolv.conf has docker's resolver; what an order of a container's files comes to is tested end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../toolstack/monitor/files.h"

/* In memory of just that length, so that a sanitizer sees who reads beyond. */
static bool names_it(const char *text)
{
	size_t len = strlen(text);
	char *bytes = malloc(len ? len : 1);
	bool r;

	assert_non_null(bytes);
	memcpy(bytes, text, len);
	r = domlet_files_name_resolver(bytes, len);
	free(bytes);
	return r;
}

static void test_it_is_named(void **state)
{
	(void)state;
	assert_true(names_it("nameserver 127.0.0.11"));
	assert_true(names_it("nameserver 127.0.0.11\noptions ndots:0\n"));
	assert_true(names_it("search example.org\n\nnameserver\t 127.0.0.11 \n"));
	assert_true(names_it("nameserver 10.0.0.1\nnameserver 127.0.0.11\n"));
}

static void test_it_is_not_named(void **state)
{
	(void)state;
	assert_false(names_it(""));
	assert_false(names_it("\n"));
	assert_false(names_it("nameserver"));
	assert_false(names_it("nameserver "));
	assert_false(names_it("nameserver 127.0.0.1"));
	assert_false(names_it("nameserver 127.0.0.112\n"));
	assert_false(names_it("nameserver 127.0.0.11.\n"));
	assert_false(names_it("# nameserver 127.0.0.11\n"));
	assert_false(names_it(" nameserver 127.0.0.11\n"));
	assert_false(names_it("nameserver 10.0.0.1\n127.0.0.11\n"));
	assert_false(names_it("nameserver127.0.0.11\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_named),
		cmocka_unit_test(test_it_is_not_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
