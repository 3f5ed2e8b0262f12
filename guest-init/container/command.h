/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_COMMAND_H
#define DOMLET_INIT_COMMAND_H

/*
 * From a child that stands in its container to the command it executes:
 * limits, directory, user, capabilities, environment; and the filter with
 * execve, so that it sees no other call of ours. Called in the child only,
 * whose memory ends with exec.
 */

#include "../config/config.h"
#include "filter.h"

struct domlet_command {
	const struct domlet_process_config *p;
	struct domlet_filter filter;
	char **env;
	char path[4096]; /* of the program */
};

/* Up to just before exec; finds the program. 0 or -errno. */
int domlet_command_prepare(struct domlet_command *cmd, const struct domlet_process_config *p,
			   struct json_object *seccomp, struct domlet_failure *failure);
/* Comes back when it failed only: -errno. */
int domlet_command_exec(const struct domlet_command *cmd, struct domlet_failure *failure);

#endif
