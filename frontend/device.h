/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_FRONTEND_DEVICE_H
#define DOMLET_FRONTEND_DEVICE_H

/*
 * The guest's half of a ring device: here pages are granted to dom0 (libxengnttab's
 * sharing half), and an event channel is offered (libxenevtchn). The first ring is announced
 * under the guest's own xenstore directory, as PROTOCOL.md says; further ones by messages over that.
 * domlet-init comes here, and so do the tests' guests. The device owns its pages and handles until
 * domlet_device_close().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ring.h"

struct xs_handle;

struct domlet_device {
	struct domlet_ring ring;
	struct xengntdev_handle *gnt;
	struct xenevtchn_handle *evtchn;
	void *page, *data;   /* the index page, the data pages */
	uint32_t page_count; /* data pages, of both directions */
	uint32_t order, epoch;
	uint32_t index_ref; /* the index page's grant reference */
	uint32_t port;      /* our end of the event channel */
};

/* Makes a ring of 1 << ORDER data pages per direction. 0, or -errno with a sentence in ERR, of ERR_LEN bytes. */
int domlet_device_open(struct domlet_device *d, uint32_t order, uint32_t epoch, char *err, size_t err_len);
/* Announces it as the domain's first over XS, which stays the caller's. 0; or -errno, with a sentence as above, and it
 * is closed. */
int domlet_device_announce(struct domlet_device *d, struct xs_handle *xs, char *err, size_t err_len);
/* Takes the pages out of this process, when a child has them. */
void domlet_device_unmap(struct domlet_device *d);
void domlet_device_close(struct domlet_device *d);
/* The descriptor that becomes readable with an event; to be polled for reading. */
int domlet_device_fd(const struct domlet_device *d);
/* Sends dom0 an event. 0 or -errno. */
int domlet_device_notify(struct domlet_device *d);
/* Takes the events that are pending, and unmasks the channel. 0 or -errno. */
int domlet_device_drain(struct domlet_device *d);
/* The RELAX of domlet_ring_linger() in a guest: offers the processor, which is the
 * container's, too, to the container. False: the container took the processor, so there
 * may be work of its making. */
bool domlet_device_yield(void);

#endif
