/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_UNPAUSE_H
#define DOMLET_XEN_UNPAUSE_H

/*
 * The operation that has libxl start a domain's guest, or let it go on. The struct is the
 * caller's, and stays until done() was called or the loop is closed.
 */

#include "loop.h"

struct domlet_xen_unpause {
	/* filled by the caller */
	struct domlet_xen_loop *loop;
	const char *what;         /* it means when it fails: "can't start the domain" */
	void (*done)(void *user); /* once, maybe from inside the start */
	void *user;

	/* results */
	int rc;
	struct domlet_error err;
};

/* 0 or -errno, and then done() isn't called. */
int domlet_xen_unpause_start(struct domlet_xen_unpause *unpause, uint32_t domid, struct domlet_error *err);

#endif
