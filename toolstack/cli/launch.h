/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_LAUNCH_H
#define DOMLET_CLI_LAUNCH_H

/*
 * What `run` and `create` share: from a bundle to a container that is
 * created, with its monitor and its proxy running.
 */

#include <sys/types.h>

#include "../state/state.h"
#include "cli.h"

struct domlet_launch_options {
	const char *bundle, *pid_file, *console_socket;
	bool foreground, keep; /* its state stays when it has ended */
};

struct domlet_launched {
	pid_t proxy; /* our child */
	int monitor_fd; /* the launching command's socket to the monitor: the container ends with it, unless domlet_cli_let_go() */
	bool terminal; /* the process has one */
};

/* Of the host's security modules, which no guest has: LABELS, a JSON object, NULL: none asked for. */
void domlet_cli_tell_labels(const struct domlet_cli *cli, const char *id, const char *labels);

/* 0 when created; then the pid file is written. */
int domlet_cli_launch(struct domlet_cli *cli, const char *id, const struct domlet_launch_options *o,
		      struct domlet_launched *l);

/* The template NAME: /etc/domlet's, or else the one that came with domlet. */
int domlet_cli_find_template(const char *name, char *path, size_t len, struct domlet_error *err);
/* By rename, without a newline (oci-contract 1.3); FILE may be NULL. */
int domlet_cli_write_pid_file(const char *file, pid_t pid, struct domlet_error *err);

#endif
