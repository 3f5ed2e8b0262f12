/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_PAUSE_H
#define DOMLET_XEN_PAUSE_H

/*
 * The operation that has libxl stop all processors of a domain, until
 * unpause.h's lets them run again. The struct is the caller's, and stays until
 * done() was called or the loop is closed.
 */

#include "loop.h"

struct domlet_xen_pause {
	/* filled by the caller */
	struct domlet_xen_loop *loop;
	void (*done)(void *user); /* once, maybe from inside the start */
	void *user;

	/* results */
	int rc;
	struct domlet_error err;
};

/* 0 or -errno, and then done() isn't called. */
int domlet_xen_pause_start(struct domlet_xen_pause *pause, uint32_t domid, struct domlet_error *err);

#endif
