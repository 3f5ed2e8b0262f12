/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_STORE_H
#define DOMLET_XEN_STORE_H

/*
 * A connection to xenstore on a loop, with one node that is watched. What the
 * nodes mean is for others to know. The struct is its owner's.
 */

#include <stdint.h>
#include <xenstore.h>

#include "loop.h"

struct domlet_xen_watch {
	/* filled by the caller, who keeps it until it is unwatched or the store closed */
	const char *path;
	void (*changed)(void *user); /* maybe it did: the first time comes by itself */
	void (*lost)(void *user);    /* xenstored is gone; nothing comes after that */
	void *user;
};

struct domlet_xen_store {
	struct xs_handle *xs; /* NULL: not open */
	/* private */
	struct domlet_xen_loop *loop;
	uv_poll_t poll;
	const struct domlet_xen_watch *watch; /* NULL: none */
};

/* LOOP need not be open yet. */
int domlet_xen_store_open(struct domlet_xen_store *store, struct domlet_xen_loop *loop, struct domlet_error *err);
void domlet_xen_store_close(struct domlet_xen_store *store);
int domlet_xen_store_watch(struct domlet_xen_store *store, const struct domlet_xen_watch *watch,
			   struct domlet_error *err);
void domlet_xen_store_unwatch(struct domlet_xen_store *store);

/* Backends that a domain has left in xenstore, because libxl had no time to
 * wait for their end, hold its disk for ever. Not of a domain that exists. */
void domlet_xen_store_sweep(struct xs_handle *xs, uint32_t domid);

#endif
