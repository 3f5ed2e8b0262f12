/* SPDX-License-Identifier: GPL-2.0-or-later */
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../frontend/proto/link.h"
#include "../../frontend/proto/sha256.h"
#include "../../toolstack/monitor/monitor.h"
#include "monitor_run.h"

char document[17u << 20];
size_t document_len;
bool detached, kept;
int out_file = -1;
unsigned int full_from, full_for;
struct seen *seen;
char top[64], root[80], log_path[80];

int __real_domlet_state_save(const struct domlet_state *st, struct domlet_error *err);
int __wrap_domlet_state_save(const struct domlet_state *st, struct domlet_error *err);

/* The monitor's. */
int __wrap_domlet_state_save(const struct domlet_state *st, struct domlet_error *err)
{
	bool full = full_from && ++seen->saves >= full_from && seen->saves - full_from < full_for;
	struct rlimit before, none;
	int r;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){ .rlim_max = before.rlim_max };
	if (full)
		(void)setrlimit(RLIMIT_FSIZE, &none);
	r = __real_domlet_state_save(st, err);
	(void)setrlimit(RLIMIT_FSIZE, &before);
	return r;
}

void __real_domlet_link_next(struct domlet_link *l, struct domlet_link_event *ev);
void __wrap_domlet_link_next(struct domlet_link *l, struct domlet_link_event *ev);

void __wrap_domlet_link_next(struct domlet_link *l, struct domlet_link_event *ev)
{
	if (l->role == DOMLET_RING_HOST)
		ring_fake_refill();
	__real_domlet_link_next(l, ev);
}

static _Noreturn void be_monitor(int caller, int proxy, const int stdio[3], unsigned int fail_at)
{
	static struct domlet_plan plan = { .id = (char *)"c1", .document = (char *)"{}", .document_len = 2 };
	struct domlet_template tmpl = { .path = (char *)"t.cfg",
					.kernel = (char *)"/proc/self/exe",
					.type = "pvh",
					.vcpus = 1,
					.memory_kib = 65536,
					.boot_timeout_s = ring_fake_guest == RING_FAKE_AGENT ? 60 : 2 };
	struct domlet_log log;
	struct domlet_error err;
	struct domlet_state st;
	struct domlet_launch launch = { .plan = &plan,
					.state = &st,
					.tmpl = &tmpl,
					.caller_fd = caller,
					.proxy_fd = proxy,
					.foreground = !detached,
					.keep = kept,
					.log = &log };
	int status;

	if (domlet_log_open(&log, log_path, "text", false, &err) < 0 || domlet_state_create(root, "c1", &st, &err) < 0)
		_exit(99);
	(void)snprintf(st.uuid, sizeof st.uuid, "12345678-1234-1234-1234-123456789012");
	if (document_len) {
		plan.document = document;
		plan.document_len = document_len;
		domlet_sha256(document, document_len, plan.sha256);
	}
	memcpy(launch.stdio, stdio, sizeof launch.stdio);
	xen_fake_reset(NULL, fail_at);
	xen_fake.guest_silent = ring_fake_guest == RING_FAKE_SILENT;
	status = domlet_monitor_main(&launch);
	seen->xen = xen_fake;
	if (xen_fake.failed)
		(void)snprintf(seen->failed, sizeof seen->failed, "%s", xen_fake.failed);
	_exit(status);
}

bool good(const char *answer)
{
	return strcmp(answer, "{ \"code\": 0 }") == 0 || strcmp(answer, "{\"code\":0}") == 0;
}

void receive(int fd, char *text, size_t len)
{
	ssize_t n = recv(fd, text, len - 1, 0);

	text[n > 0 ? n : 0] = '\0';
}

void launch(struct run *r, unsigned int fail_at)
{
	int caller[2], proxy[2], in[2] = { -1, -1 }, out[2], err[2] = { -1, -1 };

	memset(r, 0, sizeof *r);
	memset(seen, 0, sizeof *seen);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, caller), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, proxy), 0);
	assert_int_equal(pipe(out), 0);
	if (ring_fake_guest == RING_FAKE_AGENT)
		assert_int_equal(pipe(in) | pipe(err), 0);
	(void)fflush(NULL);
	r->pid = fork();
	if (r->pid == 0) {
		close(caller[0]);
		close(proxy[0]);
		close(in[1]);
		close(out[0]);
		close(err[0]);
		be_monitor(caller[1], proxy[1], (const int[3]){ in[0], out_file >= 0 ? out_file : out[1], err[1] },
			   fail_at);
	}
	close(caller[1]);
	close(proxy[1]);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	r->caller = caller[0];
	r->proxy = proxy[0];
	r->in = in[1];
	r->out = out[0];
	r->err = err[0];
}

void begin(struct run *r, unsigned int fail_at)
{
	launch(r, fail_at);
	receive(r->caller, r->answer, sizeof r->answer);
}

void start(struct run *r)
{
	static const char verb[] = "{\"verb\":\"start\"}";

	(void)send(r->caller, verb, strlen(verb), MSG_NOSIGNAL);
	receive(r->caller, r->started, sizeof r->started);
}

void begin_started(struct run *r, enum ring_fake_guest guest)
{
	ring_fake_guest = guest;
	begin(r, 0);
	start(r);
}

int tear_down(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s/*", top);
	return system(command);
}

int tear_down_attached(void **state)
{
	detached = false;
	full_from = full_for = 0;
	return tear_down(state);
}

void finish(struct run *r)
{
	struct domlet_error err;
	struct domlet_state st;
	bool recorded;
	int status;

	if (!r->exit[0] || good(r->exit))
		receive(r->proxy, r->exit, sizeof r->exit);
	if (read(r->out, r->output, sizeof r->output - 1) < 0 ||
	    (r->err >= 0 && read(r->err, r->errors, sizeof r->errors - 1) < 0))
		abort();
	receive(r->caller, r->last, sizeof r->last);
	close(r->proxy);
	close(r->caller);
	close(r->in);
	close(r->out);
	close(r->err);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
	recorded = domlet_state_load(root, "c1", &st, &err) == 0;
	/* A domain that can't be destroyed must not be forgotten. */
	assert_int_equal(recorded, seen->xen.domain || ((detached || kept) && good(r->answer)));
	if (recorded) {
		assert_int_equal(st.domid == DOMLET_DOMID_NONE, !seen->xen.domain);
		assert_int_equal(st.status, DOMLET_STATUS_STOPPED);
		(void)snprintf(r->reason, sizeof r->reason, "%s", st.reason ? st.reason : "");
		domlet_state_free(&st);
		assert_int_equal(tear_down(NULL), 0);
	}
	assert_string_not_equal(r->exit, "");
	assert_int_equal(seen->xen.open_operations, 0);
	if (seen->xen.domain)
		assert_non_null(strstr(seen->failed, "destroy"));
}

static void fill_document(void)
{
	for (size_t i = 0; i < sizeof document; i++)
		document[i] = (char)('a' + i * 31 % 23 + i / 65536 % 3);
}

void end_sleeper(struct run *r)
{
	end_by(r, SIGTERM);
}

void end_by(struct run *r, int signo)
{
	send_signal(r->proxy, signo);
	do /* the answer to the signal comes first */
		receive(r->proxy, r->exit, sizeof r->exit);
	while (good(r->exit));
	finish(r);
}

void wait_unread(int fd)
{
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 300), 0);
}

void reasoned(const char *answer)
{
	const char *text = strstr(answer, "\"text\"");

	if (!text || strlen(text) < 20)
		fail_msg("no reason: %s", answer);
}

void send_signal(int fd, int signo)
{
	char text[64];

	(void)snprintf(text, sizeof text, "{\"verb\":\"signal\",\"signo\":%d}", signo);
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

size_t read_to_the_end(int fd)
{
	char text[65536];
	size_t all = 0;
	ssize_t n;

	while ((n = read(fd, text, sizeof text)) > 0)
		all += (size_t)n;
	return all;
}

int ask_for_exec_with(int caller, const char *text, size_t len, int in, int out)
{
	const char *verb = isatty(out) ? "{\"verb\":\"exec\",\"terminal\":1}" : "{\"verb\":\"exec\"}";
	union {
		char bytes[CMSG_SPACE(5 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = (char *)(uintptr_t)verb, .iov_len = strlen(verb) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
	};
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

int ask_for_exec(int caller, const char *text, size_t len, int *out)
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

void expect_exit(int proxy, const char *expected)
{
	char text[1200];

	do
		receive(proxy, text, sizeof text);
	while (good(text));
	assert_string_equal(text, expected);
}

int set_up(void **state)
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

int tear_down_all(void **state)
{
	return tear_down(state) || rmdir(top);
}

void fill_output(int full[2])
{
	static const char filling[65536];

	assert_int_equal(pipe2(full, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(full[1], filling, sizeof filling) > 0)
		;
	out_file = full[1];
}
