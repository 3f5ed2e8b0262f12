/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_DOMAIN_H
#define DOMLET_XEN_DOMAIN_H

/*
 * The struct behind xen.h: one domain, the operations on it, and what its owner
 * is to be told. All of it is freed when libuv has closed the last handle in it.
 */

#include "build.h"
#include "destroy.h"
#include "offer.h"
#include "pause.h"
#include "unpause.h"
#include "xen.h"

struct domlet_xen {
	const struct domlet_xen_ops *ops;
	void *user;
	struct domlet_xen_loop loop;
	struct domlet_xen_store store;

	uint32_t domid;        /* DOMLET_XEN_NO_DOMID until built */
	bool gone, destroying; /* from when its owner asks for the end, until that is known */
	libxl_evgen_domain_death *death;
	bool seed_given; /* a seed is never used twice */

	struct domlet_xen_build build;
	struct domlet_xen_unpause unpause, resume; /* the first time, and after each pause */
	struct domlet_xen_pause pause;
	struct domlet_xen_destroy destroy;
	struct domlet_xen_offer offer;

	/* what the owner is told, and with which words */
	struct domlet_xen_post built, unpaused, paused, resumed, destroyed, shut_down, vanished, ring_ready, disaster;
	uint32_t shutdown_reason;
	char disaster_text[1024];
};

#endif
