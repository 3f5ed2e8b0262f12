// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whoever asks for a container's figures gets them, also when others ask at the same time; and who watches is told when the
 * guest's kernel kills for want of memory.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>
#include <uv.h>

#include "../../frontend/proto/figures.h"
#include "monitor_run.h"

static void ask(int fd, const char *text)
{
	assert_true(send(fd, text, strlen(text), 0) > 0);
}

/* The microseconds of processor that the next packet tells. */
static uint64_t told(int fd)
{
	static char text[8192];
	struct json_object *o, *list;
	uint64_t us;

	receive(fd, text, sizeof text);
	o = json_tokener_parse(text);
	assert_true(json_object_object_get_ex(o, "figures", &list));
	assert_int_equal(json_object_array_length(list), DOMLET_FIGURES_COUNT);
	us = json_object_get_uint64(json_object_array_get_idx(list, DOMLET_FIGURE_CPU_USAGE_US));
	assert_true(json_object_get_uint64(json_object_array_get_idx(list, DOMLET_FIGURE_MEMORY)) == DOMLET_FIGURE_NONE);
	json_object_put(o);
	return us;
}

static void figures_are_told_to_each_who_asks(void **state)
{
	char answer[1200];
	int others[3];
	struct run r;

	(void)state;
	detached = true;
	ring_fake_guest = RING_FAKE_SLEEPS;
	begin(&r, 0);
	ask(r.caller, "{\"verb\":\"stats\"}"); /* it needs not run yet */
	assert_int_equal(told(r.caller), 1000);
	start(&r);
	for (size_t i = 0; i < 3; i++) {
		others[i] = connect_to_monitor();
		be_about(others[i], 0, 1);
	}
	kill(r.pid, SIGSTOP); /* so that all have asked when it looks */
	for (size_t i = 0; i < 3; i++)
		ask(others[i], "{\"verb\":\"stats\"}");
	kill(r.pid, SIGCONT);
	for (size_t i = 0; i < 3; i++)
		assert_uint_in_range(told(others[i]), 2000, 4000);
	for (size_t i = 0; i < 3; i++)
		close(others[i]);
	ask(r.caller, "{\"verb\":\"pause\"}");
	receive(r.caller, answer, sizeof answer);
	assert_true(good(answer));
	ask(r.caller, "{\"verb\":\"stats\"}");
	receive(r.caller, answer, sizeof answer);
	assert_non_null(strstr(answer, "is paused"));
	ask(r.caller, "{\"verb\":\"resume\"}");
	receive(r.caller, answer, sizeof answer);
	assert_true(good(answer));
	end_by(&r, SIGTERM);
}

static void who_watches_is_told_of_kills(void **state)
{
	char answer[1200];
	int other;
	struct run r;

	(void)state;
	detached = true;
	begin_started(&r, RING_FAKE_SLEEPS);
	other = connect_to_monitor();
	be_about(other, 0, 1);
	ask(other, "{\"verb\":\"stats\",\"watch\":true}");
	assert_int_equal(told(other), 1000);
	receive(other, answer, sizeof answer);
	assert_string_equal(answer, "{\"oom\":true}");
	ask(r.caller, "{\"verb\":\"stats\"}"); /* who doesn't is not */
	assert_int_equal(told(r.caller), 2000);
	receive(other, answer, sizeof answer);
	assert_string_equal(answer, "{\"oom\":true}");
	end_by(&r, SIGTERM);
	receive(other, answer, sizeof answer); /* the end */
	assert_string_equal(answer, "");
	close(other);
}

static void nobody_s_figures_are_refused(void **state)
{
	char answer[1200];
	int other;
	struct run r;

	(void)state;
	detached = true;
	begin_started(&r, RING_FAKE_SLEEPS);
	other = connect_to_monitor();
	be_about(other, 0, 2); /* of that number before */
	ask(other, "{\"verb\":\"stats\"}");
	receive(other, answer, sizeof answer);
	assert_non_null(strstr(answer, "container not running"));
	close(other);
	end_by(&r, SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(figures_are_told_to_each_who_asks, tear_down_attached),
		cmocka_unit_test_teardown(who_watches_is_told_of_kills, tear_down_attached),
		cmocka_unit_test_teardown(nobody_s_figures_are_refused, tear_down_attached),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down_all);
}
