/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_RELAY_H
#define DOMLET_INIT_RELAY_H

/*
 * A container's files are dom0's: the guest's kernel asks for them at /dev/fuse, and this process carries its
 * requests over a ring to dom0, and the replies back. It is one process for each container with such
 * files, a child of process 1's, and ends with it. It keeps nothing and reads nothing of a message but
 * its length. Each of dom0's exports is a file system of its own, with a connection to the kernel of its own; all of
 * them go over one ring.
 */

#include <sys/types.h>

#include "../../frontend/device.h"

struct domlet_relay_export {
	int fuse;  /* /dev/fuse, with the file system mounted */
	dev_t dev; /* the device number that its files have; 0: not known */
};

/* Carries until one of both ends is no more; then the kernel answers ENOTCONN for each file. DEVICE's ring, and the COUNT
 * exports at EXPORTS, are at this process's disposal alone. */
_Noreturn void domlet_relay_run(struct domlet_device *device, const struct domlet_relay_export *exports, uint32_t count);

#endif
