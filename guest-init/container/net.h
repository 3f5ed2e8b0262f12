/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_NET_H
#define DOMLET_INIT_NET_H

/*
 * A container's network, as dom0 wants it: made by a child of process 1, in the
 * container's namespace, of the devices that Xen gives this guest.
 */

#include "../../frontend/proto/net.h"
#include "../config/failure.h"

/* In a child, whose namespace has the devices that are new; it is in NAMESPACE, a descriptor, afterwards. BEFORE is what was
 * made of the container's network so far. A device that is not there yet is waited for, 10 s at
 * most. When it fails, devices that are new are back where they came from. */
int domlet_net_make(int namespace, const struct domlet_net *before, const struct domlet_net *wanted,
		    struct domlet_failure *failure);

#endif
