/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STORAGE_MKFS_H
#define DOMLET_STORAGE_MKFS_H

/*
 * Calls mkfs.erofs (erofs-utils) and waits for its end. image.c and doctor come here;
 * no memory is owned.
 */

#include <stdbool.h>
#include <stddef.h>

#include "../base/error.h"

/* Writes where the program is into PATH, of LEN bytes: as $PATH has it, or else in the
 * usual places. False: there is none. */
bool domlet_mkfs_find(char *path, size_t len);
/* Writes the image of the directory ROOTFS to the file IMAGE, over what is in that.
 * ALONE: without what is mounted below ROOTFS; mkfs.erofs then runs in a mount namespace
 * of its own, for which this process needs the right to mount. 0 or -errno; what
 * mkfs.erofs says on stderr becomes the sentence. -EINTR: a signal that is held has
 * come. */
int domlet_mkfs_erofs(const char *rootfs, bool alone, const char *image, struct domlet_error *err);

#endif
