// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domlet-init on a socket: many processes at once, and the highest numbers that there are.
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
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"
#include "requests.h"

#define MANY 300u

static void say(uint32_t process, const char *text)
{
	monitor_write(&m, domlet_stream_id(process, DOMLET_STREAM_STDIN), text, strlen(text), false);
}

/* More than the descriptors that most processes may have; each has its streams, and its end. */
static void test_hundreds_of_processes(void **state)
{
	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	for (uint32_t i = 2; i < MANY + 2; i++)
		assert_int_equal(exec_args(0, i, "[\"cat\"]"), 0);
	for (uint32_t i = 2; i < MANY + 2; i++) {
		char *text = text_of("for %u\n", i);

		say(i, text);
		free(text);
	}
	for (uint32_t i = 2; i < MANY + 2; i++) {
		char *text = text_of("for %u\n", i);

		await_output(i, text);
		free(text);
	}
	/* One ends, another takes its number. */
	assert_int_equal(send_signal(0, 77, SIGTERM, false), 0);
	assert_int_equal(monitor_wait(&m, 77), 143);
	assert_int_equal(exec_args(0, 77, "[\"sh\", \"-c\", \"ulimit -n\"]"), 0);
	assert_int_equal(monitor_wait(&m, 77), 0);
	assert_output(77, DOMLET_STREAM_STDOUT, "1024\n");
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	for (uint32_t i = 1; i < MANY + 2; i++)
		if (i != 77)
			assert_int_equal(monitor_wait(&m, i), 137);
	assert_int_equal(delete_container(0), 0);
}

static int exec_numbered(uint32_t process)
{
	static const char object[] = "{" PROCESS ", \"args\": [\"true\"]}";
	struct domlet_msg msg = { .type = DOMLET_MSG_EXEC };

	msg.exec.process = process;
	msg.exec.process_json = (struct domlet_slice){ (const uint8_t *)object, (uint32_t)strlen(object) };
	return monitor_ask(&m, &msg);
}

static void test_numbers(void **state)
{
	static const uint32_t none[] = { 0, DOMLET_PROCESS_MAX + 1, UINT16_MAX + 2, UINT32_MAX };

	(void)state;
	run(0, DOMLET_PROCESS_MAX, "[\"cat\"]");
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		char *text = text_of("process number %u is not free in the guest", none[i]);

		assert_int_equal(exec_numbered(none[i]), EINVAL);
		assert_string_equal(last_text(), text);
		free(text);
	}
	assert_int_equal(exec_numbered(DOMLET_PROCESS_MAX), EINVAL); /* it has one */
	say(DOMLET_PROCESS_MAX, "there\n");
	await_output(DOMLET_PROCESS_MAX, "there\n");
	monitor_write(&m, domlet_stream_id(DOMLET_PROCESS_MAX, DOMLET_STREAM_STDIN), "", 0, true);
	assert_int_equal(monitor_wait(&m, DOMLET_PROCESS_MAX), 0);
}

/* Where process 1 has no descriptors for another one, that is refused, and nobody else is troubled. */
static void test_no_descriptors(void **state)
{
	struct rlimit limit;
	uint32_t i = 2;

	(void)state;
	run(0, 1, "[\"cat\"]");
	assert_int_equal(prlimit(m.pid, RLIMIT_NOFILE, NULL, &limit), 0);
	limit.rlim_cur = 60;
	assert_int_equal(prlimit(m.pid, RLIMIT_NOFILE, &limit, NULL), 0);
	while (exec_args(0, i, "[\"cat\"]") == 0)
		i++;
	assert_uint_in_range(i, 5, 25);
	assert_non_null(strstr(last_text(), ": EMFILE"));
	for (uint32_t process = 1; process < i; process++) {
		say(process, "all the same\n");
		await_output(process, "all the same\n");
	}
	assert_int_equal(send_signal(0, 2, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, 2), 137);
	assert_int_equal(exec_args(0, 2, "[\"true\"]"), 0);
	assert_int_equal(monitor_wait(&m, 2), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hundreds_of_processes, open_agent, close_agent),
		cmocka_unit_test_setup_teardown(test_numbers, open_agent, close_agent),
		cmocka_unit_test_setup_teardown(test_no_descriptors, open_agent, close_agent),
	};

	if (!guest_take_arguments(argc, argv))
		return 2;
	if (!guest_may_mount())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
