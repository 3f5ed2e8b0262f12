/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_ROOTFS_H
#define DOMLET_INIT_ROOTFS_H

/*
 * The container's root filesystem, built and entered by its first process in
 * its own mount namespace: when that namespace ends, everything is unmounted.
 */

#include "../config/config.h"

/* Mounts the root and all below, creates devices and links, masks, and makes
 * it "/". NUMBER names a directory below /run/domlet, and the container's
 * cgroup. 0 or -errno. */
int domlet_rootfs_enter(const struct domlet_container_config *c, uint32_t number, struct domlet_failure *failure);

#endif
