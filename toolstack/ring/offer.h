/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_RING_OFFER_H
#define DOMLET_RING_OFFER_H

/*
 * What a guest says about its ring before there is one: the text that the guest has
 * written to data/domlet/ring/0 in xenstore (PROTOCOL.md), and the head of its index
 * page. Both are hostile. xen/ reads the text, host.c the page. The functions are pure;
 * memory is the caller's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../frontend/proto/ring.h"
#include "../base/error.h"

struct domlet_ring_offer {
	uint32_t order;     /* 1 << order data pages per direction */
	uint32_t index_ref; /* the index page's grant reference */
	uint32_t port;      /* the guest's end of the event channel */
	uint32_t epoch;     /* of this attachment */
};

/* Reads TEXT, the node's value, of LEN bytes, which need not end with a NUL: "VERSION ORDER
 * RING-REF EVENT-CHANNEL EPOCH". 0 or -errno; DOMID is for the sentence. */
int domlet_ring_offer_parse(const char *text, size_t len, uint32_t domid, struct domlet_ring_offer *offer,
			    struct domlet_error *err);
/* Checks that PAGE says what OFFER says. The page is shared, so each of its fields is read
 * once. 0 or -errno; DOMID is for the sentence. */
int domlet_ring_offer_check_page(const struct domlet_ring_page *page, uint32_t domid,
				 const struct domlet_ring_offer *offer, struct domlet_error *err);

#endif
