/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_RING_HOST_H
#define DOMLET_RING_HOST_H

/*
 * dom0's half of a ring device: maps the pages that the guest granted
 * (libxengnttab) and binds its event channel (libxenevtchn). Beside
 * console.h the only file that touches grants and event channels in dom0.
 */

#include <stdint.h>
#include "../base/error.h"
#include "../../frontend/proto/ring.h"
#include "offer.h"

struct domlet_host_ring {
	struct domlet_ring ring;
	uint32_t epoch;
	struct xengntdev_handle *gnt;
	struct xenevtchn_handle *evtchn;
	void *page, *data; /* mappings */
	uint32_t page_count;
	uint32_t local_port;
};

/* OFFER as domlet_ring_offer_parse() checked it; the page is checked here, and
 * its references are copied once. */
int domlet_host_ring_map(struct domlet_host_ring *hr, uint32_t domid, const struct domlet_ring_offer *offer,
			 struct domlet_error *err);
void domlet_host_ring_unmap(struct domlet_host_ring *hr);
int domlet_host_ring_fd(const struct domlet_host_ring *hr); /* poll for READABLE only */
int domlet_host_ring_notify(struct domlet_host_ring *hr);
int domlet_host_ring_drain(struct domlet_host_ring *hr); /* take pending, unmask */
/* For domlet_ring_linger: dom0 has processors for others. Always true. */
static inline bool domlet_host_ring_pause(void)
{
	__builtin_ia32_pause();
	return true;
}

#endif
