/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_FILESERVER_CONFINE_H
#define DOMLET_FILESERVER_CONFINE_H

/*
 * What the server gives up before it reads a guest's first byte: all of dom0's mounts but the exports, all capabilities
 * but those that owners, modes and nodes of files need, and all system calls but those that its
 * work takes.
 */

#include <stddef.h>

#include "../base/error.h"

/* Makes a root of nothing but the COUNT TREES, each at its number, and enters it. ROOTS: O_PATH descriptors of the trees, which the
 * caller owns; *PROC_FD: of /proc/self/fd, likewise. In a mount namespace of the caller's own. 0 or -errno. */
int domlet_fileserver_enter(const int *trees, size_t count, int *roots, int *proc_fd, struct domlet_error *err);
/* Capabilities, system calls, and memory, of which the server of EXPORTS exports needs less than it may have: when a guest
 * makes it want more it is told ENOMEM, or another node is dropped. 0 or -errno. */
int domlet_fileserver_confine(size_t exports, struct domlet_error *err);

#endif
