/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>
#include <pty.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/base/log.h"

static char dir[64], log_path[128], stderr_path[128];
static int real_stderr = -1;

/* stderr goes to a file: what it says is part of what is tested. */
static int set_up(void **state)
{
	int fd;

	(void)state;
	strcpy(dir, "/tmp/domlet-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	snprintf(stderr_path, sizeof(stderr_path), "%s/stderr", dir);
	real_stderr = dup(STDERR_FILENO);
	fd = open(stderr_path, O_RDWR | O_CREAT, 0600);
	dup2(fd, STDERR_FILENO);
	close(fd);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	unlink(log_path);
	unlink(stderr_path);
	return rmdir(dir);
}

static const char *content(const char *path)
{
	static char text[65536];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void json_error_is_one_object(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_log log;
	struct json_object *obj, *value;
	const char *text;

	(void)state;
	assert_int_equal(domlet_log_open(&log, log_path, "json", true, &err), 0);
	domlet_log_debug(&log, "a %s", "debug line");
	domlet_log_notice(&log, "a notice");
	domlet_log_phase(&log, "a phase");
	domlet_log_error(&log, "\"quoted\" and\ttwo\nlines \x01 ü /");
	close(log.fd);
	text = content(log_path);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	obj = json_tokener_parse(text);
	assert_non_null(obj);
	assert_true(json_object_object_get_ex(obj, "level", &value));
	assert_string_equal(json_object_get_string(value), "error");
	assert_true(json_object_object_get_ex(obj, "msg", &value));
	assert_string_equal(json_object_get_string(value), "\"quoted\" and two lines   ü /");
	assert_true(json_object_object_get_ex(obj, "time", &value));
	assert_int_equal(strlen(json_object_get_string(value)), strlen("2026-01-02T03:04:05.123456789Z"));
	json_object_put(obj);
	text = content(stderr_path);
	assert_non_null(strstr(text, "domlet: a debug line\n"));
	assert_null(strstr(text, "a notice"));
	assert_non_null(strstr(text, " ms a phase\n"));
	assert_non_null(strstr(text, "domlet: \"quoted\" and two lines   ü /\n"));
}

static void json_of_a_long_error_is_whole(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_log log;
	struct json_object *obj;
	char text[8000];

	(void)state;
	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(domlet_log_open(&log, log_path, "json", false, &err), 0);
	domlet_log_error(&log, text);
	close(log.fd);
	obj = json_tokener_parse(content(log_path));
	assert_non_null(obj);
	json_object_put(obj);
}

static void text_log(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_log log;

	(void)state;
	assert_int_equal(domlet_log_open(&log, log_path, "text", true, &err), 0);
	domlet_log_debug(&log, "one");
	domlet_log_error(&log, "two");
	close(log.fd);
	assert_non_null(strstr(content(log_path), " debug: one\n"));
	assert_non_null(strstr(content(log_path), " error: two\n"));
	assert_string_equal(content(stderr_path), "domlet: two\n");
}

/* stderr may be a container's, or nobody's. */
static void notices_of_others_go_to_the_system(void **state)
{
	struct sockaddr_un here = { .sun_family = AF_UNIX };
	struct domlet_error err = { 0 };
	struct domlet_log log;
	char line[256] = "", expected[64];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)state;
	memcpy(here.sun_path, log_path, strlen(log_path) + 1);
	assert_int_equal(domlet_log_open(&log, NULL, "json", false, &err), 0);
	log.system = log_path;
	domlet_log_notice(&log, "lost: nobody listens");
	assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
	domlet_log_notice(&log, "two\nlines");
	assert_true(recv(fd, line, sizeof line - 1, 0) > 0);
	(void)snprintf(expected, sizeof expected, "<29>domlet[%d]: two lines", getpid());
	assert_string_equal(line, expected);
	assert_int_equal(domlet_log_open(&log, NULL, "text", false, &err), 0);
	log.system = log_path;
	log.background = true;
	for (int n = 0; n < 10000; n++) /* it never waits */
		domlet_log_notice(&log, "%d", n);
	assert_true(recv(fd, line, sizeof line, 0) > 0);
	assert_string_equal(content(stderr_path), "");
	close(fd);
}

static void no_debug_unless_asked(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_log log;

	(void)state;
	assert_int_equal(domlet_log_open(&log, NULL, NULL, false, &err), 0);
	assert_int_equal(log.fd, -1);
	domlet_log_debug(&log, "one");
	domlet_log_phase(&log, "two");
	assert_string_equal(content(stderr_path), "");
	domlet_log_error(&log, "three");
	assert_string_equal(content(stderr_path), "domlet: three\n");
}

/* FD as stderr, which nobody reads, takes a few lines and loses others. The
 * caller's open file still makes its own writers wait. */
static void never_waits_for(int fd)
{
	struct domlet_error err = { 0 };
	struct domlet_log log;
	int flags = fcntl(fd, F_GETFL), mine = dup(STDERR_FILENO);

	assert_int_equal(domlet_log_open(&log, NULL, NULL, true, &err), 0);
	dup2(fd, STDERR_FILENO);
	domlet_log_unblock_stderr(&log);
	(void)alarm(10);
	for (int i = 0; i < 10000; i++)
		domlet_log_phase(&log, "a phase of many, with a name that is long enough to fill what takes no more");
	(void)alarm(0);
	dup2(mine, STDERR_FILENO);
	close(mine);
	assert_int_equal(fcntl(fd, F_GETFL), flags);
}

static void a_monitor_waits_for_no_reader(void **state)
{
	char line[8] = "";
	int ends[2], master, slave;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	never_waits_for(ends[1]);
	assert_int_equal(read(ends[0], line, 7), 7);
	assert_string_equal(line, "domlet:");
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	never_waits_for(ends[1]);
	assert_int_equal(read(ends[0], line, 7), 7);
	assert_string_equal(line, "domlet:");
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	never_waits_for(slave);
	assert_int_equal(read(master, line, 7), 7);
	assert_string_equal(line, "domlet:");
	never_waits_for(master); /* says nothing */
	close(master);
	close(slave);
}

static void open_refusals(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_log log;

	(void)state;
	assert_int_equal(domlet_log_open(&log, NULL, "xml", false, &err), -EINVAL);
	assert_non_null(strstr(err.text, "xml"));
	assert_int_equal(domlet_log_open(&log, "/nowhere/at/all", "json", false, &err), -ENOENT);
	assert_null(strcasestr(err.text, "no such file or directory"));
	assert_int_equal(log.fd, -1);
	/* A FIFO without a reader. */
	assert_int_equal(mkfifo(log_path, 0600), 0);
	assert_int_equal(domlet_log_open(&log, log_path, "json", false, &err), -ENXIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(json_error_is_one_object, set_up, tear_down),
		cmocka_unit_test_setup_teardown(json_of_a_long_error_is_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(text_log, set_up, tear_down),
		cmocka_unit_test_setup_teardown(notices_of_others_go_to_the_system, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_debug_unless_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_monitor_waits_for_no_reader, set_up, tear_down),
		cmocka_unit_test_setup_teardown(open_refusals, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
