/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_SHARED_H
#define DOMLET_MONITOR_SHARED_H

/*
 * The process that serves a container's files (fileserver/), as the monitor has it: a socket, which came with the
 * container. It is told where the guest's ring is, and ends when the socket is closed.
 */

#include <stdbool.h>
#include <uv.h>

#include "../base/error.h"
#include "../ring/offer.h"

struct domlet_shared {
	/* The caller sets this: the process is gone, or can't serve; once. */
	void (*lost)(void *user, const struct domlet_error *err);
	void *user;

	/* private */
	uv_poll_t *poll; /* NULL: there is none */
	int fd;
	bool attached, serves;
};

/* S is 0 but for what the caller has set. FD becomes S's. 0 or -errno. */
int domlet_shared_open(struct domlet_shared *s, uv_loop_t *loop, int fd, struct domlet_error *err);
/* What the guest DOMID has said of its ring; a second time is passed over, as is a guest that has nothing shared. */
void domlet_shared_attach(struct domlet_shared *s, uint32_t domid, const struct domlet_ring_offer *offer);
/* Ends it; S may be one that is not open. */
void domlet_shared_close(struct domlet_shared *s);

#endif
