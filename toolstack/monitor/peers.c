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

#include "internal.h"

/* A guest that has not confirmed a SIGKILL by now is destroyed; docker waits
 * as long before it kills the proxy itself. */
#define KILL_CONFIRM_MS 10000u

void domlet_peers_answer(struct peer *p, int code, const char *text)
{
	struct json_object *o;
	const char *s;

	if (p->fd < 0)
		return;
	o = json_object_new_object();
	json_object_object_add(o, "code", json_object_new_int(code));
	if (text)
		json_object_object_add(o, "text", json_object_new_string(text));
	s = json_object_to_json_string(o);
	(void)send(p->fd, s, strlen(s), MSG_NOSIGNAL | MSG_DONTWAIT);
	json_object_put(o);
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

static int number(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_int(v) : 0;
}

static void signal_container(struct monitor *m, struct peer *p, struct json_object *o)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_SIGNAL };
	int signo = number(o, "signo");

	if (!m->attached || m->life.container < DOMLET_CONTAINER_CREATED ||
	    m->life.container > DOMLET_CONTAINER_RUNNING) {
		if (signo == SIGKILL)
			domlet_monitor_step(m, DOMLET_EV_DESTROY, 0);
		domlet_peers_answer(p, signo == SIGKILL ? 0 : ESRCH, signo == SIGKILL ? NULL : "container not running");
		return;
	}
	msg.signal.container = CONTAINER;
	msg.signal.process = PROCESS;
	msg.signal.signo = (uint32_t)signo;
	msg.signal.all = number(o, "all") != 0;
	(void)domlet_monitor_send(m, &msg);
	if (signo == SIGKILL)
		uv_timer_start(&m->kill_timer, m->kill_timer.timer_cb, KILL_CONFIRM_MS, 0);
	domlet_peers_answer(p, 0, NULL);
}

static void request(struct monitor *m, struct peer *p, struct json_object *o)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_WINSIZE };
	struct json_object *v;
	const char *verb = json_object_object_get_ex(o, "verb", &v) ? json_object_get_string(v) : "";

	if (strcmp(verb, "start") == 0) {
		if (m->life.container != DOMLET_CONTAINER_CREATED) {
			domlet_peers_answer(p, EBUSY, m->life.container > DOMLET_CONTAINER_RUNNING ?
					    "cannot start a container that has stopped" :
					    "cannot start an already running container");
			return;
		}
		p->wants_start = true;
		domlet_monitor_step(m, DOMLET_EV_START, 0);
	} else if (strcmp(verb, "signal") == 0) {
		signal_container(m, p, o);
	} else if (strcmp(verb, "winsize") == 0 && m->attached) {
		msg.winsize.process = PROCESS;
		msg.winsize.rows = (uint32_t)number(o, "rows");
		msg.winsize.cols = (uint32_t)number(o, "cols");
		(void)domlet_monitor_send(m, &msg);
	} else if (strcmp(verb, "destroy") == 0) {
		domlet_monitor_step(m, DOMLET_EV_DESTROY, 0);
	}
}

static void lose_proxy(struct monitor *m)
{
	struct domlet_error err;

	(void)domlet_error_set(&err, EIO, "the proxy of container %s was killed", m->launch->plan->id);
	domlet_monitor_fail(m, &err, DOMLET_EV_PROXY_LOST);
}

static void on_packet(uv_poll_t *h, int status, int events)
{
	struct peer *p = (struct peer *)((char *)h - offsetof(struct peer, poll));
	struct monitor *m = h->data;
	char text[DOMLET_MONITOR_PACKET_MAX + 1];
	ssize_t n = recv(p->fd, text, sizeof text - 1, MSG_DONTWAIT);
	struct json_object *o;

	(void)events;
	if (n < 0 && errno == EAGAIN && status == 0)
		return;
	if (n <= 0) {
		if (p == &m->peers[0])
			domlet_monitor_step(m, m->life.create_answered && !m->launch->foreground ?
					    DOMLET_EV_COUNT : DOMLET_EV_CALLER_LOST, 0);
		else if (p == &m->peers[1])
			lose_proxy(m);
		domlet_peers_close(p);
		return;
	}
	text[n] = '\0';
	o = json_tokener_parse(text);
	if (o)
		request(m, p, o);
	json_object_put(o);
	domlet_monitor_turn(m);
}

static void add(struct monitor *m, struct peer *p, int fd)
{
	p->fd = fd;
	p->open = uv_poll_init(&m->loop, &p->poll, fd) == 0;
	p->poll.data = m;
	if (p->open)
		uv_poll_start(&p->poll, UV_READABLE, on_packet);
}

static void on_connection(uv_poll_t *h, int status, int events)
{
	struct monitor *m = h->data;
	int fd = accept4(m->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)status, (void)events;
	for (size_t i = 2; fd >= 0 && i < PEERS_MAX; i++)
		if (m->peers[i].fd < 0) {
			add(m, &m->peers[i], fd);
			return;
		}
	if (fd >= 0)
		close(fd); /* too many at once: they see the end and try again */
}

int domlet_peers_open(struct monitor *m, struct domlet_error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char dir[4096];
	int here, r;

	for (size_t i = 0; i < PEERS_MAX; i++)
		m->peers[i].fd = -1;
	add(m, &m->peers[0], m->launch->caller_fd);
	add(m, &m->peers[1], m->launch->proxy_fd);
	m->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A root of any length: bind by a short name from inside the directory. */
	domlet_state_path(m->launch->state, "", dir, sizeof dir);
	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s", DOMLET_MONITOR_SOCKET);
	here = chdir(dir);
	r = here < 0 || m->listen_fd < 0 || bind(m->listen_fd, (struct sockaddr *)&a, sizeof a) < 0 ||
	    chmod(DOMLET_MONITOR_SOCKET, 0700) < 0 || listen(m->listen_fd, PEERS_MAX) < 0 ? errno : 0;
	if (chdir("/") < 0 || r)
		return domlet_error_set(err, r, "can't listen on %s/%s: %s", dir, DOMLET_MONITOR_SOCKET, domlet_strerror(r));
	uv_poll_init(&m->loop, &m->listen_poll, m->listen_fd);
	m->listen_poll.data = m;
	uv_poll_start(&m->listen_poll, UV_READABLE, on_connection);
	return 0;
}
