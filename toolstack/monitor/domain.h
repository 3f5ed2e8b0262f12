/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_DOMAIN_H
#define DOMLET_MONITOR_DOMAIN_H

/*
 * The domain: what libxl is asked for, and what it says, which is posted; and the
 * domain's record. It knows containers by their numbers alone.
 */

#include <uv.h>

#include "../ring/offer.h"
#include "../xen/xen.h"
#include "monitor.h"
#include "queue.h"

struct domlet_domain {
	const struct domlet_monitor_spec *spec;
	struct domlet_queue *queue;
	struct domlet_xen *xen;
	struct domlet_ring_offer offer;
	bool offered;
	bool ends;         /* it is to be destroyed, or is gone */
	bool stuck;        /* libxl could not destroy it */
	uint64_t more_kib; /* that it has, or is to have, beside what it was built with */
	uint32_t more_vcpus;
	uv_timer_t grow_again;    /* runs when that could not be had */
	unsigned int grow_failed; /* so often in a row */
	/* A disk that was asked for is there, or (RC below 0) is not; one is gone, or not. */
	void (*attached)(void *user, uint32_t container, int rc, const struct domlet_error *err);
	void (*nic_done)(void *user, uint32_t number, int rc,
			 const struct domlet_error *err); /* one was added, or removed */
	void (*detached)(void *user, uint32_t container, int rc, const struct domlet_error *err);
	void *user;
};

/* What a guest is told of a container, in xenstore. */
struct domlet_domain_publication {
	uint32_t container;
	const char *id;
	uint64_t generation;
	const char *document; /* NULL: it goes over the ring */
	size_t document_len;
	const uint8_t *sha256;
};

/* The caller has set the members spec, queue and attached to user. */
int domlet_domain_open(struct domlet_domain *d, uv_loop_t *loop, struct domlet_error *err);
/* With the disk IMAGE of container 0, which is called DEVICE. */
void domlet_domain_build(struct domlet_domain *d, const char *image, const char *device);
/* A build that has not begun yet. */
void domlet_domain_cancel_build(struct domlet_domain *d);
void domlet_domain_publish(struct domlet_domain *d, const struct domlet_domain_publication *p);
void domlet_domain_unpause(struct domlet_domain *d);
void domlet_domain_pause(struct domlet_domain *d);
void domlet_domain_resume(struct domlet_domain *d);
void domlet_domain_forget_seed(struct domlet_domain *d);
void domlet_domain_destroy(struct domlet_domain *d);
/* Of a domain whose guest runs: so much more than what it was built with. What can't be had is said in the log,
 * and tried again now and then. */
void domlet_domain_grow(struct domlet_domain *d, uint64_t memory_kib, uint32_t vcpus);
/* Writes the record. What can't be written now is written with the next change: what it says of
 * a container is for finding it alone. */
void domlet_domain_save(struct domlet_domain *d);

#endif
