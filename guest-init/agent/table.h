/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_TABLE_H
#define DOMLET_INIT_TABLE_H

/*
 * Who is who: processes and containers by the monitor's numbers. A process is
 * in the table from CREATE or EXEC on; the caller releases it. To walk over all:
 * `for (g = a->processes; g; g = g->next)`, with the next one kept where G may be released.
 */

#include "agent.h"

/* NULL: there is none. */
struct guest_process *domlet_table_process(struct agent *a, uint32_t number);
struct guest_container *domlet_table_container(struct agent *a, uint32_t number);
/* The container's first process, while it is in the table; else NULL. */
struct guest_process *domlet_table_first(struct agent *a, const struct guest_container *c);

/* 0 when C, which may be NULL, runs and has a cgroup; else -errno with *failure, which says of a missing cgroup that the
 * guest LACK. */
int domlet_table_counted(struct agent *a, const struct guest_container *c, const char *lack,
			 struct domlet_failure *failure);

/* Whether process NUMBER can be claimed; if not, *failure says so. */
bool domlet_table_is_free(struct agent *a, uint32_t number, struct domlet_failure *failure);
/* A process of C with this number, which is free: REQUEST asks for it. NULL with *failure: there is no memory. */
struct guest_process *domlet_table_claim(struct agent *a, uint32_t number, struct guest_container *c, uint32_t request,
					 struct domlet_failure *failure);
/* Frees G, with its streams and descriptors. */
void domlet_table_release(struct agent *a, struct guest_process *g);

#endif
