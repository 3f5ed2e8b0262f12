/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_RELAY_H
#define DOMLET_INIT_RELAY_H

/*
 * A container's files are dom0's: the guest's kernel asks for them at /dev/fuse, and this process carries its
 * requests over a ring to dom0, and the replies back. It is one process for each container with such
 * files, a child of process 1's, and ends with it. It keeps nothing and reads nothing of a message but
 * its length.
 */

#include <sys/types.h>

#include "../../frontend/device.h"

/* Carries until one of both ends is no more; then the kernel answers ENOTCONN for each file. DEVICE's ring is at
 * this process's disposal alone; FUSE is /dev/fuse with its file system mounted, of which files have the device number DEV. */
_Noreturn void domlet_relay_run(struct domlet_device *device, int fuse, dev_t dev);

#endif
