/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STORAGE_MKFS_H
#define DOMLET_STORAGE_MKFS_H

/*
 * Calls mkfs.erofs (erofs-utils) and waits for it. Owns no memory.
 */

#include <stdbool.h>
#include <stddef.h>

#include "../base/error.h"

/* The program that is called, by PATH or else in the usual places: into PATH,
 * of LEN bytes. False: there is none. */
bool domlet_mkfs_find(char *path, size_t len);
/* Writes the image of directory ROOTFS to the file IMAGE, over what is in it.
 * ALONE: without what is mounted below ROOTFS (mkfs.erofs then runs in a mount
 * namespace of its own); needs the right to mount. What mkfs.erofs says on
 * stderr becomes the sentence. */
int domlet_mkfs_erofs(const char *rootfs, bool alone, const char *image, struct domlet_error *err);

#endif
