/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_BOOT_H
#define DOMLET_INIT_BOOT_H

/*
 * What process 1 does before any container: the guest's own file systems and
 * its random pool. Each returns 0 or -errno with *failure.
 */

#include <stdint.h>

#include "config/failure.h"

struct xs_handle;

/* For a kernel whose drivers are modules, as Debian's: loads what /modules of
 * the initrd holds, in the order of the names. */
void domlet_boot_modules(void);
/* /dev alone, which the ring needs; then all the others. */
int domlet_boot_devices(struct domlet_failure *failure);
int domlet_boot_mounts(struct domlet_failure *failure);
/* For a process that is not the first of a machine, in a mount namespace of its own: the cgroup at PATH is what
 * it has of the machine's, and all that it sees. */
int domlet_boot_cgroup(const char *path, struct domlet_failure *failure);
/* What every process here may have, unless its configuration says otherwise. */
void domlet_boot_limits(void);
/* Pages that may be granted to dom0 at once: a ring for the domain, and one for each container. The kernel's own 1,024 are
 * enough for seven containers. */
void domlet_boot_grants(void);
/* How the kernel deals with its memory: reservations are granted, and what it
 * keeps free is what it keeps without huge pages. Their collector would have a
 * twentieth of it, up to 44 MiB, which the container was promised. */
void domlet_boot_memory(void);
/* What a kernel without huge pages keeps free of MEMORY_KIB. */
uint64_t domlet_boot_reserve_kib(uint64_t memory_kib);
/* Credits dom0's seed (`domlet/seed`) to the kernel's pool: before that nothing
 * may start that could ask for random numbers. */
int domlet_boot_seed(struct xs_handle *xs, struct domlet_failure *failure);

#endif
