/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_FREEZE_H
#define DOMLET_INIT_FREEZE_H

/*
 * Messages before a pause, and after it: SYNC, FREEZE, THAW. Disks may take their time, and so may processes that are
 * to stop: a child waits for them, and REQUEST is answered when that has ended.
 */

#include "agent.h"

void domlet_freeze_sync(struct agent *a, uint32_t request);
void domlet_freeze_begin(struct agent *a, uint32_t request, const struct domlet_msg_freeze *m);
void domlet_freeze_thaw(struct agent *a, uint32_t request, const struct domlet_msg_thaw *m);
/* The child PID has ended with STATUS; false: it is none of these. */
bool domlet_freeze_ended(struct agent *a, pid_t pid, int status);
/* What there is to freeze of C has ended. */
void domlet_freeze_stop(struct agent *a, struct guest_container *c);

#endif
