/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_QUEUE_H
#define DOMLET_MONITOR_QUEUE_H

/*
 * What has happened to the domain and its container, in that order, until
 * monitor.c steps with it. Whoever sees something happen posts it, also in the
 * middle of an action: nothing is done about it before that action is over.
 */

#include <stdbool.h>
#include <uv.h>

#include "../base/error.h"
#include "../core/event.h"

struct domlet_event {
	enum domlet_life_event_type type;
	uint32_t container; /* 0 in those of the domain */
	uint32_t code;
	struct domlet_error reason; /* for people, of an end; code 0: none */
};

/* One event of each type for each container at most: what was posted before and still waits keeps
 * its place, and the first reason that came with it. */
#define DOMLET_QUEUE_MAX (DOMLET_EV_ARRIVE + DOMLET_CONTAINER_MAX * (DOMLET_EV_COUNT - DOMLET_EV_ARRIVE))

struct domlet_queue {
	struct domlet_event events[DOMLET_QUEUE_MAX];
	unsigned int first, len;
	uv_async_t *wake;
};

/* WAKE is sent when there is something to take. */
void domlet_queue_open(struct domlet_queue *q, uv_async_t *wake);
void domlet_queue_post(struct domlet_queue *q, enum domlet_life_event_type type, uint32_t container, uint32_t code);
/* The same with a reason, which is copied. */
void domlet_queue_post_end(struct domlet_queue *q, enum domlet_life_event_type type, uint32_t container,
			   const struct domlet_error *reason);
/* What waits and IS_LAST comes after all else that waits, each in its order. */
void domlet_queue_put_last(struct domlet_queue *q, bool (*is_last)(enum domlet_life_event_type type));
/* The next to be taken; NULL: there is none. */
const struct domlet_event *domlet_queue_next(const struct domlet_queue *q);
/* False: there is none. */
bool domlet_queue_take(struct domlet_queue *q, struct domlet_event *ev);

#endif
