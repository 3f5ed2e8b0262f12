/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_SCHEDULE_H
#define DOMLET_XEN_SCHEDULE_H

/* A domain's share of the host's processors, as Xen's scheduler gives it. */

#include "loop.h"

/* WEIGHT 1 to 65,535, of which a domain has 256 at first; 0: it stays. CAP in percent of one processor; 0: none; below 0: it
 * stays. */
int domlet_xen_schedule_set(struct domlet_xen_loop *loop, uint32_t domid, uint32_t weight, int cap,
			    struct domlet_error *err);

#endif
