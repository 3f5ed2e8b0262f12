/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_CAPS_H
#define DOMLET_INIT_CAPS_H

/*
 * Capabilities of a process about to exec. Sets are bit masks indexed by
 * capability number. Called in the child only; no memory is kept.
 */

#include "../config/config.h"

/* Before the user changes: drops what is not in the bounding set, and asks
 * the kernel to keep the permitted set over setuid. 0 or -errno. */
int domlet_caps_bound(const struct domlet_process_config *p, struct domlet_failure *failure);

/* After the user changed: the final sets, but that KEPT (bits) is permitted
 * and effective, too, until execve. 0 or -errno. */
int domlet_caps_apply(const struct domlet_process_config *p, uint64_t kept, struct domlet_failure *failure);

#endif
