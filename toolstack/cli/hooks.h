/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_HOOKS_H
#define DOMLET_CLI_HOOKS_H

/*
 * The hooks of config.md#posix-platform-hooks that run in dom0: prestart,
 * createRuntime, createContainer, poststart, poststop. (startContainer runs
 * in the guest.) Each gets the container's state on its standard input; what
 * it prints becomes part of the error.
 */

#include "../state/state.h"
#include "cli.h"

/* Runs ST's hooks of that KIND in order, until one fails, or a signal that is
 * held has come: EINTR. STATUS and PID are what the state says. They run in the
 * bundle; with INSIDE in the namespaces of PID, and PID as seen there, in the
 * root file system. */
int domlet_cli_hooks(const struct domlet_state *st, const char *kind, const char *status, pid_t pid, bool inside,
		     struct domlet_error *err);
/* Those whose failure changes nothing: it is said, and the next one runs. */
void domlet_cli_hooks_warn(struct domlet_cli *cli, const struct domlet_state *st, const char *kind, const char *status,
			   pid_t pid);

#endif
