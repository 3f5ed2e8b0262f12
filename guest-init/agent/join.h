/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_JOIN_H
#define DOMLET_INIT_JOIN_H

/*
 * What containers have of each other: namespaces, which a container's entry holds
 * open while it or another that has joined it needs them, and tmpfs by name,
 * which are there until the last container that names them is deleted.
 */

#include "agent.h"

/* What C's configuration asks for. *JOIN: the namespaces to make its first process in; they stay their holder's. 0 or
 * -errno with *failure; domlet_join_drop() then, too. */
int domlet_join_take(struct agent *a, const struct guest_container *c, struct domlet_namespaces *join,
		     struct domlet_failure *failure);
/* C is deleted. */
void domlet_join_drop(struct agent *a, const struct guest_container *c);
/* C has ended: closes the namespaces that it holds, unless another container has joined them. */
void domlet_join_close_unused(struct agent *a, struct guest_container *c);

#endif
