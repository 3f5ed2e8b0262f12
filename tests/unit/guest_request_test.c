/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of what a guest was asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../toolstack/guest/request.h"

static struct domlet_guest_requests all;
static struct domlet_guest_request taken;

static bool add(uint32_t number, uint32_t tag, uint32_t process)
{
	return domlet_guest_request_add(
		&all, &(struct domlet_guest_request){ .number = number, .tag = tag, .process = process });
}

static int set_up(void **state)
{
	(void)state;
	all = (struct domlet_guest_requests){ 0 };
	return 0;
}

static void each_is_taken_once(void **state)
{
	(void)state;
	assert_true(add(7, 70, 3));
	assert_true(add(8, 80, 0));
	assert_false(domlet_guest_request_take(&all, 9, &taken));
	assert_true(domlet_guest_request_take(&all, 7, &taken));
	assert_int_equal(taken.tag, 70);
	assert_int_equal(taken.process, 3);
	assert_false(domlet_guest_request_take(&all, 7, &taken));
	assert_true(domlet_guest_request_take(&all, 8, &taken));
	assert_int_equal(taken.tag, 80);
	/* No request has that number; a guest may reply to it all the same. */
	assert_false(domlet_guest_request_take(&all, 0, &taken));
}

static void one_is_found_by_its_process(void **state)
{
	(void)state;
	assert_true(add(1, 10, 0));
	assert_true(add(2, 20, 5));
	assert_null(domlet_guest_request_about(&all, 4));
	assert_int_equal(domlet_guest_request_about(&all, 5)->tag, 20);
	assert_true(domlet_guest_request_take(&all, 2, &taken));
	assert_null(domlet_guest_request_about(&all, 5));
}

static void one_is_found_by_its_kind_and_container(void **state)
{
	struct domlet_guest_request r = { .number = 3, .tag = 30, .type = 14, .container = 2 };

	(void)state;
	assert_true(domlet_guest_request_add(&all, &r));
	assert_null(domlet_guest_request_of(&all, 14, 1));
	assert_null(domlet_guest_request_of(&all, 15, 2));
	assert_int_equal(domlet_guest_request_of(&all, 14, 2)->tag, 30);
	assert_true(domlet_guest_request_take(&all, 3, &taken));
	assert_null(domlet_guest_request_of(&all, 14, 2));
}

static void there_is_room_for_all_and_no_more(void **state)
{
	uint32_t sum = 0, expected = 0;

	(void)state;
	for (uint32_t i = 1; i <= DOMLET_GUEST_REQUEST_MAX; i++) {
		assert_true(domlet_guest_request_has_room(&all));
		assert_true(add(i, i, 0));
		expected += i;
	}
	assert_false(domlet_guest_request_has_room(&all));
	assert_false(add(1000, 1, 0));
	while (domlet_guest_request_take_any(&all, &taken))
		sum += taken.tag;
	assert_int_equal(sum, expected);
	assert_true(add(1000, 1, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_is_taken_once, set_up),
		cmocka_unit_test_setup(one_is_found_by_its_process, set_up),
		cmocka_unit_test_setup(one_is_found_by_its_kind_and_container, set_up),
		cmocka_unit_test_setup(there_is_room_for_all_and_no_more, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
