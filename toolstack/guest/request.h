/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_GUEST_REQUEST_H
#define DOMLET_GUEST_REQUEST_H

/*
 * What the guest was asked and has not replied to: the link's number of the
 * request, and the tag of the order, under which it is answered. Each is
 * answered once, by the guest or before it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../frontend/proto/limits.h"

/* One for each process that is made (with it goes what was asked about it), one of each kind for a container (START,
 * FREEZE, THAW, DELETE, FORWARD, NET, STATS, UPDATE) and three FILEs, and one for a SYNC: who asks for another while that is unanswered is refused. */
#define DOMLET_GUEST_REQUEST_MAX (DOMLET_PROCESS_MAX + 11 * DOMLET_CONTAINER_MAX + 1)

struct domlet_guest_request {
	uint32_t number; /* 0: none */
	uint32_t tag;
	uint32_t type;    /* enum domlet_msg_type */
	uint32_t process; /* that it is about; 0: none */
	uint32_t container;
	bool answered; /* before the guest's reply, which is still waited for */
};

struct domlet_guest_requests {
	struct domlet_guest_request requests[DOMLET_GUEST_REQUEST_MAX];
	size_t top; /* none from there on */
};

bool domlet_guest_request_has_room(const struct domlet_guest_requests *all);
/* False: too many. */
bool domlet_guest_request_add(struct domlet_guest_requests *all, const struct domlet_guest_request *r);
/* Takes the request of that number out. False: there is none. */
bool domlet_guest_request_take(struct domlet_guest_requests *all, uint32_t number, struct domlet_guest_request *taken);
/* Takes any out; false when there is none left. */
bool domlet_guest_request_take_any(struct domlet_guest_requests *all, struct domlet_guest_request *taken);
/* Takes R, which is one of them, out. */
void domlet_guest_request_drop(struct domlet_guest_requests *all, struct domlet_guest_request *r);
/* The one that is about PROCESS; NULL: none is. */
struct domlet_guest_request *domlet_guest_request_about(struct domlet_guest_requests *all, uint32_t process);

/* That of TYPE about CONTAINER; NULL: there is none. */
struct domlet_guest_request *domlet_guest_request_of(struct domlet_guest_requests *all, uint32_t type,
						     uint32_t container);

#endif
