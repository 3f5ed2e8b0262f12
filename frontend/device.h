/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_FRONTEND_DEVICE_H
#define DOMLET_FRONTEND_DEVICE_H

/*
 * The guest's half of a ring device: grants pages to dom0 (libxengnttab's
 * sharing half), offers an event channel (libxenevtchn), and announces both
 * under the guest's own xenstore directory, as PROTOCOL.md says. The device
 * owns its pages and handles until domlet_device_close().
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
	void *page, *data;
	uint32_t page_count; /* data pages, both directions */
	uint32_t port;
};

/* 1 << ORDER data pages a direction. 0 or -errno with a sentence in ERR. */
int domlet_device_open(struct domlet_device *d, struct xs_handle *xs, uint32_t order, uint32_t epoch, char *err,
		       size_t err_len);
void domlet_device_close(struct domlet_device *d);
int domlet_device_fd(const struct domlet_device *d); /* poll for reading */
int domlet_device_notify(struct domlet_device *d);
int domlet_device_drain(struct domlet_device *d); /* take what is pending, unmask */
/* For domlet_ring_linger: lets the container have the processor that it shares
 * with us. False when it took it, for then it may have brought work. */
bool domlet_device_yield(void);

#endif
