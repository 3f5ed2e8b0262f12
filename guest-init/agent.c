// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "device_filter.h"

static void send_message(struct agent *a, const struct domlet_msg *m)
{
	if (domlet_link_send(&a->link, m) < 0)
		domlet_agent_end("the monitor has stopped reading");
}

static void reply(struct agent *a, uint32_t request, const struct domlet_failure *f)
{
	struct domlet_msg m = { .type = DOMLET_MSG_REPLY, .request = request };

	if (!request)
		return;
	m.reply.code = f ? f->code : 0;
	if (f && f->code) {
		m.reply.text.ptr = (const uint8_t *)f->text;
		m.reply.text.len = (uint32_t)strnlen(f->text, sizeof f->text);
	}
	send_message(a, &m);
}

static struct guest_process *find(struct agent *a, uint32_t number)
{
	for (size_t i = 0; number && i < DOMLET_PROCESS_MAX; i++)
		if (a->processes[i].p.number == number)
			return &a->processes[i];
	return NULL;
}

static struct guest_container *find_container(struct agent *a, uint32_t number)
{
	return number < DOMLET_CONTAINER_MAX && a->containers[number].used ? &a->containers[number] : NULL;
}

static struct guest_process *first_process(struct agent *a, const struct guest_container *c)
{
	for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++)
		if (a->processes[i].p.number && a->processes[i].container == c && a->processes[i].first)
			return &a->processes[i];
	return NULL;
}

/* A free slot for process NUMBER, or NULL with *failure. */
static struct guest_process *take_slot(struct agent *a, uint32_t number, struct domlet_failure *failure)
{
	if (number == 0 || number > DOMLET_PROCESS_MAX || find(a, number)) {
		(void)domlet_failure_set(failure, EINVAL, "process number %u is not free in the guest", number);
		return NULL;
	}
	for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++)
		if (!a->processes[i].p.number)
			return &a->processes[i];
	(void)domlet_failure_set(failure, ENOSPC, "the guest runs %u processes already, as many as it can",
				 DOMLET_PROCESS_MAX);
	return NULL;
}

static void claim(struct guest_process *g, uint32_t number, struct guest_container *c, uint32_t request)
{
	memset(g, 0, sizeof *g);
	domlet_process_init(&g->p);
	g->p.number = number;
	g->container = c;
	g->request = request;
}

static void release(struct agent *a, struct guest_process *g)
{
	free(g->document);
	domlet_link_close(&a->link, domlet_stream_id(g->p.number, DOMLET_STREAM_CONFIG));
	domlet_streams_close(a, g);
	domlet_process_close(&g->p);
	memset(g, 0, sizeof *g);
}

/* Making processes. A configuration that came with the message or waits in
 * xenstore is there at once; one that comes as a stream is awaited. */

/* There is no such process after all. */
static void refuse(struct agent *a, struct guest_process *g, const struct domlet_failure *failure)
{
	reply(a, g->request, failure);
	if (g->first)
		g->container->deleting = true;
	release(a, g);
}

static int create_first(struct agent *a, struct guest_process *g, const char *text, size_t len,
			struct domlet_failure *failure)
{
	struct guest_container *c = g->container;
	int r = domlet_config_parse(&c->config, text, len, failure);

	if (r == 0 && a->cgroups)
		r = c->cgroup_fd = domlet_cgroup_create(c->number, &c->config.resources, failure);
	if (r >= 0)
		r = domlet_process_create(&g->p, &c->config, c->number, c->cgroup_fd, failure);
	if (r == 0)
		c->pidfd = pidfd_open(g->p.pid, 0);
	return r;
}

/* Consumes CGROUP_FD. */
static int exec_in(struct guest_process *g, const struct domlet_process_config *p, int cgroup_fd,
		   struct domlet_failure *failure)
{
	const struct guest_container *c = g->container;
	int r = cgroup_fd < 0 ? cgroup_fd : domlet_process_exec(&g->p, p, &c->config, c->pidfd, cgroup_fd, failure);

	if (cgroup_fd >= 0)
		close(cgroup_fd);
	return r;
}

static int exec_further(struct agent *a, struct guest_process *g, const char *text, size_t len,
			struct domlet_failure *failure)
{
	const struct guest_container *c = g->container;
	struct domlet_process_config process;
	int r;

	if (c->stopped || c->pidfd < 0)
		return domlet_failure_set(failure, ESRCH, "cannot exec in a stopped container");
	r = domlet_config_parse_process(&process, &c->config.process, text, len, failure);
	if (r < 0)
		return r;
	if (process.cgroup) {
		r = exec_in(g, &process, domlet_cgroup_below(c->cgroup_fd, process.cgroup, failure), failure);
		if (r == -EBUSY)
			(void)domlet_failure_set(failure, EBUSY,
						 "the container's cgroup \"%.256s\" holds others, and so no processes",
						 process.cgroup);
	} else {
		r = domlet_process_exec(&g->p, &process, &c->config, c->pidfd, c->cgroup_fd, failure);
		if (r == -EBUSY) /* its own cgroup holds others, and so no processes */
			r = exec_in(g, &process, domlet_cgroup_of(first_process(a, c)->p.pid), failure);
	}
	domlet_config_free_process(&process);
	return r;
}

static void make_process(struct agent *a, struct guest_process *g, const char *text, size_t len)
{
	struct domlet_failure failure = { 0 };
	int r = g->first ? create_first(a, g, text, len, &failure) : exec_further(a, g, text, len, &failure);

	if (r < 0) {
		refuse(a, g, &failure);
		return;
	}
	g->stage = STAGE_SETUP;
	domlet_streams_open(a, g);
}

static int await_document(struct agent *a, struct guest_process *g, uint32_t len, struct domlet_failure *failure)
{
	if (len == 0 || len > DOMLET_CONFIG_MAX)
		return domlet_failure_set(failure, EMSGSIZE,
					  "a configuration of %u bytes is none, or larger than the %u possible", len,
					  DOMLET_CONFIG_MAX);
	g->document = malloc(len);
	if (!g->document)
		return domlet_failure_set(failure, ENOMEM, "the guest has no memory for a configuration of %u bytes",
					  len);
	g->document_len = len;
	(void)domlet_link_open(&a->link, domlet_stream_id(g->p.number, DOMLET_STREAM_CONFIG));
	return 0;
}

static void take_document(struct agent *a, struct guest_process *g, const struct domlet_link_event *ev)
{
	struct domlet_failure failure = { 0 };
	char *document = g->document;

	if (g->stage != STAGE_DOCUMENT)
		return;
	if (ev->type == DOMLET_LINK_DATA && ev->len <= g->document_len - g->document_have) {
		memcpy(document + g->document_have, ev->data, ev->len);
		g->document_have += (uint32_t)ev->len;
		domlet_link_credit(&a->link, ev->stream, ev->len);
		return;
	}
	if (ev->type != DOMLET_LINK_EOF || g->document_have != g->document_len)
		(void)domlet_failure_set(&failure, EBADMSG,
					 "the configuration has not the %u bytes that were announced", g->document_len);
	else if (g->first)
		(void)domlet_fetch_check(document, g->document_len, g->sha256, &failure);
	domlet_link_close(&a->link, ev->stream);
	if (failure.code) {
		refuse(a, g, &failure);
		return;
	}
	g->document = NULL;
	make_process(a, g, document, g->document_len);
	free(document);
}

/* Checks what xenstore has of container M, and makes it when its document is there, too. */
static int take_announced(struct agent *a, struct guest_process *g, const struct domlet_msg_create *m,
			  struct domlet_failure *failure)
{
	int r;

	if (a->ahead.container != m->container || !a->ahead.length) {
		domlet_fetch_free(&a->ahead);
		domlet_fetch_read(&a->ahead, a->xs, m->container);
	}
	r = domlet_fetch_announced(&a->ahead, m->generation, m->length, m->sha256.ptr, failure);
	if (r == 0 && m->source == 0) {
		r = domlet_fetch_document(&a->ahead, m->length, m->sha256.ptr, failure);
		if (r == 0)
			make_process(a, g, a->ahead.document, m->length);
	}
	domlet_fetch_free(&a->ahead);
	return r;
}

static void on_create(struct agent *a, uint32_t request, const struct domlet_msg_create *m)
{
	struct domlet_failure failure = { 0 };
	struct guest_process *g = take_slot(a, m->process, &failure);
	struct guest_container *c;
	int r = 0;

	if (g && a->unready.code) {
		failure = a->unready;
		g = NULL;
	}
	if (g && (m->container >= DOMLET_CONTAINER_MAX || find_container(a, m->container) ||
		  m->sha256.len != DOMLET_SHA256_LEN || m->source > 1 || (m->source == 0 && !a->xs))) {
		(void)domlet_failure_set(&failure, EINVAL, "the guest can't take container %u", m->container);
		g = NULL;
	}
	if (!g) {
		reply(a, request, &failure);
		return;
	}
	c = &a->containers[m->container];
	*c = (struct guest_container){ .used = true, .number = m->container, .cgroup_fd = -1, .pidfd = -1 };
	claim(g, m->process, c, request);
	g->first = true;
	memcpy(g->sha256, m->sha256.ptr, sizeof g->sha256);
	if (a->xs)
		r = take_announced(a, g, m, &failure);
	if (r == 0 && m->source == 1)
		r = await_document(a, g, m->length, &failure);
	if (r < 0)
		refuse(a, g, &failure);
}

static void on_exec(struct agent *a, uint32_t request, const struct domlet_msg_exec *m)
{
	struct domlet_failure failure = { 0 };
	struct guest_container *c = find_container(a, m->container);
	struct guest_process *g = c ? take_slot(a, m->process, &failure) : NULL;

	if (!c)
		(void)domlet_failure_set(&failure, ENOENT, "container does not exist");
	if (!g) {
		reply(a, request, &failure);
		return;
	}
	claim(g, m->process, c, request);
	c->oom_kills = domlet_cgroup_oom_kills(c->cgroup_fd);
	if (m->process_json.len)
		make_process(a, g, (const char *)m->process_json.ptr, m->process_json.len);
	else if (await_document(a, g, m->length, &failure) < 0)
		refuse(a, g, &failure);
}

static void go(struct guest_process *g)
{
	g->stage = STAGE_EXEC;
	(void)!write(g->p.go_fd, "g", 1);
	close(g->p.go_fd);
	g->p.go_fd = -1;
}

static void on_start(struct agent *a, uint32_t request, const struct domlet_msg_start *m)
{
	struct domlet_failure failure = { 0 };
	struct guest_container *c = find_container(a, m->container);
	struct guest_process *g = c ? first_process(a, c) : NULL;
	bool stopped = !g || c->stopped || g->stage < STAGE_READY;

	if (stopped)
		(void)domlet_failure_set(&failure, EINVAL, "cannot start a container that has stopped");
	else if (g->stage != STAGE_READY)
		(void)domlet_failure_set(&failure, EBUSY, "cannot start an already running container");
	if (stopped || failure.code) {
		reply(a, request, &failure);
		return;
	}
	g->request = request;
	go(g);
}

static int signal_all(struct agent *a, const struct guest_container *c, int signo)
{
	int r = -ESRCH;

	if (c->cgroup_fd >= 0)
		return domlet_cgroup_signal(c->cgroup_fd, signo);
	for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++) {
		struct guest_process *g = &a->processes[i];

		if (g->p.number && g->container == c && !g->exited && g->p.pid > 0 && kill(g->p.pid, signo) == 0)
			r = 0;
	}
	return r;
}

static void on_signal(struct agent *a, uint32_t request, const struct domlet_msg_signal *m)
{
	struct domlet_failure failure = { 0 };
	struct guest_container *c = find_container(a, m->container);
	struct guest_process *g = find(a, m->process);
	int r = -ESRCH;

	if (!m->all && g)
		c = g->container;
	if (m->signo == SIGKILL && c) /* whom this ends wasn't killed for want of memory */
		c->oom_kills = domlet_cgroup_oom_kills(c->cgroup_fd);
	if (m->signo > (uint32_t)SIGRTMAX)
		r = -EINVAL;
	else if (m->all && c)
		r = signal_all(a, c, (int)m->signo);
	else if (!m->all && g && !g->exited && g->p.pid > 0)
		r = kill(g->p.pid, (int)m->signo) < 0 ? -errno : 0;
	if (r == -ESRCH)
		(void)domlet_failure_set(&failure, ESRCH, "os: process already finished");
	else if (r < 0)
		(void)domlet_failure_set(&failure, -r, "signal %u can't be sent: %s", m->signo, domlet_failure_name(-r));
	reply(a, request, &failure);
}

static void on_delete(struct agent *a, uint32_t request, const struct domlet_msg_delete_ *m)
{
	struct domlet_failure failure = { 0 };
	struct guest_container *c = find_container(a, m->container);

	if (!c || c->deleting)
		(void)domlet_failure_set(&failure, ENOENT, "container does not exist");
	else if (!c->stopped)
		(void)domlet_failure_set(&failure, EBUSY, "cannot delete a container that is not stopped");
	if (failure.code) {
		reply(a, request, &failure);
		return;
	}
	c->deleting = true;
	c->delete_request = request;
	(void)signal_all(a, c, SIGKILL);
}

/* Its processes end by and by; each end comes past here. */
static void finish_delete(struct agent *a, struct guest_container *c)
{
	for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++)
		if (a->processes[i].p.number && a->processes[i].container == c)
			return;
	if (c->cgroup_fd >= 0 && domlet_cgroup_remove(c->number) == -EBUSY) {
		(void)signal_all(a, c, SIGKILL);
		return;
	}
	if (c->cgroup_fd >= 0)
		close(c->cgroup_fd);
	if (c->pidfd >= 0)
		close(c->pidfd);
	domlet_config_free(&c->config);
	reply(a, c->delete_request, NULL);
	memset(c, 0, sizeof *c);
}

static void on_winsize(struct agent *a, const struct domlet_msg_winsize *m)
{
	struct guest_process *g = find(a, m->process);
	struct winsize ws = { .ws_row = (unsigned short)m->rows, .ws_col = (unsigned short)m->cols };

	if (g && g->p.terminal && g->p.in_fd >= 0)
		(void)ioctl(g->p.in_fd, TIOCSWINSZ, &ws);
}

static void on_message(struct agent *a, const struct domlet_msg *m)
{
	struct domlet_failure failure = { 0 };

	switch (m->type) {
	case DOMLET_MSG_WELCOME: return;
	case DOMLET_MSG_CREATE: on_create(a, m->request, &m->create); return;
	case DOMLET_MSG_START: on_start(a, m->request, &m->start); return;
	case DOMLET_MSG_EXEC: on_exec(a, m->request, &m->exec); return;
	case DOMLET_MSG_SIGNAL: on_signal(a, m->request, &m->signal); return;
	case DOMLET_MSG_DELETE: on_delete(a, m->request, &m->delete_); return;
	case DOMLET_MSG_WINSIZE:
		on_winsize(a, &m->winsize);
		reply(a, m->request, NULL);
		return;
	case DOMLET_MSG_SHUTDOWN: domlet_agent_end(NULL);
	case DOMLET_MSG_PING: reply(a, m->request, NULL); return;
	default:
		(void)domlet_failure_set(&failure, ENOSYS, "this guest does not know %s yet", domlet_msg_name(m->type));
		reply(a, m->request, &failure);
	}
}

static void set_up_failed(struct agent *a, struct guest_process *g, const struct domlet_failure *failure)
{
	if (!g->first || g->stage == STAGE_SETUP) {
		refuse(a, g, failure);
		return;
	}
	reply(a, g->request, failure);
	g->request = 0;
	g->stage = STAGE_RUNNING; /* START failed: its EXITED follows */
}

/* It stands before exec. */
static void on_ready(struct agent *a, struct guest_process *g, const struct domlet_process_status *status)
{
	struct domlet_failure failure = { 0 };

	/* Until now the child has used devices of the guest's, as its root. */
	if ((g->first && g->container->cgroup_fd >= 0 &&
	     domlet_device_filter_attach(g->container->cgroup_fd, &g->container->config, &failure) < 0) ||
	    domlet_process_ready(&g->p, status, &failure) < 0) {
		(void)kill(g->p.pid, SIGKILL);
		set_up_failed(a, g, &failure);
	} else if (g->first) {
		g->stage = STAGE_READY;
		reply(a, g->request, NULL);
		g->request = 0;
	} else {
		go(g);
	}
}

static bool read_status(struct agent *a, struct guest_process *g)
{
	struct domlet_process_status status;
	ssize_t n = read(g->p.status_fd, &status, sizeof status);

	if (n < 0)
		return false;
	status.failure.text[sizeof status.failure.text - 1] = '\0';
	if (n == (ssize_t)sizeof status && status.failure.code != 0) {
		set_up_failed(a, g, &status.failure);
	} else if (n == (ssize_t)sizeof status && g->stage == STAGE_SETUP) {
		on_ready(a, g, &status);
	} else if (g->stage == STAGE_SETUP) {
		(void)domlet_failure_set(&status.failure, ECHILD, "the process died while it was set up");
		set_up_failed(a, g, &status.failure);
	} else { /* the end: it has executed its command, or was killed */
		close(g->p.status_fd);
		g->p.status_fd = -1;
		g->stage = STAGE_RUNNING;
		reply(a, g->request, NULL);
		g->request = 0;
	}
	return true;
}

void domlet_agent_reap(struct agent *a)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++) {
			struct guest_process *g = &a->processes[i];

			if (!g->p.number || g->p.pid != pid || g->exited)
				continue;
			g->exited = true;
			g->status = status;
			g->oom = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
				 domlet_cgroup_oom_kills(g->container->cgroup_fd) > g->container->oom_kills;
			if (g->oom) /* told once */
				g->container->oom_kills = domlet_cgroup_oom_kills(g->container->cgroup_fd);
			domlet_streams_bound(g);
			if (g->first) {
				g->container->stopped = true;
				close(g->container->pidfd);
				g->container->pidfd = -1;
			}
		}
}

static void report_exit(struct agent *a, struct guest_process *g)
{
	struct domlet_msg m = { .type = DOMLET_MSG_EXITED };

	if (!g->exited || !domlet_streams_settled(g) || g->p.status_fd >= 0)
		return;
	m.exited.process = g->p.number;
	m.exited.signo = WIFSIGNALED(g->status) ? (uint32_t)WTERMSIG(g->status) : 0;
	m.exited.code = m.exited.signo ? 128 + m.exited.signo : (uint32_t)WEXITSTATUS(g->status);
	m.exited.oom = g->oom;
	send_message(a, &m);
	g->reported = true;
}

static bool receive(struct agent *a)
{
	struct domlet_link_event ev;
	struct guest_process *g;
	bool any = false;

	for (;;) {
		domlet_link_next(&a->link, &ev);
		switch (ev.type) {
		case DOMLET_LINK_IDLE: return any;
		case DOMLET_LINK_MSG: on_message(a, &ev.msg); break;
		case DOMLET_LINK_BROKEN: domlet_agent_end(ev.reason);
		default:
			g = find(a, ev.stream >> 2);
			if (g && (ev.stream & 3) == DOMLET_STREAM_CONFIG)
				take_document(a, g, &ev);
			else if (g)
				domlet_streams_event(a, g, &ev);
			if (ev.type == DOMLET_LINK_DATA)
				domlet_link_taken(&a->link, ev.len);
		}
		any = true;
	}
}

void domlet_agent_kill_all(struct agent *a)
{
	for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++)
		if (a->processes[i].p.number && a->processes[i].p.pid > 0 && !a->processes[i].exited)
			(void)kill(a->processes[i].p.pid, SIGKILL);
}

bool domlet_agent_work(struct agent *a)
{
	bool any = receive(a);

	for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++) {
		struct guest_process *g = &a->processes[i];

		if (g->p.number && g->p.status_fd >= 0)
			any = read_status(a, g) || any;
		if (!g->p.number)
			continue;
		any = domlet_streams_move(a, g) || any;
		if (!g->reported)
			report_exit(a, g);
		if (g->reported && !g->out[0].open && !g->out[1].open)
			release(a, g);
	}
	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (a->containers[i].deleting)
			finish_delete(a, &a->containers[i]);
	return any;
}

bool domlet_agent_poll(struct agent *a, struct pollfd *fds, nfds_t *n)
{
	bool wants_room = false;

	for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++) {
		struct guest_process *g = &a->processes[i];

		if (!g->p.number)
			continue;
		if (g->p.status_fd >= 0)
			fds[(*n)++] = (struct pollfd){ .fd = g->p.status_fd, .events = POLLIN };
		wants_room = domlet_streams_poll(a, g, fds, n) || wants_room;
	}
	a->drain_at = domlet_drain_fd(&a->drain) >= 0 ? *n : 0;
	if (a->drain_at)
		fds[(*n)++] = (struct pollfd){ .fd = domlet_drain_fd(&a->drain), .events = POLLIN };
	return wants_room;
}

void domlet_agent_polled(struct agent *a, const struct pollfd *fds)
{
	for (size_t i = 0; i < DOMLET_PROCESS_MAX; i++)
		if (a->processes[i].p.number)
			domlet_streams_polled(&a->processes[i], fds);
	if (a->drain_at && fds[a->drain_at].revents)
		domlet_drain_read(&a->drain);
}

void domlet_agent_init(struct agent *a, struct domlet_ring *ring, uint32_t epoch, uint64_t boot_ns)
{
	struct domlet_msg m = { .type = DOMLET_MSG_HELLO };
	struct utsname u;

	domlet_link_init(&a->link, ring, DOMLET_RING_GUEST, epoch);
	(void)uname(&u);
	m.hello.version = DOMLET_PROTO_VERSION;
	m.hello.boot_ns = boot_ns;
	m.hello.kernel.ptr = (const uint8_t *)u.release;
	m.hello.kernel.len = (uint32_t)strlen(u.release);
	send_message(a, &m);
}
