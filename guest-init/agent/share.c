// SPDX-License-Identifier: GPL-2.0-or-later
#include "share.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../container/live.h"
#include "../container/spawn.h"
#include "../share/relay.h"
#include "reply.h"
#include "table.h"

/* Of the only attachment. */
#define EPOCH 1u

struct guest_share {
	struct domlet_device device;
	pid_t relay, flusher; /* 0: there is none */
};

static _Noreturn void relay(struct guest_share *s, const struct domlet_relay_export *exports, uint32_t count)
{
	int *kept = calloc(count + 1u, sizeof *kept);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (!kept)
		_exit(1);
	for (uint32_t i = 0; i < count; i++)
		kept[i] = exports[i].fuse;
	kept[count] = domlet_device_fd(&s->device);
	domlet_spawn_close_others(kept, count + 1u);
	free(kept);
	domlet_relay_run(&s->device, exports, count);
}

static int fork_relay(struct guest_share *s, const struct domlet_relay_export *exports, uint32_t count,
		      struct domlet_failure *failure)
{
	pid_t pid = fork();
	int code = errno;

	if (pid == 0)
		relay(s, exports, count);
	domlet_device_unmap(&s->device); /* they are the relay's, and stay granted as long as that has them */
	s->relay = pid > 0 ? pid : 0;
	return pid > 0 ? 0 :
			 domlet_failure_set(failure, code,
					    "can't make the process that carries the container's files: %s",
					    domlet_failure_name(code));
}

static int start_relay(struct guest_share *s, uint32_t number, uint32_t count, struct domlet_failure *failure)
{
	struct domlet_relay_export *exports = calloc(count, sizeof *exports);
	uint32_t mounted = 0;
	int r = exports ? 0 : domlet_failure_set(failure, ENOMEM, "no memory for the container's %u shares", count);

	while (r >= 0 && mounted < count) {
		r = exports[mounted].fuse = domlet_live_mount(number, mounted, failure);
		exports[mounted].dev = r < 0 ? 0 : domlet_live_device(number, mounted);
		mounted += r >= 0;
	}
	if (r >= 0)
		r = fork_relay(s, exports, count, failure);
	while (mounted)
		close(exports[--mounted].fuse);
	free(exports);
	return r;
}

static void announce(struct agent *a, const struct guest_container *c)
{
	struct domlet_msg m = { .type = DOMLET_MSG_SHARE };

	m.share.container = c->number;
	m.share.order = c->share->device.order;
	m.share.index_ref = c->share->device.index_ref;
	m.share.port = c->share->device.port;
	m.share.epoch = c->share->device.epoch;
	domlet_reply_message(a, &m);
}

int domlet_share_begin(struct agent *a, struct guest_container *c, struct domlet_failure *failure)
{
	uint32_t count = domlet_live_count(&c->config);
	char err[256];
	int r;

	if (!count)
		return 0;
	if (!a->xs)
		return domlet_failure_set(failure, ENOTSUP, "this guest has no Xen to share files with dom0 by");
	c->share = calloc(1, sizeof *c->share);
	if (!c->share)
		return domlet_failure_set(failure, ENOMEM, "no memory for the ring of the container's files");
	r = domlet_device_open(&c->share->device, DOMLET_SHARE_RING_ORDER, EPOCH, err, sizeof err);
	if (r < 0)
		return domlet_failure_set(failure, -r, "the ring of the container's files can't be made: %s", err);
	r = start_relay(c->share, c->number, count, failure);
	if (r == 0)
		announce(a, c);
	return r;
}

static void kill_relay(struct guest_container *c)
{
	if (!c->share || c->share->relay <= 0)
		return;
	(void)kill(c->share->relay, SIGKILL);
	domlet_live_abort(c->number);
}

void domlet_share_cut(struct agent *a, const struct domlet_msg_unshare *m)
{
	struct guest_container *c = domlet_table_container(a, m->container);

	if (c)
		kill_relay(c);
}

void domlet_share_flush(struct guest_container *c)
{
	pid_t pid;

	if (!c->share || !c->share->relay || c->share->flusher)
		return;
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		(void)close_range(STDERR_FILENO + 1, ~0U, 0);
		_exit(domlet_live_sync(c->number) < 0);
	}
	c->share->flusher = pid > 0 ? pid : 0;
}

bool domlet_share_flushes(const struct guest_container *c)
{
	return c->share && c->share->flusher;
}

bool domlet_share_is_lost(const struct guest_container *c)
{
	return c->share && !c->share->relay;
}

bool domlet_share_ended(struct agent *a, pid_t pid)
{
	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		struct guest_container *c = &a->containers[i];

		if (!c->used || !c->share || (c->share->relay != pid && c->share->flusher != pid))
			continue;
		if (c->share->flusher == pid)
			c->share->flusher = 0;
		else
			c->share->relay = 0;
		if (!c->share->relay)
			domlet_live_abort(c->number);
		return true;
	}
	return false;
}

void domlet_share_end(struct guest_container *c)
{
	if (!c->share)
		return;
	kill_relay(c);
	if (c->share->flusher)
		(void)kill(c->share->flusher, SIGKILL);
	domlet_live_unmount(c->number);
	domlet_device_close(&c->share->device);
	free(c->share);
	c->share = NULL;
}
