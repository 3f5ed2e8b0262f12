// SPDX-License-Identifier: GPL-2.0-or-later
#include "queue.h"

void domlet_queue_open(struct domlet_queue *q, uv_async_t *wake)
{
	/* Not the events: they would be half of the monitor's memory, and few are ever used. */
	q->first = q->len = 0;
	q->wake = wake;
}

/* Of those that wait, the one at place I. */
static struct domlet_event *at(struct domlet_queue *q, unsigned int i)
{
	return &q->events[(q->first + i) % DOMLET_QUEUE_MAX];
}

/* What waits already keeps its place. */
static struct domlet_event *add(struct domlet_queue *q, enum domlet_life_event_type type, uint32_t container,
				uint32_t code)
{
	struct domlet_event *ev;

	for (unsigned int i = 0; i < q->len; i++) {
		ev = at(q, i);
		if (ev->type == type && ev->container == container)
			return ev;
	}
	ev = at(q, q->len++);
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

void domlet_queue_put_last(struct domlet_queue *q, bool (*is_last)(enum domlet_life_event_type type))
{
	unsigned int i = 0;

	for (unsigned int left = q->len; left; left--) {
		struct domlet_event ev = *at(q, i);

		if (!is_last(ev.type)) {
			i++;
			continue;
		}
		for (unsigned int k = i; k + 1 < q->len; k++)
			*at(q, k) = *at(q, k + 1);
		*at(q, q->len - 1) = ev;
	}
}

const struct domlet_event *domlet_queue_next(const struct domlet_queue *q)
{
	return q->len ? &q->events[q->first] : NULL;
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
