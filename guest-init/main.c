// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domlet-init, process 1 of a domain: boots, announces the ring, and then
 * does what the monitor's messages say until it is told to shut down.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#include "../frontend/device.h"
#include "../frontend/proto/link.h"
#include "boot.h"
#include "config.h"
#include "fetch.h"
#include "process.h"

struct relay { /* one output of a process, or its input's backlog */
	bool open, eof_sent;
};

struct guest_process {
	struct domlet_process p;
	uint32_t container, create_request, start_request;
	bool ready, started, exited, reported;
	int status; /* of waitpid */
	struct relay out[2]; /* stdout, stderr */
	uint8_t *backlog;    /* stdin bytes that the pipe refused: one window */
	uint32_t backlog_len;
	bool stdin_eof;
};

struct init {
	struct xs_handle *xs;
	struct domlet_device device;
	struct domlet_link link;
	int signal_fd;
	uint64_t boot_ns;
	struct guest_process processes[DOMLET_PROCESS_MAX];
	struct domlet_container_config configs[DOMLET_CONTAINER_MAX];
};

static struct init the; /* process 1 has one of everything */

/* At less room than this domlet_link_reserve() may refuse data, and a poll
 * for readable output would return at once for ever. */
#define RING_SPARE ((int64_t)(4096 + DOMLET_FRAME_HEADER_LEN))

static _Noreturn void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static _Noreturn void give_up(const char *why)
{
	domlet_failure_log("%s", why);
	power_off();
}

static void send_message(const struct domlet_msg *m)
{
	if (domlet_link_send(&the.link, m) < 0)
		give_up("the monitor has stopped reading");
}

static void reply(uint32_t request, const struct domlet_failure *f)
{
	struct domlet_msg m = { .type = DOMLET_MSG_REPLY, .request = request };

	if (!request)
		return;
	m.reply.code = f ? f->code : 0;
	if (f && f->code) {
		m.reply.text.ptr = (const uint8_t *)f->text;
		m.reply.text.len = (uint32_t)strnlen(f->text, sizeof f->text);
	}
	send_message(&m);
}

static struct guest_process *find(uint32_t number)
{
	for (size_t i = 0; number && i < DOMLET_PROCESS_MAX; i++)
		if (the.processes[i].p.number == number)
			return &the.processes[i];
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void on_create(uint32_t request, const struct domlet_msg_create *m)
{
	struct domlet_failure failure = { 0 };
	struct domlet_container_config *c;
	struct guest_process *g = NULL;
	char *text = NULL;

	for (size_t i = 0; i < DOMLET_PROCESS_MAX && !g; i++)
		if (!the.processes[i].p.number)
			g = &the.processes[i];
	if (!g || m->container >= DOMLET_CONTAINER_MAX || m->process == 0 || find(m->process) || m->sha256.len != 32 ||
	    m->source != 0) {
		(void)domlet_failure_set(&failure, EINVAL, "the guest can't take container %u with process %u",
					 m->container, m->process);
		reply(request, &failure);
		return;
	}
	c = &the.configs[m->container];
	if (domlet_fetch_document(the.xs, m->container, m->generation, m->length, m->sha256.ptr, &text, &failure) < 0 ||
	    domlet_config_parse(c, text, m->length, &failure) < 0) {
		free(text);
		reply(request, &failure);
		return;
	}
	free(text);
	memset(g, 0, sizeof *g);
	if (domlet_process_spawn(&g->p, c, m->container, &failure) < 0) {
		domlet_config_free(c);
		reply(request, &failure);
		return;
	}
	g->p.number = m->process;
	g->container = m->container;
	g->create_request = request;
	for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR; k++)
		(void)domlet_link_open(&the.link, domlet_stream_id(m->process, k));
	g->out[0].open = true;
	g->out[1].open = !g->p.terminal;
}

static void on_start(uint32_t request, const struct domlet_msg_start *m)
{
	struct domlet_failure failure = { 0 };

	for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++) {
		struct guest_process *g = &the.processes[i];

		if (!g->p.number || g->container != m->container || !g->ready || g->started)
			continue;
		g->started = true;
		g->start_request = request;
		(void)!write(g->p.go_fd, "g", 1);
		close_fd(&g->p.go_fd);
		return;
	}
	(void)domlet_failure_set(&failure, EINVAL, "cannot start a container that has stopped");
	reply(request, &failure);
}

static void on_signal(uint32_t request, const struct domlet_msg_signal *m)
{
	struct domlet_failure failure = { 0 };
	bool any = false;

	for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++) {
		struct guest_process *g = &the.processes[i];

		if (!g->p.number || g->exited || (m->all ? g->container != m->container : g->p.number != m->process))
			continue;
		any = kill(g->p.pid, (int)m->signo) == 0 || any;
	}
	if (!any)
		(void)domlet_failure_set(&failure, ESRCH, "os: process already finished");
	reply(request, &failure);
}

static void on_message(const struct domlet_msg *m)
{
	struct domlet_failure failure = { 0 };
	struct guest_process *g;

	switch (m->type) {
	case DOMLET_MSG_WELCOME:
		return;
	case DOMLET_MSG_CREATE:
		on_create(m->request, &m->create);
		return;
	case DOMLET_MSG_START:
		on_start(m->request, &m->start);
		return;
	case DOMLET_MSG_SIGNAL:
		on_signal(m->request, &m->signal);
		return;
	case DOMLET_MSG_WINSIZE:
		g = find(m->winsize.process);
		if (g && g->p.terminal && g->p.in_fd >= 0)
			(void)ioctl(g->p.in_fd, TIOCSWINSZ, &(struct winsize){
				.ws_row = (unsigned short)m->winsize.rows, .ws_col = (unsigned short)m->winsize.cols });
		reply(m->request, NULL);
		return;
	case DOMLET_MSG_SHUTDOWN:
		power_off();
	case DOMLET_MSG_PING:
		reply(m->request, NULL);
		return;
	default:
		(void)domlet_failure_set(&failure, ENOSYS, "this guest does not know %s yet", domlet_msg_name(m->type));
		reply(m->request, &failure);
	}
}

/* Writes as much as the pipe takes; what it refuses waits in the backlog. */
static void to_stdin(struct guest_process *g, uint32_t stream, const uint8_t *data, size_t len)
{
	size_t done = 0;

	if (g->p.in_fd >= 0 && g->backlog_len == 0) {
		ssize_t n = write(g->p.in_fd, data, len);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			close_fd(&g->p.in_fd);
		done = n > 0 ? (size_t)n : 0;
	}
	if (g->p.in_fd < 0)
		done = len; /* nobody reads any more */
	domlet_link_credit(&the.link, stream, done);
	if (done == len)
		return;
	if (!g->backlog)
		g->backlog = malloc(DOMLET_STREAM_WINDOW);
	if (!g->backlog || len - done > DOMLET_STREAM_WINDOW - g->backlog_len)
		give_up("more input than was credited");
	memcpy(g->backlog + g->backlog_len, data + done, len - done);
	g->backlog_len += (uint32_t)(len - done);
}

static void end_stdin(struct guest_process *g)
{
	if (g->p.terminal && g->p.in_fd >= 0)
		(void)!write(g->p.in_fd, "\004", 1);
	else
		close_fd(&g->p.in_fd);
	g->stdin_eof = false;
}

static void drain_backlog(struct guest_process *g)
{
	uint32_t stream = domlet_stream_id(g->p.number, DOMLET_STREAM_STDIN);
	ssize_t n;

	if (g->backlog_len && g->p.in_fd >= 0) {
		n = write(g->p.in_fd, g->backlog, g->backlog_len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			close_fd(&g->p.in_fd);
		if (n > 0) {
			g->backlog_len -= (uint32_t)n;
			memmove(g->backlog, g->backlog + n, g->backlog_len);
			domlet_link_credit(&the.link, stream, (size_t)n);
		}
	}
	if (g->p.in_fd < 0 && g->backlog_len) {
		domlet_link_credit(&the.link, stream, g->backlog_len);
		g->backlog_len = 0;
	}
	if (g->stdin_eof && !g->backlog_len)
		end_stdin(g);
}

static bool receive(void)
{
	struct domlet_link_event ev;
	struct guest_process *g;
	bool any = false;

	for (;;) {
		domlet_link_next(&the.link, &ev);
		g = find(ev.stream >> 2);
		switch (ev.type) {
		case DOMLET_LINK_IDLE:
			return any;
		case DOMLET_LINK_MSG:
			on_message(&ev.msg);
			break;
		case DOMLET_LINK_DATA:
			if (g)
				to_stdin(g, ev.stream, ev.data, ev.len);
			domlet_link_taken(&the.link, ev.len);
			break;
		case DOMLET_LINK_EOF:
			if (g && g->backlog_len)
				g->stdin_eof = true;
			else if (g)
				end_stdin(g);
			break;
		case DOMLET_LINK_RESET:
			if (g && (ev.stream & 3) == DOMLET_STREAM_STDOUT)
				close_fd(&g->p.out_fd);
			else if (g && (ev.stream & 3) == DOMLET_STREAM_STDERR)
				close_fd(&g->p.err_fd);
			break;
		case DOMLET_LINK_ROOM:
			break;
		case DOMLET_LINK_BROKEN:
			give_up(ev.reason);
		}
		any = true;
	}
}

/* Moves one output into the ring; true when it did something. */
static bool relay_output(struct guest_process *g, int which)
{
	uint32_t stream = domlet_stream_id(g->p.number, which ? DOMLET_STREAM_STDERR : DOMLET_STREAM_STDOUT);
	int *fd = which ? &g->p.err_fd : &g->p.out_fd;
	size_t len = DOMLET_FRAME_PAYLOAD_MAX;
	uint8_t *span;
	ssize_t n;

	if (!g->out[which].open)
		return false;
	if (*fd < 0)
		n = 0;
	else {
		span = domlet_link_reserve(&the.link, stream, &len);
		if (!span)
			return false;
		n = read(*fd, span, len);
		domlet_link_commit(&the.link, n > 0 ? (size_t)n : 0);
		if (n > 0)
			return true;
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
	}
	if (domlet_link_send_eof(&the.link, stream) < 0)
		return false;
	close_fd(fd);
	g->out[which].open = false;
	return true;
}

static void read_status(struct guest_process *g)
{
	struct domlet_failure failure = { 0 };
	ssize_t n = read(g->p.status_fd, &failure, sizeof failure);

	if (n < 0)
		return;
	if (n != (ssize_t)sizeof failure) { /* end: exec succeeded, or the child died */
		close_fd(&g->p.status_fd);
		if (g->start_request)
			reply(g->start_request, NULL);
		else if (g->create_request) {
			(void)domlet_failure_set(&failure, ECHILD, "the container's first process died while it was set up");
			reply(g->create_request, &failure);
		}
		g->start_request = g->create_request = 0;
		return;
	}
	failure.text[sizeof failure.text - 1] = '\0';
	g->ready = g->ready || failure.code == 0;
	reply(g->create_request ? g->create_request : g->start_request, &failure);
	g->create_request = g->start_request = 0;
}

static void reap(void)
{
	struct signalfd_siginfo si;
	int status;
	pid_t pid;

	while (read(the.signal_fd, &si, sizeof si) == (ssize_t)sizeof si)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++)
			if (the.processes[i].p.number && the.processes[i].p.pid == pid) {
				the.processes[i].exited = true;
				the.processes[i].status = status;
			}
}

static void report_exit(struct guest_process *g)
{
	struct domlet_msg m = { .type = DOMLET_MSG_EXITED };

	if (!g->exited || g->reported || g->out[0].open || g->out[1].open || g->p.status_fd >= 0)
		return;
	m.exited.process = g->p.number;
	m.exited.signo = WIFSIGNALED(g->status) ? (uint32_t)WTERMSIG(g->status) : 0;
	m.exited.code = m.exited.signo ? 128 + m.exited.signo : (uint32_t)WEXITSTATUS(g->status);
	send_message(&m);
	g->reported = true;
}

static bool work_once(void)
{
	bool any = receive();

	for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++) {
		struct guest_process *g = &the.processes[i];

		if (!g->p.number)
			continue;
		if (g->p.status_fd >= 0)
			read_status(g);
		drain_backlog(g);
		any = relay_output(g, 0) || any;
		any = relay_output(g, 1) || any;
		report_exit(g);
	}
	return any;
}

static void add_poll(struct pollfd *fds, nfds_t *n, int fd, short events)
{
	if (fd >= 0)
		fds[(*n)++] = (struct pollfd){ .fd = fd, .events = events };
}

static void loop(void)
{
	static struct pollfd fds[2 + DOMLET_PROCESS_MAX * 4];
	nfds_t n;
	bool waits;

	for (;;) {
		while (work_once())
			;
		waits = domlet_link_flush(&the.link);
		if (domlet_ring_take_notify(&the.device.ring))
			(void)domlet_device_notify(&the.device);
		n = 0;
		add_poll(fds, &n, domlet_device_fd(&the.device), POLLIN);
		add_poll(fds, &n, the.signal_fd, POLLIN);
		for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++) {
			struct guest_process *g = &the.processes[i];
			uint32_t number = g->p.number;

			if (!number)
				continue;
			add_poll(fds, &n, g->p.status_fd, POLLIN);
			if (g->backlog_len)
				add_poll(fds, &n, g->p.in_fd, POLLOUT);
			for (int k = 0; k < 2; k++) {
				if (!g->out[k].open ||
				    !domlet_link_has_credit(&the.link, domlet_stream_id(number, k ? DOMLET_STREAM_STDERR : DOMLET_STREAM_STDOUT)))
					continue;
				if (waits || domlet_ring_room(&the.device.ring) <= RING_SPARE)
					waits = true; /* the ring is full: its event wakes us */
				else
					add_poll(fds, &n, k ? g->p.err_fd : g->p.out_fd, POLLIN);
			}
		}
		if (domlet_ring_arm(&the.device.ring, waits)) {
			domlet_ring_disarm(&the.device.ring);
			continue;
		}
		(void)poll(fds, n, -1);
		domlet_ring_disarm(&the.device.ring);
		if (fds[0].revents)
			(void)domlet_device_drain(&the.device);
		if (fds[1].revents)
			reap();
	}
}

static void say_hello(void)
{
	struct domlet_msg m = { .type = DOMLET_MSG_HELLO };
	struct utsname u;

	(void)uname(&u);
	m.hello.version = DOMLET_PROTO_VERSION;
	m.hello.boot_ns = the.boot_ns;
	m.hello.kernel.ptr = (const uint8_t *)u.release;
	m.hello.kernel.len = (uint32_t)strlen(u.release);
	send_message(&m);
}

/* An initrd without /dev/console leaves 0, 1 and 2 closed; the next pipe would
 * take their numbers, and the child's dup2() would then close it. */
static void hold_standard_streams(void)
{
	int fd;

	do {
		fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(void)
{
	struct domlet_failure failure = { 0 };
	struct timespec now;
	char err[256];
	sigset_t all;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	the.boot_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (getpid() != 1) {
		(void)fprintf(stderr, "domlet-init is process 1 of a domlet domain; it does nothing elsewhere\n");
		return 2;
	}
	domlet_failure_log("started");
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	if (domlet_boot_mounts(&failure) < 0)
		give_up(failure.text);
	hold_standard_streams();
	the.signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	the.xs = xs_open(0);
	if (!the.xs)
		give_up("can't reach xenstore");
	if (domlet_boot_seed(the.xs, &failure) < 0)
		domlet_failure_log("%s", failure.text);
	if (domlet_device_open(&the.device, the.xs, DOMLET_RING_ORDER_DEFAULT, 1, err, sizeof err) < 0)
		give_up(err);
	domlet_link_init(&the.link, &the.device.ring, DOMLET_RING_GUEST, 1);
	say_hello();
	domlet_failure_log("ring ready");
	loop();
}
