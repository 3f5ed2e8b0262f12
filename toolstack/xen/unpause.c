/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unpause.h"

static void on_unpaused(libxl_ctx *ctx, int rc, void *user);

int domlet_xen_unpause_start(struct domlet_xen_unpause *unpause, uint32_t domid, struct domlet_error *err)
{
	struct domlet_xen_loop *loop = unpause->loop;
	libxl_asyncop_how how = { .callback = on_unpaused, .u.for_callback = unpause };
	int rc;

	domlet_xen_log_clear(&loop->log);
	loop->under_way++;
	rc = libxl_domain_unpause(loop->ctx, domid, &how);
	if (!rc)
		return 0;
	loop->under_way--;
	return domlet_xen_log_error(&loop->log, err, rc, unpause->what);
}

static void on_unpaused(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen_unpause *unpause = user;
	struct domlet_xen_loop *loop = unpause->loop;

	(void)ctx;
	loop->under_way--;
	unpause->rc = rc ? domlet_xen_log_error(&loop->log, &unpause->err, rc, unpause->what) : 0;
	unpause->done(unpause->user);
}
