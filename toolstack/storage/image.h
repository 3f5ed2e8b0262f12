/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STORAGE_IMAGE_H
#define DOMLET_STORAGE_IMAGE_H

/*
 * A read-only erofs image of a root file system, made by mkfs.erofs and kept
 * in a cache directory under the tree's fingerprint: SHA-256 over every
 * entry's path, type, mode, owner, link target, device number and extended
 * attributes, and for files with content their size, times and inode, which
 * tell contents apart where dom0's kernel alone has set them (origin.h). Of
 * files that were changed in the last seconds the contents are hashed, too.
 * Times of directories, links and empty files are left out: engines make a few
 * of these anew for each container of one image, and all such containers are
 * to find the same image.
 *
 * A tree whose times somebody else may have made (a mounted image, NFS, FUSE)
 * is packed anew for each container, into an image that no other one finds.
 * What the fingerprint does not see: a process of dom0 that changes a file through a
 * page that it has kept mapped since before.
 *
 * Commands come here to make an image, the monitor and clean-ups to forget one.
 */

#include "../base/error.h"

#define DOMLET_IMAGE_CACHE "/var/cache/domlet/images"
/* Bytes that the cache may hold: a hundred images of a usual size. */
#define DOMLET_IMAGE_CACHE_MAX (20ull << 30)

struct domlet_image {
	char *path; /* the caller's, to be freed */
	int lock;   /* the caller's descriptor: the image stays while it is open, here or in a fork */
};

/* Finds the image of ROOTFS in the cache or makes it, and trims the cache to CACHE_MAX
 * bytes then. The walk and mkfs.erofs stay on ROOTFS' file system. Two callers of the
 * same tree make the image once (flock(2)). 0 or -errno; an error, as -ENOSPC, leaves no
 * partial file. -EINTR: a signal that is held has come (base/interrupt.h). */
int domlet_image_prepare(const char *rootfs, const char *cache_dir, unsigned long long cache_max,
			 struct domlet_image *image, struct domlet_error *err);
/* To be called when the domain of the container that used the image PATH (NULL: none) is
 * gone: removes the image if no other container can find it. */
void domlet_image_forget(const char *path);
/* Removes the least recently used images while the cache holds more than MAX_BYTES, and
 * all images that were one container's alone; images in use stay. 0 or -errno. */
int domlet_image_trim(const char *cache_dir, unsigned long long max_bytes, struct domlet_error *err);

#endif
