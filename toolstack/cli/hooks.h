/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_HOOKS_H
#define DOMLET_CLI_HOOKS_H

/*
 * The hooks of config.md#posix-platform-hooks that run in dom0: prestart,
 * createRuntime, createContainer, poststart, poststop. (startContainer hooks run in the
 * guest.) Each hook gets the container's state on its standard input; what a failing
 * hook prints becomes part of the error. The verbs come here; nothing is kept.
 */

#include "../state/state.h"
#include "cli.h"

/* Runs ST's hooks of KIND in order, until one fails, or a signal that is held has come
 * (-EINTR). STATUS and PID are what the state on their standard input says. The hooks run
 * in the bundle; with INSIDE they run in the namespaces of PID, in the root file system,
 * and PID is told as it is seen there. 0 or -errno. */
int domlet_cli_hooks(const struct domlet_state *st, const char *kind, const char *status, pid_t pid, bool inside,
		     struct domlet_error *err);
/* Runs hooks in the same way whose failure changes nothing: a failure is noticed in the
 * log, and the next hook runs. */
void domlet_cli_hooks_warn(struct domlet_cli *cli, const struct domlet_state *st, const char *kind, const char *status,
			   pid_t pid);

#endif
