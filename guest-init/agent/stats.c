// SPDX-License-Identifier: GPL-2.0-or-later
#include "stats.h"

#include <fcntl.h>
#include <unistd.h>

#include "../container/cgroup.h"
#include "figures.h"
#include "reply.h"
#include "table.h"

/* A kernel without the controller of memory kills nobody for want of a container's. */
static void watch(struct guest_container *c)
{
	if (c->oom_fd >= 0)
		return;
	c->oom_fd = domlet_cgroup_watch_memory(c->cgroup_fd);
	c->oom_told = domlet_cgroup_oom_kills(c->cgroup_fd);
}

void domlet_stats_tell(struct agent *a, uint32_t request, const struct domlet_msg_stats *m)
{
	struct guest_container *c = domlet_table_container(a, m->container);
	struct domlet_msg answer = { .type = DOMLET_MSG_FIGURES, .request = request };
	struct domlet_failure failure = { 0 };
	struct domlet_figures figures;
	uint8_t numbers[DOMLET_FIGURES_LEN];

	if (domlet_table_counted(a, c, "counts nothing of it", &failure) < 0) {
		domlet_reply_send(a, request, &failure);
		return;
	}
	if (m->watch)
		watch(c);
	domlet_figures_read(c->cgroup_fd, &figures);
	domlet_figures_encode(&figures, numbers);
	answer.figures.container = c->number;
	answer.figures.numbers = (struct domlet_slice){ numbers, sizeof numbers };
	domlet_reply_message(a, &answer);
}

void domlet_stats_look(struct agent *a, struct guest_container *c)
{
	struct domlet_msg m = { .type = DOMLET_MSG_OOM };
	uint64_t kills;

	if (c->oom_fd < 0)
		return;
	domlet_cgroup_look(c->oom_fd);
	kills = domlet_cgroup_oom_kills(c->cgroup_fd);
	if (kills <= c->oom_told)
		return;
	c->oom_told = kills;
	m.oom.container = c->number;
	m.oom.kills = kills;
	domlet_reply_message(a, &m);
}

void domlet_stats_poll(struct guest_container *c, struct pollfd *fds, nfds_t *n)
{
	c->oom_at = c->oom_fd >= 0 ? *n : 0;
	if (c->oom_fd >= 0)
		fds[(*n)++] = (struct pollfd){ .fd = c->oom_fd, .events = POLLPRI };
}

void domlet_stats_polled(struct agent *a, struct guest_container *c, const struct pollfd *fds)
{
	if (c->oom_at && fds[c->oom_at].revents)
		domlet_stats_look(a, c);
	c->oom_at = 0;
}

void domlet_stats_end(struct guest_container *c)
{
	if (c->oom_fd >= 0)
		close(c->oom_fd);
	c->oom_fd = -1;
}
