/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan-domain.h"

#include "limits.h"
#include "member.h"
#include "plan.h"
#include "sandbox.h"

void domlet_plan_domain(struct json_object *config, const struct domlet_sandbox_size *sandbox, struct domlet_plan *plan)
{
	struct json_object *resources = domlet_oci_member(domlet_oci_member(config, "linux"), "resources");
	struct domlet_limits all = { .memory = sandbox->memory_bytes,
				     .quota_us = sandbox->cpu_quota_us,
				     .period_us = sandbox->cpu_period_us > 0 ? (uint64_t)sandbox->cpu_period_us : 0 };
	uint64_t all_kib = domlet_limits_kib(&all);
	uint32_t all_vcpus = domlet_limits_vcpus(&all);

	domlet_limits_take(&plan->limits, resources);
	plan->vcpus = domlet_limits_vcpus(&plan->limits);
	plan->limit_kib = domlet_limits_kib(&plan->limits);
	plan->vcpus_for_all = all_vcpus > 0;
	plan->memory_for_all = all_kib > 0;
	if (all_vcpus > plan->vcpus)
		plan->vcpus = all_vcpus;
	if (all_kib > plan->limit_kib)
		plan->limit_kib = all_kib;
	if (plan->limit_kib)
		plan->memory_kib = plan->limit_size_kib = domlet_limits_size_kib(plan->limit_kib, plan->vcpus);
}

void domlet_plan_take_vcpus(struct domlet_plan *plan, uint32_t template_vcpus)
{
	if (plan->limit_kib && plan->memory_kib == plan->limit_size_kib)
		plan->memory_kib = plan->limit_size_kib = domlet_limits_size_kib(
			plan->limit_kib, plan->vcpus ? plan->vcpus : template_vcpus);
}
