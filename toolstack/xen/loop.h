/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_LOOP_H
#define DOMLET_XEN_LOOP_H

/*
 * A libxl context on a libuv loop: its descriptors, timers and child processes,
 * and the posts by which its owner is told on a later turn what was found out
 * inside a call. It knows of no domain. The struct is its owner's, who frees it
 * in closed(), when libuv has let go of all handles in it.
 */

#include <libxl.h>
#include <libxl_event.h>
#include <stdbool.h>
#include <uv.h>

#include "log.h"

struct domlet_xen_poll; /* loop.c: one descriptor that libxl watches */
struct domlet_xen_timer;

/* One thing to tell the owner. Until it was told, telling it again changes nothing. */
struct domlet_xen_post {
	void (*deliver)(void *user);
	void *user; /* NULL: the loop's */
	/* private */
	struct domlet_xen_post *next;
	bool queued;
};

struct domlet_xen_loop {
	/* filled by the owner before all else; the rest is 0 */
	uv_loop_t *uv;
	void *user;
	void (*event)(void *user, const libxl_event *event); /* libxl's; from inside a call of it */
	void (*disaster)(void *user, const char *what);      /* the same */
	void (*closed)(void *user);

	/* for those who call libxl */
	libxl_ctx *ctx; /* NULL: not open */
	struct domlet_xen_log log;
	/* Asynchronous calls whose callback hasn't come; those who make them
	 * count. While there is one libxl must not be freed. */
	unsigned int under_way;

	/* private */
	uv_signal_t sigchld;
	uv_timer_t deliver;
	struct domlet_xen_post *first, **last;
	struct domlet_xen_poll *polls;
	struct domlet_xen_timer *timers;
	unsigned int handles; /* not yet closed, of those in the owner's memory */
	bool is_closed;
};

int domlet_xen_loop_open(struct domlet_xen_loop *loop, struct domlet_error *err);
/* Nothing is delivered any more. The last that the owner calls: closed() may come at once. */
void domlet_xen_loop_close(struct domlet_xen_loop *loop);

/* POST's deliver() is called on a later turn, with POST's USER or else the loop's, after all
 * that was posted before. It may do anything, closing the loop included. */
void domlet_xen_loop_post(struct domlet_xen_loop *loop, struct domlet_xen_post *post);

/* HANDLE, just initialised on the loop, lies in the owner's memory: that stays
 * until the handle has been dropped. DATA, not NULL, is for its callbacks. */
void domlet_xen_loop_hold(struct domlet_xen_loop *loop, uv_handle_t *handle, void *data);
/* Closes HANDLE; it may be one that was never held, all of it 0. */
void domlet_xen_loop_drop(struct domlet_xen_loop *loop, uv_handle_t *handle);

#endif
