// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../base/file.h"
#include "internal.h"

static void send_answer(int fd, int code, const char *text)
{
	struct json_object *o = json_object_new_object();
	const char *s;

	json_object_object_add(o, "code", json_object_new_int(code));
	if (text)
		json_object_object_add(o, "text", json_object_new_string(text));
	s = json_object_to_json_string(o);
	(void)send(fd, s, strlen(s), MSG_NOSIGNAL | MSG_DONTWAIT);
	json_object_put(o);
}

void domlet_peers_answer(struct peer *p, int code, const char *text)
{
	if (p->fd >= 0)
		send_answer(p->fd, code, text);
}

static void closed(uv_handle_t *h)
{
	struct peer *p = (struct peer *)((char *)h - offsetof(struct peer, poll));

	close(p->fd);
	memset(p, 0, sizeof *p);
	p->fd = -1;
}

void domlet_peers_close(struct peer *p)
{
	if (!p->open)
		return;
	p->open = false;
	uv_close((uv_handle_t *)&p->poll, closed);
}

/* From 0 to MAX; -1: there is none, or it is anything else. */
static int number(struct json_object *o, const char *key, int max)
{
	struct json_object *v;
	int64_t n = json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_int) ?
			    json_object_get_int64(v) :
			    -1;

	return n >= 0 && n <= max ? (int)n : -1;
}

static bool flag(struct json_object *o, const char *key)
{
	struct json_object *v;

	return number(o, key, 1) == 1 || (json_object_object_get_ex(o, key, &v) &&
					  json_object_is_type(v, json_type_boolean) && json_object_get_boolean(v));
}

/* "": none. */
static const char *verb_of(struct json_object *o)
{
	struct json_object *v;

	return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, "verb", &v) &&
			       json_object_is_type(v, json_type_string) ?
		       json_object_get_string(v) :
		       "";
}

/* Its process has ended, and it will in a moment: what it forwards until then
 * is meant for no other process. It stays open meanwhile, as a proxy whose
 * packets are left unread is reset before it reads its exit status. */
static bool has_lost_its_process(const struct peer *p)
{
	return p->is_proxy && !p->process;
}

bool domlet_peers_have_proxy(const struct monitor *m)
{
	for (size_t i = 0; i < PEERS_MAX; i++)
		if (m->peers[i].open && has_lost_its_process(&m->peers[i]))
			return true;
	return false;
}

static void signal_process(struct monitor *m, struct peer *p, struct json_object *o)
{
	uint32_t process = p->process ? p->process->number : FIRST_PROCESS;
	int signo = number(o, "signo", NSIG - 1);
	bool last = signo == SIGKILL && process == FIRST_PROCESS;

	if (has_lost_its_process(p))
		return;
	if (signo < 0) {
		domlet_peers_answer(p, EINVAL, "there is no such signal");
		return;
	}
	if (!m->attached || !domlet_life_takes_requests(&m->life, CONTAINER)) {
		if (last)
			domlet_queue_post(&m->queue, DOMLET_EV_DESTROY, 0);
		domlet_peers_answer(p, last ? 0 : ESRCH, last ? NULL : "container not running");
		return;
	}
	domlet_monitor_signal(m, process, signo, flag(o, "all"));
	domlet_peers_answer(p, 0, NULL);
}

/* Why a container can't be started; NULL: it can. */
static const char *no_start(enum domlet_container_state state)
{
	if (state == DOMLET_CONTAINER_CREATED)
		return NULL;
	if (state < DOMLET_CONTAINER_CREATED)
		return "cannot start a container that is still being created";
	return state > DOMLET_CONTAINER_PAUSED ? "cannot start a container that has stopped" :
						 "cannot start an already running container";
}

static void start_container(struct monitor *m, struct peer *p)
{
	/* `domlet run` asks between the container's creation and its unexpected end. */
	if (m->launch->foreground && m->life.container[CONTAINER].state > DOMLET_CONTAINER_PAUSED && m->err.code) {
		domlet_peers_answer(p, m->err.code, m->err.text);
		return;
	}
	if (no_start(m->life.container[CONTAINER].state)) {
		domlet_peers_answer(p, EBUSY, no_start(m->life.container[CONTAINER].state));
		return;
	}
	p->wants_start = true;
	domlet_queue_post(&m->queue, DOMLET_EV_START, 0);
}

static void exec_process(struct monitor *m, struct peer *p, struct json_object *o, int fds[DOMLET_MONITOR_FDS_MAX])
{
	struct domlet_error err;
	char path[32], *object;
	size_t len;

	if (fds[DOMLET_MONITOR_FDS_MAX - 1] < 0) {
		domlet_peers_answer(p, EINVAL, "an exec needs five descriptors");
		return;
	}
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fds[DOMLET_MONITOR_FDS_MAX - 1]);
	if (domlet_file_read(path, DOMLET_CONFIG_MAX, &object, &len, &err) < 0) {
		domlet_peers_answer(p, err.code, err.text);
		return;
	}
	domlet_process_exec(m, p, object, len, flag(o, "terminal"), fds);
	for (int i = 0; i < DOMLET_MONITOR_FDS_MAX - 1; i++)
		fds[i] = -1;
}

static void set_size(struct monitor *m, const struct peer *p, struct json_object *o)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_WINSIZE };
	int rows = number(o, "rows", UINT16_MAX), cols = number(o, "cols", UINT16_MAX);

	if (!m->attached || has_lost_its_process(p) || rows < 0 || cols < 0)
		return;
	msg.winsize.process = p->process ? p->process->number : FIRST_PROCESS;
	msg.winsize.rows = (uint32_t)rows;
	msg.winsize.cols = (uint32_t)cols;
	(void)domlet_monitor_send(m, &msg);
}

/* O is any JSON, or NULL. */
static void request(struct monitor *m, struct peer *p, struct json_object *o, int fds[DOMLET_MONITOR_FDS_MAX])
{
	const char *verb = verb_of(o);

	if (strcmp(verb, "start") == 0) {
		start_container(m, p);
	} else if (strcmp(verb, "signal") == 0) {
		signal_process(m, p, o);
	} else if (strcmp(verb, "exec") == 0) {
		exec_process(m, p, o, fds);
	} else if (strcmp(verb, "winsize") == 0) {
		set_size(m, p, o);
	} else if (strcmp(verb, "destroy") == 0) {
		domlet_process_drop_all(m);
		domlet_queue_post(&m->queue, DOMLET_EV_DESTROY, 0);
	} else if (strcmp(verb, "done") == 0) {
		m->done = m->done || (p == &m->peers[0] && m->created);
	} else {
		domlet_peers_answer(p, EINVAL, "that is no request that a monitor knows");
	}
}

static void lose_first_proxy(struct monitor *m)
{
	struct domlet_error err;

	domlet_process_first(m)->proxy = NULL; /* a command may get its place, to which no status is to be sent */
	(void)domlet_error_set(&err, EIO, "the proxy of container %s was killed", m->launch->plan->id);
	domlet_queue_post_end(&m->queue, DOMLET_EV_PROXY_LOST, &err);
}

/* FDS are the descriptors that came along, -1 for none. */
static ssize_t receive_packet(int fd, char *text, size_t len, int fds[DOMLET_MONITOR_FDS_MAX])
{
	union {
		char bytes[CMSG_SPACE(DOMLET_MONITOR_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = text, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = CMSG_LEN(DOMLET_MONITOR_FDS_MAX *
							 sizeof(int)) }; /* CMSG_SPACE has room for a sixth */
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL; c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	return n;
}

/* Until it has done its part (it writes the pid file last) nobody else knows of
 * the container: who asked for it was not told, and will not delete it. */
static void lose_caller(struct monitor *m)
{
	if (m->done)
		return;
	if (!m->launch->keep || m->life.container[CONTAINER].state < DOMLET_CONTAINER_RUNNING)
		m->created = false; /* nothing stays */
	domlet_queue_post(&m->queue, DOMLET_EV_CALLER_LOST, 0);
}

static void lost(struct monitor *m, struct peer *p)
{
	struct process *process = p->process;

	for (uint32_t i = 0; i < m->processes_used; i++)
		if (m->processes[i].asker == p)
			domlet_process_asker_lost(m, &m->processes[i]);
	if (p == &m->peers[0])
		lose_caller(m);
	else if (process && process->number == FIRST_PROCESS)
		lose_first_proxy(m);
	else if (process)
		domlet_process_proxy_lost(m, process);
	domlet_peers_close(p);
}

static void on_packet(uv_poll_t *h, int status, int events)
{
	struct peer *p = (struct peer *)((char *)h - offsetof(struct peer, poll));
	struct monitor *m = h->data;
	static char text[DOMLET_MONITOR_PACKET_MAX + 1];
	int fds[DOMLET_MONITOR_FDS_MAX] = { -1, -1, -1, -1, -1 };
	ssize_t n = receive_packet(p->fd, text, sizeof text - 1, fds);
	struct json_object *o;

	(void)events;
	if (n < 0 && errno == EAGAIN && status == 0)
		return;
	if (n <= 0) {
		lost(m, p);
		domlet_monitor_turn(m);
		return;
	}
	text[n] = '\0';
	o = json_tokener_parse(text);
	request(m, p, o, fds);
	json_object_put(o);
	for (int i = 0; i < DOMLET_MONITOR_FDS_MAX; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	domlet_monitor_turn(m);
}

struct peer *domlet_peers_add(struct monitor *m, int fd, struct process *process)
{
	for (size_t i = process || m->peers[0].open ? 1 : 0; fd >= 0 && i < PEERS_MAX; i++) {
		struct peer *p = &m->peers[i];

		if (p->fd >= 0)
			continue;
		p->fd = fd;
		p->process = process;
		p->is_proxy = process != NULL;
		p->open = uv_poll_init(&m->loop, &p->poll, fd) == 0;
		p->poll.data = m;
		if (p->open)
			uv_poll_start(&p->poll, UV_READABLE, on_packet);
		return p;
	}
	return NULL;
}

/* Not ESRCH, and not without a word: callers would take the container for dead. */
static void refuse(const struct monitor *m, int fd)
{
	char text[512];

	(void)snprintf(text, sizeof text,
		       "too many commands at once for the monitor of container %s, which takes %u: try again",
		       m->launch->plan->id, PEERS_MAX);
	send_answer(fd, EAGAIN, text);
	close(fd);
}

static void on_connection(uv_poll_t *h, int status, int events)
{
	struct monitor *m = h->data;
	int fd = accept4(m->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)status, (void)events;
	if (fd >= 0 && !domlet_peers_add(m, fd, NULL))
		refuse(m, fd);
}

void domlet_peers_open(struct monitor *m)
{
	struct process *first = domlet_process_first(m);

	for (size_t i = 0; i < PEERS_MAX; i++)
		m->peers[i].fd = -1;
	(void)domlet_peers_add(m, m->launch->caller_fd, NULL);
	first->phase = PROCESS_RUNNING;
	first->number = FIRST_PROCESS;
	m->processes_used = FIRST_PROCESS;
	first->proxy = domlet_peers_add(m, m->launch->proxy_fd, first);
}

int domlet_peers_listen(struct monitor *m, struct domlet_error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char dir[4096];
	int here, r;

	m->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A root of any length: bind by a short name from inside the directory. */
	domlet_state_path(m->launch->state, "", dir, sizeof dir);
	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s", DOMLET_MONITOR_SOCKET);
	here = chdir(dir);
	r = here < 0 || m->listen_fd < 0 || bind(m->listen_fd, (struct sockaddr *)&a, sizeof a) < 0 ||
			    chmod(DOMLET_MONITOR_SOCKET, 0700) < 0 || listen(m->listen_fd, PEERS_MAX) < 0 ?
		    errno :
		    0;
	if (chdir("/") < 0 || r)
		return domlet_error_set(err, r, "can't listen on %s/%s: %s", dir, DOMLET_MONITOR_SOCKET,
					domlet_strerror(r));
	uv_poll_init(&m->loop, &m->listen_poll, m->listen_fd);
	m->listen_poll.data = m;
	uv_poll_start(&m->listen_poll, UV_READABLE, on_connection);
	return 0;
}
