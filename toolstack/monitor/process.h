/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_PROCESS_H
#define DOMLET_MONITOR_PROCESS_H

/*
 * The numbers of a domain's processes, of all its containers together: whose each is,
 * and which command waits for it. What becomes of a process is the guest's to say
 * (guest/process.h).
 */

#include <stdbool.h>
#include <stdint.h>

struct domlet_connection;

struct domlet_monitor_process {
	bool used;
	bool first;                      /* of its container */
	bool dropped;                    /* nobody waits for it, but the guest may have its number still */
	uint32_t container;              /* its number */
	struct domlet_connection *asker; /* the command that waits for it; NULL: it was told, or is gone */
};

struct domlet_monitor_processes {
	struct domlet_monitor_process *slots; /* by number, from 1 */
	uint32_t count;                       /* of the slots, with the one of number 0 */
};

/* Takes a number that is free; 0: there is none, or no memory. */
uint32_t domlet_monitor_process_add(struct domlet_monitor_processes *all, uint32_t container, bool first);
/* NULL: there is no such process. */
struct domlet_monitor_process *domlet_monitor_process_find(const struct domlet_monitor_processes *all, uint32_t number);
/* Whether CONTAINER has others than its first that somebody waits for. */
bool domlet_monitor_process_has_further(const struct domlet_monitor_processes *all, uint32_t container);

#endif
