/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_DOMAIN_H
#define DOMLET_XEN_DOMAIN_H

/*
 * The struct behind xen.h: one domain, the operations on it, and what its owner
 * is to be told. All of it is freed when libuv has closed the last handle in it.
 */

#include "../../frontend/proto/limits.h"
#include "build.h"
#include "destroy.h"
#include "disk.h"
#include "nic.h"
#include "offer.h"
#include "pause.h"
#include "resize.h"
#include "unpause.h"
#include "xen.h"

/* A container's disk that came after the build, and what its owner is told of it. */
struct domlet_xen_slot {
	struct domlet_xen *xen;
	uint32_t tag;
	struct domlet_xen_disk disk;
	struct domlet_xen_post attached, detached;
};

/* The same of a vif. */
struct domlet_xen_nic_slot {
	struct domlet_xen *xen;
	struct domlet_xen_nic nic;
	struct domlet_xen_post added, removed;
};

struct domlet_xen {
	const struct domlet_xen_ops *ops;
	void *user;
	struct domlet_xen_loop loop;
	struct domlet_xen_store store;

	uint32_t domid;        /* DOMLET_XEN_NO_DOMID until built */
	bool gone, destroying; /* from when its owner asks for the end, until that is known */
	bool destroy_begun;    /* while destroying: nothing that was under way is waited for any more */
	libxl_evgen_domain_death *death;
	bool seed_given; /* a seed is never used twice */

	struct domlet_xen_build build;
	struct domlet_xen_unpause unpause, resume; /* the first time, and after each pause */
	struct domlet_xen_pause pause;
	struct domlet_xen_destroy destroy;
	struct domlet_xen_offer offer;
	struct domlet_xen_resize resize;
	struct domlet_xen_slot *slots[DOMLET_CONTAINER_MAX];   /* by tag; NULL: never had one */
	struct domlet_xen_nic_slot *nics[DOMLET_XEN_NICS_MAX]; /* by number; NULL: never had one */

	/* what the owner is told, and with which words */
	struct domlet_xen_post built, unpaused, paused, resumed, resized, destroyed, shut_down, vanished, ring_ready,
		disaster;
	uint32_t shutdown_reason;
	char disaster_text[1024];
};

#endif
