/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_DOMAIN_H
#define DOMLET_MONITOR_DOMAIN_H

/* The domain: what libxl is asked for, and what it says, which is posted. */

#include <uv.h>

#include "../ring/offer.h"
#include "../xen/xen.h"
#include "monitor.h"
#include "queue.h"
#include "record.h"

struct domlet_domain {
	const struct domlet_launch *launch;
	struct domlet_queue *queue;
	struct domlet_record *record; /* names the domain */
	struct domlet_xen *xen;
	struct domlet_ring_offer offer;
	bool offered;
	bool stuck; /* libxl could not destroy it */
};

int domlet_domain_open(struct domlet_domain *d, uv_loop_t *loop, const struct domlet_launch *launch,
		       struct domlet_queue *queue, struct domlet_record *record, struct domlet_error *err);
void domlet_domain_build(struct domlet_domain *d);
/* A build that has not begun yet. */
void domlet_domain_cancel_build(struct domlet_domain *d);
/* The configuration of container N, unless that is to go OVER_THE_RING. */
void domlet_domain_publish(struct domlet_domain *d, uint32_t n, uint64_t generation, bool over_the_ring);
void domlet_domain_unpause(struct domlet_domain *d);
void domlet_domain_pause(struct domlet_domain *d);
void domlet_domain_resume(struct domlet_domain *d);
void domlet_domain_forget_seed(struct domlet_domain *d);
void domlet_domain_destroy(struct domlet_domain *d);

#endif
