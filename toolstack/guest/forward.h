/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_GUEST_FORWARD_H
#define DOMLET_GUEST_FORWARD_H

/*
 * The host's sockets that containers reach over the ring: a question is a
 * datagram with one answer, by a socket of its own; a connection is two streams.
 * Nobody here can open a socket: DOMLET_GUEST_SOCKET asks whoever has the power
 * to, in the container's namespaces, and domlet_guest_forward_give() brings it.
 * What the bytes say is not looked at: they are the guest's and the service's.
 */

#include "event.h"
#include "order.h"
#include "stream.h"

struct domlet_guest_question;
struct domlet_guest_connection;

struct domlet_guest_forward {
	struct domlet_guest_link *link;
	struct domlet_guest_listener listener;
	uint32_t allowed;                       /* the containers that have the resolver: a bit for each */
	uint32_t sockets[DOMLET_CONTAINER_MAX]; /* how many sockets each has in its binds */
	uint32_t tags;                          /* the last one */
	uv_timer_t clock;                       /* runs while there are questions */
	struct domlet_guest_question *questions[DOMLET_FORWARD_QUESTION_MAX]; /* by number; owned; NULL: it is free */
	uint32_t question_count, datagram_count;                              /* datagrams are questions, too */
	struct domlet_guest_connection *connections[DOMLET_FORWARD_CONNECTION_MAX];
};

/* LINK and the handle of the clock are the loop's until that ends. */
void domlet_guest_forward_open(struct domlet_guest_forward *f, struct domlet_guest_link *link,
			       const struct domlet_guest_listener *listener);
void domlet_guest_forward_allow(struct domlet_guest_forward *f, uint32_t container);
/* It has COUNT sockets, DOMLET_SOCKET_MAX at most. */
void domlet_guest_forward_allow_sockets(struct domlet_guest_forward *f, uint32_t container, uint32_t count);
/* None of all that. And what the container has under way ends. */
void domlet_guest_forward_forbid(struct domlet_guest_forward *f, uint32_t container);
/* An order. Nobody needs it any more: it is closed. */
void domlet_guest_forward_give(struct domlet_guest_forward *f, const struct domlet_guest_socket *order);

/* What the guest sends; the link is broken when it can't be meant. */
void domlet_guest_forward_question(struct domlet_guest_forward *f, const struct domlet_msg_question *m);
void domlet_guest_forward_datagram(struct domlet_guest_forward *f, const struct domlet_msg_datagram *m);
void domlet_guest_forward_connect(struct domlet_guest_forward *f, const struct domlet_msg_connect *m);
/* Of streams of connections. */
void domlet_guest_forward_data(struct domlet_guest_forward *f, uint32_t stream, const uint8_t *data, size_t len);
void domlet_guest_forward_eof(struct domlet_guest_forward *f, uint32_t stream);
void domlet_guest_forward_reset(struct domlet_guest_forward *f, uint32_t stream);

/* Asks for sockets, and moves what they have said. True when bytes moved into the ring. */
bool domlet_guest_forward_move(struct domlet_guest_forward *f);
/* The link has ended. */
void domlet_guest_forward_end_all(struct domlet_guest_forward *f);

#endif
