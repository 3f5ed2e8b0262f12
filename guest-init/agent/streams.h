/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_STREAMS_H
#define DOMLET_INIT_STREAMS_H

/* A process's three streams, between the link and its pipes or its terminal. */

#include "agent.h"

void domlet_streams_open(struct agent *a, struct guest_process *g);
void domlet_streams_close(struct agent *a, struct guest_process *g);
/* The process has ended: what its pipes hold now is the last of its output. A
 * pipe that others hold goes on, but not that of a container's first process,
 * with which they are killed; a terminal ends with its session. */
void domlet_streams_bound(struct guest_process *g);
/* All of that is on its way. */
bool domlet_streams_settled(const struct guest_process *g);
void domlet_streams_event(struct agent *a, struct guest_process *g, const struct domlet_link_event *ev);
bool domlet_streams_move(struct agent *a, struct guest_process *g);
bool domlet_streams_poll(struct agent *a, struct guest_process *g, struct pollfd *fds, nfds_t *n);
void domlet_streams_polled(struct guest_process *g, const struct pollfd *fds);

#endif
