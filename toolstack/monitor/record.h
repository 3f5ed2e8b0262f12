/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_RECORD_H
#define DOMLET_MONITOR_RECORD_H

/* A container's record, as long as it is the monitor's. */

#include <stdbool.h>
#include <uv.h>

#include "../base/error.h"
#include "../base/log.h"
#include "../state/state.h"

struct domlet_record {
	struct domlet_state *state;
	const struct domlet_log *log;
	uv_timer_t timer; /* runs while the record is to be written again */
	bool over;        /* nothing but that is left to do: LEFT is called when it is done */
	unsigned int saves_at_the_end;
	void (*left)(void *user);
	void *user;
};

/* Once for each struct; the caller has set log, left and user. */
void domlet_record_open(struct domlet_record *r, uv_loop_t *loop);
/* It is that of STATE from now on. */
void domlet_record_take(struct domlet_record *r, struct domlet_state *state);
/* Nothing of it is to be written any more. */
void domlet_record_drop(struct domlet_record *r);
/* A record that can't be written now is tried again until it is. */
int domlet_record_save(struct domlet_record *r, enum domlet_status status, struct domlet_error *err);
/* The first reason for the container's end is the one that people want. */
void domlet_record_keep_reason(struct domlet_record *r, const char *text);

#endif
