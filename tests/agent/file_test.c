// SPDX-License-Identifier: GPL-2.0-or-later
/* domlet-init on a socket: a copied file is written anew, before and while its container runs. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest.h"
#include "requests.h"

static int write_file(uint32_t container, uint32_t mount, const void *content, uint32_t len)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_FILE };

	msg.file.container = container;
	msg.file.mount = mount;
	msg.file.content = (struct domlet_slice){ content, len };
	return monitor_ask(&m, &msg);
}

static int write_text(uint32_t container, uint32_t mount, const char *text)
{
	return write_file(container, mount, text, (uint32_t)strlen(text));
}

/* Its copied file is the first mount after those that each document has: NUMBER is found by trying. */
static uint32_t create_with_copy(uint32_t container, uint32_t process, const char *command)
{
	char *arguments = text_of(PROCESS ", \"args\": [\"sh\", \"-c\", \"%s\"]", command);
	char *document = document_with(
		arguments, ", {\"destination\": \"/copy\", \"type\": \"bind\", \"options\": [\"ro\"]}",
		", {\"via\": \"copy\", \"content\": \"Y29weQo=\", \"mode\": 292, \"uid\": 5, \"gid\": 6}", "", "");
	uint32_t number = 0;

	free(arguments);
	assert_int_equal(create_document(container, process, document), 0);
	while (write_text(container, number, "copy\n") == EINVAL)
		assert_uint_in_range(++number, 1, 20);
	return number;
}

static void test_a_file_is_written_anew(void **state)
{
	static uint8_t most[DOMLET_FILE_MAX + 1];
	uint32_t copy = create_with_copy(
		0, 1, "stat -c '%a %u %g' /copy; cat /copy; echo read; read x; wc -c </copy; read x; cat /copy");

	(void)state;
	assert_int_equal(write_text(0, copy, "a longer one than before\n"), 0);
	assert_int_equal(write_text(0, copy, "new\n"), 0);
	assert_int_equal(start(0), 0);
	await_output(1, "444 5 6\nnew\nread\n"); /* nobody has it open any more */
	assert_int_equal(write_file(0, copy, most, DOMLET_FILE_MAX), 0);
	monitor_write(&m, domlet_stream_id(1, DOMLET_STREAM_STDIN), "\n", 1, false);
	await_output(1, "12288\n");
	assert_int_equal(write_file(0, copy, NULL, 0), 0);
	assert_int_equal(write_file(0, copy, most, DOMLET_FILE_MAX + 1), EFBIG);
	assert_int_equal(write_text(0, copy, "last\n"), 0);
	monitor_write(&m, domlet_stream_id(1, DOMLET_STREAM_STDIN), "\n", 1, true);
	assert_int_equal(monitor_wait(&m, 1), 0);
	assert_output(1, DOMLET_STREAM_STDOUT, "444 5 6\nnew\nread\n12288\nlast\n");
	assert_int_equal(write_text(0, copy, "nobody\n"), ESRCH);
	assert_int_equal(delete_container(0), 0);
}

static void test_what_is_no_copied_file_is_refused(void **state)
{
	uint32_t copy = create_with_copy(0, 1, "cat /copy"), again;

	(void)state;
	assert_int_equal(write_text(1, copy, "x"), ENOENT);
	assert_int_equal(write_text(DOMLET_CONTAINER_MAX, copy, "x"), ENOENT);
	assert_int_equal(write_text(0, copy + 1, "x"), EINVAL);
	assert_int_equal(write_text(0, UINT32_MAX, "x"), EINVAL);
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, 1), 137);
	assert_int_equal(delete_container(0), 0);
	assert_int_equal(write_text(0, copy, "x"), ENOENT);

	/* The next container of the number has a file of its own. */
	again = create_with_copy(0, 2, "cat /copy");
	assert_int_equal(again, copy);
	assert_int_equal(start(0), 0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	assert_output(2, DOMLET_STREAM_STDOUT, "copy\n");
	assert_int_equal(delete_container(0), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_AGENT(test_a_file_is_written_anew),
		WITH_AGENT(test_what_is_no_copied_file_is_refused),
	};

	if (!guest_take_arguments(argc, argv))
		return 2;
	if (!guest_may_mount())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
