/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_END_H
#define DOMLET_MONITOR_END_H

/* How a container is made to end, and in how much time. */

#include <uv.h>

#include "../base/error.h"
#include "../core/life.h"
#include "../guest/guest.h"
#include "queue.h"

struct domlet_end {
	uv_loop_t *loop;
	const struct domlet_life *life;
	struct domlet_queue *queue;
	struct domlet_guest *guest;
	uint32_t container, first; /* its first process */
	uv_timer_t kill_timer, stop_timer;
	uint64_t killed_at; /* uv_now() when kill_timer was started */
	bool output_moved;  /* a reader took some, since kill_timer's last look */
	bool stopping;      /* it was told to, by domlet_end_stop() */
	uint64_t term_at;   /* uv_now() when the first process was sent SIGTERM; 0: never */
};

/* The caller has set the members from loop to first. */
void domlet_end_open(struct domlet_end *e);
/* For another container of the same number. */
void domlet_end_reset(struct domlet_end *e, uint32_t first);
/* Stops it, as an engine would: WHY is why. */
void domlet_end_stop(struct domlet_end *e, const struct domlet_error *why);
/* Sends SIGNO to PROCESS in the guest. False: that is paused, and can be sent no more. SIGKILL of the first
 * process is always done. */
bool domlet_end_signal(struct domlet_end *e, uint32_t process, int signo, bool all);
/* The container was sent SIGKILL, or has ended with output left of its further
 * processes: KILL_TIMEOUT is posted when it isn't over soon. */
void domlet_end_expect(struct domlet_end *e);

#endif
