/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_LAUNCH_H
#define DOMLET_CLI_LAUNCH_H

/*
 * What `run` and `create` share: from a bundle to a container that is
 * created, with its monitor and its proxy running. And what the later verbs
 * share: one request to a monitor, and cleaning up after a dead one.
 */

#include <sys/types.h>

#include "../state/state.h"
#include "cli.h"

struct domlet_launch_options {
	const char *bundle, *pid_file, *console_socket;
	bool foreground;
};

struct domlet_launched {
	pid_t proxy;    /* our child */
	int monitor_fd; /* the launching command's socket to the monitor */
};

/* 0 when created; then the pid file is written. */
int domlet_cli_launch(struct domlet_cli *cli, const char *id, const struct domlet_launch_options *o,
		      struct domlet_launched *l);

/* Sends JSON over FD (or to the container's monitor), waits for the answer. */
int domlet_cli_ask_fd(int fd, const char *json, struct domlet_error *err);
/* The parts of it: a connection to the monitor, or -errno; one answer. */
int domlet_cli_connect(const struct domlet_state *st, struct domlet_error *err);
int domlet_cli_read_answer(int fd, struct domlet_error *err);
int domlet_cli_ask(const struct domlet_state *st, const char *json, struct domlet_error *err);

/* Until the monitor has ended; *WHY is set when it says why the container did. */
void domlet_cli_hear_out(int fd, struct domlet_error *why);

/* By rename, without a newline (oci-contract 1.3); FILE may be NULL. */
int domlet_cli_write_pid_file(const char *file, pid_t pid, struct domlet_error *err);

/* Destroys what a dead or ended monitor left: domain, proxy, cgroup, state. */
int domlet_cli_remove(struct domlet_state *st, struct domlet_error *err);
/* Removes what is left of containers of ROOT whose monitor died while they
 * were being created, and marks the others stopped. */
void domlet_cli_reap(struct domlet_cli *cli);

#endif
