// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.h"

#include <stdlib.h>

#include "streams.h"

struct guest_process *domlet_table_process(struct agent *a, uint32_t number)
{
	return number <= DOMLET_PROCESS_MAX ? a->by_number[number] : NULL;
}

struct guest_container *domlet_table_container(struct agent *a, uint32_t number)
{
	return number < DOMLET_CONTAINER_MAX && a->containers[number].used ? &a->containers[number] : NULL;
}

struct guest_process *domlet_table_first(struct agent *a, const struct guest_container *c)
{
	for (struct guest_process *g = a->processes; g; g = g->next)
		if (g->container == c && g->first)
			return g;
	return NULL;
}

int domlet_table_counted(struct agent *a, const struct guest_container *c, const char *lack,
			 struct domlet_failure *failure)
{
	const struct guest_process *first = c ? domlet_table_first(a, c) : NULL;

	if (!c || c->deleting)
		return domlet_failure_set(failure, ENOENT, "container does not exist");
	if (c->stopped || !first || first->stage < STAGE_READY)
		return domlet_failure_set(failure, ESRCH, "container not running");
	if (c->cgroup_fd < 0)
		return domlet_failure_set(failure, ENOTSUP, "the guest has no cgroup for the container, and %s", lack);
	return 0;
}

bool domlet_table_is_free(struct agent *a, uint32_t number, struct domlet_failure *failure)
{
	if (number > 0 && number <= DOMLET_PROCESS_MAX && !a->by_number[number])
		return true;
	(void)domlet_failure_set(failure, EINVAL, "process number %u is not free in the guest", number);
	return false;
}

struct guest_process *domlet_table_claim(struct agent *a, uint32_t number, struct guest_container *c, uint32_t request,
					 struct domlet_failure *failure)
{
	struct guest_process *g = calloc(1, sizeof *g), **at = &a->processes;

	if (!g) {
		(void)domlet_failure_set(failure, ENOMEM, "the guest has no memory for a process");
		return NULL;
	}
	domlet_spawn_init(&g->p);
	g->p.number = number;
	g->container = c;
	g->request = request;
	while (*at)
		at = &(*at)->next;
	*at = g;
	a->by_number[number] = g;
	return g;
}

void domlet_table_release(struct agent *a, struct guest_process *g)
{
	struct guest_process **at = &a->processes;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	a->by_number[g->p.number] = NULL;
	free(g->document);
	domlet_link_close(&a->link, domlet_stream_id(g->p.number, DOMLET_STREAM_CONFIG));
	domlet_streams_close(a, g);
	domlet_spawn_close(&g->p);
	free(g);
}
