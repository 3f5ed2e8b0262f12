/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_GUEST_GUEST_H
#define DOMLET_GUEST_GUEST_H

/*
 * The half of the monitor that faces the guest: it reads what the guest sends,
 * moves the streams, and knows which processes there are. It has no power over
 * the domain and knows no record of a container. It takes orders (order.h),
 * reads nothing of the guest's within one, and posts events (event.h).
 * One struct a domain, of more than 100 KiB.
 */

#include "forward.h"
#include "process.h"

struct domlet_guest {
	struct domlet_guest_link link;
	struct domlet_guest_processes processes;
	struct domlet_guest_forward forward;
	bool greeted, said_broken;
	uint32_t watched; /* for output: a bit for each container */
};

/* WAKE of its link is the loop's until the loop ends. */
void domlet_guest_open(struct domlet_guest *g, uv_loop_t *loop, const struct domlet_guest_listener *listener);
/* Moves what can be moved, for a while; by itself it does so when there is something. */
void domlet_guest_turn(struct domlet_guest *g);
/* All: the guest runs no more. */
void domlet_guest_last_turn(struct domlet_guest *g);

/* Orders */

int domlet_guest_attach(struct domlet_guest *g, uint32_t domid, const struct domlet_ring_offer *offer,
			struct domlet_error *err);
/* The link ends, and each process as if it was killed. */
void domlet_guest_detach(struct domlet_guest *g);
void domlet_guest_take_first(struct domlet_guest *g, const struct domlet_guest_first *order);
/* Its container is gone, and PROCESS has been neither FREED nor given to another: FREED is posted, now or soon, unless
 * the guest has the process. */
void domlet_guest_forget_first(struct domlet_guest *g, uint32_t process);
/* The others are for a guest that is attached. */
void domlet_guest_create(struct domlet_guest *g, const struct domlet_guest_create *order);
void domlet_guest_start(struct domlet_guest *g, uint32_t tag, uint32_t container);
/* The guest is to write out what is dirty; of one of several containers, that, and then no process of it is to run,
 * until it is thawed. As long as the guest has not answered one of these, the same is not asked again: EAGAIN. */
void domlet_guest_sync(struct domlet_guest *g, uint32_t tag);
void domlet_guest_freeze(struct domlet_guest *g, uint32_t tag, uint32_t container);
void domlet_guest_thaw(struct domlet_guest *g, uint32_t tag, uint32_t container);
/* Of a container whose first process has ended. When it is answered by 0, nothing of the container is left in the
 * guest, and its first process is freed, as those that were dropped are; after a create that failed this has been so by itself. EAGAIN as above. */
void domlet_guest_delete(struct domlet_guest *g, uint32_t tag, uint32_t container);
/* The network that a container is to have, which has been created. EAGAIN as above. */
void domlet_guest_net(struct domlet_guest *g, const struct domlet_guest_net *order);
/* A copied file of a container that has been created has other content now. Several may be under way. EAGAIN: the guest has more
 * to answer than it can be asked. */
void domlet_guest_file(struct domlet_guest *g, const struct domlet_guest_file *order);
/* What the guest has counted of a container that has been created, which comes with the answer; WATCH: and DOMLET_GUEST_OUT_OF_MEMORY
 * is posted from now on. EAGAIN as above. */
void domlet_guest_stats(struct domlet_guest *g, uint32_t tag, uint32_t container, bool watch);
/* Limits of a container that has been created are changed. EAGAIN as above. */
void domlet_guest_update(struct domlet_guest *g, const struct domlet_guest_update *order);
/* Its domain is paused, or runs again: as long as it SLEEPS, and until it has read what waited then, it isn't to
 * be blamed for reading nothing. */
void domlet_guest_sleeps(struct domlet_guest *g, bool sleeps);
/* Of a container that has been created: from now on DOMLET_GUEST_SOCKET is posted when it is to be given a socket of SERVICE
 * (enum domlet_forward_service). EAGAIN as above. */
void domlet_guest_forward(struct domlet_guest *g, uint32_t tag, uint32_t container, uint32_t service);
/* Of one that is about to be created: the same for COUNT sockets in its binds, DOMLET_SOCKET_MAX at most, of which its document
 * tells the guest (DOMLET_FORWARD_SOCKET). */
void domlet_guest_allow_sockets(struct domlet_guest *g, uint32_t container, uint32_t count);
/* Of one that is gone: no socket of the host's is asked for in its name any more, and those that it has are closed. */
void domlet_guest_forbid_sockets(struct domlet_guest *g, uint32_t container);
/* Nobody serves the files of CONTAINER any more, for which DOMLET_GUEST_SHARE was posted. */
void domlet_guest_unshare(struct domlet_guest *g, uint32_t container);
/* What that asked for. It may also be given within that event. */
void domlet_guest_give_socket(struct domlet_guest *g, const struct domlet_guest_socket *order);
void domlet_guest_exec(struct domlet_guest *g, const struct domlet_guest_exec *order);
/* Before a process is asked for, or when there is no number left for one. */
void domlet_guest_make_room(struct domlet_guest *g);
/* False: it sleeps, and there is no room for another until it reads. */
bool domlet_guest_signal(struct domlet_guest *g, const struct domlet_guest_signal *order);
void domlet_guest_resize(struct domlet_guest *g, const struct domlet_guest_size *order);
/* Who asked for PROCESS is gone, and was not told that it runs. */
void domlet_guest_abandon(struct domlet_guest *g, uint32_t process);
void domlet_guest_lose_proxy(struct domlet_guest *g, uint32_t process);
/* The readers of PROCESS see the end, whatever is still to be written. */
void domlet_guest_close_streams(struct domlet_guest *g, uint32_t process);
/* All processes of CONTAINER but its first one end now, whatever is still to be written. Each is DROPPED; as long as the
 * link is there it is FREED only when the guest has ended it, or deleted the container. */
void domlet_guest_drop_further(struct domlet_guest *g, uint32_t container);
/* DOMLET_GUEST_OUTPUT is posted when a reader takes some from now on. */
void domlet_guest_watch_output(struct domlet_guest *g, uint32_t container);

static inline bool domlet_guest_is_attached(const struct domlet_guest *g)
{
	return g->link.attached;
}

#endif
