/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_REAP_H
#define DOMLET_CLI_REAP_H

/*
 * Cleaning up: after a container that is to go, and after monitors that were killed.
 * Verbs come here, and the reaper that they leave behind. Records stay the caller's; a
 * function that has an error returns -errno.
 */

#include "../state/state.h"
#include "cli.h"

/* Ends the container of *ST and destroys what is left of it: its domain and the monitor of that, if they
 * are kept for it alone; proxy, cgroup, state. What *ST says may be old: the record is read anew, under the
 * container's lock, before anything is done. A monitor has 30 s to end by itself. 1: the
 * container was removed. 0: somebody else (its monitor, a command) has removed it by now.
 * -EBUSY: a process that can't be ended is still making the container, or the container
 * runs and FORCE is not set. */
int domlet_cli_remove(const struct domlet_cli *cli, struct domlet_state *st, bool force, struct domlet_error *err);
/* Kills the monitor of ST, which hangs; its domain is left to whoever cleans up. 0 or -errno;
 * -EBUSY: the kernel holds the monitor. */
int domlet_cli_kill_monitor(const struct domlet_state *st, struct domlet_error *err);
/* Cleans up after the monitor of the container ID, if that was killed: a container that
 * was never created is removed, another one is marked stopped; its domain is destroyed,
 * also one that a monitor could not destroy, or had no time to. To be called before a
 * command's own work; what another command is at already is waited for. What is done is
 * noticed in the log. */
void domlet_cli_reap(struct domlet_cli *cli, const char *id);
/* Cleans up after all other monitors: in a process that nobody waits for, that holds
 * nothing of the caller's and says what it does to the system's log. To be called after a
 * command's own work. There is one such process at a time for cli->root. */
void domlet_cli_reap_others(struct domlet_cli *cli);
/* Does that process's work; returns for how many containers. A container that another
 * command is at is left to that. */
int domlet_cli_reap_all(struct domlet_cli *cli);

#endif
