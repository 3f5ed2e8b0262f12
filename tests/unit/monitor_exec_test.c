/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor's further processes: who asks for them, their proxies, their
 * streams, and their ends beside the container's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../frontend/proto/limits.h"
#include "../../frontend/proto/sha256.h"
#include "monitor_run.h"

static void a_large_process_object_is_sent(void **state)
{
	static const struct {
		size_t len;
		const char *refusal;
	} documents[] = {
		{ 16384, NULL },
		{ DOMLET_STREAM_WINDOW, NULL },
		{ DOMLET_STREAM_WINDOW + 1, NULL },
		{ 1000000, NULL },
		{ 17u << 20, "it may have 16777216 bytes at most" },
		{ 2u << 20, "too large for this guest" },
		{ 700000, NULL },
	};
	uint8_t sha256[DOMLET_SHA256_LEN];
	char text[1200], expected[64];
	struct run r;
	int proxy;

	(void)state;
	begin_started(&r, RING_FAKE_SLEEPS);
	for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) { /* they get the same number */
		proxy = ask_for_exec(r.caller, document, documents[i].len, NULL);
		receive(r.caller, text, sizeof text);
		if (documents[i].refusal) {
			assert_non_null(strstr(text, documents[i].refusal));
		} else {
			assert_true(good(text));
			domlet_sha256(document, documents[i].len, sha256);
			(void)snprintf(expected, sizeof expected, "{\"exit\":%u}", sha256[0] >> 1);
			receive(proxy, text, sizeof text);
			assert_string_equal(text, expected);
		}
		close(proxy);
	}
	end_sleeper(&r);
}

/* Of one that RING_FAKE_RUNS will run; returns its proxy's end. */
static int exec(const struct run *r, const char *what, int *out)
{
	char text[1200];
	int proxy = ask_for_exec(r->caller, what, strlen(what), out);

	receive(r->caller, text, sizeof text);
	assert_true(good(text));
	return proxy;
}

static void signals_for_an_ended_exec_are_dropped(void **state)
{
	static const char size[] = "{\"verb\":\"winsize\",\"rows\":1,\"cols\":1}";
	struct run r;
	int proxy;

	(void)state;
	begin_started(&r, RING_FAKE_RUNS);
	proxy = exec(&r, "s", NULL);
	send_signal(proxy, SIGTERM);
	expect_exit(proxy, "{\"exit\":143}");
	(void)send(proxy, size, strlen(size), MSG_NOSIGNAL);
	send_signal(proxy, SIGTERM);
	send_signal(proxy, SIGKILL);
	wait_unread(r.proxy);
	close(proxy);
	end_sleeper(&r);
	assert_string_equal(r.exit, "{\"exit\":143}");
}

/* An answer's code is what callers take for success or not. */
static void errors_are_positive(void **state)
{
	struct run r;
	int proxy;

	(void)state;
	begin_started(&r, RING_FAKE_RUNS);
	proxy = ask_for_exec(r.caller, "n", 1, NULL);
	receive(r.caller, r.last, sizeof r.last);
	assert_non_null(strstr(r.last, "\"code\": 5, \"text\": \"there is no reason\""));
	close(proxy);
	end_sleeper(&r);
}

static void an_answer_paints_on_no_terminal(void **state)
{
	struct run r;
	int proxy;

	(void)state;
	begin_started(&r, RING_FAKE_RUNS);
	proxy = ask_for_exec(r.caller, "p", 1, NULL);
	receive(r.caller, r.last, sizeof r.last);
	assert_non_null(strstr(r.last, "\"text\": \"?31m?deR\""));
	close(proxy);
	end_sleeper(&r);
}

/* A later command's connection. */
static int connect_about_c1(void)
{
	int fd = connect_to_monitor();

	be_about(fd, 0, 1);
	return fd;
}

static void ask_for_start(int fd, char *text, size_t len)
{
	static const char verb[] = "{\"verb\":\"start\"}";

	text[0] = '\0';
	(void)send(fd, verb, strlen(verb), MSG_NOSIGNAL);
	/* Twice: a connection that was closed with this unread is reset before its answer is read. */
	for (int i = 0; i < 2 && !text[0]; i++)
		if (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 2000) == 1)
			receive(fd, text, len);
}

/* Whether the monitor answers who asks for another start. */
static void expect_heard(int fd)
{
	char text[1200];

	ask_for_start(fd, text, sizeof text);
	assert_non_null(strstr(text, "already running"));
}

/* The monitor takes the lowest free descriptors: one of the connections gets
 * the number that the exec's output had. */
static void a_closed_reader_makes_nobody_deaf(void **state)
{
	int proxy, out, later[12];
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_RUNS);
	proxy = ask_for_exec(r.caller, "w", 1, &out);
	close(out);
	receive(r.caller, r.last, sizeof r.last);
	assert_true(good(r.last));
	for (int i = 0; i < 12; i++) {
		later[i] = connect_about_c1();
		expect_heard(later[i]);
	}
	send_signal(proxy, SIGTERM);
	expect_exit(proxy, "{\"exit\":143}");
	for (int i = 0; i < 12; i++) {
		expect_heard(later[i]);
		close(later[i]);
	}
	close(proxy);
	end_sleeper(&r);
}

static void who_asks_for_an_exec_and_is_killed_leaves_nothing(void **state)
{
	int command, proxy, out;
	char line[7] = "";
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_RUNS);
	command = connect_about_c1();
	proxy = ask_for_exec(command, "h", 1, &out);
	close(command);
	expect_exit(proxy, "{\"exit\":137}");
	assert_int_equal(read_to_the_end(out), 0);
	assert_int_equal(read(r.out, line, 6), 6); /* the guest was told to kill it */
	close(proxy);
	close(out);
	proxy = exec(&r, "s", NULL);
	send_signal(proxy, SIGTERM);
	expect_exit(proxy, "{\"exit\":143}");
	close(proxy);
	end_sleeper(&r);
}

static void a_guest_that_does_not_answer_an_exec_holds_nobody_up(void **state)
{
	struct run r;
	int proxy, out;

	(void)state;
	begin_started(&r, RING_FAKE_RUNS);
	proxy = ask_for_exec(r.caller, "d", 1, &out);
	if (poll(&(struct pollfd){ .fd = r.caller, .events = POLLIN }, 1, 10000) == 1)
		receive(r.caller, r.last, sizeof r.last);
	assert_non_null(strstr(
		r.last, "the guest of container c1 has not answered an exec after 2 s (domlet_boot_timeout in t.cfg)"));
	expect_exit(proxy, "{\"exit\":137}");
	assert_int_equal(read_to_the_end(out), 0);
	close(proxy);
	close(out);
	end_sleeper(&r);
}

/* Each process may have its proxy and its command; who comes when all is taken
 * is told so. */
static void there_is_room_for_all_commands(void **state)
{
	static int commands[DOMLET_PROCESS_MAX + 200];
	struct rlimit files;
	unsigned int count = 0;
	struct run r;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	begin_started(&r, RING_FAKE_RUNS);
	for (; count < DOMLET_PROCESS_MAX + 200 && !strstr(r.last, "too many"); count++) {
		commands[count] = connect_about_c1();
		ask_for_start(commands[count], r.last, sizeof r.last);
	}
	assert_non_null(strstr(r.last, "too many commands at once for the monitor of domain domlet-c1"));
	assert_non_null(strstr(r.last, "\"code\": 11"));
	assert_true(count > DOMLET_PROCESS_MAX);
	for (unsigned int i = 0; i < count; i++)
		close(commands[i]);
	end_sleeper(&r);
}

/* The lowest number that the monitor has not open. */
static rlim_t free_descriptor(pid_t pid)
{
	char path[64];
	rlim_t n = 0;

	do
		(void)snprintf(path, sizeof path, "/proc/%d/fd/%u", (int)pid, (unsigned int)n++);
	while (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	return n - 1;
}

/* Who comes when the monitor can't open anything more is told so, again and again, and the monitor goes on. */
static void a_command_without_descriptors_is_refused(void **state)
{
	struct rlimit limit;
	struct run r;
	int command, proxy, out;
	rlim_t first;

	(void)state;
	begin_started(&r, RING_FAKE_RUNS);
	assert_int_equal(prlimit(r.pid, RLIMIT_NOFILE, NULL, &limit), 0);
	assert_true(limit.rlim_cur > 4 * DOMLET_PROCESS_MAX);
	limit.rlim_cur = first = free_descriptor(r.pid);
	assert_int_equal(prlimit(r.pid, RLIMIT_NOFILE, &limit, NULL), 0);
	for (int i = 0; i < 3; i++) {
		command = connect_to_monitor();
		receive(command, r.last, sizeof r.last);
		assert_non_null(strstr(r.last, "no descriptors left for another command"));
		close(command);
	}
	for (rlim_t more = 0; more < 8; more++) { /* those of the packet, and then the streams' */
		limit.rlim_cur = first + more;
		assert_int_equal(prlimit(r.pid, RLIMIT_NOFILE, &limit, NULL), 0);
		proxy = ask_for_exec(r.caller, "s", 1, &out);
		receive(r.caller, r.last, sizeof r.last);
		if (!strstr(r.last, "\"code\": 24"))
			fail_msg("with %u more: %s", (unsigned int)more, r.last);
		close(proxy);
		close(out);
	}
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(prlimit(r.pid, RLIMIT_NOFILE, &limit, NULL), 0);
	command = connect_to_monitor();
	ask_for_start(command, r.last, sizeof r.last);
	assert_null(strstr(r.last, "descriptors"));
	close(command);
	ask_for_start(r.caller, r.last, sizeof r.last);
	assert_non_null(strstr(r.last, "cannot start an already running container"));
	end_sleeper(&r);
}

/* A socket is the caller's, too: it keeps its flags, and yet nobody waits for it. */
static void a_socket_stays_as_it_is(void **state)
{
	int proxy, in[2], out[2];
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_RUNS);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, in), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, out), 0);
	assert_int_equal(setsockopt(out[1], SOL_SOCKET, SO_SNDBUF, &(int){ 16384 }, sizeof(int)), 0);
	proxy = ask_for_exec_with(r.caller, "o", 1, in[1], out[1]);
	receive(r.caller, r.last, sizeof r.last);
	assert_true(good(r.last));
	assert_false(fcntl(in[1], F_GETFL) & O_NONBLOCK);
	assert_false(fcntl(out[1], F_GETFL) & O_NONBLOCK);
	wait_unread(proxy);
	send_signal(proxy, SIGUSR1);
	receive(proxy, r.last, sizeof r.last);
	assert_true(good(r.last)); /* while the output waits for its reader */
	assert_false(fcntl(out[1], F_GETFL) & O_NONBLOCK);
	close(in[1]);
	close(out[1]);
	assert_int_equal(read_to_the_end(out[0]), RING_FAKE_OUTPUT);
	expect_exit(proxy, "{\"exit\":0}");
	close(proxy);
	close(in[0]);
	close(out[0]);
	end_sleeper(&r);
}

/* Its proxy ends with it, its input is at its end, and its output goes on until
 * its slot is needed for others. */
static void what_an_exec_leaves_running_has_its_output(void **state)
{
	int outs[128], proxy, in[2], out[2];
	char lines[16] = "";
	struct run r;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	begin_started(&r, RING_FAKE_RUNS);
	assert_int_equal(pipe(in) | pipe(out), 0);
	proxy = ask_for_exec_with(r.caller, "l", 1, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	receive(r.caller, r.last, sizeof r.last);
	assert_true(good(r.last));
	expect_exit(proxy, "{\"exit\":0}");
	close(proxy);
	for (size_t len = 0; len < 12;) {
		ssize_t n = read(out[0], lines + len, sizeof lines - len);

		assert_true(n > 0);
		len += (size_t)n;
	}
	assert_string_equal(lines, "hello\nhello\n");
	wait_unread(out[0]);
	assert_int_equal(write(in[1], "x", 1), -1);
	for (size_t i = 0; i < sizeof outs / sizeof outs[0]; i++) {
		proxy = exec(&r, "l", &outs[i]);
		expect_exit(proxy, "{\"exit\":0}");
		close(proxy);
	}
	assert_int_equal(read_to_the_end(out[0]), 0); /* the first to be cut off */
	assert_int_equal(read_to_the_end(outs[0]), 12);
	close(in[1]);
	close(out[0]);
	end_sleeper(&r);
	for (size_t i = 0; i < sizeof outs / sizeof outs[0]; i++)
		close(outs[i]);
}

/* Opened again it would be another terminal, which nobody reads. */
static void the_master_of_a_terminal_is_used_as_it_is(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave, proxy;
	char line[16] = "", name[64];
	struct termios raw;
	struct run r;

	(void)state;
	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	assert_int_equal(ptsname_r(master, name, sizeof name), 0);
	slave = open(name, O_RDWR | O_NOCTTY);
	assert_true(slave >= 0 && tcgetattr(slave, &raw) == 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
	begin_started(&r, RING_FAKE_RUNS);
	proxy = ask_for_exec_with(r.caller, "w", 1, master, master);
	receive(r.caller, r.last, sizeof r.last);
	assert_true(good(r.last));
	assert_int_equal(poll(&(struct pollfd){ .fd = slave, .events = POLLIN }, 1, 2000), 1);
	assert_int_equal(read(slave, line, sizeof line), 6);
	assert_string_equal(line, "hello\n");
	send_signal(proxy, SIGTERM);
	expect_exit(proxy, "{\"exit\":143}");
	close(proxy);
	close(slave);
	close(master);
	end_sleeper(&r);
}

static void a_lost_proxy_cuts_its_document(void **state)
{
	struct run r;
	int proxy;

	(void)state;
	begin_started(&r, RING_FAKE_MISER);
	proxy = ask_for_exec(r.caller, document, DOMLET_STREAM_WINDOW + 1, NULL);
	close(proxy);
	receive(r.caller, r.last, sizeof r.last);
	assert_non_null(strstr(r.last, "the document is another one"));
	end_sleeper(&r);
}

static void output_of_an_exec_outlives_the_domain(void **state)
{
	struct run r;
	char text[64];
	int proxy, out;

	(void)state;
	begin_started(&r, RING_FAKE_VANISHES);
	proxy = ask_for_exec(r.caller, document, 100, &out);
	wait_unread(proxy);
	assert_int_equal(read_to_the_end(out), RING_FAKE_OUTPUT);
	close(out);
	receive(proxy, text, sizeof text);
	assert_string_equal(text, "{\"exit\":137}");
	close(proxy);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
}

/* As the kernel ends the others with the first proxy. */
static void the_first_proxy_ends_last(void **state)
{
	struct run r;
	int proxy, out;

	(void)state;
	begin_started(&r, RING_FAKE_RUNS);
	proxy = exec(&r, "o", &out);
	send_signal(r.proxy, SIGTERM);
	receive(r.proxy, r.exit, sizeof r.exit);
	assert_true(good(r.exit));
	wait_unread(r.proxy);
	assert_int_equal(read_to_the_end(out), RING_FAKE_OUTPUT);
	close(out);
	expect_exit(proxy, "{\"exit\":0}");
	wait_unread(r.proxy);
	close(proxy);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":143}");
}

/* Neither who does not read output nor a proxy that was stopped holds the container's end up. */
static void the_first_proxy_ends_in_time(void **state)
{
	struct run r;
	int proxy, out;

	(void)state;
	begin_started(&r, RING_FAKE_RUNS);
	proxy = exec(&r, "o", &out);
	send_signal(r.proxy, SIGTERM);
	receive(r.proxy, r.exit, sizeof r.exit);
	assert_int_equal(poll(&(struct pollfd){ .fd = r.proxy, .events = POLLIN }, 1, 10000), 1);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":143}");
	expect_exit(proxy, "{\"exit\":0}");
	close(proxy);
	close(out);
}

static void output_is_dropped_when_nobody_waits(void **state)
{
	static const char destroy[] = "{\"verb\":\"destroy\"}";
	struct run r;
	int proxy, out;

	(void)state;
	begin_started(&r, RING_FAKE_DIES); /* a killed proxy */
	wait_unread(r.proxy);
	(void)shutdown(r.proxy, SHUT_RDWR);
	(void)snprintf(r.exit, sizeof r.exit, "-");
	finish(&r);
	for (int which = 0; which < 2; which++) {
		begin_started(&r, RING_FAKE_VANISHES);
		proxy = ask_for_exec(r.caller, document, 100, &out);
		wait_unread(proxy);
		if (!which) {
			(void)send(r.caller, destroy, strlen(destroy), MSG_NOSIGNAL);
			expect_exit(proxy, "{\"exit\":137}");
		}
		close(proxy);
		do
			receive(r.caller, r.last, sizeof r.last);
		while (r.last[0]);
		finish(&r);
		close(out);
	}
}

static void the_guest_stops_reading(void **state)
{
	struct run r;
	unsigned int ended = 0;

	(void)state;
	begin_started(&r, RING_FAKE_DEAF);
	assert_true(good(r.started));
	for (int i = 0; i < 40; i++)                                 /* the ring and the outbox hold fewer */
		(void)ask_for_exec(r.caller, document, 15000, NULL); /* their proxies live */
	do {
		receive(r.caller, r.last, sizeof r.last);
		ended += strstr(r.last, "the container ended before the process ran") != NULL;
	} while (r.last[0] && !strstr(r.last, "stopped reading"));
	assert_non_null(strstr(r.last, "stopped reading"));
	assert_true(ended > 10);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_positive),
		cmocka_unit_test(an_answer_paints_on_no_terminal),
		cmocka_unit_test(a_large_process_object_is_sent),
		cmocka_unit_test(signals_for_an_ended_exec_are_dropped),
		cmocka_unit_test(a_closed_reader_makes_nobody_deaf),
		cmocka_unit_test(who_asks_for_an_exec_and_is_killed_leaves_nothing),
		cmocka_unit_test(a_guest_that_does_not_answer_an_exec_holds_nobody_up),
		cmocka_unit_test(there_is_room_for_all_commands),
		cmocka_unit_test(a_command_without_descriptors_is_refused),
		cmocka_unit_test(a_socket_stays_as_it_is),
		cmocka_unit_test(what_an_exec_leaves_running_has_its_output),
		cmocka_unit_test(the_master_of_a_terminal_is_used_as_it_is),
		cmocka_unit_test(a_lost_proxy_cuts_its_document),
		cmocka_unit_test(output_of_an_exec_outlives_the_domain),
		cmocka_unit_test(the_first_proxy_ends_last),
		cmocka_unit_test(the_first_proxy_ends_in_time),
		cmocka_unit_test(output_is_dropped_when_nobody_waits),
		cmocka_unit_test(the_guest_stops_reading),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down_all);
}
