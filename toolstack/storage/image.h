/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STORAGE_IMAGE_H
#define DOMLET_STORAGE_IMAGE_H

/*
 * A read-only erofs image of a root file system, made by mkfs.erofs and kept
 * in a cache directory under the tree's fingerprint: SHA-256 over every
 * entry's path, type, mode, owner, link target, device number and extended
 * attributes, and for files with content their size, times and inode, which
 * tell contents apart. Times of directories, links and empty files are left
 * out: engines make a few of these anew for each container of one image, and
 * all such containers are to find the same image.
 */

#include "../base/error.h"

#define DOMLET_IMAGE_CACHE "/var/cache/domlet/images"

/* Path of the image in *image (malloc'ed); makes it when it isn't cached.
 * The walk and mkfs.erofs stay on ROOTFS' file system. Two callers of the same tree
 * make it once (flock). ENOSPC and alike leave no partial file. */
int domlet_image_prepare(const char *rootfs, const char *cache_dir, char **image, struct domlet_error *err);
/* Removes the least recently used images while the cache holds more than
 * MAX_BYTES; images attached to loop devices are kept by their open files. */
int domlet_image_trim(const char *cache_dir, unsigned long long max_bytes, struct domlet_error *err);

#endif
