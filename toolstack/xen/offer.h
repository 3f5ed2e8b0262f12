/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_OFFER_H
#define DOMLET_XEN_OFFER_H

/*
 * Waits until a guest has written to xenstore what its ring is, and looks at
 * that once. The struct is the caller's, and stays until the store is closed.
 */

#include "../ring/offer.h"
#include "store.h"

struct domlet_xen_offer {
	/* filled by the caller */
	struct domlet_xen_store *store;
	void (*done)(void *user); /* once */
	void (*lost)(void *user); /* xenstored is gone, before that */
	void *user;

	/* results */
	int rc; /* below 0: what the guest wrote is no offer */
	struct domlet_error err;
	struct domlet_ring_offer offer;

	/* private */
	uint32_t domid;
	char path[64];
	struct domlet_xen_watch watch;
};

/* Of domain DOMID. 0 or -errno. */
int domlet_xen_offer_start(struct domlet_xen_offer *offer, uint32_t domid, struct domlet_error *err);

#endif
