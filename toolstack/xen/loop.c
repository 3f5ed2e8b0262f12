/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/*
 * libxl on libuv. libxl must never be called back from inside a hook, so
 * everything that could is a handle that fires on a later turn of the loop. A
 * handle's memory is freed by its close callback, which touches nothing else.
 */

struct domlet_xen_poll {
	uv_poll_t poll; /* first: uv hands back this pointer */
	struct domlet_xen_loop *loop;
	struct domlet_xen_poll *next, **link;
	void *for_libxl;
	int fd;     /* libxl's */
	int own_fd; /* a dup of it: libuv allows one handle a descriptor */
	short events;
};

struct domlet_xen_timer {
	uv_timer_t timer; /* first */
	struct domlet_xen_loop *loop;
	struct domlet_xen_timer *next, **link;
	void *for_libxl;
};

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void on_poll(uv_poll_t *handle, int status, int uv_events);

static int start_poll(struct domlet_xen_poll *p)
{
	int uv_events = 0;

	if (p->events & POLLIN)
		uv_events |= UV_READABLE;
	if (p->events & POLLOUT)
		uv_events |= UV_WRITABLE;
	if (p->events & POLLPRI)
		uv_events |= UV_PRIORITIZED;
	return uv_events ? uv_poll_start(&p->poll, uv_events, on_poll) : uv_poll_stop(&p->poll);
}

static void on_poll(uv_poll_t *handle, int status, int uv_events)
{
	struct domlet_xen_poll *p = (struct domlet_xen_poll *)handle;
	short revents = 0;

	if (uv_events & UV_READABLE)
		revents |= POLLIN;
	if (uv_events & UV_WRITABLE)
		revents |= POLLOUT;
	if (uv_events & UV_PRIORITIZED)
		revents |= POLLPRI;
	if (status < 0)
		revents = POLLERR;
	libxl_osevent_occurred_fd(p->loop->ctx, p->for_libxl, p->fd, p->events, revents);
	/* libuv stops a handle at an error; libxl may want to go on. */
	if (status < 0 && !uv_is_closing((uv_handle_t *)handle))
		start_poll(p);
}

static void drop_poll(struct domlet_xen_poll *p)
{
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	uv_close((uv_handle_t *)&p->poll, free_handle);
	/* At once, so that the other end of a pipe sees libxl's close. */
	close(p->own_fd);
}

static int fd_register(void *user, int fd, void **out, short events, void *for_libxl)
{
	struct domlet_xen_loop *loop = user;
	struct domlet_xen_poll *p = calloc(1, sizeof(*p));
	int flags;

	if (!p)
		return ERROR_OSEVENT_REG_FAIL;
	*p = (struct domlet_xen_poll){ .loop = loop, .for_libxl = for_libxl, .fd = fd, .events = events };
	p->own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	flags = fcntl(fd, F_GETFL);
	if (p->own_fd < 0 || flags < 0 || uv_poll_init(loop->uv, &p->poll, p->own_fd)) {
		if (p->own_fd >= 0)
			close(p->own_fd);
		free(p);
		return ERROR_OSEVENT_REG_FAIL;
	}
	/* libuv has set O_NONBLOCK on what libxl's own descriptor shares. */
	(void)fcntl(fd, F_SETFL, flags);
	p->next = loop->polls;
	p->link = &loop->polls;
	if (p->next)
		p->next->link = &p->next;
	loop->polls = p;
	if (start_poll(p)) {
		drop_poll(p);
		return ERROR_OSEVENT_REG_FAIL;
	}
	*out = p;
	return 0;
}

static int fd_modify(void *user, int fd, void **registration, short events)
{
	struct domlet_xen_poll *p = *registration;
	short before = p->events;

	(void)user, (void)fd;
	p->events = events;
	if (start_poll(p) == 0)
		return 0;
	p->events = before;
	return ERROR_OSEVENT_REG_FAIL;
}

static void fd_deregister(void *user, int fd, void *registration)
{
	(void)user, (void)fd;
	drop_poll(registration);
}

static void drop_timer(struct domlet_xen_timer *t)
{
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	uv_close((uv_handle_t *)&t->timer, free_handle);
}

static void on_timeout(uv_timer_t *handle)
{
	struct domlet_xen_timer *t = (struct domlet_xen_timer *)handle;

	/* The memory lasts until the close callback, on a later turn. */
	drop_timer(t);
	libxl_osevent_occurred_timeout(t->loop->ctx, t->for_libxl);
}

static uint64_t ms_until(struct timeval when)
{
	struct timeval now, left;

	gettimeofday(&now, NULL);
	if (!timercmp(&when, &now, >))
		return 0;
	timersub(&when, &now, &left);
	return (uint64_t)left.tv_sec * 1000 + (uint64_t)(left.tv_usec + 999) / 1000;
}

static int timeout_register(void *user, void **out, struct timeval when, void *for_libxl)
{
	struct domlet_xen_loop *loop = user;
	struct domlet_xen_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return ERROR_OSEVENT_REG_FAIL;
	t->loop = loop;
	t->for_libxl = for_libxl;
	uv_timer_init(loop->uv, &t->timer);
	t->next = loop->timers;
	t->link = &loop->timers;
	if (t->next)
		t->next->link = &t->next;
	loop->timers = t;
	/* A domain's build may have held the loop for long. */
	uv_update_time(loop->uv);
	uv_timer_start(&t->timer, on_timeout, ms_until(when), 0);
	*out = t;
	return 0;
}

/* Only ever asks for "now": libxl's way to cancel. */
static int timeout_modify(void *user, void **registration, struct timeval when)
{
	struct domlet_xen_timer *t = *registration;

	(void)user, (void)when;
	if (!uv_is_closing((uv_handle_t *)&t->timer))
		uv_timer_start(&t->timer, on_timeout, 0, 0);
	return 0;
}

static void timeout_deregister(void *user, void *registration)
{
	(void)user;
	drop_timer(registration);
}

static const libxl_osevent_hooks osevent_hooks = {
	.fd_register = fd_register,
	.fd_modify = fd_modify,
	.fd_deregister = fd_deregister,
	.timeout_register = timeout_register,
	.timeout_modify = timeout_modify,
	.timeout_deregister = timeout_deregister,
};

static const libxl_childproc_hooks childproc_hooks = { .chldowner = libxl_sigchld_owner_mainloop };

static void on_sigchld(uv_signal_t *handle, int signo)
{
	struct domlet_xen_loop *loop = handle->data;

	(void)signo;
	if (loop->ctx)
		libxl_childproc_sigchld_occurred(loop->ctx);
}

static void on_event(void *user, libxl_event *event)
{
	struct domlet_xen_loop *loop = user;

	loop->event(loop->user, event);
	libxl_event_free(loop->ctx, event);
}

static void on_disaster(void *user, libxl_event_type type, const char *msg, int errnoval)
{
	struct domlet_xen_loop *loop = user;
	char what[512];

	(void)type;
	(void)snprintf(what, sizeof(what), "libxl can't go on: %.150s: %s", msg, domlet_strerror(errnoval));
	loop->disaster(loop->user, what);
}

static const libxl_event_hooks event_hooks = {
	.event_occurs_mask = LIBXL_EVENTMASK_ALL,
	.event_occurs = on_event,
	.disaster = on_disaster,
};

static void on_deliver(uv_timer_t *handle);

void domlet_xen_loop_post(struct domlet_xen_loop *loop, struct domlet_xen_post *post)
{
	if (loop->is_closed || post->queued)
		return;
	if (!loop->first)
		loop->last = &loop->first;
	*loop->last = post;
	loop->last = &post->next;
	post->next = NULL;
	post->queued = true;
	uv_timer_start(&loop->deliver, on_deliver, 0, 0);
}

/* It may close the loop, or start what posts again. */
static void on_deliver(uv_timer_t *handle)
{
	struct domlet_xen_loop *loop = handle->data;

	while (loop->first && !loop->is_closed) {
		struct domlet_xen_post *post = loop->first;

		loop->first = post->next;
		post->queued = false;
		post->deliver(post->user ? post->user : loop->user);
	}
}

void domlet_xen_loop_hold(struct domlet_xen_loop *loop, uv_handle_t *handle, void *data)
{
	handle->data = data;
	loop->handles++;
}

static void on_dropped(uv_handle_t *handle)
{
	struct domlet_xen_loop *loop = handle->data;

	if (--loop->handles == 0 && loop->is_closed)
		loop->closed(loop->user);
}

void domlet_xen_loop_drop(struct domlet_xen_loop *loop, uv_handle_t *handle)
{
	if (!handle->data)
		return;
	handle->data = loop;
	uv_close(handle, on_dropped);
}

int domlet_xen_loop_open(struct domlet_xen_loop *loop, struct domlet_error *err)
{
	int rc;

	domlet_xen_log_init(&loop->log);
	(void)uv_timer_init(loop->uv, &loop->deliver); /* which can't fail */
	domlet_xen_loop_hold(loop, (uv_handle_t *)&loop->deliver, loop);
	rc = uv_signal_init(loop->uv, &loop->sigchld);
	if (!rc) {
		domlet_xen_loop_hold(loop, (uv_handle_t *)&loop->sigchld, loop);
		rc = uv_signal_start(&loop->sigchld, on_sigchld, SIGCHLD);
	}
	if (rc)
		return domlet_error_set(err, -rc, "can't watch for ended child processes: %s", domlet_strerror(rc));
	rc = libxl_ctx_alloc(&loop->ctx, LIBXL_VERSION, 0, &loop->log.vtable);
	if (rc) {
		loop->ctx = NULL;
		return domlet_xen_log_error(&loop->log, err, rc, "can't open libxl");
	}
	libxl_osevent_register_hooks(loop->ctx, &osevent_hooks, loop);
	libxl_childproc_setmode(loop->ctx, &childproc_hooks, loop);
	libxl_event_register_callbacks(loop->ctx, &event_hooks, loop);
	return 0;
}

void domlet_xen_loop_close(struct domlet_xen_loop *loop)
{
	loop->is_closed = true;
	/* libxl asserts that nothing is under way when it is freed; a process
	 * that leaves in the middle of an operation leaves libxl alone. */
	if (loop->ctx && !loop->under_way)
		libxl_ctx_free(loop->ctx);
	loop->ctx = NULL;
	while (loop->polls)
		drop_poll(loop->polls);
	while (loop->timers)
		drop_timer(loop->timers);
	domlet_xen_loop_drop(loop, (uv_handle_t *)&loop->sigchld);
	domlet_xen_loop_drop(loop, (uv_handle_t *)&loop->deliver);
	if (loop->handles == 0)
		loop->closed(loop->user);
}
