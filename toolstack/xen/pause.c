/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pause.h"

static const char what[] = "can't pause the domain";

static void on_paused(libxl_ctx *ctx, int rc, void *user);

int domlet_xen_pause_start(struct domlet_xen_pause *pause, uint32_t domid, struct domlet_error *err)
{
	struct domlet_xen_loop *loop = pause->loop;
	libxl_asyncop_how how = { .callback = on_paused, .u.for_callback = pause };
	int rc;

	domlet_xen_log_clear(&loop->log);
	loop->under_way++;
	rc = libxl_domain_pause(loop->ctx, domid, &how);
	if (!rc)
		return 0;
	loop->under_way--;
	return domlet_xen_log_error(&loop->log, err, rc, what);
}

static void on_paused(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen_pause *pause = user;
	struct domlet_xen_loop *loop = pause->loop;

	(void)ctx;
	loop->under_way--;
	pause->rc = rc ? domlet_xen_log_error(&loop->log, &pause->err, rc, what) : 0;
	pause->done(pause->user);
}
