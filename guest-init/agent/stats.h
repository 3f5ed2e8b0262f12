/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_STATS_H
#define DOMLET_INIT_STATS_H

#include "agent.h"

/* STATS: REQUEST is answered with what was counted of a container, which is watched from then on if M says so. */
void domlet_stats_tell(struct agent *a, uint32_t request, const struct domlet_msg_stats *m);
/* Of one that is watched: whether the kernel has killed processes of it for want of memory since that was looked at last,
 * and the monitor is told so. */
void domlet_stats_look(struct agent *a, struct guest_container *c);
void domlet_stats_poll(struct guest_container *c, struct pollfd *fds, nfds_t *n);
void domlet_stats_polled(struct agent *a, struct guest_container *c, const struct pollfd *fds);
/* It is watched no longer. */
void domlet_stats_end(struct guest_container *c);

#endif
