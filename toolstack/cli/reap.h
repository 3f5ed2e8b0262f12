/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_REAP_H
#define DOMLET_CLI_REAP_H

/*
 * Cleaning up: after a container that is to go, and after monitors that were
 * killed.
 */

#include "../state/state.h"
#include "cli.h"

/* Ends the container of *ST and destroys what is left of it: monitor, domain,
 * proxy, cgroup, state. What *ST says may be old: it is read anew, under the
 * container's lock, before anything is done. A monitor has 30 s to end by
 * itself. 1 when it was removed; 0 when another (its monitor, a command) has
 * removed it by now. EBUSY when somebody who can't be ended is still making it,
 * or without FORCE when it runs. */
int domlet_cli_remove(struct domlet_state *st, bool force, struct domlet_error *err);
/* For a monitor that hangs; its domain is left to whoever cleans up. EBUSY: the kernel holds it. */
int domlet_cli_kill_monitor(const struct domlet_state *st, struct domlet_error *err);
/*
 * What monitors left that were killed: containers of which none was created are
 * removed, others marked stopped; domains are destroyed, also those that a
 * monitor could not, or had no time to. Of one container, before a command's own
 * work; what another command is at already is waited for. Says what it does.
 */
void domlet_cli_reap(struct domlet_cli *cli, const char *id);
/* Of all others, after a command's own work: in a process of its own that
 * nobody waits for, that holds nothing of the caller's and says what it does to
 * the system's log. There is one at a time for cli->root. */
void domlet_cli_reap_others(struct domlet_cli *cli);
/* That process's work; how many it was done for. What another is at is left to him. */
int domlet_cli_reap_all(struct domlet_cli *cli);

#endif
