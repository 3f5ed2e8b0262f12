/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_RESIZE_H
#define DOMLET_XEN_RESIZE_H

/*
 * The operation that gives a running domain more memory and processors than it
 * was built with, or takes them back. It is built with as much memory as it has
 * at first (a PVH domain would die of using less than its maximum), and the guest
 * adds what Xen allows it later. The struct is the caller's, and stays until
 * done() was called or the loop is closed.
 */

#include "loop.h"
#include "xen.h"

/* How a domain was built, and what it may become. */
struct domlet_xen_size {
	bool pv;
	uint64_t memory_kib, memory_max_kib; /* UINT64_MAX: what Xen has */
	uint32_t vcpus, vcpus_max;           /* further ones can't be added */
};

/* config.c: of SPEC's. */
void domlet_xen_size(const struct domlet_domain_spec *spec, struct domlet_xen_size *size);

struct domlet_xen_resize {
	/* filled by the caller */
	struct domlet_xen_loop *loop;
	void (*done)(void *user); /* once after each start, maybe from inside it */
	void *user;
	struct domlet_xen_size built; /* before the first start */

	/* results */
	int rc;
	struct domlet_error err;

	/* private */
	bool busy, calling; /* until done(); libxl has it */
	uint32_t domid, vcpus, vcpus_now;
	uint64_t goal_kib;   /* of the domain, with the tables for added memory */
	uint64_t target_kib; /* what the guest was told: on the way to the goal */
	uint64_t tables_kib; /* that describe memory that was added, and stay */
	libxl_bitmap map;    /* processors, while libxl sets them */
	uv_timer_t timer;
	unsigned int patience_ms; /* a guest that hasn't taken a step in this time will not */
	uint64_t deadline_ms;     /* on the loop's clock; later when the guest has taken some */
	uint64_t last_ms;         /* whatever it has taken */
	uint64_t seen_kib;        /* that it had at the last look; 0: none yet */
};

void domlet_xen_resize_init(struct domlet_xen_resize *resize);
/* 0 or -errno, and then done() isn't called. 0 KiB, 0 processors: as it was built. While it runs, another start changes what it
 * is to reach. */
int domlet_xen_resize_start(struct domlet_xen_resize *resize, uint32_t domid, uint64_t memory_kib, uint32_t vcpus,
			    struct domlet_error *err);
bool domlet_xen_resize_runs(const struct domlet_xen_resize *resize);
/* Ends it, since the domain is to be destroyed: done() was called when this returns. */
void domlet_xen_resize_stop(struct domlet_xen_resize *resize);
void domlet_xen_resize_close(struct domlet_xen_resize *resize);

#endif
