/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_TESTS_REAP_RUN_H
#define DOMLET_TESTS_REAP_RUN_H

/*
 * The container c1 as commands and monitors that were killed leave it, or are
 * about to. Xen is this file's own: it is slow, or fails. Cgroups are
 * directories, monitors and commands are children of the test.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "../../toolstack/cli/cli.h"
#include "../../toolstack/state/domain.h"
#include "../../toolstack/state/state.h"

#define OLD "11111111-1111-1111-1111-111111111111" /* uuids of domains */
#define NEW "22222222-2222-2222-2222-222222222222"
#define OTHER "33333333-3333-3333-3333-333333333333"

struct xen {
	int destroys, fail, hold; /* HOLD: Xen answers when it is 0 again */
	char uuid[37];            /* of the last */
	uint32_t domid;           /* as its record had it */
};

extern struct xen *xen; /* by all processes, in shared memory */
/* All below TOP, a directory of the test's own. */
extern char top[32], root[80], other_root[80], domains[48], cgroup[80], monitor_cgroup[80];
extern struct domlet_cli cli;

/* Before all tests; before each, and after each. */
bool share_xen(void);
int set_up(void **state);
int tear_down(void **state);

bool exists(const char *path);
void ms(unsigned int n);
/* What a command has made of a container and its domain when it forks the monitor: this process. */
void make(struct domlet_state *st, const char *uuid);
void load(struct domlet_state *st);
/* Records a domain, with a cgroup for its monitor, which is that of *MONITOR. */
void make_domain(const char *uuid, const struct domlet_pid *monitor);
/* A process that has ended. */
void nobody(struct domlet_pid *p);
/* A monitor that was killed when its container had this status. */
void leave(enum domlet_status status, const char *uuid);
/* Until somebody else has made c1. */
void wait_for_record(struct domlet_state *st);
/* Kills a child. */
void end(pid_t pid);

#endif
