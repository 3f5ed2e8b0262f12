/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_GUEST_EVENT_H
#define DOMLET_GUEST_EVENT_H

/*
 * What is said of a guest to who has power over its domain: numbers, and text
 * that is cleaned and bounded. An event could cross a socket as it is.
 */

#include <stdbool.h>
#include <stdint.h>

#include "../../frontend/proto/figures.h"
#include "../../frontend/proto/limits.h"
#include "../ring/offer.h"

#define DOMLET_GUEST_TEXT_MAX 4096

enum domlet_guest_event_type {
	DOMLET_GUEST_HELLO,    /* once; code: the protocol's version */
	DOMLET_GUEST_ANSWERED, /* once for each order that asks: tag; code: 0 or an errno; text: the guest's, or none */
	DOMLET_GUEST_EXITED, /* process; code: its status; out_of_memory: the guest's kernel killed it for want of that */
	DOMLET_GUEST_ENDED, /* once: process's proxy can be told code, as its output is written or nobody waits for it */
	DOMLET_GUEST_DROPPED, /* after domlet_guest_drop_further(): nobody waits for process, but the guest may have it still */
	DOMLET_GUEST_FREED,  /* process: nothing is left of it, and its number may be given away again */
	DOMLET_GUEST_OUTPUT, /* once after domlet_guest_watch_output(): a reader has taken some of container code */
	DOMLET_GUEST_SOCKET, /* tag, service, stream, peer; code: the container for which domlet_guest_give_socket() is to come, also at once */
	DOMLET_GUEST_SHARE, /* code: the container whose files go over the ring of offer */
	DOMLET_GUEST_OUT_OF_MEMORY, /* code: the container of which the guest's kernel has killed processes, if that is watched */
	DOMLET_GUEST_BROKEN, /* once; text: how the guest broke the protocol. Nothing more is read of it */
};

/* To which of its sockets a container's process connects (DOMLET_FORWARD_SOCKET), and who that is, as the guest says. */
struct domlet_guest_peer {
	uint32_t socket, uid, gid;
	uint32_t group_count, groups[DOMLET_FORWARD_GROUP_MAX];
};

struct domlet_guest_event {
	enum domlet_guest_event_type type;
	uint32_t tag, process;
	uint32_t code;
	bool out_of_memory;
	uint32_t service; /* enum domlet_forward_service */
	bool stream;      /* a connected one; else one for datagrams */
	struct domlet_guest_peer peer;
	struct domlet_ring_offer offer;
	struct domlet_figures figures; /* an answer's to domlet_guest_stats() with code 0 */
	bool unheard;                  /* an answer that is not the guest's: ETIMEDOUT, ECANCELED */
	char text[DOMLET_GUEST_TEXT_MAX];
};

/* Who is told. An event may come in the middle of an order: post() gives none, but what DOMLET_GUEST_SOCKET asks for. */
struct domlet_guest_listener {
	void (*post)(void *user, const struct domlet_guest_event *ev);
	void *user;
};

#endif
