// SPDX-License-Identifier: GPL-2.0-or-later
#include "forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often it is looked who has waited for too long. */
#define CLOCK_MS 1000u
/* No request that waits has it. */
#define NO_TAG 0u

enum question_phase {
	QUESTION_NEW,     /* a socket is to be asked for */
	QUESTION_WAITS,   /* for that */
	QUESTION_ASKED,   /* the datagram is sent */
	QUESTION_ANSWERED /* with nothing: the guest is to be told */
};

struct domlet_guest_question {
	enum question_phase phase;
	uint32_t number, tag, container, service;
	struct domlet_guest_peer peer; /* of DOMLET_FORWARD_SOCKET: a datagram, whose answer has no bytes */
	uint64_t asked_at;
	int fd;                 /* -1: none */
	bool readable, polling; /* readable: or what didn't fit before may be sent */
	uv_poll_t poll;
	struct domlet_guest_forward *forward;
	uint32_t len;
	uint8_t datagram[];
};

enum connection_phase {
	CONNECTION_NEW,
	CONNECTION_WAITS,
	CONNECTION_DUE, /* the guest is to be told that it is there, or is not (code) */
	CONNECTION_OPEN,
};

struct domlet_guest_connection {
	struct domlet_guest_streams streams; /* from the socket's coming on */
	enum connection_phase phase;
	uint32_t number, tag, container, service;
	struct domlet_guest_peer peer;
	int code; /* why there is none */
	bool connected;
	int handles; /* of libuv, still open */
	bool ended;  /* it goes with the last of these */
};

static bool has_resolver(const struct domlet_guest_forward *f, uint32_t container, uint32_t service)
{
	return container < DOMLET_CONTAINER_MAX && f->allowed >> container & 1 && service == DOMLET_FORWARD_RESOLVER;
}

static bool has_socket(const struct domlet_guest_forward *f, uint32_t container, uint32_t socket)
{
	return container < DOMLET_CONTAINER_MAX && socket < f->sockets[container];
}

static bool may_connect(const struct domlet_guest_forward *f, const struct domlet_msg_connect *m)
{
	if (m->service == DOMLET_FORWARD_SOCKET)
		return has_socket(f, m->container, m->socket);
	return has_resolver(f, m->container, m->service);
}

static uint32_t next_tag(struct domlet_guest_forward *f)
{
	return ++f->tags != NO_TAG ? f->tags : ++f->tags;
}

/* Questions */

static void on_answer(uv_poll_t *h, int status, int events)
{
	struct domlet_guest_question *q = h->data;

	(void)status, (void)events;
	q->readable = true;
	q->forward->link->turn(q->forward->link->user);
}

static void watch_answer(struct domlet_guest_question *q, bool watched)
{
	int events = q->service == DOMLET_FORWARD_SOCKET ? UV_WRITABLE : UV_READABLE;

	if (watched && !q->polling)
		(void)uv_poll_start(&q->poll, events, on_answer);
	else if (!watched && q->polling)
		(void)uv_poll_stop(&q->poll);
	q->polling = watched;
}

static void free_question(uv_handle_t *h)
{
	free(h->data);
}

/* Its number is free. */
static void drop_question(struct domlet_guest_question *q)
{
	struct domlet_guest_forward *f = q->forward;

	f->questions[q->number] = NULL;
	f->datagram_count -= q->service == DOMLET_FORWARD_SOCKET;
	if (--f->question_count == 0)
		(void)uv_timer_stop(&f->clock);
	if (q->fd < 0) {
		free(q);
		return;
	}
	uv_close((uv_handle_t *)&q->poll, free_question);
	close(q->fd); /* after libuv has forgotten its number */
}

/* The guest is told so when it has room for that. */
static void give_question_up(struct domlet_guest_question *q)
{
	q->phase = QUESTION_ANSWERED;
	q->tag = NO_TAG;
	if (q->fd >= 0)
		watch_answer(q, false);
}

static void on_clock(uv_timer_t *t)
{
	struct domlet_guest_forward *f = t->data;
	bool any = false;

	for (uint32_t i = 0; i < DOMLET_FORWARD_QUESTION_MAX; i++) {
		struct domlet_guest_question *q = f->questions[i];

		if (!q || q->phase == QUESTION_ANSWERED || uv_now(t->loop) - q->asked_at < DOMLET_FORWARD_QUESTION_MS)
			continue;
		give_question_up(q);
		any = true;
	}
	if (any)
		f->link->turn(f->link->user);
}

static const char *what_is_wrong(const struct domlet_guest_forward *f, uint32_t number, uint32_t len, uint32_t longest)
{
	if (number >= DOMLET_FORWARD_QUESTION_MAX)
		return "question with a number out of range";
	if (f->questions[number])
		return "question with the number of another one";
	if (len > longest)
		return "question of no possible length";
	return NULL;
}

/* NULL: there is no memory. */
static struct domlet_guest_question *new_question(struct domlet_guest_forward *f, uint32_t number, uint32_t container,
						  uint32_t service, const struct domlet_slice *text)
{
	struct domlet_guest_question *q = malloc(sizeof *q + text->len);

	if (!q) {
		f->link->broken = "no memory for its question";
		return NULL;
	}
	*q = (struct domlet_guest_question){ .number = number,
					     .tag = next_tag(f),
					     .container = container,
					     .service = service,
					     .asked_at = uv_now(f->link->loop),
					     .fd = -1,
					     .forward = f,
					     .len = text->len };
	if (text->len)
		memcpy(q->datagram, text->ptr, text->len);
	f->questions[number] = q;
	if (f->question_count++ == 0)
		(void)uv_timer_start(&f->clock, on_clock, CLOCK_MS, CLOCK_MS);
	return q;
}

void domlet_guest_forward_question(struct domlet_guest_forward *f, const struct domlet_msg_question *m)
{
	uint32_t len = m->datagram.len ? m->datagram.len : UINT32_MAX; /* one that asks nothing */
	const char *reason = what_is_wrong(f, m->number, len, DOMLET_FORWARD_DATAGRAM_MAX);
	struct domlet_guest_question *q;

	if (reason) {
		f->link->broken = reason;
		return;
	}
	q = new_question(f, m->number, m->container, DOMLET_FORWARD_RESOLVER, &m->datagram);
	if (q && !has_resolver(f, m->container, m->service))
		give_question_up(q);
}

void domlet_guest_forward_datagram(struct domlet_guest_forward *f, const struct domlet_msg_datagram *m)
{
	const char *reason = what_is_wrong(f, m->number, m->datagram.len, DOMLET_SOCKET_DATAGRAM_MAX);
	struct domlet_guest_question *q;

	if (!reason && f->datagram_count >= DOMLET_SOCKET_DATAGRAMS)
		reason = "datagram beside too many others";
	if (reason) {
		f->link->broken = reason;
		return;
	}
	q = new_question(f, m->number, m->container, DOMLET_FORWARD_SOCKET, &m->datagram);
	if (!q)
		return;
	f->datagram_count++;
	q->peer = (struct domlet_guest_peer){ .socket = m->socket, .uid = m->uid, .gid = m->gid };
	if (!has_socket(f, m->container, m->socket))
		give_question_up(q);
}

/* In the name of who has sent it to the guest. False: it isn't taken, now (errno EAGAIN) or ever. */
static bool send_datagram(const struct domlet_guest_question *q)
{
	const struct ucred who = { .pid = getpid(), .uid = q->peer.uid, .gid = q->peer.gid };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof who)];
	} control = { 0 };
	struct iovec part = { (void *)(uintptr_t)q->datagram, q->len };
	struct msghdr msg = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	c->cmsg_len = CMSG_LEN(sizeof who);
	memcpy(CMSG_DATA(c), &who, sizeof who);
	return sendmsg(q->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/* What nobody has room for waits, as long as a question does. */
static void move_datagram(struct domlet_guest_question *q)
{
	if (!send_datagram(q) && (errno == EAGAIN || errno == EINTR)) {
		q->readable = false;
		watch_answer(q, true);
		return;
	}
	give_question_up(q);
}

/* FD is Q's, or closed. */
static void take_socket(struct domlet_guest_question *q, int fd)
{
	struct domlet_guest_forward *f = q->forward;

	if (fd < 0 || uv_poll_init(f->link->loop, &q->poll, fd) != 0) {
		if (fd >= 0)
			close(fd);
		give_question_up(q);
		return;
	}
	q->poll.data = q;
	q->fd = fd;
	q->phase = QUESTION_ASKED;
	if (q->service == DOMLET_FORWARD_SOCKET)
		move_datagram(q);
	else if (send(fd, q->datagram, q->len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)q->len)
		watch_answer(q, true);
	else
		give_question_up(q);
}

/* False: the guest must read first. */
static bool answer(struct domlet_guest_question *q, const uint8_t *datagram, size_t len, bool cut)
{
	struct domlet_msg m = { .type = DOMLET_MSG_ANSWER };

	m.answer.number = q->number;
	m.answer.cut = cut;
	m.answer.datagram = (struct domlet_slice){ datagram, (uint32_t)len };
	return domlet_link_send(&q->forward->link->link, &m) == 0;
}

/* What the ring has no room for stays in the socket. True when it is answered. */
static bool move_answer(struct domlet_guest_question *q)
{
	struct domlet_guest_link *l = q->forward->link;
	uint8_t datagram[DOMLET_FORWARD_DATAGRAM_MAX];
	ssize_t n = 0;

	if (!domlet_link_has_room(&l->link)) {
		watch_answer(q, false); /* else it would wake us for ever */
		l->wants_room = true;
		return false;
	}
	n = recv(q->fd, datagram, sizeof datagram, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		q->readable = false;
		watch_answer(q, true);
		return false;
	}
	if (n <= 0) { /* nobody is there; or no answer that could be told from none */
		give_question_up(q);
		return false;
	}
	return answer(q, datagram, (size_t)n < sizeof datagram ? (size_t)n : sizeof datagram,
		      (size_t)n > sizeof datagram);
}

static bool move_question(struct domlet_guest_question *q)
{
	struct domlet_guest_forward *f = q->forward;
	bool done = false;

	if (q->phase == QUESTION_NEW) {
		struct domlet_guest_event ev = { .type = DOMLET_GUEST_SOCKET,
						 .tag = q->tag,
						 .code = q->container,
						 .service = q->service,
						 .peer = q->peer };

		q->phase = QUESTION_WAITS;
		f->listener.post(f->listener.user, &ev);
	}
	if (q->phase == QUESTION_ASKED && q->readable && q->service == DOMLET_FORWARD_SOCKET)
		move_datagram(q);
	else if (q->phase == QUESTION_ASKED && q->readable)
		done = move_answer(q);
	if (q->phase == QUESTION_ANSWERED) {
		done = domlet_link_has_room(&f->link->link) && answer(q, NULL, 0, false);
		f->link->wants_room = !done || f->link->wants_room;
	}
	if (done)
		drop_question(q);
	return done;
}

/* Connections */

static void on_let_go(uv_handle_t *h)
{
	struct domlet_guest_streams *s = h->data;
	struct domlet_guest_connection *c = (void *)((char *)s - offsetof(struct domlet_guest_connection, streams));

	if (--c->handles == 0 && c->ended)
		free(c);
}

static uint32_t carrier_of(const struct domlet_guest_connection *c)
{
	return DOMLET_STREAM_CONNECTION + c->number;
}

/* Its number is free. */
static void drop_connection(struct domlet_guest_forward *f, struct domlet_guest_connection *c)
{
	f->connections[c->number] = NULL;
	c->ended = true;
	if (c->connected) {
		domlet_guest_streams_withdraw(f->link, carrier_of(c));
		domlet_guest_streams_close(&c->streams);
	}
	if (c->handles == 0)
		free(c);
}

/* It is there, or (CODE) it is not: the guest is to be told. */
static void conclude(struct domlet_guest_connection *c, int code)
{
	c->phase = CONNECTION_DUE;
	c->tag = NO_TAG;
	c->code = code;
}

static struct domlet_guest_peer peer_of(const struct domlet_msg_connect *m)
{
	struct domlet_guest_peer p = { .socket = m->socket,
				       .uid = m->uid,
				       .gid = m->gid,
				       .group_count = m->groups.len / (uint32_t)sizeof(uint32_t) };

	for (uint32_t i = 0; i < p.group_count; i++) {
		const uint8_t *g = m->groups.ptr + i * sizeof(uint32_t);

		p.groups[i] = g[0] | (uint32_t)g[1] << 8 | (uint32_t)g[2] << 16 | (uint32_t)g[3] << 24;
	}
	return p;
}

void domlet_guest_forward_connect(struct domlet_guest_forward *f, const struct domlet_msg_connect *m)
{
	struct domlet_guest_connection *c = NULL;

	if (m->number >= DOMLET_FORWARD_CONNECTION_MAX)
		f->link->broken = "connection with a number out of range";
	else if (f->connections[m->number])
		f->link->broken = "connection with the number of another one";
	else if (m->groups.len % sizeof(uint32_t) != 0 || m->groups.len > DOMLET_FORWARD_GROUP_MAX * sizeof(uint32_t))
		f->link->broken = "connection of one in groups that can't be";
	else if (!(c = calloc(1, sizeof *c)))
		f->link->broken = "no memory for its connection";
	if (!c)
		return;
	c->number = m->number;
	c->tag = next_tag(f);
	c->container = m->container;
	c->service = m->service;
	c->peer = peer_of(m);
	f->connections[m->number] = c;
	if (!may_connect(f, m))
		conclude(c, ECONNREFUSED);
}

static void take_connection(struct domlet_guest_forward *f, struct domlet_guest_connection *c, int fd)
{
	int handles = fd < 0 ? fd :
			       domlet_guest_streams_open_connection(&c->streams, f->link, carrier_of(c), fd, on_let_go);

	conclude(c, handles < 0 ? -handles : 0);
	if (handles < 0)
		return;
	c->connected = true;
	c->handles = handles;
	domlet_guest_streams_announce(f->link, carrier_of(c));
}

/* False: the guest must read first. */
static bool say_connected(struct domlet_guest_forward *f, const struct domlet_guest_connection *c)
{
	struct domlet_msg m = { .type = DOMLET_MSG_CONNECTED };

	m.connected.number = c->number;
	m.connected.code = c->code;
	if (domlet_link_has_room(&f->link->link) && domlet_link_send(&f->link->link, &m) == 0)
		return true;
	f->link->wants_room = true;
	return false;
}

static bool move_connection(struct domlet_guest_forward *f, struct domlet_guest_connection *c)
{
	bool any = false;

	if (c->phase == CONNECTION_NEW) {
		struct domlet_guest_event ev = { .type = DOMLET_GUEST_SOCKET,
						 .tag = c->tag,
						 .code = c->container,
						 .service = c->service,
						 .stream = true,
						 .peer = c->peer };

		c->phase = CONNECTION_WAITS;
		f->listener.post(f->listener.user, &ev);
	}
	if (c->phase == CONNECTION_DUE && say_connected(f, c)) {
		c->phase = CONNECTION_OPEN;
		any = true;
	}
	if (c->phase != CONNECTION_OPEN)
		return false;
	if (!c->code)
		any = domlet_guest_streams_move(&c->streams, true) || any;
	if (c->code || domlet_guest_streams_finished(&c->streams))
		drop_connection(f, c);
	return any;
}

static struct domlet_guest_connection *find_connection(const struct domlet_guest_forward *f, uint32_t stream)
{
	struct domlet_guest_connection *c = f->connections[(stream >> 2) - DOMLET_STREAM_CONNECTION];

	return c && c->connected ? c : NULL;
}

void domlet_guest_forward_data(struct domlet_guest_forward *f, uint32_t stream, const uint8_t *data, size_t len)
{
	struct domlet_guest_connection *c = find_connection(f, stream);

	if (c)
		domlet_guest_streams_data(&c->streams, stream, data, len);
	else
		domlet_link_credit(&f->link->link, stream, len);
}

void domlet_guest_forward_eof(struct domlet_guest_forward *f, uint32_t stream)
{
	struct domlet_guest_connection *c = find_connection(f, stream);

	if (c)
		domlet_guest_streams_eof(&c->streams, stream);
}

void domlet_guest_forward_reset(struct domlet_guest_forward *f, uint32_t stream)
{
	struct domlet_guest_connection *c = find_connection(f, stream);

	if (c)
		domlet_guest_streams_reset(&c->streams, stream);
}

/* All of them */

void domlet_guest_forward_open(struct domlet_guest_forward *f, struct domlet_guest_link *link,
			       const struct domlet_guest_listener *listener)
{
	f->link = link;
	f->listener = *listener;
	(void)uv_timer_init(link->loop, &f->clock);
	f->clock.data = f;
}

void domlet_guest_forward_allow(struct domlet_guest_forward *f, uint32_t container)
{
	f->allowed |= 1u << container;
}

void domlet_guest_forward_allow_sockets(struct domlet_guest_forward *f, uint32_t container, uint32_t count)
{
	f->sockets[container] = count;
}

void domlet_guest_forward_forbid(struct domlet_guest_forward *f, uint32_t container)
{
	f->allowed &= ~(1u << container);
	f->sockets[container] = 0;
	for (uint32_t i = 0; i < DOMLET_FORWARD_QUESTION_MAX; i++)
		if (f->questions[i] && f->questions[i]->container == container)
			give_question_up(f->questions[i]);
	for (uint32_t i = 0; i < DOMLET_FORWARD_CONNECTION_MAX; i++) {
		struct domlet_guest_connection *c = f->connections[i];

		if (!c || c->container != container)
			continue;
		if (c->connected)
			domlet_guest_streams_close(&c->streams); /* the guest still owes its end */
		else if (c->phase < CONNECTION_DUE)
			conclude(c, ECONNREFUSED);
	}
}

void domlet_guest_forward_give(struct domlet_guest_forward *f, const struct domlet_guest_socket *order)
{
	for (uint32_t i = 0; i < DOMLET_FORWARD_QUESTION_MAX; i++)
		if (f->questions[i] && f->questions[i]->phase == QUESTION_WAITS && f->questions[i]->tag == order->tag) {
			take_socket(f->questions[i], order->fd);
			(void)uv_async_send(&f->link->wake);
			return;
		}
	for (uint32_t i = 0; i < DOMLET_FORWARD_CONNECTION_MAX; i++)
		if (f->connections[i] && f->connections[i]->phase == CONNECTION_WAITS &&
		    f->connections[i]->tag == order->tag) {
			take_connection(f, f->connections[i], order->fd);
			(void)uv_async_send(&f->link->wake);
			return;
		}
	if (order->fd >= 0)
		close(order->fd);
}

bool domlet_guest_forward_move(struct domlet_guest_forward *f)
{
	bool any = false;

	if (!f->link->attached || f->link->broken)
		return false;
	for (uint32_t i = 0; f->question_count && i < DOMLET_FORWARD_QUESTION_MAX; i++)
		if (f->questions[i])
			any = move_question(f->questions[i]) || any;
	for (uint32_t i = 0; i < DOMLET_FORWARD_CONNECTION_MAX; i++)
		if (f->connections[i])
			any = move_connection(f, f->connections[i]) || any;
	return any;
}

void domlet_guest_forward_end_all(struct domlet_guest_forward *f)
{
	for (uint32_t i = 0; i < DOMLET_FORWARD_QUESTION_MAX; i++)
		if (f->questions[i])
			drop_question(f->questions[i]);
	for (uint32_t i = 0; i < DOMLET_FORWARD_CONNECTION_MAX; i++)
		if (f->connections[i])
			drop_connection(f, f->connections[i]);
	f->allowed = 0;
	memset(f->sockets, 0, sizeof f->sockets);
}
