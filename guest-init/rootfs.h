/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_ROOTFS_H
#define DOMLET_INIT_ROOTFS_H

/*
 * The container's file system: its root, its mounts, its devices; called in
 * the container's own mount namespace. 0 or -errno with *failure.
 */

#include "config.h"

/* Mounts root at DIR (made) and everything on it, and makes it "/". */
int domlet_rootfs_enter(const struct domlet_container_config *c, const char *dir, struct domlet_failure *failure);

#endif
