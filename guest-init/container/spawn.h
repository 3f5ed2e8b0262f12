/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_SPAWN_H
#define DOMLET_INIT_SPAWN_H

/*
 * One container process, from clone to just before exec, and on (the caller
 * writes a byte to go_fd). The child reports on status_fd: a struct
 * domlet_spawn_status without failure when it stands before exec, another
 * when something failed, end of file when exec succeeded. A terminal is the
 * child's own; domlet_spawn_ready() fetches it then. The caller owns the
 * descriptors and reaps the pid; after a failure here there are none.
 */

#include <sys/types.h>

#include "../config/config.h"
#include "namespaces.h"

struct domlet_spawn {
	uint32_t number; /* the monitor's */
	pid_t pid;
	int status_fd, go_fd;
	int in_fd, out_fd, err_fd; /* -1: closed; terminal: in and out are the pty's master */
	int slave_fd;              /* terminal: open while the process lives, so that nobody else need have it open */
	bool terminal;
};

struct domlet_spawn_status {
	struct domlet_failure failure;
	int terminal_fd; /* the pty's master, in the child; -1: none */
};

/* No descriptors. The functions below keep the number. */
void domlet_spawn_init(struct domlet_spawn *p);
/* The first process of container NUMBER, which makes all that is the
 * container's but the namespaces in JOIN. cgroup_fd: where it starts, -1: here. */
int domlet_spawn_create(struct domlet_spawn *p, const struct domlet_container_config *c, uint32_t number,
			const struct domlet_namespaces *join, int cgroup_fd, struct domlet_failure *failure);
/* PC in the container whose first process PIDFD is. */
int domlet_spawn_exec(struct domlet_spawn *p, const struct domlet_process_config *pc,
		      const struct domlet_container_config *c, int pidfd, int cgroup_fd, struct domlet_failure *failure);
/* After the status without failure. 0 or -errno. */
int domlet_spawn_ready(struct domlet_spawn *p, const struct domlet_spawn_status *status, struct domlet_failure *failure);
/* Closes every descriptor. */
void domlet_spawn_close(struct domlet_spawn *p);
/* In a child of process 1's: closes all descriptors but the standard streams and the COUNT ones at KEPT, of which -1 is none. */
void domlet_spawn_close_others(const int *kept, size_t count);

#endif
