/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_DOOR_H
#define DOMLET_INIT_DOOR_H

/*
 * Sockets of dom0's that a container has in its binds. Process 1 listens in the place of each, at a socket of the
 * same owner and mode, and has the host told who connects there; the bytes go as those of forward.h's
 * connections do. Datagrams go one by one, each in its sender's name. Each container has doors of its own, from before its mounts are made until its end.
 *
 * What its processes have said before they ended is said in dom0 before their end is told, unless
 * that takes too long there.
 */

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../frontend/proto/limits.h"
#include "../config/failure.h"

struct agent;
struct guest_container;

struct domlet_door {
	int fd;          /* listens, or takes datagrams */
	uint32_t socket; /* the host's number of it */
	bool datagrams;
	bool called; /* there is somebody to accept, or something to read, perhaps */
	nfds_t at;   /* its place among what is polled; 0: none */
};

struct domlet_doors {
	uint32_t count[DOMLET_CONTAINER_MAX];
	uint32_t leaving; /* bit n: container n has stopped, and has perhaps something to say still */
	int timer_fd;     /* when there is one: ends that */
	nfds_t timer_at;
	struct domlet_door of[DOMLET_CONTAINER_MAX][DOMLET_SOCKET_MAX];
};

/* Before a child makes the container's mounts, and after domlet_copies_prepare(). 0 or -errno. */
int domlet_door_open(struct agent *a, const struct guest_container *c, struct domlet_failure *failure);
/* Its processes have ended. */
void domlet_door_leave(struct agent *a, const struct guest_container *c);
/* Whether what they said is still on its way. */
bool domlet_door_owes(const struct agent *a, const struct guest_container *c);
/* Nothing of it is left. */
void domlet_door_close(struct agent *a, const struct guest_container *c);

/* As of agent.h's. */
void domlet_door_move(struct agent *a);
#define DOMLET_DOOR_POLL_MAX (DOMLET_CONTAINER_MAX * DOMLET_SOCKET_MAX + 1)
void domlet_door_poll(struct agent *a, struct pollfd *fds, nfds_t *n);
void domlet_door_polled(struct agent *a, const struct pollfd *fds);

#endif
