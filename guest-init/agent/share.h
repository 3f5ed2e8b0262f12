/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_SHARE_H
#define DOMLET_INIT_SHARE_H

/*
 * Files of dom0's that containers have: for each such container a ring, which the monitor is told of by SHARE, and
 * a process that carries the kernel's requests over that.
 */

#include "agent.h"

/* Of C, whose configuration was read, and which is about to be made; nothing when it has no such files. 0 or
 * -errno with *failure; domlet_share_end() then, too. */
int domlet_share_begin(struct agent *a, struct guest_container *c, struct domlet_failure *failure);
/* dom0 serves it no more: every access ends in an error from now on. */
void domlet_share_cut(struct agent *a, const struct domlet_msg_unshare *m);
/* C's first process has ended: what it has written, and the kernel has not, is written out. */
void domlet_share_flush(struct guest_container *c);
/* True: that is still going on. */
bool domlet_share_flushes(const struct guest_container *c);
/* The child PID has ended; false: it is none of these. */
bool domlet_share_ended(struct agent *a, pid_t pid);
/* The kernel answers all that C asks of its files by errors, as nobody carries that any more. */
bool domlet_share_is_lost(const struct guest_container *c);
/* C is deleted. */
void domlet_share_end(struct guest_container *c);

#endif
