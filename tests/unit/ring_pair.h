/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_TESTS_RING_PAIR_H
#define DOMLET_TESTS_RING_PAIR_H

/*
 * Both ends of a ring in this process's memory, as the hypervisor would share
 * it. Each area is an allocation of its own, so that AddressSanitizer sees
 * the first byte outside. ring_pair_close() frees them.
 */

#include <stdlib.h>

#include "../../frontend/proto/ring.h"

#define RING_PAIR_EPOCH 7u

struct ring_pair {
	struct domlet_ring_page *page;
	uint8_t *to_host, *to_guest;
	struct domlet_ring guest, host;
};

static inline void ring_pair_attach(struct ring_pair *p, uint32_t order)
{
	domlet_ring_attach(&p->guest, p->page, p->to_host, p->to_guest, order, DOMLET_RING_GUEST);
	domlet_ring_attach(&p->host, p->page, p->to_host, p->to_guest, order, DOMLET_RING_HOST);
}

static inline void ring_pair_open(struct ring_pair *p, uint32_t order)
{
	size_t size = (size_t)DOMLET_PAGE_SIZE << order;

	p->page = malloc(sizeof(*p->page));
	p->to_host = calloc(1, size);
	p->to_guest = calloc(1, size);
	if (!p->page || !p->to_host || !p->to_guest)
		abort();
	domlet_ring_page_init(p->page, order, RING_PAIR_EPOCH);
	ring_pair_attach(p, order);
}

static inline void ring_pair_close(struct ring_pair *p)
{
	free(p->page);
	free(p->to_host);
	free(p->to_guest);
}

/* As if AT bytes had gone through both directions. */
static inline void ring_pair_start_at(struct ring_pair *p, uint32_t at)
{
	struct domlet_ring_half *halves[] = { &p->page->to_host, &p->page->to_guest };
	struct domlet_ring *rings[] = { &p->guest, &p->host };

	for (int i = 0; i < 2; i++) {
		halves[i]->prod = halves[i]->cons = at;
		rings[i]->out_prod = rings[i]->out_cons = rings[i]->out_written = at;
		rings[i]->in_prod = rings[i]->in_cons = rings[i]->in_taken = at;
	}
}

#endif
