// SPDX-License-Identifier: GPL-2.0-or-later
#include "record.h"

#include <string.h>

#define AGAIN_MS 1000
/* So often when there is nothing else left to do. */
#define AT_THE_END 3

static void again(uv_timer_t *t)
{
	struct domlet_record *r = t->data;
	struct domlet_error err;
	bool saved = domlet_state_save(r->state, &err) == 0;

	if (saved) {
		uv_timer_stop(t);
		domlet_log_notice(r->log, "the record of container %s is written again", r->state->id);
	}
	if (r->over && (saved || ++r->saves_at_the_end == AT_THE_END)) {
		uv_timer_stop(t);
		r->over = false;
		r->left(r->user);
	}
}

void domlet_record_open(struct domlet_record *r, uv_loop_t *loop)
{
	uv_timer_init(loop, &r->timer);
	r->timer.data = r;
}

void domlet_record_take(struct domlet_record *r, struct domlet_state *state)
{
	uv_timer_stop(&r->timer);
	r->state = state;
	r->over = false;
	r->saves_at_the_end = 0;
}

void domlet_record_drop(struct domlet_record *r)
{
	uv_timer_stop(&r->timer);
	r->over = false;
}

int domlet_record_save(struct domlet_record *r, enum domlet_status status, struct domlet_error *err)
{
	int saved;

	r->state->status = status;
	saved = domlet_state_save(r->state, err);
	if (saved == 0) {
		uv_timer_stop(&r->timer);
	} else if (!uv_is_active((uv_handle_t *)&r->timer)) {
		domlet_log_notice(r->log, "%s; until it can be, the state of container %s is told as it was", err->text,
				  r->state->id);
		uv_timer_start(&r->timer, again, AGAIN_MS, AGAIN_MS);
	}
	return saved;
}

void domlet_record_keep_reason(struct domlet_record *r, const char *text)
{
	if (!r->state->reason)
		r->state->reason = strdup(text);
}
