/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_TURN_H
#define DOMLET_XEN_TURN_H

/*
 * A turn at building or destroying a domain: of all who do so on this host, a
 * few do at a time. The struct is the caller's.
 */

#include <stdbool.h>

#include "loop.h"

extern const char *domlet_xen_turn_file; /* a test has one of its own */

struct domlet_xen_turn { /* private */
	struct domlet_xen_loop *loop;
	uv_timer_t timer;
	void (*then)(void *user); /* NULL: waits for none */
	void *user;
	unsigned int waited_ms;
	int fd; /* of the turn that it has; negative: none */
};

void domlet_xen_turn_init(struct domlet_xen_turn *turn, struct domlet_xen_loop *loop);
/* Ends it, too. What was never initialised is all 0. */
void domlet_xen_turn_close(struct domlet_xen_turn *turn);
/* Calls THEN, maybe at once, when few others build or destroy a domain. */
void domlet_xen_turn_wait(struct domlet_xen_turn *turn, void (*then)(void *user), void *user);
bool domlet_xen_turn_waits(const struct domlet_xen_turn *turn);
/* Gives the turn back, or no longer waits for one. */
void domlet_xen_turn_end(struct domlet_xen_turn *turn);

/* Blocking, for whoever has no loop. The turn is a descriptor, to be closed;
 * below 0 none can be had, and whoever has waited this long goes without. */
int domlet_xen_turn_take(void);

#endif
