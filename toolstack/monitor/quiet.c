// SPDX-License-Identifier: GPL-2.0-or-later
#include "quiet.h"

#include <errno.h>
#include <stdlib.h>

static void on_timer(uv_timer_t *t)
{
	struct domlet_quiet *q = t->data;

	q->look(q->user);
}

int domlet_quiet_open(struct domlet_quiet *q, uv_loop_t *loop, void (*look)(void *user), void *user)
{
	*q = (struct domlet_quiet){ .timer = calloc(1, sizeof *q->timer), .look = look, .user = user };
	if (!q->timer)
		return -ENOMEM;
	(void)uv_timer_init(loop, q->timer);
	q->timer->data = q;
	return 0;
}

void domlet_quiet_changed(struct domlet_quiet *q)
{
	uint64_t now = uv_now(q->timer->loop);

	if (!uv_is_active((uv_handle_t *)q->timer))
		q->changed_at = now;
	if (now - q->changed_at < DOMLET_QUIET_CHANGES_MS)
		(void)uv_timer_start(q->timer, on_timer, DOMLET_QUIET_MS, 0);
}

void domlet_quiet_stop(struct domlet_quiet *q)
{
	if (q->timer)
		(void)uv_timer_stop(q->timer);
}

static void free_timer(uv_handle_t *h)
{
	free(h);
}

void domlet_quiet_close(struct domlet_quiet *q)
{
	if (q->timer)
		uv_close((uv_handle_t *)q->timer, free_timer);
	q->timer = NULL;
}
