/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_RECORD_H
#define DOMLET_MONITOR_RECORD_H

/* The container's record, which is the monitor's as long as it lives. */

#include <stdbool.h>
#include <uv.h>

#include "../base/error.h"
#include "../base/log.h"
#include "../state/state.h"

struct domlet_record {
	struct domlet_state *state;
	const struct domlet_log *log;
	const char *id;
	uv_timer_t timer; /* runs while the record is to be written again */
	bool over;        /* nothing but that is left to do: the loop ends with it */
	unsigned int saves_at_the_end;
};

void domlet_record_open(struct domlet_record *r, uv_loop_t *loop, struct domlet_state *state, const char *id,
			const struct domlet_log *log);
/* A record that can't be written now is tried again until it is. */
int domlet_record_save(struct domlet_record *r, enum domlet_status status, struct domlet_error *err);
/* The first reason for the container's end is the one that people want. */
void domlet_record_keep_reason(struct domlet_record *r, const char *text);

#endif
