// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent.h"

#include <signal.h>
#include <string.h>
#include <sys/utsname.h>

#include "container.h"
#include "file.h"
#include "freeze.h"
#include "make.h"
#include "net.h"
#include "process.h"
#include "reply.h"
#include "share.h"
#include "stats.h"
#include "streams.h"
#include "table.h"
#include "update.h"

static void on_message(struct agent *a, const struct domlet_msg *m)
{
	struct domlet_failure failure = { 0 };

	switch (m->type) {
	case DOMLET_MSG_WELCOME: return;
	case DOMLET_MSG_CREATE: domlet_container_create(a, m->request, &m->create); return;
	case DOMLET_MSG_START: domlet_container_start(a, m->request, &m->start); return;
	case DOMLET_MSG_EXEC: domlet_process_exec(a, m->request, &m->exec); return;
	case DOMLET_MSG_SIGNAL: domlet_process_signal(a, m->request, &m->signal); return;
	case DOMLET_MSG_DELETE: domlet_container_delete(a, m->request, &m->delete_); return;
	case DOMLET_MSG_WINSIZE: domlet_process_winsize(a, m->request, &m->winsize); return;
	case DOMLET_MSG_SHUTDOWN: domlet_agent_end(a, NULL); return;
	case DOMLET_MSG_PING: domlet_reply_send(a, m->request, NULL); return;
	case DOMLET_MSG_SYNC: domlet_freeze_sync(a, m->request); return;
	case DOMLET_MSG_FREEZE: domlet_freeze_begin(a, m->request, &m->freeze); return;
	case DOMLET_MSG_THAW: domlet_freeze_thaw(a, m->request, &m->thaw); return;
	case DOMLET_MSG_NET: domlet_agent_net_begin(a, m->request, &m->net); return;
	case DOMLET_MSG_FORWARD: domlet_forward_begin(a, m->request, &m->forward); return;
	case DOMLET_MSG_ANSWER: domlet_forward_answer(a, &m->answer); return;
	case DOMLET_MSG_FILE: domlet_agent_file(a, m->request, &m->file); return;
	case DOMLET_MSG_STATS: domlet_stats_tell(a, m->request, &m->stats); return;
	case DOMLET_MSG_UPDATE: domlet_update_begin(a, m->request, &m->update); return;
	case DOMLET_MSG_UNSHARE: domlet_share_cut(a, &m->unshare); return;
	case DOMLET_MSG_CONNECTED: domlet_forward_connected(a, &m->connected); return;
	default:
		(void)domlet_failure_set(&failure, ENOSYS, "this guest does not know %s yet", domlet_msg_name(m->type));
		domlet_reply_send(a, m->request, &failure);
	}
}

static bool receive(struct agent *a)
{
	struct domlet_link_event ev;
	struct guest_process *g;
	bool any = false;

	while (!a->ended) {
		domlet_link_next(&a->link, &ev);
		switch (ev.type) {
		case DOMLET_LINK_IDLE: return any;
		case DOMLET_LINK_MSG: on_message(a, &ev.msg); break;
		case DOMLET_LINK_BROKEN: domlet_agent_end(a, ev.reason); break;
		default:
			g = domlet_table_process(a, ev.stream >> 2);
			if (domlet_stream_is_connection(ev.stream))
				domlet_forward_event(a, &ev);
			else if (g && (ev.stream & 3) == DOMLET_STREAM_CONFIG)
				domlet_make_take(a, g, &ev);
			else if (g)
				domlet_streams_event(a, g, &ev);
			if (ev.type == DOMLET_LINK_DATA)
				domlet_link_taken(&a->link, ev.len);
		}
		any = true;
	}
	return any;
}

void domlet_agent_kill_all(struct agent *a)
{
	for (struct guest_process *g = a->processes; g; g = g->next)
		if (g->p.pid > 0 && !g->exited)
			(void)kill(g->p.pid, SIGKILL);
}

bool domlet_agent_work(struct agent *a)
{
	struct guest_process *g, *next;
	bool any = receive(a);

	if (a->ended)
		return any;
	for (g = a->processes; g; g = next) {
		uint32_t number = g->p.number;

		next = g->next;
		any = (g->p.status_fd >= 0 && domlet_process_read_status(a, g)) || any;
		if (!domlet_table_process(a, number))
			continue;
		any = domlet_streams_move(a, g) || any;
		if (!g->reported)
			domlet_process_report(a, g);
		if (g->reported && !g->out[0].open && !g->out[1].open)
			domlet_table_release(a, g);
	}
	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (a->containers[i].used)
			domlet_container_turn(a, &a->containers[i]);
	domlet_door_move(a);
	return domlet_forward_move(a) || any;
}

bool domlet_agent_poll(struct agent *a, struct pollfd *fds, nfds_t *n)
{
	bool wants_room = false;

	for (struct guest_process *g = a->processes; g; g = g->next) {
		if (g->p.status_fd >= 0)
			fds[(*n)++] = (struct pollfd){ .fd = g->p.status_fd, .events = POLLIN };
		wants_room = domlet_streams_poll(a, g, fds, n) || wants_room;
	}
	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (a->containers[i].used)
			domlet_container_poll(&a->containers[i], fds, n);
	wants_room = domlet_forward_poll(a, fds, n) || wants_room;
	domlet_door_poll(a, fds, n);
	a->drain_at = domlet_drain_fd(&a->drain) >= 0 ? *n : 0;
	if (a->drain_at)
		fds[(*n)++] = (struct pollfd){ .fd = domlet_drain_fd(&a->drain), .events = POLLIN };
	return wants_room;
}

void domlet_agent_polled(struct agent *a, const struct pollfd *fds)
{
	for (struct guest_process *g = a->processes; g; g = g->next)
		domlet_streams_polled(g, fds);
	domlet_forward_polled(a, fds);
	domlet_door_polled(a, fds);
	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (a->containers[i].used)
			domlet_stats_polled(a, &a->containers[i], fds);
	if (a->drain_at && fds[a->drain_at].revents)
		domlet_drain_read(&a->drain);
}

void domlet_agent_init(struct agent *a, struct domlet_ring *ring, uint32_t epoch, uint64_t boot_ns)
{
	struct domlet_msg m = { .type = DOMLET_MSG_HELLO };
	struct utsname u;

	domlet_link_init(&a->link, ring, DOMLET_RING_GUEST, epoch);
	(void)uname(&u);
	m.hello.version = DOMLET_PROTO_VERSION;
	m.hello.boot_ns = boot_ns;
	m.hello.kernel.ptr = (const uint8_t *)u.release;
	m.hello.kernel.len = (uint32_t)strlen(u.release);
	domlet_reply_message(a, &m);
}
