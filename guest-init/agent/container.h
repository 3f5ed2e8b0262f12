/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_CONTAINER_H
#define DOMLET_INIT_CONTAINER_H

/* Messages about a container: CREATE, START, DELETE. REQUEST is answered when it is done, or has failed. */

#include "agent.h"

void domlet_container_create(struct agent *a, uint32_t request, const struct domlet_msg_create *m);
void domlet_container_start(struct agent *a, uint32_t request, const struct domlet_msg_start *m);
void domlet_container_delete(struct agent *a, uint32_t request, const struct domlet_msg_delete_ *m);
/* After whatever has happened: frees what an ended container needs no more, and a deleted one, whose processes end by
 * and by; each end comes past here. */
void domlet_container_turn(struct agent *a, struct guest_container *c);
/* Adds what to sleep on, one at most. */
void domlet_container_poll(struct guest_container *c, struct pollfd *fds, nfds_t *n);

#endif
