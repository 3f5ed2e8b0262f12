/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_QUIET_H
#define DOMLET_MONITOR_QUIET_H

/*
 * When to look at what an engine changes in several steps: when no further one comes for DOMLET_QUIET_MS, or when they come
 * for DOMLET_QUIET_CHANGES_MS without such a pause.
 */

#include <uv.h>

#define DOMLET_QUIET_MS 50
#define DOMLET_QUIET_CHANGES_MS 1000

struct domlet_quiet {
	uv_timer_t *timer; /* NULL: not open */
	uint64_t changed_at;
	void (*look)(void *user);
	void *user;
};

/* -ENOMEM. */
int domlet_quiet_open(struct domlet_quiet *q, uv_loop_t *loop, void (*look)(void *user), void *user);
/* There is one more change: Q's look() comes soon. */
void domlet_quiet_changed(struct domlet_quiet *q);
/* No look comes until the next change; of one that is not open nothing happens. */
void domlet_quiet_stop(struct domlet_quiet *q);
void domlet_quiet_close(struct domlet_quiet *q);

#endif
