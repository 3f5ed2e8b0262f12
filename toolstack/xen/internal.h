/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_INTERNAL_H
#define DOMLET_XEN_INTERNAL_H

/*
 * What the files of toolstack/xen/ share and nobody else sees: the context,
 * libxl's log, and one file's door to another. The context owns everything in
 * it; handles that libuv still needs after a close are freed by their close
 * callbacks, and the context by the last of them.
 */

#include <libxl.h>
#include <libxl_event.h>
#include <libxl_utils.h>
#include <uv.h>
#include <xenstore.h>
#include <xentoollog.h>

#include "../ring/offer.h"
#include "xen.h"

#define NO_DOMID ((uint32_t)INVALID_DOMID) /* libxl's is signed */

/* A logger that keeps the last lines of level error, for the sentences. */
struct domlet_xen_log {
	xentoollog_logger vtable; /* first: libxl hands back this pointer */
	char text[640];           /* lines joined by "; ", oldest dropped */
};

enum domlet_xen_pending { /* results on their way to the owner, bits */
			  DOMLET_XEN_BUILT = 1,
			  DOMLET_XEN_UNPAUSED = 2,
			  DOMLET_XEN_DESTROYED = 4,
			  DOMLET_XEN_SHUTDOWN = 8,
			  DOMLET_XEN_VANISHED = 16,
			  DOMLET_XEN_RING_READY = 32,
			  DOMLET_XEN_DISASTER = 64,
};

struct domlet_xen_result {
	int rc;
	struct domlet_error err;
};

struct domlet_xen_poll; /* loop.c: one descriptor that libxl watches */
struct domlet_xen_timer;

struct domlet_xen {
	uv_loop_t *loop;
	const struct domlet_xen_ops *ops;
	void *user;
	struct domlet_xen_log log;
	libxl_ctx *ctx;
	unsigned int handle_count; /* not yet closed, this struct's own ones */
	bool closed;

	/* loop.c */
	uv_signal_t sigchld;
	uv_timer_t deliver; /* defers results out of the call that made them */
	struct domlet_xen_poll *polls;
	struct domlet_xen_timer *timers;
	unsigned int pending; /* enum domlet_xen_pending */
	char disaster[1024];

	/* domain.c */
	libxl_domain_config config;
	bool has_config, building, unpausing, destroying, gone;
	uint32_t domid;       /* NO_DOMID until built */
	uint32_t build_domid; /* libxl writes here while it builds */
	libxl_evgen_domain_death *death;
	uint32_t shutdown_reason;
	struct domlet_xen_result built, unpaused, destroyed;

	/* turn.c */
	uv_timer_t turn;
	void (*turn_then)(struct domlet_xen *xen); /* NULL: waits for none */
	unsigned int turn_waited_ms;
	int turn_fd; /* of the turn that it has; negative: none */

	/* store.c */
	struct xs_handle *store;
	uv_poll_t store_poll;
	bool seed_given; /* a seed is never used twice */
	bool ring_seen;  /* ring_ready was called */
	struct domlet_ring_offer ring_offer;
};

/* log.c */
void domlet_xen_log_init(struct domlet_xen_log *log);
void domlet_xen_log_clear(struct domlet_xen_log *log);
/* "WHAT failed: libxl's own words (HINT)". RC is a libxl error code. */
int domlet_xen_log_error(struct domlet_xen_log *log, struct domlet_error *err, int rc, const char *what);

/* host.c */
/* 0 when this is a Xen dom0. */
int domlet_xen_check_host(struct domlet_error *err);

/* loop.c */
int domlet_xen_loop_open(struct domlet_xen *xen, struct domlet_error *err);
void domlet_xen_loop_close(struct domlet_xen *xen);
void domlet_xen_post(struct domlet_xen *xen, enum domlet_xen_pending what);
/* Close callback of the handles inside struct domlet_xen. */
void domlet_xen_handle_closed(uv_handle_t *handle);

/* config.c */
/* Fills xen->config, which is initialised; disposing of it frees all. */
int domlet_xen_configure(struct domlet_xen *xen, const struct domlet_domain_spec *spec, struct domlet_error *err);

/* domain.c */
void domlet_xen_domain_event(struct domlet_xen *xen, const libxl_event *event);
void domlet_xen_domain_close(struct domlet_xen *xen);

/* turn.c */
extern const char *domlet_xen_turn_file; /* a test has one of its own */
/* Blocking, for whoever has no loop. The turn is a descriptor, to be closed;
 * below 0 none can be had, and whoever has waited this long goes without. */
int domlet_xen_turn_take(void);
/* Calls THEN, maybe at once, when few others build or destroy a domain. */
void domlet_xen_turn_wait(struct domlet_xen *xen, void (*then)(struct domlet_xen *xen));
bool domlet_xen_turn_waits(const struct domlet_xen *xen);
/* Gives the turn back, or no longer waits for one. */
void domlet_xen_turn_end(struct domlet_xen *xen);

/* store.c */
/* Backends that a domain has left in xenstore, because libxl had no time to
 * wait for their end, hold its disk for ever. Not of a domain that exists. */
void domlet_xen_store_sweep(struct xs_handle *store, uint32_t domid);
int domlet_xen_store_open(struct domlet_xen *xen, struct domlet_error *err);
int domlet_xen_store_watch(struct domlet_xen *xen, struct domlet_error *err);
void domlet_xen_store_close(struct domlet_xen *xen);

#endif
