/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schedule.h"

static const char what[] = "can't change the domain's share of the processors";

int domlet_xen_schedule_set(struct domlet_xen_loop *loop, uint32_t domid, uint32_t weight, int cap,
			    struct domlet_error *err)
{
	libxl_domain_sched_params params;
	int rc;

	if (!loop->under_way)
		domlet_xen_log_clear(&loop->log);
	libxl_domain_sched_params_init(&params); /* the host's scheduler, and nothing changed */
	if (weight)
		params.weight = (int)weight;
	if (cap >= 0)
		params.cap = cap;
	rc = libxl_domain_sched_params_set(loop->ctx, domid, &params);
	libxl_domain_sched_params_dispose(&params);
	return rc ? domlet_xen_log_error(&loop->log, err, rc, what) : 0;
}
