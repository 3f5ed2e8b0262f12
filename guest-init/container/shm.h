/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_SHM_H
#define DOMLET_INIT_SHM_H

/*
 * A tmpfs that several containers have, as the /dev/shm of a pod: mounted by
 * process 1 in a directory of its own, and bound from there by each container,
 * which then takes the directory out of its mount namespace. NAME is a file's.
 */

#include "../config/config.h"

#define DOMLET_SHM_DIR "/run/domlet/shared"

/* In process 1, once: PATH, below /run/domlet, is a tmpfs with these flags and options. It is a mount, so that one call
 * takes all in it from a child's namespace. 0, also where it is there, or -errno. */
int domlet_shm_make_directory(const char *path, unsigned long flags, const char *options);
/* In process 1, with M's options. 0 or -errno with *failure. */
int domlet_shm_make(const struct domlet_mount_config *m, struct domlet_failure *failure);
/* Its memory is free when the last container that has it has ended. */
void domlet_shm_remove(const char *name);
/* In the child: a descriptor to bind from, or -errno. */
int domlet_shm_open(const char *name);

#endif
