/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_RING_OFFER_H
#define DOMLET_RING_OFFER_H

/*
 * What a guest says about its ring before there is one: the text that it
 * wrote to data/domlet/ring/0 in xenstore, and the head of its index page.
 * All of it is hostile. Pure functions; memory is the caller's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../frontend/proto/ring.h"
#include "../base/error.h"

struct domlet_ring_offer {
	uint32_t order, index_ref, port, epoch;
};

/* TEXT is the node's value, LEN bytes, which need not end with a NUL: "VERSION
 * ORDER RING-REF EVENT-CHANNEL EPOCH". 0 or -errno; DOMID is for the sentence. */
int domlet_ring_offer_parse(const char *text, size_t len, uint32_t domid, struct domlet_ring_offer *offer,
			    struct domlet_error *err);
/* Does the page say the same? It is shared: each field is read once. */
int domlet_ring_offer_check_page(const struct domlet_ring_page *page, uint32_t domid,
				 const struct domlet_ring_offer *offer, struct domlet_error *err);

#endif
