/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole monitor, on a libxl and a xenstore of which one call fails, each
 * in turn, and with a guest that is a thread: whoever waits gets one answer
 * with a reason, the domain is gone, and no state is left but that of a container
 * which was created, saying so.
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
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../frontend/proto/sha256.h"
#include "../../toolstack/base/file.h"
#include "../../toolstack/monitor/monitor.h"
#include "../../toolstack/xen/internal.h"
#include "../fakes/ring_fake.h"
#include "../fakes/xen_fake.h"

static char top[64], root[80], log_path[80];

static struct { /* by the monitor's process, in shared memory */
	struct xen_fake xen;
	char failed[40];
} *seen;

static char document[17u << 20]; /* more than there may be */
static size_t document_len;      /* of it, as configuration; 0: a small one */
static bool detached;            /* `create`, not `run` */

struct run {
	pid_t pid;
	int caller, proxy, out; /* our ends */
	char answer[1200], started[1200], last[1200], exit[64], output[64];
};

static _Noreturn void be_monitor(int caller, int proxy, int out, unsigned int fail_at)
{
	static struct domlet_plan plan = { .id = (char *)"c1", .document = (char *)"{}", .document_len = 2 };
	struct domlet_template tmpl = { .path = (char *)"t.cfg", .kernel = (char *)"/proc/self/exe", .type = "pvh",
					.vcpus = 1, .memory_kib = 65536, .boot_timeout_s = 2 };
	struct domlet_log log;
	struct domlet_error err;
	struct domlet_state st;
	struct domlet_launch launch = { .plan = &plan, .state = &st, .tmpl = &tmpl, .caller_fd = caller,
					.proxy_fd = proxy, .foreground = !detached, .log = &log };
	int status;

	if (domlet_log_open(&log, log_path, "text", false, &err) < 0 || domlet_state_create(root, "c1", &st, &err) < 0)
		_exit(99);
	(void)snprintf(st.uuid, sizeof st.uuid, "12345678-1234-1234-1234-123456789012");
	if (document_len) {
		plan.document = document;
		plan.document_len = document_len;
		domlet_sha256(document, document_len, plan.sha256);
	}
	launch.stdio[0] = launch.stdio[2] = -1;
	launch.stdio[1] = out;
	xen_fake_reset(NULL, fail_at);
	status = domlet_monitor_main(&launch);
	seen->xen = xen_fake;
	if (xen_fake.failed)
		(void)snprintf(seen->failed, sizeof seen->failed, "%s", xen_fake.failed);
	_exit(status);
}

static bool good(const char *answer)
{
	return strcmp(answer, "{ \"code\": 0 }") == 0 || strcmp(answer, "{\"code\":0}") == 0;
}

static void receive(int fd, char *text, size_t len)
{
	ssize_t n = recv(fd, text, len - 1, 0);

	text[n > 0 ? n : 0] = '\0';
}

static void launch(struct run *r, unsigned int fail_at)
{
	int caller[2], proxy[2], out[2];

	memset(r, 0, sizeof *r);
	memset(seen, 0, sizeof *seen);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, caller), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, proxy), 0);
	assert_int_equal(pipe(out), 0);
	(void)fflush(NULL);
	r->pid = fork();
	if (r->pid == 0) {
		close(caller[0]);
		close(proxy[0]);
		close(out[0]);
		be_monitor(caller[1], proxy[1], out[1], fail_at);
	}
	close(caller[1]);
	close(proxy[1]);
	close(out[1]);
	r->caller = caller[0];
	r->proxy = proxy[0];
	r->out = out[0];
}

static void begin(struct run *r, unsigned int fail_at)
{
	launch(r, fail_at);
	receive(r->caller, r->answer, sizeof r->answer);
}

static void start(struct run *r)
{
	static const char verb[] = "{\"verb\":\"start\"}";

	(void)send(r->caller, verb, strlen(verb), MSG_NOSIGNAL);
	receive(r->caller, r->started, sizeof r->started);
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s/*", top);
	return system(command);
}

/* Everything that comes after an end, and what must be true then. */
static void finish(struct run *r)
{
	struct domlet_error err;
	struct domlet_state st;
	bool recorded;
	int status;

	if (!r->exit[0] || good(r->exit))
		receive(r->proxy, r->exit, sizeof r->exit);
	if (read(r->out, r->output, sizeof r->output - 1) < 0)
		abort();
	receive(r->caller, r->last, sizeof r->last);
	close(r->proxy);
	close(r->caller);
	close(r->out);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
	recorded = domlet_state_load(root, "c1", &st, &err) == 0;
	/* A domain that can't be destroyed must not be forgotten. */
	assert_int_equal(recorded, seen->xen.domain || (detached && good(r->answer)));
	if (recorded) {
		assert_int_equal(st.domid == DOMLET_DOMID_NONE, !seen->xen.domain);
		assert_int_equal(st.status, DOMLET_STATUS_STOPPED);
		domlet_state_free(&st);
		assert_int_equal(tear_down(NULL), 0);
	}
	assert_string_not_equal(r->exit, "");
	assert_int_equal(seen->xen.open_operations, 0);
	if (seen->xen.domain)
		assert_non_null(strstr(seen->failed, "destroy"));
}

static void reasoned(const char *answer)
{
	const char *text = strstr(answer, "\"text\"");

	if (!text || strlen(text) < 20)
		fail_msg("no reason: %s", answer);
}

static void each_call_fails(void **state)
{
	unsigned int k = 0, failures = 0;
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_GOOD;
	do {
		begin(&r, ++k);
		if (good(r.answer))
			start(&r);
		else
			reasoned(r.answer);
		if (r.started[0] && !good(r.started))
			reasoned(r.started);
		finish(&r);
		failures += !good(r.started);
		assert_string_equal(r.exit, good(r.started) ? "{\"exit\":3}" : "{\"exit\":137}");
		assert_string_equal(r.output, good(r.started) ? "hello\n" : "");
	} while (seen->failed[0]);
	print_message("%u calls, %u failures\n", k - 1, failures);
	assert_true(k > 30 && failures > 23);
	assert_string_equal(r.exit, "{\"exit\":3}");
}

static void each_call_fails_of_a_create(void **state)
{
	detached = true;
	each_call_fails(state);
}

static int tear_down_attached(void **state)
{
	detached = false;
	return tear_down(state);
}

static void the_guest_refuses(void **state)
{
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_REFUSES;
	begin(&r, 0);
	assert_non_null(strstr(r.answer, "executable file not found in $PATH"));
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
}

/* Whenever `run` asks for the start, it hears why the container is gone. */
static void the_domain_ends_before_the_start(void **state)
{
	(void)state;
	ring_fake_guest = RING_FAKE_QUITS;
	for (unsigned int pause = 0; pause < 30; pause += 3) {
		struct run r;

		begin(&r, 0);
		uv_sleep(pause);
		if (good(r.answer))
			start(&r);
		finish(&r);
		if (!good(r.answer))
			assert_non_null(strstr(r.answer, "shut down"));
		else if (!good(r.started))
			assert_non_null(strstr(r.started, "shut down"));
		else
			assert_non_null(strstr(r.last, "shut down"));
		assert_null(strstr(r.last, "cannot start")); /* the start's answer, when the reason came by itself before */
		assert_string_equal(r.exit, "{\"exit\":137}");
	}
}

static unsigned int count_in_log(const char *what)
{
	struct domlet_error err;
	unsigned int count = 0;
	char *log;
	size_t len;

	assert_int_equal(domlet_file_read(log_path, 65536, &log, &len, &err), 0);
	for (const char *at = log; (at = strstr(at, what)); at++)
		count++;
	free(log);
	return count;
}

static void a_lack_of_memory_is_logged(void **state)
{
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_HUNGRY;
	begin(&r, 0);
	start(&r);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
	assert_int_equal(count_in_log("killed process 1 of container c1 for want of memory"), 1);
}

static void lies_change_nothing(void **state)
{
	unsigned int before = count_in_log("for want of memory");
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_LIES;
	begin(&r, 0);
	assert_true(good(r.answer));
	start(&r);
	assert_non_null(strstr(r.started, "\"code\": 5, \"text\": \"there is no reason\""));
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
	assert_int_equal(count_in_log("for want of memory"), before);
}

static void the_guest_has_another_version(void **state)
{
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_NEWER;
	begin(&r, 0);
	assert_non_null(strstr(r.answer, "greets in version 2 of the ring protocol"));
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
}

static void the_guest_breaks_the_protocol(void **state)
{
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_BREAKS;
	begin(&r, 0);
	start(&r);
	finish(&r);
	assert_non_null(strstr(r.last, "broke the ring protocol"));
	assert_string_equal(r.exit, "{\"exit\":137}");
}

static void signals_reach_the_guest(void **state)
{
	static const char verb[] = "{\"verb\":\"signal\",\"signo\":15}";
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_SLEEPS;
	begin(&r, 0);
	start(&r);
	assert_true(good(r.started));
	(void)send(r.proxy, verb, strlen(verb), MSG_NOSIGNAL);
	receive(r.proxy, r.exit, sizeof r.exit);
	if (good(r.exit)) /* the answer to the signal comes first */
		finish(&r);
	assert_string_equal(r.exit, "{\"exit\":143}");
}

/* Asks for an exec with LEN bytes at TEXT for a process object, of which IN and OUT are the streams; returns its proxy's end. */
static int ask_for_exec_with(int caller, const char *text, size_t len, int in, int out)
{
	static const char verb[] = "{\"verb\":\"exec\"}";
	union {
		char bytes[CMSG_SPACE(5 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = (char *)(uintptr_t)verb, .iov_len = strlen(verb) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
			      .msg_controllen = sizeof control.bytes };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int pair[2], fds[5];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	fds[0] = in;
	fds[1] = fds[2] = out;
	fds[3] = pair[1];
	fds[4] = memfd_create("process", 0);
	assert_int_equal(write(fds[4], text, len), len);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(c), fds, sizeof fds);
	(void)sendmsg(caller, &msg, MSG_NOSIGNAL);
	close(pair[1]);
	close(fds[4]);
	return pair[0];
}

/* Its input is empty, its output a pipe, of which OUT is the end to read from. */
static int ask_for_exec(int caller, const char *text, size_t len, int *out)
{
	int null = open("/dev/null", O_RDONLY), streams[2], proxy;

	assert_int_equal(pipe(streams), 0);
	proxy = ask_for_exec_with(caller, text, len, null, streams[1]);
	if (out)
		*out = streams[0];
	else
		close(streams[0]);
	close(null);
	close(streams[1]);
	return proxy;
}

static void fill_document(void)
{
	for (size_t i = 0; i < sizeof document; i++)
		document[i] = (char)('a' + i * 31 % 23 + i / 65536 % 3);
}

static void a_large_configuration_is_sent(void **state)
{
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_GOOD;
	document_len = 1000000;
	begin(&r, 0);
	document_len = 0;
	assert_true(good(r.answer)); /* the guest has checked its hash */
	start(&r);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":3}");
}

static void end_sleeper(struct run *r)
{
	static const char verb[] = "{\"verb\":\"signal\",\"signo\":15}";

	(void)send(r->proxy, verb, strlen(verb), MSG_NOSIGNAL);
	do /* the answer to the signal comes first */
		receive(r->proxy, r->exit, sizeof r->exit);
	while (good(r->exit));
	finish(r);
}

static void a_large_process_object_is_sent(void **state)
{
	static const size_t sizes[] = { 16384, DOMLET_STREAM_WINDOW, DOMLET_STREAM_WINDOW + 1, 1000000, 17u << 20, 2u << 20, 700000 };
	static const char *const refusals[] = { "it may have 16777216 bytes at most", "too large for this guest" };
	uint8_t sha256[DOMLET_SHA256_LEN];
	char text[1200], expected[64];
	struct run r;
	int proxy, refused = 0;

	(void)state;
	ring_fake_guest = RING_FAKE_SLEEPS;
	begin(&r, 0);
	start(&r);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) { /* they get the same number */
		proxy = ask_for_exec(r.caller, document, sizes[i], NULL);
		receive(r.caller, text, sizeof text);
		if (!good(text)) {
			assert_true(sizes[i] > 1u << 20);
			assert_non_null(strstr(text, refusals[refused++]));
		} else {
			domlet_sha256(document, sizes[i], sha256);
			(void)snprintf(expected, sizeof expected, "{\"exit\":%u}", sha256[0] >> 1);
			receive(proxy, text, sizeof text);
			assert_string_equal(text, expected);
		}
		close(proxy);
	}
	assert_int_equal(refused, 2);
	end_sleeper(&r);
}

static void wait_unread(int fd)
{
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 300), 0);
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

static void send_signal(int fd, int signo)
{
	char text[64];

	(void)snprintf(text, sizeof text, "{\"verb\":\"signal\",\"signo\":%d}", signo);
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* What its proxy is told at its end, past the answers to signals. */
static void expect_exit(int proxy, const char *expected)
{
	char text[1200];

	do
		receive(proxy, text, sizeof text);
	while (good(text));
	assert_string_equal(text, expected);
}

static void signals_for_an_ended_exec_are_dropped(void **state)
{
	static const char size[] = "{\"verb\":\"winsize\",\"rows\":1,\"cols\":1}";
	struct run r;
	int proxy;

	(void)state;
	ring_fake_guest = RING_FAKE_RUNS;
	begin(&r, 0);
	start(&r);
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
	ring_fake_guest = RING_FAKE_RUNS;
	begin(&r, 0);
	start(&r);
	proxy = ask_for_exec(r.caller, "n", 1, NULL);
	receive(r.caller, r.last, sizeof r.last);
	assert_non_null(strstr(r.last, "\"code\": 5, \"text\": \"there is no reason\""));
	close(proxy);
	end_sleeper(&r);
}

/* A later command's connection. */
static int connect_to_monitor(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/c1/monitor.sock", root);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
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
	ring_fake_guest = RING_FAKE_RUNS;
	begin(&r, 0);
	start(&r);
	proxy = ask_for_exec(r.caller, "w", 1, &out);
	close(out);
	receive(r.caller, r.last, sizeof r.last);
	assert_true(good(r.last));
	for (int i = 0; i < 12; i++) {
		later[i] = connect_to_monitor();
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

static size_t read_to_the_end(int fd)
{
	char text[65536];
	size_t all = 0;
	ssize_t n;

	while ((n = read(fd, text, sizeof text)) > 0)
		all += (size_t)n;
	return all;
}

static void who_asks_for_an_exec_and_is_killed_leaves_nothing(void **state)
{
	int command, proxy, out;
	char line[7] = "";
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_RUNS;
	begin(&r, 0);
	start(&r);
	command = connect_to_monitor();
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
	ring_fake_guest = RING_FAKE_RUNS;
	begin(&r, 0);
	start(&r);
	proxy = ask_for_exec(r.caller, "d", 1, &out);
	if (poll(&(struct pollfd){ .fd = r.caller, .events = POLLIN }, 1, 10000) == 1)
		receive(r.caller, r.last, sizeof r.last);
	assert_non_null(strstr(r.last, "the guest of container c1 has not answered an exec after 2 s (domlet_boot_timeout in t.cfg)"));
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
	int commands[200];
	unsigned int count = 0;
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_RUNS;
	begin(&r, 0);
	start(&r);
	for (; count < 200 && !strstr(r.last, "too many"); count++) {
		commands[count] = connect_to_monitor();
		ask_for_start(commands[count], r.last, sizeof r.last);
	}
	assert_non_null(strstr(r.last, "too many commands at once for the monitor of container c1"));
	assert_non_null(strstr(r.last, "\"code\": 11"));
	assert_true(count > 2 * DOMLET_PROCESS_MAX);
	for (unsigned int i = 0; i < count; i++)
		close(commands[i]);
	end_sleeper(&r);
}

static void who_kills_again_waits_no_longer(void **state)
{
	struct run r;
	int kills = 0;

	(void)state;
	ring_fake_guest = RING_FAKE_STUBBORN;
	begin(&r, 0);
	start(&r);
	do {
		send_signal(r.proxy, SIGKILL);
		receive(r.proxy, r.exit, sizeof r.exit);
	} while (good(r.exit) && ++kills < 20 && poll(&(struct pollfd){ .fd = r.proxy, .events = POLLIN }, 1, 500) == 0);
	assert_in_range(kills, 4, 14); /* 3 s, on a machine that may be busy */
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
}

/* A socket is the caller's, too: it keeps its flags, and yet nobody waits for it. */
static void a_socket_stays_as_it_is(void **state)
{
	int proxy, in[2], out[2];
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_RUNS;
	begin(&r, 0);
	start(&r);
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

static void a_lost_proxy_cuts_its_document(void **state)
{
	struct run r;
	int proxy;

	(void)state;
	ring_fake_guest = RING_FAKE_MISER;
	begin(&r, 0);
	start(&r);
	proxy = ask_for_exec(r.caller, document, DOMLET_STREAM_WINDOW + 1, NULL);
	close(proxy);
	receive(r.caller, r.last, sizeof r.last);
	assert_non_null(strstr(r.last, "the document is another one"));
	end_sleeper(&r);
}

static void output_outlives_the_domain(void **state)
{
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_DIES;
	begin(&r, 0);
	start(&r);
	assert_true(good(r.started));
	wait_unread(r.proxy);
	assert_int_equal(read_to_the_end(r.out), RING_FAKE_OUTPUT);
	finish(&r);
	assert_non_null(strstr(r.last, "shut down"));
	assert_string_equal(r.exit, "{\"exit\":137}");
}

static void output_of_an_exec_outlives_the_domain(void **state)
{
	struct run r;
	char text[64];
	int proxy, out;

	(void)state;
	ring_fake_guest = RING_FAKE_VANISHES;
	begin(&r, 0);
	start(&r);
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
	ring_fake_guest = RING_FAKE_RUNS;
	begin(&r, 0);
	start(&r);
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
	ring_fake_guest = RING_FAKE_RUNS;
	begin(&r, 0);
	start(&r);
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
	ring_fake_guest = RING_FAKE_DIES; /* a killed proxy */
	begin(&r, 0);
	start(&r);
	wait_unread(r.proxy);
	(void)shutdown(r.proxy, SHUT_RDWR);
	(void)snprintf(r.exit, sizeof r.exit, "-");
	finish(&r);
	for (int which = 0; which < 2; which++) {
		ring_fake_guest = RING_FAKE_VANISHES;
		begin(&r, 0);
		start(&r);
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
	ring_fake_guest = RING_FAKE_DEAF;
	begin(&r, 0);
	start(&r);
	assert_true(good(r.started));
	for (int i = 0; i < 40; i++) /* the ring and the outbox hold fewer */
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

static void callers_and_proxies_are_lost(void **state)
{
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_SLEEPS;
	for (int which = 0; which < 2; which++) {
		begin(&r, 0);
		start(&r);
		(void)shutdown(which ? r.proxy : r.caller, SHUT_RDWR);
		if (which) { /* then there is nobody to be told */
			receive(r.caller, r.last, sizeof r.last);
			assert_non_null(strstr(r.last, "the proxy of container c1 was killed"));
			(void)snprintf(r.exit, sizeof r.exit, "-");
		}
		finish(&r);
	}
}

/* Others build or destroy as many domains as may be at a time. */
static void an_end_comes_while_it_waits_to_build(void **state)
{
	const char *device = domlet_xen_turn_file;
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char file[100];
	struct run r;
	int turns;

	(void)state;
	(void)snprintf(file, sizeof file, "%s/turns", top);
	turns = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(fcntl(turns, F_OFD_SETLK, &all), 0);
	domlet_xen_turn_file = file;
	launch(&r, 0);
	(void)shutdown(r.proxy, SHUT_RDWR);
	(void)alarm(20); /* it would wait for two minutes */
	receive(r.caller, r.answer, sizeof r.answer);
	(void)snprintf(r.exit, sizeof r.exit, "-");
	finish(&r);
	(void)alarm(0);
	assert_non_null(strstr(r.answer, "the proxy of container c1 was killed"));
	assert_int_equal(seen->xen.calls > 0 && !seen->xen.domain, 1);
	close(turns);
	domlet_xen_turn_file = device;
}

static int set_up(void **state)
{
	(void)state;
	seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fill_document();
	strcpy(top, "/tmp/domlet-test-XXXXXX");
	if (seen == MAP_FAILED || !mkdtemp(top))
		return -1;
	(void)snprintf(root, sizeof root, "%s/run", top);
	(void)snprintf(log_path, sizeof log_path, "%s/log", top);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_call_fails, tear_down),
		cmocka_unit_test_teardown(each_call_fails_of_a_create, tear_down_attached),
		cmocka_unit_test(the_guest_refuses),
		cmocka_unit_test(the_domain_ends_before_the_start),
		cmocka_unit_test(a_lack_of_memory_is_logged),
		cmocka_unit_test(errors_are_positive),
		cmocka_unit_test(lies_change_nothing),
		cmocka_unit_test(the_guest_has_another_version),
		cmocka_unit_test(the_guest_breaks_the_protocol),
		cmocka_unit_test(signals_reach_the_guest),
		cmocka_unit_test(a_large_configuration_is_sent),
		cmocka_unit_test(a_large_process_object_is_sent),
		cmocka_unit_test(signals_for_an_ended_exec_are_dropped),
		cmocka_unit_test(a_closed_reader_makes_nobody_deaf),
		cmocka_unit_test(who_asks_for_an_exec_and_is_killed_leaves_nothing),
		cmocka_unit_test(a_guest_that_does_not_answer_an_exec_holds_nobody_up),
		cmocka_unit_test(there_is_room_for_all_commands),
		cmocka_unit_test(who_kills_again_waits_no_longer),
		cmocka_unit_test(a_socket_stays_as_it_is),
		cmocka_unit_test(a_lost_proxy_cuts_its_document),
		cmocka_unit_test(output_outlives_the_domain),
		cmocka_unit_test(output_of_an_exec_outlives_the_domain),
		cmocka_unit_test(the_first_proxy_ends_last),
		cmocka_unit_test(the_first_proxy_ends_in_time),
		cmocka_unit_test(output_is_dropped_when_nobody_waits),
		cmocka_unit_test(the_guest_stops_reading),
		cmocka_unit_test(callers_and_proxies_are_lost),
		cmocka_unit_test_teardown(an_end_comes_while_it_waits_to_build, tear_down),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down) || rmdir(top);
}
