/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "internal.h"

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
	struct domlet_xen *xen;
	struct domlet_xen_poll *next, **link;
	void *for_libxl;
	int fd;     /* libxl's */
	int own_fd; /* a dup of it: libuv allows one handle a descriptor */
	short events;
};

struct domlet_xen_timer {
	uv_timer_t timer; /* first */
	struct domlet_xen *xen;
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
	libxl_osevent_occurred_fd(p->xen->ctx, p->for_libxl, p->fd, p->events, revents);
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
	struct domlet_xen *xen = user;
	struct domlet_xen_poll *p = calloc(1, sizeof(*p));
	int flags;

	if (!p)
		return ERROR_OSEVENT_REG_FAIL;
	*p = (struct domlet_xen_poll){ .xen = xen, .for_libxl = for_libxl, .fd = fd, .events = events };
	p->own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	flags = fcntl(fd, F_GETFL);
	if (p->own_fd < 0 || flags < 0 || uv_poll_init(xen->loop, &p->poll, p->own_fd)) {
		if (p->own_fd >= 0)
			close(p->own_fd);
		free(p);
		return ERROR_OSEVENT_REG_FAIL;
	}
	/* libuv has set O_NONBLOCK on what libxl's own descriptor shares. */
	(void)fcntl(fd, F_SETFL, flags);
	p->next = xen->polls;
	p->link = &xen->polls;
	if (p->next)
		p->next->link = &p->next;
	xen->polls = p;
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
	libxl_osevent_occurred_timeout(t->xen->ctx, t->for_libxl);
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
	struct domlet_xen *xen = user;
	struct domlet_xen_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return ERROR_OSEVENT_REG_FAIL;
	t->xen = xen;
	t->for_libxl = for_libxl;
	uv_timer_init(xen->loop, &t->timer);
	t->next = xen->timers;
	t->link = &xen->timers;
	if (t->next)
		t->next->link = &t->next;
	xen->timers = t;
	/* A domain's build may have held the loop for long. */
	uv_update_time(xen->loop);
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
	struct domlet_xen *xen = handle->data;

	(void)signo;
	if (xen->ctx)
		libxl_childproc_sigchld_occurred(xen->ctx);
}

static void on_event(void *user, libxl_event *event)
{
	struct domlet_xen *xen = user;

	domlet_xen_domain_event(xen, event);
	libxl_event_free(xen->ctx, event);
}

static void on_disaster(void *user, libxl_event_type type, const char *msg, int errnoval)
{
	struct domlet_xen *xen = user;

	(void)type;
	snprintf(xen->disaster, sizeof(xen->disaster), "libxl can't go on: %.150s: %s", msg, domlet_strerror(errnoval));
	domlet_xen_post(xen, DOMLET_XEN_DISASTER);
}

static const libxl_event_hooks event_hooks = {
	.event_occurs_mask = LIBXL_EVENTMASK_ALL,
	.event_occurs = on_event,
	.disaster = on_disaster,
};

static void deliver_one(struct domlet_xen *xen, unsigned int what)
{
	const struct domlet_xen_ops *ops = xen->ops;

	switch (what) {
	case DOMLET_XEN_BUILT: ops->built(xen->user, xen->built.rc, xen->domid, &xen->built.err); break;
	case DOMLET_XEN_UNPAUSED: ops->unpaused(xen->user, xen->unpaused.rc, &xen->unpaused.err); break;
	case DOMLET_XEN_DESTROYED: ops->destroyed(xen->user, xen->destroyed.rc, &xen->destroyed.err); break;
	case DOMLET_XEN_SHUTDOWN: ops->shutdown(xen->user, xen->shutdown_reason); break;
	case DOMLET_XEN_VANISHED: ops->vanished(xen->user); break;
	case DOMLET_XEN_RING_READY: ops->ring_ready(xen->user, &xen->ring_offer); break;
	case DOMLET_XEN_DISASTER: ops->disaster(xen->user, xen->disaster); break;
	default: break;
	}
}

/* A callback may close the context, or start what posts again. */
static void on_deliver(uv_timer_t *handle)
{
	struct domlet_xen *xen = handle->data;

	for (unsigned int bit = 1; bit <= DOMLET_XEN_DISASTER && !xen->closed; bit <<= 1) {
		if (!(xen->pending & bit))
			continue;
		xen->pending &= ~bit;
		deliver_one(xen, bit);
	}
}

void domlet_xen_post(struct domlet_xen *xen, enum domlet_xen_pending what)
{
	if (xen->closed)
		return;
	xen->pending |= what;
	uv_timer_start(&xen->deliver, on_deliver, 0, 0);
}

void domlet_xen_handle_closed(uv_handle_t *handle)
{
	struct domlet_xen *xen = handle->data;

	if (--xen->handle_count == 0 && xen->closed)
		free(xen);
}

int domlet_xen_loop_open(struct domlet_xen *xen, struct domlet_error *err)
{
	int rc = uv_timer_init(xen->loop, &xen->deliver);

	xen->deliver.data = xen;
	xen->handle_count++;
	if (!rc) {
		rc = uv_timer_init(xen->loop, &xen->turn);
		xen->turn.data = xen;
		xen->handle_count++;
	}
	if (!rc) {
		rc = uv_signal_init(xen->loop, &xen->sigchld);
		xen->sigchld.data = xen;
		if (!rc) {
			xen->handle_count++;
			rc = uv_signal_start(&xen->sigchld, on_sigchld, SIGCHLD);
		}
	}
	if (rc)
		return domlet_error_set(err, -rc, "can't watch for ended child processes: %s", domlet_strerror(rc));
	rc = libxl_ctx_alloc(&xen->ctx, LIBXL_VERSION, 0, &xen->log.vtable);
	if (rc) {
		xen->ctx = NULL;
		return domlet_xen_log_error(&xen->log, err, rc, "can't open libxl");
	}
	libxl_osevent_register_hooks(xen->ctx, &osevent_hooks, xen);
	libxl_childproc_setmode(xen->ctx, &childproc_hooks, xen);
	libxl_event_register_callbacks(xen->ctx, &event_hooks, xen);
	return 0;
}

void domlet_xen_loop_close(struct domlet_xen *xen)
{
	/* libxl asserts that nothing is under way when it is freed; a process
	 * that leaves in the middle of an operation leaves libxl alone. */
	if (xen->ctx && !xen->building && !xen->unpausing && !xen->destroying)
		libxl_ctx_free(xen->ctx);
	xen->ctx = NULL;
	while (xen->polls)
		drop_poll(xen->polls);
	while (xen->timers)
		drop_timer(xen->timers);
	if (xen->sigchld.data)
		uv_close((uv_handle_t *)&xen->sigchld, domlet_xen_handle_closed);
	if (xen->turn.data)
		uv_close((uv_handle_t *)&xen->turn, domlet_xen_handle_closed);
	if (xen->deliver.data)
		uv_close((uv_handle_t *)&xen->deliver, domlet_xen_handle_closed);
}
