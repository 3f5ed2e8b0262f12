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
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../frontend/proto/link.h"
#include "../../toolstack/base/file.h"
#include "../../toolstack/monitor/monitor.h"
#include "monitor_run.h"

char document[17u << 20];
size_t document_len;
bool detached, kept;
int out_file = -1;
bool forges;
unsigned int full_from, full_for, targets_refused;
bool may_grow;
struct seen *seen;
char top[32], root[80], domains[48], log_path[80];

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

/* What a command records before it starts a monitor, in whose place it is until then. */
static void record(struct domlet_domain_record *d)
{
	struct domlet_error err;
	struct domlet_state st;

	*d = (struct domlet_domain_record){ .uuid = UUID, .name = "domlet-c1", .type = "pvh", .domid = DOMLET_DOMID_NONE };
	if (domlet_state_create(root, "c1", &st, &err) < 0)
		fail_msg("%s", err.text);
	d->monitor = st.monitor;
	(void)strcpy(st.uuid, UUID);
	st.generation = DOMLET_MONITOR_FIRST_GENERATION;
	if (__real_domlet_state_save(&st, &err) < 0 || domlet_domain_record_create(domains, d, &err) < 0)
		fail_msg("%s", err.text);
	domlet_state_free(&st);
}

static _Noreturn void be_monitor(struct domlet_domain_record *d, int caller, unsigned int fail_at)
{
	struct domlet_template tmpl = { .path = (char *)"t.cfg",
					.kernel = (char *)"/proc/self/exe",
					.type = "pvh",
					.vcpus = 1,
					.memory_kib = 65536,
					.memory_max_kib = may_grow || targets_refused ? UINT64_MAX : 0,
					.boot_timeout_s = ring_fake_guest == RING_FAKE_AGENT ? 60 : 2 };
	struct domlet_log log;
	struct domlet_error err;
	struct domlet_monitor_spec spec = { .record = d, .tmpl = &tmpl, .first = caller, .log = &log };
	int status;

	if (domlet_log_open(&log, log_path, "text", false, &err) < 0 || domlet_pid_of(getpid(), &d->monitor) < 0)
		_exit(99);
	xen_fake_reset(NULL, fail_at);
	xen_fake.targets_refused = targets_refused;
	xen_fake.guest_silent = ring_fake_guest == RING_FAKE_SILENT;
	status = domlet_monitor_main(&spec);
	seen->xen = xen_fake;
	if (xen_fake.failed)
		(void)snprintf(seen->failed, sizeof seen->failed, "%s", xen_fake.failed);
	_exit(status);
}

void send_packet(int fd, const char *text, const int *fds, size_t count)
{
	union {
		char bytes[CMSG_SPACE((DOMLET_MONITOR_FDS_MAX + 1) * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = (char *)(uintptr_t)text, .iov_len = strlen(text) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = count ? control.bytes : NULL,
			      .msg_controllen = count ? CMSG_SPACE(count * sizeof(int)) : 0 };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (c) {
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	(void)sendmsg(fd, &msg, MSG_NOSIGNAL);
}

void bring(int caller, const char *id, const int stdio[3], int proxy)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), file = memfd_create("document", MFD_CLOEXEC);
	const int fds[] = {
		stdio[0] >= 0 ? stdio[0] : null, stdio[1], stdio[2] >= 0 ? stdio[2] : null, proxy, file, null, null
	};
	const char *text = document_len ? document : "{}";
	size_t len = document_len ? document_len : 2;
	char packet[400];

	assert_int_equal(write(file, text, len), len);
	(void)snprintf(packet, sizeof packet,
		       "{\"verb\":\"create\",\"version\":4,\"root\":\"%s\",\"id\":\"%s\",\"foreground\":%s,\"keep\":%s,"
		       "\"keeps\":true,\"forges\":%s,\"memory\":65536,\"vcpus\":1}",
		       root, id, detached ? "false" : "true", kept ? "true" : "false", forges ? "true" : "false");
	send_packet(caller, packet, fds, sizeof fds / sizeof fds[0]);
	close(null);
	close(file);
}

bool good(const char *answer)
{
	return strcmp(answer, "{ \"code\": 0 }") == 0 || strcmp(answer, "{\"code\":0}") == 0;
}

void receive(int fd, char *text, size_t len)
{
	ssize_t n;

	/* A monitor that closes with a packet unread resets us once; its answer can still be read. */
	do
		n = recv(fd, text, len - 1, 0);
	while (n < 0 && errno == ECONNRESET);
	text[n > 0 ? n : 0] = '\0';
}

void launch(struct run *r, unsigned int fail_at)
{
	int caller[2], proxy[2], in[2] = { -1, -1 }, out[2], err[2] = { -1, -1 };
	struct domlet_domain_record d;

	memset(r, 0, sizeof *r);
	memset(seen, 0, sizeof *seen);
	record(&d);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, caller), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, proxy), 0);
	assert_int_equal(pipe(out), 0);
	if (ring_fake_guest == RING_FAKE_AGENT)
		assert_int_equal(pipe(in) | pipe(err), 0);
	(void)fflush(NULL);
	r->pid = fork();
	if (r->pid == 0) {
		close(caller[0]);
		for (int i = 0; i < 2; i++) {
			close(proxy[i]);
			close(in[i]);
			close(out[i]);
			close(err[i]);
		}
		be_monitor(&d, caller[1], fail_at);
	}
	close(caller[1]);
	bring(caller[0], "c1", (const int[3]){ in[0], out_file >= 0 ? out_file : out[1], err[1] }, proxy[1]);
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

/* Whether no monitor has had the container, or one has given it back: its command removes it, which is us. */
static bool is_ours(void)
{
	struct domlet_state st;
	bool ours;

	if (domlet_state_load(root, "c1", &st, NULL) < 0)
		return false;
	ours = st.status == DOMLET_STATUS_CREATING && (st.monitor.pid == getpid() || !st.monitor.pid);
	if (ours)
		assert_int_equal(domlet_state_remove(&st, NULL), 0);
	domlet_state_free(&st);
	return ours;
}

static void hear_the_end(struct run *r)
{
	if (!r->exit[0] || good(r->exit))
		receive(r->proxy, r->exit, sizeof r->exit);
	if (read(r->out, r->output, sizeof r->output - 1) < 0 ||
	    (r->err >= 0 && read(r->err, r->errors, sizeof r->errors - 1) < 0))
		abort();
	r->untaken = is_ours();
	if (r->untaken) /* nobody else comes */
		(void)shutdown(r->caller, SHUT_WR);
	receive(r->caller, r->last, sizeof r->last);
	close(r->proxy);
	close(r->caller);
	close(r->in);
	close(r->out);
	close(r->err);
}

void finish(struct run *r)
{
	struct domlet_domain_record d;
	struct domlet_error err;
	struct domlet_state st;
	bool recorded;
	int status;

	hear_the_end(r);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
	recorded = domlet_state_load(root, "c1", &st, &err) == 0;
	/* Nor is the container of a domain that can't be destroyed. */
	assert_int_equal(recorded, ((detached || kept) && good(r->answer)) || (seen->xen.domain && !r->untaken));
	if (recorded) {
		assert_int_equal(st.monitor.pid, 0); /* it is nobody's to write */
		assert_int_equal(st.status, DOMLET_STATUS_STOPPED);
		(void)snprintf(r->reason, sizeof r->reason, "%s", st.reason ? st.reason : "");
		domlet_state_free(&st);
	}
	/* A domain that can't be destroyed must not be forgotten, and is the next command's to destroy. */
	assert_int_equal(domlet_domain_record_exists(domains, UUID), seen->xen.domain);
	if (seen->xen.domain) {
		assert_int_equal(domlet_domain_record_load(domains, UUID, &d, &err), 0);
		assert_int_equal(d.monitor.pid, 0);
		domlet_domain_record_free(&d);
	}
	if (recorded || seen->xen.domain)
		assert_int_equal(tear_down(NULL), 0);
	assert_int_equal(r->exit[0] == '\0', r->untaken);
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
	int pair[2], fds[5];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	fds[0] = in;
	fds[1] = fds[2] = out;
	fds[3] = pair[1];
	fds[4] = memfd_create("process", 0);
	assert_int_equal(write(fds[4], text, len), len);
	send_packet(caller, verb, fds, sizeof fds / sizeof fds[0]);
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

int connect_to_monitor(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/%s/monitor.sock", domains, UUID);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

void be_about(int fd, unsigned int number, unsigned int generation)
{
	char text[100];

	(void)snprintf(text, sizeof text, "{\"verb\":\"about\",\"number\":%u,\"generation\":%u}", number, generation);
	send_packet(fd, text, NULL, 0);
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
	(void)snprintf(domains, sizeof domains, "%s/domains", top);
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

unsigned int count_in_log(const char *what)
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
