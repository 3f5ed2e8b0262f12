/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_DOM0_PID_H
#define DOMLET_DOM0_PID_H

/*
 * A process of dom0 by its number and the time it was started at, as records
 * keep it: the kernel gives a number out again, but not with the same start.
 * Whoever has such a record asks here whether that very process lives, waits for
 * its end, or kills it. Nothing here keeps a descriptor or memory: each call looks
 * anew.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct domlet_pid {
	pid_t pid;            /* 0: none */
	uint64_t start_ticks; /* proc_pid_stat(5), field 22: clock ticks since boot */
};

/* Takes the process that has PID now into *P. -ESRCH: there is none; -EINVAL: PID is not above 0;
 * else -errno of reading /proc. *P is changed on success alone. */
int domlet_pid_of(pid_t pid, struct domlet_pid *p);
/* 1: P is alive. 0: it is dead: there is no such process, or it is a zombie, or
 * another one that got the number later. -errno: that can't be known now, for
 * want of descriptors or memory. Whoever tells about P then says that, or nothing. */
int domlet_pid_look(const struct domlet_pid *p);
/* Whether P is not known to be dead; for whoever destroys what is left of P: a process
 * that can't be looked at may live. */
bool domlet_pid_may_live(const struct domlet_pid *p);
/* Waits until P is dead or TIMEOUT_MS are over; without polling, if a descriptor of P
 * can be had. */
void domlet_pid_wait(const struct domlet_pid *p, int timeout_ms);
/* Sends P SIGKILL, unless P is dead already. -errno: P may live on. */
int domlet_pid_kill(const struct domlet_pid *p);

#endif
