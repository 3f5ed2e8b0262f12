/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "destroy.h"

#include "xen.h"

void domlet_xen_destroy_init(struct domlet_xen_destroy *destroy)
{
	domlet_xen_turn_init(&destroy->turn, destroy->loop);
}

static void destroy_now(void *user);
static void on_destroyed(libxl_ctx *ctx, int rc, void *user);
static void finish(struct domlet_xen_destroy *destroy, int rc);

static void on_paused(libxl_ctx *ctx, int rc, void *user)
{
	(void)ctx, (void)rc, (void)user; /* it is destroyed soon, running or not */
}

void domlet_xen_destroy_start(struct domlet_xen_destroy *destroy, uint32_t domid, bool gone)
{
	libxl_asyncop_how how = { .callback = on_paused };

	destroy->domid = domid;
	if (domid == DOMLET_XEN_NO_DOMID || gone) {
		finish(destroy, 0);
		return;
	}
	domlet_xen_turn_wait(&destroy->turn, destroy_now, destroy);
	if (domlet_xen_turn_waits(
		    &destroy->turn)) /* what must end does nothing meanwhile; libxl has done it when this returns */
		(void)libxl_domain_pause(destroy->loop->ctx, domid, &how);
}

static void destroy_now(void *user)
{
	struct domlet_xen_destroy *destroy = user;
	struct domlet_xen_loop *loop = destroy->loop;
	libxl_asyncop_how how = { .callback = on_destroyed, .u.for_callback = destroy };
	int rc;

	domlet_xen_log_clear(&loop->log);
	loop->under_way++;
	rc = libxl_domain_destroy(loop->ctx, destroy->domid, &how);
	if (rc)
		on_destroyed(loop->ctx, rc, destroy);
}

static void on_destroyed(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen_destroy *destroy = user;

	(void)ctx;
	destroy->loop->under_way--;
	finish(destroy, rc);
}

static void finish(struct domlet_xen_destroy *destroy, int rc)
{
	domlet_xen_turn_end(&destroy->turn);
	/* Someone else was faster. */
	if (rc == ERROR_DOMAIN_NOTFOUND || rc == ERROR_DOMAIN_DESTROYED)
		rc = 0;
	if (!rc && destroy->domid != DOMLET_XEN_NO_DOMID)
		domlet_xen_store_sweep(destroy->store->xs, destroy->domid);
	destroy->rc = rc ? domlet_xen_log_error(&destroy->loop->log, &destroy->err, rc, "can't destroy the domain") : 0;
	destroy->done(destroy->user);
}

void domlet_xen_destroy_close(struct domlet_xen_destroy *destroy)
{
	domlet_xen_turn_close(&destroy->turn);
}
