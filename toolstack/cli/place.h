/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_PLACE_H
#define DOMLET_CLI_PLACE_H

/*
 * Where a container is to be: in a domain of its own, or in that of others, whose
 * namespaces it joins or to whose sandbox it belongs. The plan says which namespaces
 * those are, by inode; here they are compared with those of the proxies, which stand in
 * dom0 for the containers of all domains. Nothing is changed, and what is found is true
 * for the moment.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dom0/pid.h"
#include "../oci/plan.h"

struct domlet_error;

/* A container whose namespaces are joined. */
struct domlet_placed_beside {
	uint32_t number;
	struct domlet_pid proxy;
};

struct domlet_placed {
	char uuid[37];                                         /* of the domain that it is to be in; "": of a new one */
	bool keeps;                                            /* the domain stays for it, when others have ended */
	struct domlet_placed_beside beside[DOMLET_PLAN_JOINS]; /* one per joined namespace */
	size_t beside_count;
};

/* Finds the place of the container of PLAN, among the domains whose records are in DOMAINS,
 * for a caller whose containers are in ROOT; tells PLAN whose the joined namespaces are
 * (domlet_plan_join()). Only a container that joins something, or belongs to a sandbox, has
 * the records read. 0 or -errno: -ENOTSUP: what is to be joined is in no domain or in
 * several; -ESRCH: the container is not there any more, or its domain has lost its monitor. */
int domlet_cli_place(const char *domains, const char *root, struct domlet_plan *plan, struct domlet_placed *placed,
		     struct domlet_error *err);
/* To be called when the container has been made. Refuses (-EAGAIN) when the number of a container
 * that it was to join has become another one's since it was PLACED: the guest, which knows
 * numbers alone, may have let it join that one. A container that has gone is none. */
int domlet_cli_place_check(const char *domains, const struct domlet_placed *placed, struct domlet_error *err);

#endif
