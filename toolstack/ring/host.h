/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_RING_HOST_H
#define DOMLET_RING_HOST_H

/*
 * dom0's half of a ring device: maps the pages that the guest granted
 * (libxengnttab) and binds its event channel (libxenevtchn). The only file
 * that touches grants and event channels in dom0. The handshake values come
 * from guest-writable xenstore nodes: text, checked here.
 */

#include <stdint.h>
#include "../base/error.h"
#include "../../frontend/proto/ring.h"

struct domlet_host_ring {
	struct domlet_ring ring;
	uint32_t epoch;
	struct xengntdev_handle *gnt;
	struct xenevtchn_handle *evtchn;
	void *page, *data; /* mappings */
	uint32_t page_count;
	uint32_t local_port;
};

/* All values already parsed as decimal; ORDER <= DOMLET_RING_ORDER_MAX is
 * checked here, references are copied once from the index page. */
int domlet_host_ring_map(struct domlet_host_ring *hr, uint32_t domid, uint32_t order, uint32_t index_ref,
			 uint32_t remote_port, uint32_t epoch, struct domlet_error *err);
void domlet_host_ring_unmap(struct domlet_host_ring *hr);
int domlet_host_ring_fd(const struct domlet_host_ring *hr);   /* poll for READABLE only */
int domlet_host_ring_notify(struct domlet_host_ring *hr);
int domlet_host_ring_drain(struct domlet_host_ring *hr);      /* take pending, unmask */

#endif
