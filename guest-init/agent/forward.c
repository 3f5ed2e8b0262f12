// SPDX-License-Identifier: GPL-2.0-or-later
#include "forward.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../container/resolver.h"
#include "dns.h"
#include "reply.h"
#include "table.h"

/* Where a relay listens: ports that belong to nobody (IANA), that no kernel gives a program that asks for any, and that
 * resolvers, which ask from ports by chance, leave out as all below 1,024. A port of a higher number would be missing
 * for a server in the container that wants it on all addresses. */
static const uint16_t ports[] = { 4, 6, 8, 10, 12, 14, 16, 28, 30, 32, 34, 36 };
#define PORTS (sizeof ports / sizeof ports[0])

/* Questions that wait for a number, or for the ring. */
#define QUEUE_BYTES (1 << 20)
/* Connections that do. */
#define QUEUE_LEN 64
/* What one relay gets before it is another's turn. */
#define SHARE 32

static uint32_t stream_of(const struct agent *a, const struct domlet_forward_connection *c, enum domlet_stream_kind kind)
{
	return domlet_stream_id(DOMLET_STREAM_CONNECTION + (uint32_t)(c - a->forward.connections), kind);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Relays */

static void close_relay(struct domlet_forward_relay *relay)
{
	close_fd(&relay->udp_fd);
	close_fd(&relay->tcp_fd);
	relay->users = 0;
}

static int listen_at(const struct domlet_forward_relay *relay, uint16_t port)
{
	const struct sockaddr_in here = { .sin_family = AF_INET,
					  .sin_port = htons(port),
					  .sin_addr.s_addr = htonl(DOMLET_RESOLVER_ADDRESS) };
	const struct sockaddr *address = (const struct sockaddr *)&here;

	if (bind(relay->tcp_fd, address, sizeof here) < 0 || bind(relay->udp_fd, address, sizeof here) < 0 ||
	    listen(relay->tcp_fd, QUEUE_LEN) < 0)
		return -errno;
	return 0;
}

/* In the namespace that this thread is in. A socket that is bound can't be bound again. */
static int open_relay(struct domlet_forward_relay *relay)
{
	const int bytes = QUEUE_BYTES;
	int r = -EADDRINUSE;

	for (size_t i = 0; i < PORTS && r == -EADDRINUSE; i++) {
		close_relay(relay);
		relay->port = ports[i];
		relay->udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		relay->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		r = relay->udp_fd < 0 || relay->tcp_fd < 0 ? -errno : listen_at(relay, ports[i]);
	}
	if (r == 0)
		(void)setsockopt(relay->udp_fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	else
		close_relay(relay);
	return r;
}

/* The namespace that this thread is in. */
static int look_at_namespace(uint64_t *cookie)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof *cookie;
	int r = fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &len) < 0 ? -errno : 0;

	close_fd(&fd);
	return r;
}

/* That of the namespace that this thread is in, a new one if need be (users 0). -errno in *R: NULL. */
static struct domlet_forward_relay *find_relay(struct agent *a, int *r)
{
	struct domlet_forward_relay *unused = NULL;
	uint64_t cookie;

	*r = look_at_namespace(&cookie);
	if (*r < 0)
		return NULL;
	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		struct domlet_forward_relay *relay = &a->forward.relays[i];

		if (relay->users && relay->cookie == cookie)
			return relay;
		if (!relay->users)
			unused = relay;
	}
	if (!unused) { /* there are no more containers than relays */
		*r = -ENOSPC;
		return NULL;
	}
	*unused = (struct domlet_forward_relay){ .cookie = cookie, .udp_fd = -1, .tcp_fd = -1 };
	*r = open_relay(unused);
	return *r < 0 ? NULL : unused;
}

static struct domlet_forward_relay *find_relay_in(struct agent *a, int namespace, struct domlet_failure *failure)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), r = own < 0 ? -errno : 0;
	struct domlet_forward_relay *relay = NULL;

	if (r == 0 && setns(namespace, CLONE_NEWNET) < 0)
		r = -errno;
	if (r == 0) {
		relay = find_relay(a, &r);
		if (setns(own, CLONE_NEWNET) < 0)
			domlet_agent_end(a, "can't come back from a container's network namespace");
	}
	close_fd(&own);
	if (r < 0)
		(void)domlet_failure_set(failure, -r, "can't listen in the container's network: %s",
					 domlet_failure_name(-r));
	return relay;
}

static bool is_ready(struct agent *a, const struct guest_container *c)
{
	const struct guest_process *first = c ? domlet_table_first(a, c) : NULL;

	return first && !c->stopped && first->stage >= STAGE_READY && c->held.fd[DOMLET_JOIN_NETWORK] >= 0;
}

static int forward(struct agent *a, const struct guest_container *c, struct domlet_failure *failure)
{
	struct domlet_forward_relay *relay = find_relay_in(a, c->held.fd[DOMLET_JOIN_NETWORK], failure);
	int r = 0;

	if (!relay)
		return -failure->code;
	if (relay->users & 1u << c->number)
		return 0;
	r = domlet_resolver_attach(c->cgroup_fd, relay->cookie, relay->port, failure);
	if (r == 0)
		relay->users |= 1u << c->number;
	else if (!relay->users)
		close_relay(relay);
	return r;
}

void domlet_forward_begin(struct agent *a, uint32_t request, const struct domlet_msg_forward *m)
{
	struct domlet_failure failure = { 0 };
	const struct guest_container *c = domlet_table_container(a, m->container);

	if (m->service != DOMLET_FORWARD_RESOLVER)
		(void)domlet_failure_set(&failure, ENOSYS, "the guest does not know service %u of the host", m->service);
	else if (!is_ready(a, c))
		(void)domlet_failure_set(&failure, ESRCH, "container %u does not run", m->container);
	else if (c->cgroup_fd < 0)
		(void)domlet_failure_set(&failure, ENOTSUP, "container %u has no cgroup", m->container);
	else
		(void)forward(a, c, &failure);
	domlet_reply_send(a, request, &failure);
}

/* On whose behalf it speaks. */
static uint32_t speaker(const struct domlet_forward_relay *relay)
{
	return (uint32_t)__builtin_ctz(relay->users);
}

/* Questions */

bool domlet_forward_may_ask(const struct agent *a)
{
	return a->forward.question_count < DOMLET_FORWARD_QUESTION_MAX && domlet_link_has_room(&a->link);
}

static struct domlet_forward_question *take_number(struct domlet_forward *f)
{
	struct domlet_forward_question *q = f->questions;

	while (q->used)
		q++;
	q->used = true;
	f->question_count++;
	return q;
}

static void ask(struct agent *a, struct domlet_forward_relay *relay, const struct sockaddr_in *from,
		const uint8_t *text, size_t len)
{
	struct domlet_forward_question *q = take_number(&a->forward);
	struct domlet_msg m = { .type = DOMLET_MSG_QUESTION };

	q->relay = relay;
	q->from = *from;
	m.question.container = speaker(relay);
	m.question.service = DOMLET_FORWARD_RESOLVER;
	m.question.number = (uint32_t)(q - a->forward.questions);
	m.question.datagram = (struct domlet_slice){ text, (uint32_t)len };
	domlet_reply_message(a, &m);
}

void domlet_forward_tell(struct agent *a, const struct domlet_msg_datagram *m)
{
	struct domlet_forward_question *q = take_number(&a->forward);
	struct domlet_msg msg = { .type = DOMLET_MSG_DATAGRAM, .datagram = *m };

	q->datagram = true;
	q->container = m->container;
	a->forward.datagram_count++;
	msg.datagram.number = (uint32_t)(q - a->forward.questions);
	domlet_reply_message(a, &msg);
}

/* True when there may be more. */
static bool take_questions(struct agent *a, struct domlet_forward_relay *relay)
{
	static uint8_t text[DOMLET_FORWARD_DATAGRAM_MAX];

	for (int i = 0; i < SHARE && relay->asked && domlet_forward_may_ask(a); i++) {
		struct sockaddr_in from;
		socklen_t from_len = sizeof from;
		ssize_t n = recvfrom(relay->udp_fd, text, sizeof text, MSG_DONTWAIT | MSG_TRUNC,
				     (struct sockaddr *)&from, &from_len);

		if (n < 0)
			relay->asked = errno == EINTR;
		if (n <= 0 || (size_t)n > sizeof text) /* no question of DNS is as long */
			continue;
		domlet_dns_lower(text, (size_t)n);
		ask(a, relay, &from, text, (size_t)n);
	}
	return relay->asked && domlet_forward_may_ask(a);
}

void domlet_forward_answer(struct agent *a, const struct domlet_msg_answer *m)
{
	static uint8_t text[DOMLET_FORWARD_DATAGRAM_MAX];
	struct domlet_forward_question *q = &a->forward.questions[m->number % DOMLET_FORWARD_QUESTION_MAX];
	size_t len = m->datagram.len;

	if (m->number >= DOMLET_FORWARD_QUESTION_MAX || !q->used || len > sizeof text)
		return;
	if (len)
		memcpy(text, m->datagram.ptr, len);
	if (m->cut)
		len = domlet_dns_cut(text, len);
	if (q->relay && len)
		(void)sendto(q->relay->udp_fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&q->from,
			     sizeof q->from);
	a->forward.datagram_count -= q->datagram;
	*q = (struct domlet_forward_question){ 0 };
	a->forward.question_count--;
}

/* Connections */

static bool may_call(const struct agent *a)
{
	return a->forward.connection_count < DOMLET_FORWARD_CONNECTION_MAX && domlet_link_has_room(&a->link);
}

void domlet_forward_call(struct agent *a, struct domlet_forward_relay *relay, int fd, const struct domlet_msg_connect *m)
{
	struct domlet_forward_connection *c = a->forward.connections;
	struct domlet_msg msg = { .type = DOMLET_MSG_CONNECT, .connect = *m };

	while (c->used)
		c++;
	*c = (struct domlet_forward_connection){ .used = true,
						 .relay = relay,
						 .container = relay ? DOMLET_CONTAINER_MAX : m->container,
						 .fd = fd,
						 .readable = true };
	a->forward.connection_count++;
	msg.connect.number = (uint32_t)(c - a->forward.connections);
	domlet_reply_message(a, &msg);
}

static bool take_calls(struct agent *a, struct domlet_forward_relay *relay)
{
	while (relay->called && may_call(a)) {
		int fd = accept4(relay->tcp_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			domlet_forward_call(a, relay, fd,
					    &(struct domlet_msg_connect){ .container = speaker(relay),
									  .service = DOMLET_FORWARD_RESOLVER });
		else
			relay->called = errno == EINTR || errno == ECONNABORTED;
	}
	return false; /* each was one event at most */
}

static void free_connection(struct agent *a, struct domlet_forward_connection *c)
{
	domlet_link_close(&a->link, stream_of(a, c, DOMLET_STREAM_STDIN));
	domlet_link_close(&a->link, stream_of(a, c, DOMLET_STREAM_STDOUT));
	close_fd(&c->fd);
	domlet_backlog_free(&c->backlog);
	*c = (struct domlet_forward_connection){ 0 };
	a->forward.connection_count--;
}

/* Whoever is at its other end sees a connection that broke. */
static void break_off(struct domlet_forward_connection *c)
{
	const struct linger at_once = { .l_onoff = 1 };

	if (c->fd >= 0)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close_fd(&c->fd);
}

void domlet_forward_connected(struct agent *a, const struct domlet_msg_connected *m)
{
	struct domlet_forward_connection *c = &a->forward.connections[m->number % DOMLET_FORWARD_CONNECTION_MAX];

	if (m->number >= DOMLET_FORWARD_CONNECTION_MAX || !c->used || c->open)
		return;
	if (m->code) {
		break_off(c);
		free_connection(a, c);
		return;
	}
	c->open = true;
	(void)domlet_link_open(&a->link, stream_of(a, c, DOMLET_STREAM_STDIN));
	(void)domlet_link_open(&a->link, stream_of(a, c, DOMLET_STREAM_STDOUT));
}

/* How many of the bytes its reader has taken, or never will. */
static size_t write_to(struct domlet_forward_connection *c, const uint8_t *data, size_t len)
{
	ssize_t n = c->fd < 0 ? -1 : send(c->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0)
		return (size_t)n;
	if (c->fd >= 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	break_off(c);
	return len;
}

static void take_data(struct agent *a, struct domlet_forward_connection *c, const struct domlet_link_event *ev)
{
	size_t n = c->backlog.len ? 0 : write_to(c, ev->data, ev->len);

	domlet_link_credit(&a->link, ev->stream, n);
	if (n < ev->len && !domlet_backlog_add(&c->backlog, ev->data + n, ev->len - n)) {
		domlet_link_credit(&a->link, ev->stream, ev->len - n); /* no memory */
		break_off(c);
	}
}

void domlet_forward_event(struct agent *a, const struct domlet_link_event *ev)
{
	struct domlet_forward_connection *c = &a->forward.connections[(ev->stream >> 2) - DOMLET_STREAM_CONNECTION];

	if (!c->used)
		return;
	if (ev->type == DOMLET_LINK_DATA)
		take_data(a, c, ev);
	else if (ev->type == DOMLET_LINK_EOF)
		c->far_end = true;
	else if (ev->type == DOMLET_LINK_RESET)
		c->unwanted = true;
}

static void write_backlog(struct agent *a, struct domlet_forward_connection *c)
{
	uint32_t stream = stream_of(a, c, DOMLET_STREAM_STDIN);
	size_t n;

	if (c->backlog.len) {
		n = write_to(c, domlet_backlog_front(&c->backlog), c->backlog.len);
		domlet_backlog_drop(&c->backlog, n);
		domlet_link_credit(&a->link, stream, n);
	}
	if (c->fd < 0 && !c->reset)
		c->reset = domlet_link_send_reset(&a->link, stream) != -EAGAIN;
	if (c->far_end && !c->shut && !c->backlog.len && c->fd >= 0)
		c->shut = shutdown(c->fd, SHUT_WR) == 0;
}

/* True when it did something. */
static bool read_from(struct agent *a, struct domlet_forward_connection *c)
{
	uint32_t stream = stream_of(a, c, DOMLET_STREAM_STDOUT);
	size_t len = DOMLET_FRAME_PAYLOAD_MAX;
	uint8_t *span;
	ssize_t n = 0;

	if (c->ended || (c->fd >= 0 && !c->readable && !c->unwanted))
		return false;
	if (c->fd >= 0 && !c->unwanted) {
		span = domlet_link_reserve(&a->link, stream, &len);
		if (!span)
			return false;
		n = recv(c->fd, span, len, MSG_DONTWAIT);
		domlet_link_commit(&a->link, n > 0 ? (size_t)n : 0);
		if (n > 0)
			return true;
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			c->readable = false;
			return false;
		}
		if (n < 0)
			break_off(c);
	}
	c->ended = domlet_link_send_eof(&a->link, stream) != -EAGAIN;
	return c->ended;
}

static bool move_connection(struct agent *a, struct domlet_forward_connection *c)
{
	bool any;

	if (c->cut || (c->leaves && c->ended))
		break_off(c);
	if (!c->open)
		return false;
	write_backlog(a, c);
	any = read_from(a, c);
	if (c->ended && c->far_end && !c->backlog.len)
		free_connection(a, c);
	return any;
}

/* All of it */

void domlet_forward_drop(struct agent *a, uint32_t number)
{
	struct domlet_forward *f = &a->forward;

	for (struct domlet_forward_relay *relay = f->relays; relay < f->relays + DOMLET_CONTAINER_MAX; relay++) {
		if (!(relay->users & 1u << number))
			continue;
		relay->users &= ~(1u << number);
		if (relay->users)
			continue;
		close_relay(relay);
		for (size_t i = 0; i < DOMLET_FORWARD_QUESTION_MAX; i++)
			if (f->questions[i].relay == relay)
				f->questions[i].relay = NULL;
		for (size_t i = 0; i < DOMLET_FORWARD_CONNECTION_MAX; i++)
			if (f->connections[i].relay == relay) {
				f->connections[i].relay = NULL;
				f->connections[i].cut = true;
			}
	}
}

/* The first from C on that is of a door of container NUMBER; NULL: there is none. */
static struct domlet_forward_connection *next_of(struct domlet_forward_connection *c, const struct domlet_forward *f,
						 uint32_t number)
{
	for (; f->connection_count && c < f->connections + DOMLET_FORWARD_CONNECTION_MAX; c++)
		if (c->used && c->container == number)
			return c;
	return NULL;
}

void domlet_forward_leave(struct agent *a, uint32_t number)
{
	struct domlet_forward_connection *c = a->forward.connections;

	while ((c = next_of(c, &a->forward, number)))
		c++->leaves = true;
}

bool domlet_forward_owes(const struct agent *a, uint32_t number)
{
	const struct domlet_forward *f = &a->forward;

	for (size_t i = 0; f->connection_count && i < DOMLET_FORWARD_CONNECTION_MAX; i++)
		if (f->connections[i].used && f->connections[i].container == number && !f->connections[i].ended)
			return true;
	for (size_t i = 0; f->datagram_count && i < DOMLET_FORWARD_QUESTION_MAX; i++)
		if (f->questions[i].datagram && f->questions[i].container == number)
			return true;
	return false;
}

void domlet_forward_cut(struct agent *a, uint32_t number)
{
	struct domlet_forward_connection *c = a->forward.connections;

	while ((c = next_of(c, &a->forward, number)))
		c++->cut = true;
	for (size_t i = 0; a->forward.datagram_count && i < DOMLET_FORWARD_QUESTION_MAX; i++)
		if (a->forward.questions[i].datagram && a->forward.questions[i].container == number)
			a->forward.questions[i].container = DOMLET_CONTAINER_MAX;
}

bool domlet_forward_move(struct agent *a)
{
	struct domlet_forward *f = &a->forward;
	bool any = false;

	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (f->relays[i].users) {
			any = take_questions(a, &f->relays[i]) || any;
			any = take_calls(a, &f->relays[i]) || any;
		}
	for (size_t i = 0; f->connection_count && i < DOMLET_FORWARD_CONNECTION_MAX; i++)
		if (f->connections[i].used)
			any = move_connection(a, &f->connections[i]) || any;
	return any;
}

static nfds_t add(struct pollfd *fds, nfds_t *n, int fd, int events)
{
	fds[*n] = (struct pollfd){ .fd = fd, .events = (short)events };
	return (*n)++;
}

bool domlet_forward_poll(struct agent *a, struct pollfd *fds, nfds_t *n)
{
	struct domlet_forward *f = &a->forward;
	bool has_room = domlet_link_has_room(&a->link), any = false;

	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		struct domlet_forward_relay *relay = &f->relays[i];

		any = any || relay->users;
		relay->udp_at = relay->users && domlet_forward_may_ask(a) ? add(fds, n, relay->udp_fd, POLLIN) : 0;
		relay->tcp_at = relay->users && may_call(a) ? add(fds, n, relay->tcp_fd, POLLIN) : 0;
	}
	for (size_t i = 0; f->connection_count && i < DOMLET_FORWARD_CONNECTION_MAX; i++) {
		struct domlet_forward_connection *c = &f->connections[i];
		bool reads = c->open && !c->ended && has_room &&
			     domlet_link_has_credit(&a->link, stream_of(a, c, DOMLET_STREAM_STDOUT));
		int events = (reads ? POLLIN : 0) | (c->backlog.len ? POLLOUT : 0);

		c->at = c->used && c->fd >= 0 && events ? add(fds, n, c->fd, events) : 0;
	}
	return any && !has_room;
}

void domlet_forward_polled(struct agent *a, const struct pollfd *fds)
{
	struct domlet_forward *f = &a->forward;

	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		struct domlet_forward_relay *relay = &f->relays[i];

		relay->asked = relay->asked || (relay->udp_at && fds[relay->udp_at].revents);
		relay->called = relay->called || (relay->tcp_at && fds[relay->tcp_at].revents);
	}
	for (size_t i = 0; f->connection_count && i < DOMLET_FORWARD_CONNECTION_MAX; i++) {
		struct domlet_forward_connection *c = &f->connections[i];

		c->readable = c->readable || (c->at && fds[c->at].revents);
	}
}
