/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_LOG_H
#define DOMLET_XEN_LOG_H

/*
 * A logger for libxl that keeps the last lines of level error, for the
 * sentences that people read. The memory is the caller's, and libxl's until its
 * context is freed.
 */

#include <xentoollog.h>

#include "../base/error.h"

struct domlet_xen_log {
	xentoollog_logger vtable; /* first: libxl hands back this pointer */
	char text[640];           /* lines joined by "; ", oldest dropped */
};

void domlet_xen_log_init(struct domlet_xen_log *log);
void domlet_xen_log_clear(struct domlet_xen_log *log);
/* "WHAT failed: libxl's own words (HINT)". RC is a libxl error code. */
int domlet_xen_log_error(struct domlet_xen_log *log, struct domlet_error *err, int rc, const char *what);

#endif
