/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_CGROUP_H
#define DOMLET_INIT_CGROUP_H

/*
 * One cgroup (version 2) a container: /sys/fs/cgroup/container-<number>. The caller
 * holds its directory's descriptor. What is below is the container's and
 * hostile: names and depth are not trusted.
 */

#include "../config/config.h"

/* The directory's descriptor, or -errno. */
int domlet_cgroup_create(uint32_t number, const struct domlet_resources_config *r, struct domlet_failure *failure);
/* Changes what ASKED names, MERGED being all that is to count from now on. 0, or -errno, and then all is as it was. This may take a
 * while: of less memory than is used the kernel makes room, and kills if there is none. */
int domlet_cgroup_update(int cgroup_fd, const struct domlet_resources_config *asked,
			 const struct domlet_resources_config *merged, struct domlet_failure *failure);
/* The directory of the cgroup that process PID is in: a container may have made
 * some below its own and moved there. -errno. */
int domlet_cgroup_of(pid_t pid);
/* The directory of the cgroup PATH below this one, made by the container; "/" is
 * this one. -errno. */
int domlet_cgroup_below(int cgroup_fd, const char *path, struct domlet_failure *failure);
/* Every process in it and in cgroups below. */
int domlet_cgroup_signal(int cgroup_fd, int signo);
/* How many processes the kernel has killed in it for want of memory. */
uint64_t domlet_cgroup_oom_kills(int cgroup_fd);
/* What can be polled for POLLPRI, from one look to the next one: something that
 * is told of the cgroup, as its last process's end, has changed. -errno. */
int domlet_cgroup_watch(int cgroup_fd);
/* The same, of what the kernel does to it when it is short of memory. */
int domlet_cgroup_watch_memory(int cgroup_fd);
void domlet_cgroup_look(int watch_fd);
/* No process in it, or below, runs any more: 0; -ETIMEDOUT: one still does after TIMEOUT_MS. This waits. Who is to
 * be killed nevertheless ends. */
int domlet_cgroup_freeze(int cgroup_fd, int timeout_ms);
/* They run again. 0 or -errno. */
int domlet_cgroup_thaw(int cgroup_fd);
/* Whether that has begun, at least. -1 is none. */
bool domlet_cgroup_is_frozen(int cgroup_fd);
/* 0, or -errno (-EBUSY: a process is still in it). */
int domlet_cgroup_remove(uint32_t number);

/* OCI cpu shares (2..262144) -> cpu.weight (1..10000). */
uint64_t domlet_cgroup_weight(int64_t shares);

#endif
