/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_MOUNTS_H
#define DOMLET_INIT_MOUNTS_H

/*
 * The container's mounts, made in the child before it enters its root. Every target
 * is found below the root's descriptor (paths.h): the image chooses its symlinks.
 */

#include "../config/config.h"

struct domlet_mount_place {
	int root_fd;        /* O_PATH, the container's root */
	uint32_t number;    /* the container's */
	const char *cgroup; /* the container's cgroup; NULL: it has a cgroup namespace */
};

/* Entry I of the configuration. *AT: where it lies, if domlet_mounts_finish() is
 * needed for it, else NULL; the caller frees it. */
int domlet_mounts_apply(const struct domlet_mount_config *m, uint32_t i, const struct domlet_mount_place *p, char **at,
			struct domlet_failure *failure);

/* When all has been made that the container needs: what is read-only becomes so. */
int domlet_mounts_finish(const struct domlet_mount_config *m, const char *at, const struct domlet_mount_place *p,
			 struct domlet_failure *failure);

/* Hides a path, or makes one read-only; a path that isn't there is no error. */
int domlet_mounts_mask(int root_fd, const char *path, struct domlet_failure *failure);
int domlet_mounts_make_readonly(int root_fd, const char *path, struct domlet_failure *failure);

#endif
