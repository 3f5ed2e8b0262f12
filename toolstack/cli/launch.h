/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_LAUNCH_H
#define DOMLET_CLI_LAUNCH_H

/*
 * What `run` and `create` share: from a bundle to a container that is created, with its
 * monitor and its proxy running. Strings stay the caller's.
 */

#include <sys/types.h>

#include "../state/state.h"
#include "cli.h"

struct domlet_launch_options {
	const char *bundle, *pid_file, *console_socket;
	bool foreground; /* the caller waits for the container's end */
	bool keep;       /* the container's state stays when it has ended */
};

struct domlet_launched {
	pid_t proxy; /* our child */
	/* The caller's connection to the monitor. The container ends with this
	 * connection, unless domlet_cli_let_go() was called. */
	int monitor_fd;
	bool terminal; /* the container's process has one */
};

/* Notices LABELS, which container ID asks for and no guest applies, since they are of the
 * host's security modules: a JSON object as text, or NULL for none. */
void domlet_cli_tell_labels(const struct domlet_cli *cli, const char *id, const char *labels);

/* Makes the container ID. 0 when it is created, with its pid file written; below 0: the
 * error is in CLI, and nothing of the container is left. */
int domlet_cli_launch(struct domlet_cli *cli, const char *id, const struct domlet_launch_options *o,
		      struct domlet_launched *l);

/* Writes the path of the template NAME into PATH, of LEN bytes: /etc/domlet's, or else the
 * one that came with domlet. 0 or -errno; -ENOENT: there is none. */
int domlet_cli_find_template(const char *name, char *path, size_t len, struct domlet_error *err);
/* Writes PID into FILE (NULL: nowhere) by rename and without a newline, as engines read it.
 * 0 or -errno. */
int domlet_cli_write_pid_file(const char *file, pid_t pid, struct domlet_error *err);

#endif
