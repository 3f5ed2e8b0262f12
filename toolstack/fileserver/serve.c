// SPDX-License-Identifier: GPL-2.0-or-later
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../frontend/proto/carrier.h"
#include "../dom0/cgroup.h"
#include "../ring/host.h"
#include "../share/share.h"
#include "confine.h"

/* Locks that are waited for are tried so often. */
#define RETRY_MS 30
/* Of what dom0 changes so much is told between two requests. */
#define NEWS_IN_A_ROW 16u
/* Events are looked for as often while requests come one after the other. */
#define TURNS_MAX 16u
#define WATCHES_PART 16u

struct server {
	int socket;
	struct domlet_host_ring ring;
	struct domlet_carrier carrier;
	struct domlet_share **shares; /* one an export, by their numbers: each is a connection, and a file system, of its own */
	uint32_t count;
	struct domlet_share_watcher *watcher; /* NULL: dom0 gives no inotify, and what is answered is valid for a second */
	int watch_fd;
	uint32_t next_news, told, turns;
	uint8_t *reply; /* of DOMLET_SHARE_MESSAGE_MAX bytes */
	/* What of it is still to be sent, as something went before it. */
	uint32_t rest_at, rest_len, rest_export;
};

static void answer(int socket, const struct domlet_error *err)
{
	struct domlet_fileserver_answer a = { .code = err ? err->code : 0 };

	if (err)
		(void)snprintf(a.text, sizeof a.text, "%s", err->text);
	(void)send(socket, &a, sizeof a, MSG_NOSIGNAL);
}

/* Why is in the answer. */
static _Noreturn void give_up(int socket, const struct domlet_error *err)
{
	answer(socket, err);
	_exit(1);
}

static void wait_for_ring(struct server *s)
{
	struct domlet_fileserver_attach attach;
	struct domlet_error err;
	ssize_t n;

	while ((n = recv(s->socket, &attach, sizeof attach, 0)) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof attach) /* there will be none */
		_exit(0);
	if (domlet_host_ring_map(&s->ring, attach.domid, &attach.offer, &err) < 0) {
		err.code = EPROTO; /* it is the guest that has granted nothing like that */
		give_up(s->socket, &err);
	}
	domlet_host_ring_seal(&s->ring);
}

static int out_of_memory(struct domlet_error *err)
{
	return domlet_error_set(err, ENOMEM, "the server of the container's files is out of memory");
}

/* All of dom0's root has the same limit: a hostile guest leaves some for others. */
static uint32_t watches_most(void)
{
	char text[16] = "";
	int fd = open("/proc/sys/fs/inotify/max_user_watches", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (uint32_t)(strtoul(text, NULL, 10) / WATCHES_PART);
}

static int open_shares(struct server *s, const struct domlet_fileserver *spec, const int *trees,
		       struct domlet_error *err)
{
	int *roots = calloc(spec->count, sizeof *roots), proc_fd = -1, r = 0;
	uint8_t *in = malloc(DOMLET_SHARE_MESSAGE_MAX);

	s->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	s->watcher = s->watch_fd < 0 ? NULL : domlet_share_watcher_open(s->watch_fd, watches_most());
	s->shares = calloc(spec->count, sizeof(*s->shares));
	s->reply = malloc(DOMLET_SHARE_MESSAGE_MAX);
	if (!roots || !in || !s->shares || !s->reply)
		return out_of_memory(err);
	r = domlet_fileserver_enter(trees, spec->count, roots, &proc_fd, err);
	for (size_t i = 0; r == 0 && i < spec->count; i++)
		close(trees[i]);
	if (r == 0)
		r = domlet_fileserver_confine(spec->count, err);
	if (r < 0)
		return r;
	for (; s->count < spec->count; s->count++) {
		const struct domlet_share_export export = { .fd = roots[s->count],
							    .readonly = spec->exports[s->count].readonly };
		int own = fcntl(proc_fd, F_DUPFD_CLOEXEC, 0);

		s->shares[s->count] = own < 0 ? NULL : domlet_share_open(&export, 1, own);
		if (!s->shares[s->count])
			return out_of_memory(err);
		if (s->watcher)
			domlet_share_watch(s->shares[s->count], s->watcher);
	}
	close(proc_fd);
	free(roots);
	domlet_carrier_init(&s->carrier, &s->ring.ring, in);
	return 0;
}

static void tell(struct server *s)
{
	if (domlet_ring_take_notify(&s->ring.ring))
		(void)domlet_host_ring_notify(&s->ring);
}

static _Noreturn void end_guest(struct server *s)
{
	struct domlet_error err;

	(void)domlet_error_set(&err, EPROTO, "the guest broke the protocol of the share");
	give_up(s->socket, &err);
}

/* A message of the ring has one length, and in front of a reply may be another message. */
static void send_reply(struct server *s, uint32_t export, uint32_t len)
{
	uint32_t first;

	memcpy(&first, s->reply, sizeof first); /* its length */
	s->rest_at = first;
	s->rest_len = len - first;
	s->rest_export = export;
	domlet_carrier_send(&s->carrier, export, s->reply, first);
}

static bool send_rest(struct server *s)
{
	uint32_t len = s->rest_len;

	s->rest_len = 0;
	if (len)
		domlet_carrier_send(&s->carrier, s->rest_export, s->reply + s->rest_at, len);
	return len > 0;
}

/* True: there was something. Nothing is on its way. */
static bool serve_one(struct server *s)
{
	int64_t len = domlet_carrier_take(&s->carrier);
	uint32_t export = s->carrier.in_export;
	ssize_t n;

	if (len < 0 || (len > 0 && export >= s->count))
		end_guest(s);
	if (len == 0)
		return false;
	n = domlet_share_answer(s->shares[export], s->carrier.in, (size_t)len, s->reply);
	if (n < 0)
		end_guest(s);
	if (n > 0)
		send_reply(s, export, (uint32_t)n);
	return true;
}

/* Is a lock waited for in any of them? */
static bool waits(const struct server *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (domlet_share_waits(s->shares[i]))
			return true;
	return false;
}

static bool send_late(struct server *s)
{
	ssize_t n = 0;

	for (uint32_t i = 0; n <= 0 && i < s->count; i++) {
		n = domlet_share_retry(s->shares[i], s->reply);
		if (n > 0)
			domlet_carrier_send(&s->carrier, i, s->reply, (uint32_t)n);
	}
	return n > 0;
}

static bool has_news(const struct server *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (domlet_share_has_news(s->shares[i]))
			return true;
	return false;
}

/* True: there was something to tell, or to find out about. Nothing is on its way. */
static bool tell_news(struct server *s)
{
	for (uint32_t i = 0; i < s->count; i++) {
		uint32_t export = (s->next_news + i) % s->count;
		size_t len;

		if (!domlet_share_has_news(s->shares[export]))
			continue;
		len = domlet_share_tell(s->shares[export], s->reply);
		if (len)
			domlet_carrier_send(&s->carrier, export, s->reply, (uint32_t)len);
		s->next_news = (export + 1) % s->count;
		return true;
	}
	return false;
}

/* What has changed comes first, so that an answer is newer than what it takes the place of; but requests never wait
 * for long. */
static bool send_one(struct server *s)
{
	if (send_rest(s))
		return true;
	if (s->told < NEWS_IN_A_ROW && tell_news(s)) {
		s->told++;
		return true;
	}
	s->told = 0;
	return serve_one(s) || send_late(s) || tell_news(s);
}

/* True: there is something to tell. */
static bool look_at_events(struct server *s)
{
	s->turns = 0;
	if (!s->watcher)
		return false;
	domlet_share_watcher_read(s->watcher);
	return has_news(s);
}

/* The monitor says nothing more: what can be read there is its end. */
static void sleep_until_something_comes(struct server *s, bool wants_room)
{
	struct pollfd fds[3] = { { .fd = domlet_host_ring_fd(&s->ring), .events = POLLIN },
				 { .fd = s->socket, .events = POLLIN },
				 { .fd = s->watcher ? s->watch_fd : -1, .events = POLLIN } };

	if (look_at_events(s) && !wants_room)
		return;
	if (domlet_ring_arm(&s->ring.ring, wants_room))
		return;
	(void)poll(fds, 3, waits(s) ? RETRY_MS : -1);
	domlet_ring_disarm(&s->ring.ring);
	if (fds[0].revents)
		(void)domlet_host_ring_drain(&s->ring);
	if (fds[1].revents)
		_exit(0);
}

static _Noreturn void loop(struct server *s)
{
	bool any, wants_room;
	int out;

	for (;;) {
		out = domlet_carrier_go_on(&s->carrier);
		if (out < 0)
			end_guest(s);
		any = out > 0 && send_one(s);
		wants_room = s->carrier.out != NULL;
		if (wants_room) /* what has come meanwhile waits, and is no reason to stay awake */
			(void)domlet_ring_ready(&s->ring.ring);
		if (any) {
			(void)domlet_carrier_go_on(&s->carrier);
			tell(s);
			if (++s->turns >= TURNS_MAX)
				(void)look_at_events(s);
			continue;
		}
		tell(s);
		if (!domlet_ring_linger(&s->ring.ring, wants_room, domlet_host_ring_pause))
			sleep_until_something_comes(s, wants_room);
	}
}

_Noreturn void domlet_fileserver_serve(const struct domlet_fileserver *spec, int socket, int *trees)
{
	static struct server s;
	struct domlet_error err;

	(void)prctl(PR_SET_NAME, "domlet-share", 0, 0, 0);
	(void)umask(0);                 /* modes are exactly what is asked for */
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit of the caller's for files is an error like a full disk */
	s.socket = socket;
	wait_for_ring(&s);
	if (spec->cgroup) /* the monitor has made it by now */
		domlet_cgroup_follow(spec->cgroup);
	if (open_shares(&s, spec, trees, &err) < 0)
		give_up(socket, &err);
	answer(socket, NULL);
	loop(&s);
}
