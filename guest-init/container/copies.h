/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_COPIES_H
#define DOMLET_INIT_COPIES_H

/*
 * Files of the host's that a container has a copy of (its engine's hosts and resolv.conf): in a tmpfs of
 * process 1's, from where they are bound into the container, so that they can be written anew later. The
 * sockets at which process 1 listens in the place of dom0's have their names there, too (agent/door.h).
 */

#include <stddef.h>

#include "../config/config.h"

#define DOMLET_COPIES_DIR "/run/domlet/copies"

/* In process 1, before a child makes the mounts of container NUMBER, of which C is the configuration. */
int domlet_copies_prepare(const struct domlet_container_config *c, struct domlet_failure *failure);
struct domlet_copy_path {
	char text[sizeof DOMLET_COPIES_DIR + 24];
};
/* Of mount number MOUNT. */
struct domlet_copy_path domlet_copies_path(uint32_t number, uint32_t mount);
/* In the place of what the file had. After an error it may have any part of both. */
int domlet_copies_write(uint32_t number, uint32_t mount, const void *content, size_t len);
/* The names only: who has a file bound keeps it. */
void domlet_copies_remove(const struct domlet_container_config *c, uint32_t number);

#endif
