/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_GUEST_LINK_H
#define DOMLET_GUEST_LINK_H

/* The link to the guest, on the ring that is mapped. All of guest/ sends by it. */

#include <uv.h>

#include "../../frontend/proto/link.h"
#include "../base/error.h"
#include "../ring/host.h"

struct domlet_guest_link {
	uv_loop_t *loop;
	void (*turn)(void *user); /* the ring or a stream's descriptor is ready */
	void *user;
	uv_async_t wake; /* something is to be sent, or to be done after an end */
	uv_poll_t poll;
	struct domlet_host_ring ring;
	struct domlet_link link;
	bool attached;
	bool sleeps; /* its domain is paused, or was, and what waited for it has not moved yet */
	bool wakes;  /* the latter, since WOKEN_AT */
	uint64_t woken_at;
	bool wants_room;    /* an input has credit, but the ring is full */
	const char *broken; /* how the guest broke the protocol */
	uint32_t requests;  /* the last request's number */
};

/* Unless OFFER is a lie. */
int domlet_guest_link_attach(struct domlet_guest_link *l, uint32_t domid, const struct domlet_ring_offer *offer,
			     struct domlet_error *err);
void domlet_guest_link_detach(struct domlet_guest_link *l);
/* Returns the number of the request that MSG is from now on. A guest that has
 * stopped reading is found out when there is no room for MSG; of one that
 * sleeps 0 is returned then, and MSG is not sent. */
uint32_t domlet_guest_link_send(struct domlet_guest_link *l, struct domlet_msg *msg);
/* Its domain is paused; or runs again, and then it still sleeps until it has made room, or for a while. */
void domlet_guest_link_sleep(struct domlet_guest_link *l, bool sleeps);
/* Moves what waits; true when some still does. */
bool domlet_guest_link_flush(struct domlet_guest_link *l);
/* Wakes the guest if something was sent or taken since. */
void domlet_guest_link_tell(struct domlet_guest_link *l);

#endif
