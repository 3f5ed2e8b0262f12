// SPDX-License-Identifier: GPL-2.0-or-later
#include "shared.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../fileserver/fileserver.h"

static void closed(uv_handle_t *h)
{
	free(h);
}

static void lose(struct domlet_shared *s, const struct domlet_error *err)
{
	domlet_shared_close(s);
	s->lost(s->user, err);
}

static void on_readable(uv_poll_t *p, int status, int events)
{
	struct domlet_shared *s = p->data;
	struct domlet_fileserver_answer answer;
	struct domlet_error err;
	ssize_t n = recv(s->fd, &answer, sizeof answer, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && errno == EAGAIN && status == 0)
		return;
	if (n == (ssize_t)sizeof answer && answer.code == 0) {
		s->serves = true;
		return;
	}
	if (n == (ssize_t)sizeof answer)
		(void)domlet_error_set(&err, answer.code, "%.*s", (int)sizeof answer.text - 1, answer.text);
	else
		(void)domlet_error_set(&err, EIO, "the process that serves its files has ended");
	lose(s, &err);
}

int domlet_shared_open(struct domlet_shared *s, uv_loop_t *loop, int fd, struct domlet_error *err)
{
	s->fd = fd;
	s->poll = malloc(sizeof *s->poll);
	if (s->poll && uv_poll_init(loop, s->poll, fd) == 0) {
		s->poll->data = s;
		uv_poll_start(s->poll, UV_READABLE, on_readable);
		return 0;
	}
	free(s->poll);
	s->poll = NULL;
	close(fd);
	return domlet_error_set(err, ENOMEM, "the process that serves the container's files can't be watched");
}

void domlet_shared_attach(struct domlet_shared *s, uint32_t domid, const struct domlet_ring_offer *offer)
{
	const struct domlet_fileserver_attach attach = { .domid = domid, .offer = *offer };
	struct domlet_error err;

	if (!s->poll || s->attached)
		return;
	s->attached = true;
	if (send(s->fd, &attach, sizeof attach, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof attach)
		return;
	(void)domlet_error_set(&err, errno, "the process that serves its files can't be told of the guest's ring: %s",
			       domlet_strerror(errno));
	lose(s, &err);
}

void domlet_shared_close(struct domlet_shared *s)
{
	if (!s->poll)
		return;
	uv_close((uv_handle_t *)s->poll, closed);
	s->poll = NULL;
	close(s->fd);
}
