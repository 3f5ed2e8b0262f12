// SPDX-License-Identifier: GPL-2.0-or-later
#include "container.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../container/cgroup.h"
#include "freeze.h"
#include "make.h"
#include "net.h"
#include "process.h"
#include "reply.h"
#include "share.h"
#include "join.h"
#include "stats.h"
#include "table.h"
#include "update.h"

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int check_create(struct agent *a, const struct domlet_msg_create *m, struct domlet_failure *failure)
{
	if (!domlet_table_is_free(a, m->process, failure))
		return -failure->code;
	if (a->unready.code) {
		*failure = a->unready;
		return -failure->code;
	}
	if (m->container >= DOMLET_CONTAINER_MAX)
		return domlet_failure_set(failure, ENOSPC, "the guest has no place for container %.*s: it takes %u",
					  (int)(m->id.len < DOMLET_ID_MAX ? m->id.len : DOMLET_ID_MAX),
					  m->id.len ? (const char *)m->id.ptr : "", DOMLET_CONTAINER_MAX);
	if (domlet_table_container(a, m->container) || m->sha256.len != DOMLET_SHA256_LEN || m->source > 1 ||
	    (m->source == 0 && !a->xs))
		return domlet_failure_set(failure, EINVAL, "the guest can't take container %u", m->container);
	return 0;
}

void domlet_container_create(struct agent *a, uint32_t request, const struct domlet_msg_create *m)
{
	struct domlet_failure failure = { 0 };
	struct guest_process *g = NULL;
	int r = check_create(a, m, &failure);

	if (r == 0)
		g = domlet_table_claim(a, m->process, &a->containers[m->container], request, &failure);
	if (!g) {
		domlet_reply_send(a, request, &failure);
		return;
	}
	*g->container = (struct guest_container){
		.used = true, .number = m->container, .cgroup_fd = -1, .pidfd = -1, .events_fd = -1, .oom_fd = -1
	};
	domlet_namespaces_init(&g->container->held);
	g->first = true;
	memcpy(g->sha256, m->sha256.ptr, sizeof g->sha256);
	if (a->xs)
		r = domlet_make_announced(a, g, m, &failure);
	if (r == 0 && m->source == 1)
		r = domlet_make_await(a, g, m->length, &failure);
	if (r < 0)
		domlet_make_refuse(a, g, &failure);
}

void domlet_container_start(struct agent *a, uint32_t request, const struct domlet_msg_start *m)
{
	struct domlet_failure failure = { 0 };
	struct guest_container *c = domlet_table_container(a, m->container);
	struct guest_process *g = c ? domlet_table_first(a, c) : NULL;
	bool stopped = !g || c->stopped || g->stage < STAGE_READY;

	if (stopped)
		(void)domlet_failure_set(&failure, EINVAL, "cannot start a container that has stopped");
	else if (g->stage != STAGE_READY)
		(void)domlet_failure_set(&failure, EBUSY, "cannot start an already running container");
	else if (domlet_cgroup_is_frozen(c->cgroup_fd))
		(void)domlet_failure_set(&failure, EBUSY, "cannot start a container in the paused state");
	if (stopped || failure.code) {
		domlet_reply_send(a, request, &failure);
		return;
	}
	g->request = request;
	domlet_process_go(g);
}

void domlet_container_delete(struct agent *a, uint32_t request, const struct domlet_msg_delete_ *m)
{
	struct domlet_failure failure = { 0 };
	struct guest_container *c = domlet_table_container(a, m->container);

	if (!c || c->deleting)
		(void)domlet_failure_set(&failure, ENOENT, "container does not exist");
	else if (!c->stopped)
		(void)domlet_failure_set(&failure, EBUSY, "cannot delete a container that is not stopped");
	if (failure.code) {
		domlet_reply_send(a, request, &failure);
		return;
	}
	c->deleting = true;
	c->delete_request = request;
	(void)domlet_process_signal_all(a, c, SIGKILL);
}

/* False: somebody is in it still. The ends of those that another container's first process reaps are told to
 * nobody here but by the cgroup itself. */
static bool remove_cgroup(struct guest_container *c)
{
	if (c->cgroup_fd < 0)
		return true;
	if (c->events_fd < 0)
		c->events_fd = domlet_cgroup_watch(c->cgroup_fd);
	else
		domlet_cgroup_look(c->events_fd);
	return domlet_cgroup_remove(c->number) != -EBUSY;
}

/* Those whose documents are not there yet: it is the host's to send them, and nobody waits for that. */
static void refuse_awaited(struct agent *a, const struct guest_container *c)
{
	struct domlet_failure failure = { 0 };
	struct guest_process *next;

	(void)domlet_failure_set(&failure, ESRCH, "cannot exec in a stopped container");
	for (struct guest_process *g = a->processes; g; g = next) {
		next = g->next;
		if (g->container == c && g->stage == STAGE_DOCUMENT)
			domlet_make_refuse(a, g, &failure);
	}
}

static void finish_delete(struct agent *a, struct guest_container *c)
{
	refuse_awaited(a, c);
	for (const struct guest_process *g = a->processes; g; g = g->next)
		if (g->container == c)
			return;
	if (!remove_cgroup(c)) {
		(void)domlet_process_signal_all(a, c, SIGKILL);
		return;
	}
	domlet_stats_end(c);
	close_one(c->events_fd);
	close_one(c->cgroup_fd);
	close_one(c->pidfd);
	domlet_namespaces_close(&c->held);
	domlet_share_end(c);
	domlet_door_close(a, c);
	domlet_join_drop(a, c);
	domlet_agent_net_free(c);
	domlet_config_free(&c->config);
	domlet_reply_send(a, c->delete_request, &c->refusal);
	memset(c, 0, sizeof *c);
}

void domlet_container_turn(struct agent *a, struct guest_container *c)
{
	if (c->stopped)
		domlet_freeze_stop(a, c), domlet_update_stop(a, c), domlet_agent_net_stop(a, c);
	if (c->stopped)
		domlet_forward_drop(a, c->number);
	if (c->stopped)
		domlet_join_close_unused(a, c);
	if (!c->stopped && !c->deleting && domlet_share_is_lost(c))
		(void)domlet_process_signal_all(a, c, SIGKILL);
	if (c->deleting)
		finish_delete(a, c);
}

void domlet_container_poll(struct guest_container *c, struct pollfd *fds, nfds_t *n)
{
	if (c->deleting && c->events_fd >= 0)
		fds[(*n)++] = (struct pollfd){ .fd = c->events_fd, .events = POLLPRI };
	domlet_stats_poll(c, fds, n);
}
