/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has happened waits in its order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../toolstack/monitor/queue.h"

static uv_loop_t loop;
static uv_async_t wake;
static unsigned int woken;
static struct domlet_queue queue;
static struct domlet_event ev;

static void on_wake(uv_async_t *a)
{
	(void)a;
	woken++;
}

static int set_up(void **state)
{
	(void)state;
	domlet_queue_open(&queue, &wake);
	return 0;
}

static void expect(enum domlet_life_event_type type, uint32_t code, const char *reason)
{
	assert_true(domlet_queue_take(&queue, &ev));
	assert_int_equal(ev.type, type);
	assert_int_equal(ev.code, code);
	if (reason)
		assert_string_equal(ev.reason.text, reason);
	else
		assert_int_equal(ev.reason.code, 0);
}

static struct domlet_error *because(const char *text)
{
	static struct domlet_error err;

	(void)domlet_error_set(&err, 5, "%s", text);
	return &err;
}

static void events_keep_their_order(void **state)
{
	(void)state;
	domlet_queue_post(&queue, DOMLET_EV_EXITED, 0, 3);
	domlet_queue_post(&queue, DOMLET_EV_DRAINED, 0, 0);
	domlet_queue_post_end(&queue, DOMLET_EV_BROKEN, 0, because("a lie"));
	expect(DOMLET_EV_EXITED, 3, NULL);
	domlet_queue_post(&queue, DOMLET_EV_DESTROYED, 0, 0); /* in the middle of an action */
	expect(DOMLET_EV_DRAINED, 0, NULL);
	expect(DOMLET_EV_BROKEN, 0, "a lie");
	expect(DOMLET_EV_DESTROYED, 0, NULL);
	assert_false(domlet_queue_take(&queue, &ev));
}

static void one_that_waits_is_not_added_again(void **state)
{
	(void)state;
	domlet_queue_post(&queue, DOMLET_EV_DESTROY, 0, 0);
	domlet_queue_post(&queue, DOMLET_EV_EXITED, 0, 3);
	domlet_queue_post(&queue, DOMLET_EV_EXITED, 0, 4);
	domlet_queue_post_end(&queue, DOMLET_EV_DESTROY, 0, because("the first"));
	domlet_queue_post_end(&queue, DOMLET_EV_DESTROY, 0, because("the second"));
	expect(DOMLET_EV_DESTROY, 0, "the first");
	expect(DOMLET_EV_EXITED, 3, NULL);
	assert_false(domlet_queue_take(&queue, &ev));
}

/* However often around, and with all of them. */
static void there_is_room_for_each(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 5; round++) {
		unsigned int count = 0;

		for (unsigned int i = 0; i < DOMLET_EV_COUNT; i++)
			for (uint32_t k = 0; k < (i < DOMLET_EV_ARRIVE ? 1 : DOMLET_CONTAINER_MAX); k++, count++)
				domlet_queue_post(&queue, (enum domlet_life_event_type)i, k, i + k);
		assert_int_equal(count, DOMLET_QUEUE_MAX);
		for (unsigned int i = 0; i < DOMLET_EV_COUNT; i++)
			for (uint32_t k = 0; k < (i < DOMLET_EV_ARRIVE ? 1 : DOMLET_CONTAINER_MAX); k++) {
				expect((enum domlet_life_event_type)i, i + k, NULL);
				assert_int_equal(ev.container, k);
			}
		domlet_queue_post(&queue, DOMLET_EV_HELLO, 0, round);
		expect(DOMLET_EV_HELLO, round, NULL);
	}
}

static bool is_end(enum domlet_life_event_type type)
{
	return type == DOMLET_EV_SHUTDOWN || type == DOMLET_EV_DESTROY;
}

static void what_is_last_comes_after_all_else(void **state)
{
	(void)state;
	assert_null(domlet_queue_next(&queue));
	domlet_queue_put_last(&queue, is_end);
	domlet_queue_post(&queue, DOMLET_EV_SHUTDOWN, 0, 1);
	domlet_queue_post(&queue, DOMLET_EV_EXITED, 0, 3);
	domlet_queue_post_end(&queue, DOMLET_EV_DESTROY, 0, because("so"));
	domlet_queue_post(&queue, DOMLET_EV_DRAINED, 0, 0);
	domlet_queue_put_last(&queue, is_end);
	assert_int_equal(domlet_queue_next(&queue)->type, DOMLET_EV_EXITED);
	expect(DOMLET_EV_EXITED, 3, NULL);
	expect(DOMLET_EV_DRAINED, 0, NULL);
	expect(DOMLET_EV_SHUTDOWN, 1, NULL);
	expect(DOMLET_EV_DESTROY, 0, "so");
	assert_null(domlet_queue_next(&queue));
}

static void who_posts_wakes_the_loop(void **state)
{
	(void)state;
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	woken = 0;
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(woken, 0);
	domlet_queue_post(&queue, DOMLET_EV_HELLO, 0, 0);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(woken, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(events_keep_their_order, set_up),
		cmocka_unit_test_setup(one_that_waits_is_not_added_again, set_up),
		cmocka_unit_test_setup(there_is_room_for_each, set_up),
		cmocka_unit_test_setup(what_is_last_comes_after_all_else, set_up),
		cmocka_unit_test_setup(who_posts_wakes_the_loop, set_up),
	};

	if (uv_loop_init(&loop) != 0 || uv_async_init(&loop, &wake, on_wake) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
