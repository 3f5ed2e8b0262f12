/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

int domlet_xen_open(struct uv_loop_s *loop, const struct domlet_xen_ops *ops, void *user, struct domlet_xen **out,
		    struct domlet_error *err)
{
	struct domlet_xen *xen;
	int rc = domlet_xen_check_host(err);

	*out = NULL;
	if (rc)
		return rc;
	xen = calloc(1, sizeof(*xen));
	if (!xen)
		return domlet_error_set(err, ENOMEM, "out of memory");
	xen->loop = loop;
	xen->ops = ops;
	xen->user = user;
	xen->domid = NO_DOMID;
	xen->turn_fd = -1;
	domlet_xen_log_init(&xen->log);
	/* The store first: its sentence about a missing xenstored is clearer
	 * than libxl's. */
	rc = domlet_xen_store_open(xen, err);
	if (!rc)
		rc = domlet_xen_loop_open(xen, err);
	if (rc) {
		domlet_xen_close(xen);
		return rc;
	}
	*out = xen;
	return 0;
}

void domlet_xen_close(struct domlet_xen *xen)
{
	if (!xen || xen->closed)
		return;
	xen->closed = true;
	domlet_xen_domain_close(xen);
	domlet_xen_store_close(xen);
	domlet_xen_loop_close(xen);
	if (xen->handle_count == 0)
		free(xen); /* else the last close callback does */
}
