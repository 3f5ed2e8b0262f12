/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_UPDATE_H
#define DOMLET_INIT_UPDATE_H

/*
 * UPDATE: limits of a container that has been created are changed. A child does it, as the kernel takes its time to
 * make less memory of what is used, and kills when that can't be done; one at a time for a container.
 */

#include "agent.h"

void domlet_update_begin(struct agent *a, uint32_t request, const struct domlet_msg_update *m);
/* Whether PID was such a child, whose update is answered then. */
bool domlet_update_ended(struct agent *a, pid_t pid, int status);
/* Of a container that has ended: what is under way is answered, and its child killed. */
void domlet_update_stop(struct agent *a, struct guest_container *c);

#endif
