/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STORAGE_MKFS_H
#define DOMLET_STORAGE_MKFS_H

/*
 * Calls mkfs.erofs (erofs-utils) and waits for it. Only storage/ includes
 * this.
 */

#include <stdbool.h>

#include "../base/error.h"

/* Writes the image of directory ROOTFS to the file IMAGE, over what is in it.
 * ALONE: without what is mounted below ROOTFS (mkfs.erofs then runs in a mount
 * namespace of its own); needs the right to mount. What mkfs.erofs says on
 * stderr becomes the sentence. */
int domlet_mkfs_erofs(const char *rootfs, bool alone, const char *image, struct domlet_error *err);

#endif
