/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_NAMESPACES_H
#define DOMLET_INIT_NAMESPACES_H

/*
 * Namespaces that other containers may join, held open by process 1, and what
 * is set in a container's namespaces before its root is entered: names,
 * sysctls, the loopback device.
 */

#include <sched.h>

#include "../config/config.h"

/* Those of a container's that this makes; the others its clone has made. */
#define DOMLET_NAMESPACES_LATER ((uint32_t)(CLONE_NEWCGROUP | CLONE_NEWTIME))

/* By enum domlet_join; -1: none. */
struct domlet_namespaces {
	int fd[DOMLET_JOINS];
};

/* None. */
void domlet_namespaces_init(struct domlet_namespaces *n);
/* Into N, which has none, those that process PID is in; one that isn't there is none. 0 or -errno with *failure: none. */
int domlet_namespaces_open(struct domlet_namespaces *n, pid_t pid, struct domlet_failure *failure);
void domlet_namespaces_close(struct domlet_namespaces *n);
bool domlet_namespaces_are_open(const struct domlet_namespaces *n);

/* In the container's first process: joins those of N but the pid namespace,
 * which its parent has joined, as that counts for children only. */
int domlet_namespaces_join(const struct domlet_namespaces *n, struct domlet_failure *failure);
/* There, too: what the configuration says of them. */
int domlet_namespaces_set_up(const struct domlet_container_config *c, struct domlet_failure *failure);

#endif
