/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_FORWARD_H
#define DOMLET_MONITOR_FORWARD_H

/*
 * The power behind toolstack/guest/forward.h: sockets of a container's network
 * namespace in dom0, and connections to those in its binds, for the half of the monitor that reads what the guest sends.
 * A container has one struct domlet_forward, as long as it is in its domain.
 */

#include "../guest/guest.h"

struct domlet_forward {
	int namespace;                /* of the container, in dom0; owned; -1: it gets no socket of there */
	int files[DOMLET_SOCKET_MAX]; /* of the sockets in its binds; O_PATH; owned */
	uint32_t file_count;
};

static inline void domlet_forward_init(struct domlet_forward *f)
{
	f->namespace = -1;
	f->file_count = 0;
}

/* The sockets in the container's binds, whose descriptors are taken over. Once. */
void domlet_forward_take(struct domlet_forward *f, const int *files, uint32_t count);

/* What the container asks at 127.0.0.11 is asked in NAMESPACE, a descriptor that is taken over. For one that has been
 * created, and whose resolv.conf names that address; the guest is ordered to under TAG. Once. */
void domlet_forward_begin(struct domlet_forward *f, struct domlet_guest *guest, uint32_t tag, uint32_t container,
			  int namespace);
/* What a DOMLET_GUEST_SOCKET of the container asks for is given, or refused. */
void domlet_forward_hear(const struct domlet_forward *f, struct domlet_guest *guest,
			 const struct domlet_guest_event *ev);
void domlet_forward_end(struct domlet_forward *f);

#endif
