/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_DESTROY_H
#define DOMLET_XEN_DESTROY_H

/*
 * The operation that has libxl destroy a domain, and removes what libxl may
 * have left of it. The struct is the caller's, and stays until done() was
 * called or the loop is closed.
 */

#include "store.h"
#include "turn.h"

struct domlet_xen_destroy {
	/* filled by the caller */
	struct domlet_xen_loop *loop;
	struct domlet_xen_store *store;
	void (*done)(void *user); /* once for each start, maybe from inside it */
	void *user;

	/* results */
	int rc; /* 0 also when somebody else was faster */
	struct domlet_error err;

	/* private */
	uint32_t domid;
	struct domlet_xen_turn turn;
};

void domlet_xen_destroy_init(struct domlet_xen_destroy *destroy);
/* DOMID may be DOMLET_XEN_NO_DOMID. GONE: only what was left of it is removed. */
void domlet_xen_destroy_start(struct domlet_xen_destroy *destroy, uint32_t domid, bool gone);
void domlet_xen_destroy_close(struct domlet_xen_destroy *destroy);

#endif
