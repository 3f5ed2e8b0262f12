// SPDX-License-Identifier: GPL-2.0-or-later
#include "queue.h"

void domlet_queue_open(struct domlet_queue *q, uv_async_t *wake)
{
	*q = (struct domlet_queue){ .wake = wake };
}

/* What waits already keeps its place. */
static struct domlet_event *add(struct domlet_queue *q, enum domlet_life_event_type type, uint32_t container,
				uint32_t code)
{
	struct domlet_event *ev;

	for (unsigned int i = 0; i < q->len; i++) {
		ev = &q->events[(q->first + i) % DOMLET_QUEUE_MAX];
		if (ev->type == type && ev->container == container)
			return ev;
	}
	ev = &q->events[(q->first + q->len++) % DOMLET_QUEUE_MAX];
	ev->type = type;
	ev->container = container;
	ev->code = code;
	ev->reason.code = 0;
	(void)uv_async_send(q->wake);
	return ev;
}

void domlet_queue_post(struct domlet_queue *q, enum domlet_life_event_type type, uint32_t container, uint32_t code)
{
	(void)add(q, type, container, code);
}

void domlet_queue_post_end(struct domlet_queue *q, enum domlet_life_event_type type, uint32_t container,
			   const struct domlet_error *reason)
{
	struct domlet_event *ev = add(q, type, container, 0);

	if (!ev->reason.code)
		ev->reason = *reason;
}

bool domlet_queue_take(struct domlet_queue *q, struct domlet_event *ev)
{
	if (!q->len) {
		q->first = 0; /* few of them are ever used */
		return false;
	}
	*ev = q->events[q->first];
	q->first = (q->first + 1) % DOMLET_QUEUE_MAX;
	q->len--;
	return true;
}
