/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_RING_OFFER_H
#define DOMLET_RING_OFFER_H

/*
 * What a guest says about its ring before there is one: the texts that it
 * wrote below data/domlet/ring/0 in xenstore, and the head of its index page.
 * All of it is hostile. Pure functions; memory is the caller's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../frontend/proto/ring.h"
#include "../base/error.h"

#define DOMLET_RING_OFFER_NODES 5u

struct domlet_ring_offer {
	uint32_t order, index_ref, port, epoch;
};

/* A node's value as read; TEXT need not end with a NUL, and is NULL when the
 * node is missing. */
struct domlet_ring_text {
	const char *text;
	size_t len;
};

/* The nodes' names, in the order in which parse() wants their texts. */
extern const char *const domlet_ring_offer_node[DOMLET_RING_OFFER_NODES];

/* Is the text of the node "state" the one that says: look now? */
bool domlet_ring_offer_is_ready(struct domlet_ring_text state);
/* 0 or -errno; DOMID is for the sentence. */
int domlet_ring_offer_parse(const struct domlet_ring_text text[DOMLET_RING_OFFER_NODES], uint32_t domid,
			    struct domlet_ring_offer *offer, struct domlet_error *err);
/* Does the page say the same? It is shared: each field is read once. */
int domlet_ring_offer_check_page(const struct domlet_ring_page *page, uint32_t domid,
				 const struct domlet_ring_offer *offer, struct domlet_error *err);

#endif
