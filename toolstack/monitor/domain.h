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
	bool ends;                    /* it is to be destroyed, or is gone */
	bool stuck;                   /* libxl could not destroy it */
	int64_t more_kib, more_vcpus; /* that it has, or is to have, beside what it was built with; below 0: less */
	bool resizing;                /* libxl is at it */
	struct domlet_error grow_err; /* why it could not be had, while grow_failed */
	uv_timer_t grow_again;        /* runs when that could not be had */
	unsigned int grow_failed;     /* so often in a row */
	/* A disk that was asked for is there, or (RC below 0) is not; one is gone, or not. */
	void (*attached)(void *user, uint32_t container, int rc, const struct domlet_error *err);
	void (*nic_done)(void *user, uint32_t number, int rc,
			 const struct domlet_error *err); /* one was added, or removed */
	void (*detached)(void *user, uint32_t container, int rc, const struct domlet_error *err);
	void (*resized)(void *user); /* it has the size that it was to have, or can't */
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
/* Of a domain whose guest runs: so much more than what it was built with, or less (below 0). What can't be had is said in the
 * log, and tried again now and then. */
void domlet_domain_grow(struct domlet_domain *d, int64_t more_kib, int64_t more_vcpus);
/* Whether the template lets it have so much more. 0, or -ERANGE and a sentence that says how much. */
int domlet_domain_allows(const struct domlet_domain *d, int64_t more_kib, int64_t more_vcpus, struct domlet_error *err);
/* What it was built with. */
uint64_t domlet_domain_built_kib(const struct domlet_domain *d);
uint32_t domlet_domain_built_vcpus(const struct domlet_domain *d);
/* Its share of the processors (xen.h). A scheduler that can't is said in the log. */
void domlet_domain_schedule(struct domlet_domain *d, uint32_t weight, int cap);
/* Writes the record. What can't be written now is written with the next change: what it says of
 * a container is for finding it alone. */
void domlet_domain_save(struct domlet_domain *d);

#endif
