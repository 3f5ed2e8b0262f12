/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a service manager hands over, and is told; the manager is this test. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/cli/service.h"

static struct domlet_cli cli = { .log = { .fd = -1, .background = true, .system = "/nowhere" } };

/* NAME begins with "@" in the environment, and with a zero byte in the kernel. */
static int manager(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)strcpy(at.sun_path, name);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	assert_int_equal(
		bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

/* The descriptor that comes with it, or -1. */
static int heard(int fd, char *text, size_t len)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { text, len - 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control
	};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	int passed = -1;

	text[n < 0 ? 0 : n] = '\0';
	if (c)
		memcpy(&passed, CMSG_DATA(c), sizeof passed);
	return passed;
}

static void in_the_foreground(void **state)
{
	char name[64], text[100];
	int fd;

	(void)state;
	(void)snprintf(name, sizeof name, "@domlet-test-%d", getpid());
	fd = manager(name);
	domlet_cli_say_ready(&cli, 0);
	assert_int_equal(heard(fd, text, sizeof text), -1);
	assert_string_equal(text, "READY=1\n");
	assert_int_equal(heard(fd, text, sizeof text), -1);
	assert_string_equal(text, "");
	close(fd);
}

/* Who ends at once is not found any more, unless it waits for its reader. */
static void in_the_background(void **state)
{
	char dir[] = "/tmp/domlet-test-XXXXXX", name[64], text[100];
	int fd, barrier, status;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(name, sizeof name, "%s/notify", dir);
	fd = manager(name);
	pid = fork();
	if (pid == 0) {
		domlet_cli_say_ready(&cli, 1234);
		_exit(7);
	}
	(void)usleep(200000);
	assert_int_equal(heard(fd, text, sizeof text), -1);
	assert_string_equal(text, "READY=1\nMAINPID=1234\n");
	barrier = heard(fd, text, sizeof text);
	assert_string_equal(text, "BARRIER=1");
	assert_true(barrier >= 0);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	close(barrier);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	close(fd);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void a_manager_that_does_not_listen_holds_nobody_up(void **state)
{
	static const char *const wrong[] = {
		"/nowhere/notify", "vsock:2:1", "@", "",
		"/a/path/that/is/longer/than/the/108/bytes/that/an/address/of/a/unix/socket/has/room/for/which/is/not/much/at/all/x"
	};
	struct timespec before, after;
	char name[64];
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(setenv("NOTIFY_SOCKET", wrong[i], 1), 0);
		domlet_cli_say_ready(&cli, 1);
	}
	(void)snprintf(name, sizeof name, "@domlet-test-deaf-%d", getpid());
	fd = manager(name);
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	(void)alarm(60);
	for (int i = 0; i < 3; i++)
		domlet_cli_say_ready(&cli, 1);
	(void)alarm(0);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(after.tv_sec - before.tv_sec < 10);
	close(fd);
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	domlet_cli_say_ready(&cli, 1);
}

static void sockets_are_refused(void **state)
{
	struct domlet_error err = { 0 };
	char pid[16];

	(void)state;
	assert_int_equal(domlet_cli_refuse_sockets(&err), 0);
	(void)snprintf(pid, sizeof pid, "%d", getpid());
	assert_int_equal(setenv("LISTEN_FDS", "2", 1), 0);
	assert_int_equal(domlet_cli_refuse_sockets(&err), 0);
	assert_int_equal(setenv("LISTEN_PID", "1", 1), 0); /* an engine's, say */
	assert_int_equal(domlet_cli_refuse_sockets(&err), 0);
	assert_int_equal(setenv("LISTEN_PID", pid, 1), 0);
	assert_int_equal(domlet_cli_refuse_sockets(&err), -ENOTSUP);
	assert_non_null(strstr(err.text, "LISTEN_FDS hands over 2 sockets, and none can enter a guest"));
	assert_int_equal(setenv("LISTEN_FDS", "0", 1), 0);
	assert_int_equal(domlet_cli_refuse_sockets(&err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_the_foreground),
		cmocka_unit_test(in_the_background),
		cmocka_unit_test(a_manager_that_does_not_listen_holds_nobody_up),
		cmocka_unit_test(sockets_are_refused),
	};

	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
