/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_REAP_H
#define DOMLET_CLI_REAP_H

/*
 * Cleaning up: after a container that is to go, and after monitors that were
 * killed.
 */

#include "../state/state.h"
#include "cli.h"

/* Destroys what a dead or ended monitor left: domain, proxy, cgroup, state. */
int domlet_cli_remove(struct domlet_state *st, struct domlet_error *err);
/* Removes what is left of containers of ROOT whose monitor died while they
 * were being created, and marks the others stopped. */
void domlet_cli_reap(struct domlet_cli *cli);

#endif
