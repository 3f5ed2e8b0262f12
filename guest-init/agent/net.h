/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_AGENT_NET_H
#define DOMLET_AGENT_NET_H

/* A container's network, which a child makes, as it may have to wait for a device. */

#include <sys/types.h>

#include "agent.h"

void domlet_agent_net_begin(struct agent *a, uint32_t request, const struct domlet_msg_net *m);
/* Whether PID, which has ended with STATUS, was such a child; that it has ended is told then. */
bool domlet_agent_net_ended(struct agent *a, pid_t pid, int status);
/* C has stopped: nobody needs it any more. */
void domlet_agent_net_stop(struct agent *a, struct guest_container *c);
void domlet_agent_net_free(struct guest_container *c);

#endif
