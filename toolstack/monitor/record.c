// SPDX-License-Identifier: GPL-2.0-or-later
/* The container's record, which is the monitor's as long as it lives. */
#include "internal.h"

#define AGAIN_MS 1000
/* So often when there is nothing else left to do. */
#define AT_THE_END 3

static void again(uv_timer_t *t)
{
	struct monitor *m = t->data;
	struct domlet_error err;
	bool saved = domlet_state_save(m->launch->state, &err) == 0;

	if (saved) {
		uv_timer_stop(t);
		domlet_log_notice(m->launch->log, "the record of container %s is written again", m->launch->plan->id);
	}
	if (m->over && (saved || ++m->saves_at_the_end == AT_THE_END))
		uv_stop(&m->loop);
}

int domlet_monitor_save(struct monitor *m, enum domlet_status status, struct domlet_error *err)
{
	int r;

	m->launch->state->status = status;
	r = domlet_state_save(m->launch->state, err);
	if (r == 0) {
		uv_timer_stop(&m->save_timer);
	} else if (!uv_is_active((uv_handle_t *)&m->save_timer)) {
		domlet_log_notice(m->launch->log, "%s; until it can be, the state of container %s is told as it was",
				  err->text, m->launch->plan->id);
		uv_timer_start(&m->save_timer, again, AGAIN_MS, AGAIN_MS);
	}
	return r;
}
