/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STORAGE_ORIGIN_H
#define DOMLET_STORAGE_ORIGIN_H

/*
 * On which file systems a directory tree lies, and whether the change times of
 * its files can be trusted: only dom0's kernel sets them, and nobody made them
 * elsewhere. Then two trees with the same metadata have the same contents.
 * Only storage/ includes this. No memory is owned.
 */

#include <stdbool.h>
#include <stdint.h>

struct domlet_origin {
	/* Every file lies on ext4, xfs, btrfs or tmpfs, directly or as a layer of
	 * overlayfs, and none of these is on a loop or network block device.
	 * False also where this can't be found out. */
	bool trusted;
	uint8_t id[32]; /* SHA-256 over the device number and f_fsid (statfs(2)) of each file system */
};

/* Looks at the directory PATH as this process sees it; what is mounted below it does not
 * count. This never fails: see TRUSTED. */
void domlet_origin_look(const char *path, struct domlet_origin *origin);

#endif
