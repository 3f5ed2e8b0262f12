/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <libxl.h>
#include <libxl_utils.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "log.h"
#include "store.h"
#include "turn.h"
#include "xen.h"

/* The verbs may have children of their own, which libxl must not reap. */
static const libxl_childproc_hooks childproc_hooks = {
	.chldowner = libxl_sigchld_owner_libxl_always_selective_reap,
};

static void sweep(uint32_t domid)
{
	struct xs_handle *xs = xs_open(0);

	if (xs) {
		domlet_xen_store_sweep(xs, domid);
		xs_close(xs);
	}
}

static int destroy_matching(libxl_ctx *ctx, const libxl_uuid *uuid, uint32_t last_domid, struct domlet_xen_log *log,
			    struct domlet_error *err)
{
	int count = 0, rc = 0;
	uint32_t domid = DOMLET_XEN_NO_DOMID;
	libxl_dominfo *list = libxl_list_domain(ctx, &count);

	if (!list)
		return domlet_xen_log_error(log, err, ERROR_FAIL, "can't list the domains");
	for (int i = 0; i < count; i++)
		if (!libxl_uuid_compare(&list[i].uuid, uuid) && list[i].domid != 0)
			domid = list[i].domid;
	libxl_dominfo_list_free(list, count);
	if (domid == DOMLET_XEN_NO_DOMID) {
		if (last_domid != DOMLET_XEN_NO_DOMID)
			sweep(last_domid);
		return 0;
	}
	rc = libxl_domain_destroy(ctx, domid, NULL);
	sweep(domid);
	if (rc && rc != ERROR_DOMAIN_NOTFOUND && rc != ERROR_DOMAIN_DESTROYED)
		return domlet_xen_log_error(log, err, rc, "can't destroy the domain");
	return 0;
}

int domlet_xen_destroy_uuid(const char *uuid_text, uint32_t domid, struct domlet_error *err)
{
	struct domlet_xen_log log;
	libxl_ctx *ctx = NULL;
	libxl_uuid uuid;
	int turn, rc = domlet_xen_check_host(err);

	if (!rc)
		rc = domlet_xen_store_check(err);
	if (rc)
		return rc;
	if (libxl_uuid_from_string(&uuid, uuid_text))
		return domlet_error_set(err, EINVAL, "'%.60s' is no uuid", uuid_text);
	domlet_xen_log_init(&log);
	rc = libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, &log.vtable);
	if (rc)
		return domlet_xen_log_error(&log, err, rc, "can't open libxl (does xenstored run?)");
	libxl_childproc_setmode(ctx, &childproc_hooks, NULL);
	turn = domlet_xen_turn_take(); /* before its number is looked up: that may be another's later */
	rc = destroy_matching(ctx, &uuid, domid, &log, err);
	if (turn >= 0)
		close(turn);
	libxl_ctx_free(ctx);
	return rc;
}
