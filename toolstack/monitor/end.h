/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_END_H
#define DOMLET_MONITOR_END_H

/* How a container is made to end: in how much time, and when the monitor itself is told to. */

#include <uv.h>

#include "../core/life.h"
#include "../guest/guest.h"
#include "monitor.h"
#include "queue.h"

#define DOMLET_END_SIGNALS 3u

struct domlet_end {
	uv_loop_t *loop;
	const struct domlet_launch *launch;
	const struct domlet_life *life;
	struct domlet_queue *queue;
	struct domlet_guest *guest;
	uint32_t container, first; /* its first process */
	uv_timer_t kill_timer, stop_timer;
	uint64_t killed_at; /* uv_now() when kill_timer was started */
	bool output_moved;  /* a reader took some, since kill_timer's last look */
	uv_signal_t signals[DOMLET_END_SIGNALS];
	bool stopping;    /* one of them came */
	uint64_t term_at; /* uv_now() when the first process was sent SIGTERM; 0: never */
};

/* The caller has set the members from loop to first. SIGTERM, SIGINT and SIGHUP of the monitor stop its container, as an engine would. */
void domlet_end_open(struct domlet_end *e);
/* Sends SIGNO to PROCESS in the guest. False: that is paused, and can be sent no more. SIGKILL of the first
 * process is always done. */
bool domlet_end_signal(struct domlet_end *e, uint32_t process, int signo, bool all);
/* The container was sent SIGKILL, or has ended with output left of its further
 * processes: KILL_TIMEOUT is posted when it isn't over soon. */
void domlet_end_expect(struct domlet_end *e);

#endif
