/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_RING_HOST_H
#define DOMLET_RING_HOST_H

/*
 * dom0's half of a ring device: here the pages that a guest has granted are mapped
 * (libxengnttab), and its event channel is bound (libxenevtchn). Beside console.h this
 * is the only file of dom0's that touches grants and event channels; the monitor comes
 * here. The struct owns its handles and mappings, from domlet_host_ring_map() to
 * domlet_host_ring_unmap().
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
	void *page, *data;   /* mappings: of the index page, of the data pages */
	uint32_t page_count; /* data pages, of both directions */
	uint32_t local_port;
};

/* Maps the ring of the domain DOMID by OFFER, which domlet_ring_offer_parse() has checked.
 * The index page is checked here, and its grant references are copied once. 0 or
 * -errno. */
int domlet_host_ring_map(struct domlet_host_ring *hr, uint32_t domid, const struct domlet_ring_offer *offer,
			 struct domlet_error *err);
void domlet_host_ring_unmap(struct domlet_host_ring *hr);
/* Gives up what could map more of a guest's pages; those that are mapped stay until the process ends. */
void domlet_host_ring_seal(struct domlet_host_ring *hr);
/* The descriptor that becomes readable with an event; to be polled for reading only. */
int domlet_host_ring_fd(const struct domlet_host_ring *hr);
/* Sends the guest an event. 0 or -errno. */
int domlet_host_ring_notify(struct domlet_host_ring *hr);
/* Takes the events that are pending, and unmasks the channel. 0 or -errno. */
int domlet_host_ring_drain(struct domlet_host_ring *hr);
/* The RELAX of domlet_ring_linger() in dom0, which has processors for others: always
 * true. */
static inline bool domlet_host_ring_pause(void)
{
	__builtin_ia32_pause();
	return true;
}

#endif
