// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../base/text.h"

/* How long the guest is served before other descriptors get their turn: rounds,
 * each of so many bytes and events at most, until the time is over. A guest may
 * have a processor of its own, and refill the ring as fast as we empty it. */
#define EVENTS_A_ROUND 256
#define BYTES_A_ROUND (256u << 10)
#define TURN_MS 10
/* Of a guest that runs no more: all that is left in its ring. */
#define LAST_TURN_MS 2000

/* The largest of Linux. Whatever else a guest says is an error, too: who reads
 * a code below 0 in an answer would take it for success. */
#define ERRNO_MAX 4095

static void post(const struct domlet_guest *g, const struct domlet_guest_event *ev)
{
	g->processes.listener.post(g->processes.listener.user, ev);
}

static void on_reply(struct domlet_guest *g, uint32_t request, const struct domlet_msg_reply *r)
{
	uint32_t code = r->code < 0 || r->code > ERRNO_MAX ? EIO : (uint32_t)r->code;
	char text[DOMLET_GUEST_TEXT_MAX];

	(void)snprintf(text, sizeof text, "%.*s", (int)r->text.len, (const char *)r->text.ptr);
	domlet_text_clean(text);
	domlet_guest_process_replied(&g->processes, request, code, text);
}

static void on_hello(struct domlet_guest *g, const struct domlet_msg_hello *h)
{
	struct domlet_guest_event ev = { .type = DOMLET_GUEST_HELLO, .code = h->version };
	struct domlet_msg welcome = { .type = DOMLET_MSG_WELCOME };

	if (g->greeted)
		return;
	g->greeted = true;
	welcome.welcome.version = DOMLET_PROTO_VERSION;
	if (h->version == DOMLET_PROTO_VERSION)
		(void)domlet_link_send(&g->link.link, &welcome);
	post(g, &ev);
}

static void on_exited(struct domlet_guest *g, const struct domlet_msg_exited *e)
{
	struct domlet_guest_process *p = domlet_guest_process_find(&g->processes, e->process);

	if (p)
		domlet_guest_process_exited(p, e->code & 255, e->oom != 0);
}

static void on_share(struct domlet_guest *g, const struct domlet_msg_share *s)
{
	struct domlet_guest_event ev = {
		.type = DOMLET_GUEST_SHARE,
		.code = s->container,
		.offer = { .order = s->order, .index_ref = s->index_ref, .port = s->port, .epoch = s->epoch }
	};

	if (s->container >= DOMLET_CONTAINER_MAX || s->order > DOMLET_RING_ORDER_MAX)
		g->link.broken = "a share's ring that can't be";
	else
		post(g, &ev);
}

static void on_figures(struct domlet_guest *g, uint32_t request, const struct domlet_msg_figures *f)
{
	struct domlet_figures figures;

	if (f->container >= DOMLET_CONTAINER_MAX)
		g->link.broken = "figures of a container that can't be";
	else if (domlet_figures_decode(f->numbers.ptr, f->numbers.len, &figures, &g->link.broken) == 0)
		domlet_guest_process_counted(&g->processes, request, f->container, &figures);
}

static void on_oom(const struct domlet_guest *g, const struct domlet_msg_oom *o)
{
	if (o->container < DOMLET_CONTAINER_MAX)
		post(g, &(struct domlet_guest_event){ .type = DOMLET_GUEST_OUT_OF_MEMORY, .code = o->container });
}

static void on_message(struct domlet_guest *g, const struct domlet_msg *msg)
{
	switch (msg->type) {
	case DOMLET_MSG_HELLO: on_hello(g, &msg->hello); return;
	case DOMLET_MSG_REPLY: on_reply(g, msg->request, &msg->reply); return;
	case DOMLET_MSG_EXITED: on_exited(g, &msg->exited); return;
	case DOMLET_MSG_QUESTION: domlet_guest_forward_question(&g->forward, &msg->question); return;
	case DOMLET_MSG_DATAGRAM: domlet_guest_forward_datagram(&g->forward, &msg->datagram); return;
	case DOMLET_MSG_SHARE: on_share(g, &msg->share); return;
	case DOMLET_MSG_FIGURES: on_figures(g, msg->request, &msg->figures); return;
	case DOMLET_MSG_OOM: on_oom(g, &msg->oom); return;
	case DOMLET_MSG_CONNECT: domlet_guest_forward_connect(&g->forward, &msg->connect); return;
	default: return;
	}
}

static void on_data(struct domlet_guest *g, const struct domlet_link_event *ev)
{
	struct domlet_guest_process *p = domlet_guest_process_find(&g->processes, ev->stream >> 2);

	if (domlet_stream_is_connection(ev->stream))
		domlet_guest_forward_data(&g->forward, ev->stream, ev->data, ev->len);
	else if (p)
		domlet_guest_streams_data(&p->streams, ev->stream, ev->data, ev->len);
	else
		domlet_link_credit(&g->link.link, ev->stream, ev->len);
	domlet_link_taken(&g->link.link, ev->len);
	domlet_guest_link_tell(&g->link);
}

static void on_eof(struct domlet_guest *g, uint32_t stream)
{
	struct domlet_guest_process *p = domlet_guest_process_find(&g->processes, stream >> 2);

	if (domlet_stream_is_connection(stream))
		domlet_guest_forward_eof(&g->forward, stream);
	else if (p)
		domlet_guest_streams_eof(&p->streams, stream);
}

static void on_reset(struct domlet_guest *g, uint32_t stream)
{
	struct domlet_guest_process *p = domlet_guest_process_find(&g->processes, stream >> 2);

	if (domlet_stream_is_connection(stream))
		domlet_guest_forward_reset(&g->forward, stream);
	else if (p)
		domlet_guest_streams_reset(&p->streams, stream);
}

/* True when it may be called again at once. */
static bool receive(struct domlet_guest *g)
{
	struct domlet_link_event ev;

	domlet_link_allow(&g->link.link, BYTES_A_ROUND);
	for (int i = 0; i < EVENTS_A_ROUND && !g->link.broken; i++) {
		domlet_link_next(&g->link.link, &ev);
		switch (ev.type) {
		case DOMLET_LINK_IDLE: return false;
		case DOMLET_LINK_BUSY: return true;
		case DOMLET_LINK_MSG: on_message(g, &ev.msg); break;
		case DOMLET_LINK_DATA: on_data(g, &ev); break;
		case DOMLET_LINK_EOF: on_eof(g, ev.stream); break;
		case DOMLET_LINK_RESET: on_reset(g, ev.stream); break;
		case DOMLET_LINK_ROOM: break;
		case DOMLET_LINK_BROKEN: g->link.broken = ev.reason; break;
		}
	}
	return !g->link.broken;
}

static void say_broken(struct domlet_guest *g)
{
	struct domlet_guest_event ev = { .type = DOMLET_GUEST_BROKEN };

	if (!g->link.broken || g->said_broken)
		return;
	g->said_broken = true;
	(void)snprintf(ev.text, sizeof ev.text, "%s", g->link.broken);
	post(g, &ev);
}

static void say_output(struct domlet_guest *g)
{
	for (uint32_t n = 0; g->watched >> n; n++) {
		if (!(g->watched >> n & 1) || !domlet_guest_process_moved(&g->processes, n))
			continue;
		g->watched &= ~(1u << n);
		post(g, &(struct domlet_guest_event){ .type = DOMLET_GUEST_OUTPUT, .code = n });
	}
}

static void turn(struct domlet_guest *g, uint64_t ms)
{
	uint64_t end = uv_hrtime() + ms * 1000000u;
	struct domlet_guest_link *l = &g->link;
	bool again = true, waits;

	while (again) {
		again = l->attached && !l->broken && receive(g);
		again = domlet_guest_process_move(&g->processes) || again;
		again = domlet_guest_forward_move(&g->forward) || again;
		domlet_guest_process_sweep(&g->processes);
		say_broken(g);
		say_output(g);
		if (!l->attached || l->broken)
			return;
		waits = domlet_guest_link_flush(l) || l->wants_room;
		domlet_guest_link_tell(l);
		if (!again)
			again = domlet_ring_linger(&l->ring.ring, waits, domlet_host_ring_pause) ||
				domlet_ring_arm(&l->ring.ring, waits);
		if (uv_hrtime() >= end)
			break;
	}
	if (again) /* come back after the others had their turn */
		(void)uv_async_send(&l->wake);
}

void domlet_guest_turn(struct domlet_guest *g)
{
	turn(g, TURN_MS);
}

void domlet_guest_last_turn(struct domlet_guest *g)
{
	turn(g, LAST_TURN_MS);
}

static void on_ready(void *user)
{
	domlet_guest_turn(user);
}

static void on_wake(uv_async_t *a)
{
	domlet_guest_turn(a->data);
}

void domlet_guest_open(struct domlet_guest *g, uv_loop_t *loop, const struct domlet_guest_listener *listener)
{
	g->link.loop = loop;
	g->link.turn = on_ready;
	g->link.user = g;
	(void)uv_async_init(loop, &g->link.wake, on_wake);
	g->link.wake.data = g;
	g->processes.link = &g->link;
	g->processes.listener = *listener;
	domlet_guest_forward_open(&g->forward, &g->link, listener);
}

/* Orders */

int domlet_guest_attach(struct domlet_guest *g, uint32_t domid, const struct domlet_ring_offer *offer,
			struct domlet_error *err)
{
	return domlet_guest_link_attach(&g->link, domid, offer, err);
}

void domlet_guest_detach(struct domlet_guest *g)
{
	if (!g->link.attached)
		return;
	domlet_guest_link_detach(&g->link);
	domlet_guest_forward_end_all(&g->forward);
	domlet_guest_process_end_all(&g->processes);
}

void domlet_guest_take_first(struct domlet_guest *g, const struct domlet_guest_first *order)
{
	domlet_guest_process_take_first(&g->processes, order);
}

void domlet_guest_forget_first(struct domlet_guest *g, uint32_t process)
{
	domlet_guest_process_forget_first(&g->processes, process);
}

void domlet_guest_create(struct domlet_guest *g, const struct domlet_guest_create *order)
{
	domlet_guest_process_create(&g->processes, order);
}

void domlet_guest_start(struct domlet_guest *g, uint32_t tag, uint32_t container)
{
	domlet_guest_process_start(&g->processes, tag, container);
}

void domlet_guest_sync(struct domlet_guest *g, uint32_t tag)
{
	domlet_guest_process_sync(&g->processes, tag);
}

void domlet_guest_freeze(struct domlet_guest *g, uint32_t tag, uint32_t container)
{
	domlet_guest_process_freeze(&g->processes, tag, container);
}

void domlet_guest_thaw(struct domlet_guest *g, uint32_t tag, uint32_t container)
{
	domlet_guest_process_thaw(&g->processes, tag, container);
}

void domlet_guest_delete(struct domlet_guest *g, uint32_t tag, uint32_t container)
{
	domlet_guest_forward_forbid(&g->forward, container);
	domlet_guest_process_delete(&g->processes, tag, container);
}

void domlet_guest_forward(struct domlet_guest *g, uint32_t tag, uint32_t container, uint32_t service)
{
	domlet_guest_forward_allow(&g->forward, container);
	domlet_guest_process_forward(&g->processes, tag, container, service);
}

void domlet_guest_allow_sockets(struct domlet_guest *g, uint32_t container, uint32_t count)
{
	domlet_guest_forward_allow_sockets(&g->forward, container, count);
}

void domlet_guest_forbid_sockets(struct domlet_guest *g, uint32_t container)
{
	domlet_guest_forward_forbid(&g->forward, container);
}

void domlet_guest_unshare(struct domlet_guest *g, uint32_t container)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_UNSHARE };

	msg.unshare.container = container;
	(void)domlet_guest_link_send(&g->link, &msg);
}

void domlet_guest_give_socket(struct domlet_guest *g, const struct domlet_guest_socket *order)
{
	domlet_guest_forward_give(&g->forward, order);
}

void domlet_guest_net(struct domlet_guest *g, const struct domlet_guest_net *order)
{
	domlet_guest_process_net(&g->processes, order);
}

void domlet_guest_file(struct domlet_guest *g, const struct domlet_guest_file *order)
{
	domlet_guest_process_file(&g->processes, order);
}

void domlet_guest_stats(struct domlet_guest *g, uint32_t tag, uint32_t container, bool watch)
{
	domlet_guest_process_stats(&g->processes, tag, container, watch);
}

void domlet_guest_update(struct domlet_guest *g, const struct domlet_guest_update *order)
{
	domlet_guest_process_update(&g->processes, order);
}

void domlet_guest_sleeps(struct domlet_guest *g, bool sleeps)
{
	domlet_guest_process_sleep(&g->processes, sleeps);
	if (sleeps || g->link.sleeps)
		domlet_guest_link_sleep(&g->link, sleeps);
}

void domlet_guest_exec(struct domlet_guest *g, const struct domlet_guest_exec *order)
{
	domlet_guest_process_exec(&g->processes, order);
}

void domlet_guest_make_room(struct domlet_guest *g)
{
	domlet_guest_process_make_room(&g->processes);
}

bool domlet_guest_signal(struct domlet_guest *g, const struct domlet_guest_signal *order)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_SIGNAL };

	msg.signal.container = order->container;
	msg.signal.process = order->process;
	msg.signal.signo = order->signo;
	msg.signal.all = order->all;
	return domlet_guest_link_send(&g->link, &msg) != 0;
}

void domlet_guest_resize(struct domlet_guest *g, const struct domlet_guest_size *order)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_WINSIZE };

	msg.winsize.process = order->process;
	msg.winsize.rows = order->rows;
	msg.winsize.cols = order->cols;
	(void)domlet_guest_link_send(&g->link, &msg);
}

void domlet_guest_abandon(struct domlet_guest *g, uint32_t process)
{
	struct domlet_guest_process *p = domlet_guest_process_find(&g->processes, process);

	if (p)
		domlet_guest_process_abandon(p, ECANCELED);
}

void domlet_guest_lose_proxy(struct domlet_guest *g, uint32_t process)
{
	struct domlet_guest_process *p = domlet_guest_process_find(&g->processes, process);

	if (p)
		domlet_guest_process_lose_proxy(p);
}

void domlet_guest_close_streams(struct domlet_guest *g, uint32_t process)
{
	struct domlet_guest_process *p = domlet_guest_process_find(&g->processes, process);

	if (p)
		domlet_guest_streams_close(&p->streams);
	(void)uv_async_send(&g->link.wake); /* the guest is to be told */
}

void domlet_guest_drop_further(struct domlet_guest *g, uint32_t container)
{
	domlet_guest_process_drop_further(&g->processes, container);
}

void domlet_guest_watch_output(struct domlet_guest *g, uint32_t container)
{
	g->watched |= 1u << container;
	(void)domlet_guest_process_moved(&g->processes, container); /* before */
}
