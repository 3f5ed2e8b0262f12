// SPDX-License-Identifier: GPL-2.0-or-later
#include "join.h"

#include <string.h>

#include "../container/copies.h"
#include "../container/shm.h"
#include "table.h"

static int find_namespace(struct agent *a, const struct guest_container *c, int kind, struct domlet_failure *failure)
{
	static const char *const names[DOMLET_JOINS] = {
		[DOMLET_JOIN_IPC] = "ipc", [DOMLET_JOIN_UTS] = "uts", [DOMLET_JOIN_NETWORK] = "network", [DOMLET_JOIN_PID] = "pid"
	};
	int number = c->config.join[kind];
	const struct guest_container *other = domlet_table_container(a, (uint32_t)number);

	if (!other || other == c)
		return domlet_failure_set(failure, ENOENT,
					  "container %d, whose %s namespace is to be joined, does not exist", number,
					  names[kind]);
	if (other->held.fd[kind] < 0 || (kind == DOMLET_JOIN_PID && other->stopped))
		return domlet_failure_set(failure, ESRCH, "container %d, whose %s namespace is to be joined, %s",
					  number, names[kind], other->stopped ? "has stopped" : "is not there yet");
	return other->held.fd[kind];
}

static int take_shm(struct agent *a, const struct guest_container *c, const struct domlet_mount_config *m,
		    struct domlet_failure *failure)
{
	struct guest_shm *free_one = NULL;
	int r;

	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		struct guest_shm *s = &a->shm[i];

		if (s->users && !strcmp(s->name, m->shared)) {
			s->users |= 1u << c->number;
			return 0;
		}
		if (!s->users)
			free_one = s;
	}
	if (!free_one)
		return domlet_failure_set(failure, ENOSPC,
					  "the containers share %u tmpfs already, as many as they can: not %s",
					  DOMLET_CONTAINER_MAX, m->shared);
	r = domlet_shm_make(m, failure);
	if (r < 0)
		return r;
	memcpy(free_one->name, m->shared, strlen(m->shared) + 1);
	free_one->users = 1u << c->number;
	return 0;
}

int domlet_join_take(struct agent *a, const struct guest_container *c, struct domlet_namespaces *join,
		     struct domlet_failure *failure)
{
	int r = 0;

	domlet_namespaces_init(join);
	for (int i = 0; i < DOMLET_JOINS && r >= 0; i++)
		if (c->config.join[i] >= 0)
			r = join->fd[i] = find_namespace(a, c, i, failure);
	for (uint32_t i = 0; i < c->config.mount_count && r >= 0; i++)
		if (c->config.mounts[i].shared)
			r = take_shm(a, c, &c->config.mounts[i], failure);
	return r < 0 ? r : domlet_copies_prepare(&c->config, failure);
}

void domlet_join_drop(struct agent *a, const struct guest_container *c)
{
	domlet_copies_remove(&c->config, c->number);
	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		struct guest_shm *s = &a->shm[i];

		if (!(s->users & 1u << c->number))
			continue;
		s->users &= ~(1u << c->number);
		if (!s->users)
			domlet_shm_remove(s->name);
	}
}

static bool is_joined(const struct agent *a, const struct guest_container *c)
{
	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		const struct guest_container *other = &a->containers[i];

		/* Before its configuration is read it has joined none. */
		for (int kind = 0; other->used && other->config.joined && kind < DOMLET_JOINS; kind++)
			if (other->config.join[kind] == (int)c->number)
				return true;
	}
	return false;
}

void domlet_join_close_unused(struct agent *a, struct guest_container *c)
{
	if (domlet_namespaces_are_open(&c->held) && !is_joined(a, c))
		domlet_namespaces_close(&c->held);
}
