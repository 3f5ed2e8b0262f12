/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_LIVE_H
#define DOMLET_INIT_LIVE_H

/*
 * Where dom0's files are in the guest: for each container that has some, a FUSE file system of process 1's for each
 * of the host's exports, so that each has a device number of its own. Each container binds what it is to have from there, and
 * then takes all of it out of its mount namespace.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../config/config.h"

#define DOMLET_LIVE_DIR "/run/domlet/share"

/* The number of exports of dom0's that C has; 0: none of its files are dom0's. */
uint32_t domlet_live_count(const struct domlet_container_config *c);
struct domlet_live_path {
	char text[sizeof DOMLET_LIVE_DIR + 26];
};
/* Of export number EXPORT of container NUMBER. */
struct domlet_live_path domlet_live_path(uint32_t number, uint32_t export);
/* In process 1: the file system of one export, whose requests are read from the descriptor that is returned; nobody may look
 * into it before somebody reads them. -errno with *failure. */
int domlet_live_mount(uint32_t number, uint32_t export, struct domlet_failure *failure);
/* The number that its files have as that of their device; 0: not known. Nobody is asked. */
dev_t domlet_live_device(uint32_t number, uint32_t export);
/* Writes out what is dirty of container NUMBER's files; only in a child, as it takes as long as dom0 likes. 0 or -errno. */
int domlet_live_sync(uint32_t number);
/* In process 1: nobody answers for container NUMBER's files any more, and who waits for that is told so. The kernel
 * finds that out by itself only when all who had the connection are gone, of whom one may wait for one who waits. */
void domlet_live_abort(uint32_t number);
/* In process 1: all of container NUMBER's; who has some of it bound keeps that. */
void domlet_live_unmount(uint32_t number);

#endif
