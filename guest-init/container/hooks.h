/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_HOOKS_H
#define DOMLET_INIT_HOOKS_H

/*
 * startContainer hooks: run in the container by its first process, with its
 * user, capabilities, filter and working directory, as the last thing before
 * its command. Each reads the container's state as JSON on standard input, and
 * has the command's environment where it has none of its own.
 */

#include "command.h"

/* CMD is prepared. 0, or -errno with the first that failed; the others don't run then. */
int domlet_hooks_run(const struct domlet_container_config *c, const struct domlet_command *cmd,
		     struct domlet_failure *failure);

#endif
