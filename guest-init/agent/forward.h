/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_FORWARD_H
#define DOMLET_INIT_FORWARD_H

/*
 * The host's sockets in containers: process 1 listens in a container's network
 * namespace, and what is said there goes over the link, as datagrams that have
 * one answer each or as connections. A relay is a namespace's, of all containers
 * that share it, and is there as long as one of those that were given it. The
 * connections are those of doors, too (door.h).
 *
 * What finds no room, in the ring or among the numbers, waits in the kernel's
 * queues. The host ends each question, also those that have no answer, so none
 * needs a clock here.
 */

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../frontend/proto/backlog.h"
#include "../../frontend/proto/link.h"

struct agent;

struct domlet_forward_relay {
	uint32_t users;  /* bit n: container n; 0: there is no such relay */
	uint64_t cookie; /* of the namespace */
	uint16_t port;
	int udp_fd, tcp_fd;
	bool asked, called;    /* there is something to read, or somebody to accept, perhaps */
	nfds_t udp_at, tcp_at; /* their places among what is polled; 0: none */
};

struct domlet_forward_question {
	bool used;
	struct domlet_forward_relay *relay; /* NULL: nobody waits for the answer any more, or it is a door's datagram */
	struct sockaddr_in from;
	bool datagram;
	uint32_t container; /* of a datagram; DOMLET_CONTAINER_MAX: nothing is owed any more */
};

struct domlet_forward_connection {
	bool used, open;                    /* open: the host has said so */
	struct domlet_forward_relay *relay; /* NULL: it is none's, or a door's */
	uint32_t container;                 /* a door's: whose that is; DOMLET_CONTAINER_MAX: it is a relay's */
	bool leaves;                        /* what is said here is told to its end, and what is said there to nobody */
	bool cut;                           /* nothing more is told to anybody */
	int fd;                             /* -1: nobody is there any more */
	bool readable;
	bool unwanted; /* what comes from here: its end is still owed */
	bool ended;    /* the host was told that no more comes from here */
	bool reset;    /* and that no more is taken */
	bool far_end;  /* no more comes from there */
	bool shut;     /* and that was passed on */
	struct domlet_backlog backlog;
	nfds_t at; /* its place among what is polled; 0: none */
};

struct domlet_forward {
	struct domlet_forward_relay relays[DOMLET_CONTAINER_MAX];
	struct domlet_forward_question questions[DOMLET_FORWARD_QUESTION_MAX];
	struct domlet_forward_connection connections[DOMLET_FORWARD_CONNECTION_MAX];
	uint32_t question_count, connection_count;
	uint32_t datagram_count; /* of the questions */
};

/* The host's messages. FORWARD is answered. */
void domlet_forward_begin(struct agent *a, uint32_t request, const struct domlet_msg_forward *m);
void domlet_forward_answer(struct agent *a, const struct domlet_msg_answer *m);
void domlet_forward_connected(struct agent *a, const struct domlet_msg_connected *m);
/* Of a connection's streams. */
void domlet_forward_event(struct agent *a, const struct domlet_link_event *ev);
/* Container NUMBER has ended. */
void domlet_forward_drop(struct agent *a, uint32_t number);

/* What was accepted at FD, which is taken over, has a number from now on; there is one, and room in the ring. M says who
 * connects to what. RELAY NULL: a door of M's container. */
void domlet_forward_call(struct agent *a, struct domlet_forward_relay *relay, int fd,
			 const struct domlet_msg_connect *m);
/* Is there a number for one more question or datagram, and room in the ring? */
bool domlet_forward_may_ask(const struct agent *a);
/* A datagram at a door of M's container, when there may be one; its number is given here. */
void domlet_forward_tell(struct agent *a, const struct domlet_msg_datagram *m);
/* Of the doors of container NUMBER. Those who are at the guest's end of them have ended: */
void domlet_forward_leave(struct agent *a, uint32_t number);
/* what they said is on its way, */
bool domlet_forward_owes(const struct agent *a, uint32_t number);
/* and now it is no more. */
void domlet_forward_cut(struct agent *a, uint32_t number);

/* As of agent.h's. */
bool domlet_forward_move(struct agent *a);
#define DOMLET_FORWARD_POLL_MAX (2 * DOMLET_CONTAINER_MAX + DOMLET_FORWARD_CONNECTION_MAX)
bool domlet_forward_poll(struct agent *a, struct pollfd *fds, nfds_t *n);
void domlet_forward_polled(struct agent *a, const struct pollfd *fds);

#endif
