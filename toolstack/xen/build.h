/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_BUILD_H
#define DOMLET_XEN_BUILD_H

/*
 * The operation that has libxl build a domain, paused. The struct is the
 * caller's, and stays until done() was called or the loop is closed.
 */

#include "store.h"
#include "turn.h"
#include "xen.h"

struct domlet_xen_build {
	/* filled by the caller */
	struct domlet_xen_loop *loop;
	struct domlet_xen_store *store;
	void (*done)(void *user); /* once, maybe from inside a call */
	void *user;

	/* results */
	int rc; /* below 0: there is no domain, and err says why */
	struct domlet_error err;
	uint32_t domid;

	/* private */
	libxl_domain_config config;
	bool begun;               /* config is to be disposed of */
	bool building;            /* until done() */
	uint32_t domid_for_libxl; /* which writes here while it builds */
	struct domlet_xen_turn turn;
};

void domlet_xen_build_init(struct domlet_xen_build *build);
/* 0 or -errno, and then done() isn't called. Once for a struct. */
int domlet_xen_build_start(struct domlet_xen_build *build, const struct domlet_domain_spec *spec,
			   struct domlet_error *err);
/* It was started, and isn't done. */
bool domlet_xen_build_runs(const struct domlet_xen_build *build);
/* Ends a build that libxl hasn't begun: it is done when this returns. */
void domlet_xen_build_stop(struct domlet_xen_build *build);
/* Asks libxl to end a build; it may be too late for that. */
void domlet_xen_build_abort(struct domlet_xen_build *build);
void domlet_xen_build_close(struct domlet_xen_build *build);

/* config.c: fills CONFIG, which is initialised; disposing of it frees all. */
int domlet_xen_configure(libxl_ctx *ctx, libxl_domain_config *config, const struct domlet_domain_spec *spec,
			 struct domlet_error *err);

#endif
