/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan-domain.h"

#include "member.h"
#include "plan.h"
#include "sandbox.h"

/* What the guest's kernel and domlet-init need beside the container, whatever the
 * domain's size is, and with each further processor; and the part of the domain
 * that goes with its size: one of 64 describes its pages, and of another less
 * than one is tables for lookups, PV's page tables, and what the kernel keeps free.
 * docs/performance.md has what was measured. */
#define MEMORY_FIXED_KIB (36u * 1024u)
#define MEMORY_VCPU_KIB (5u * 1024u)
#define MEMORY_SHARE 32u
/* A limit of more than 16 TiB is how "unlimited" is written by some. */
#define MEMORY_LIMIT_MAX_KIB (16ull * 1024u * 1024u * 1024u)
/* HVM_MAX_VCPUS of Xen. */
#define VCPUS_MAX 128u
/* The kernel's default for a quota without a period. */
#define CPU_PERIOD_DEFAULT_US 100000u

/* The domain in which a container can use all that LIMIT_KIB promises. */
static uint64_t size_domain(uint64_t limit_kib, uint32_t vcpus)
{
	uint64_t without_share = limit_kib + MEMORY_FIXED_KIB;
	uint64_t kib;

	if (vcpus > 1)
		without_share += (uint64_t)(vcpus - 1) * MEMORY_VCPU_KIB;
	kib = without_share * MEMORY_SHARE / (MEMORY_SHARE - 1);
	return (kib + 1023) / 1024 * 1024;
}

/* Processors for QUOTA of each PERIOD; 0: no limit. */
static uint32_t count_vcpus(int64_t quota_us, uint64_t period_us)
{
	uint64_t cpus;

	if (quota_us <= 0)
		return 0;
	if (period_us == 0)
		period_us = CPU_PERIOD_DEFAULT_US;
	cpus = (uint64_t)quota_us / period_us + ((uint64_t)quota_us % period_us != 0);
	return cpus < VCPUS_MAX ? (uint32_t)cpus : VCPUS_MAX;
}

/* 0: no limit. */
static uint64_t limit_in_kib(int64_t bytes)
{
	if (bytes <= 0 || (uint64_t)bytes / 1024 > MEMORY_LIMIT_MAX_KIB)
		return 0;
	return ((uint64_t)bytes + 1023) / 1024;
}

void domlet_plan_domain(struct json_object *config, const struct domlet_sandbox_size *sandbox, struct domlet_plan *plan)
{
	struct json_object *resources = domlet_oci_member(domlet_oci_member(config, "linux"), "resources");
	struct json_object *memory = domlet_oci_member(resources, "memory"), *cpu = domlet_oci_member(resources, "cpu");
	uint64_t all_kib = limit_in_kib(sandbox->memory_bytes);
	uint32_t all_vcpus = count_vcpus(sandbox->cpu_quota_us,
					 sandbox->cpu_period_us > 0 ? (uint64_t)sandbox->cpu_period_us : 0);

	plan->vcpus = count_vcpus(json_object_get_int64(domlet_oci_member(cpu, "quota")),
				  json_object_get_uint64(domlet_oci_member(cpu, "period")));
	plan->limit_kib = limit_in_kib(json_object_get_int64(domlet_oci_member(memory, "limit")));
	plan->vcpus_for_all = all_vcpus > 0;
	plan->memory_for_all = all_kib > 0;
	if (all_vcpus > plan->vcpus)
		plan->vcpus = all_vcpus;
	if (all_kib > plan->limit_kib)
		plan->limit_kib = all_kib;
	if (plan->limit_kib)
		plan->memory_kib = plan->limit_size_kib = size_domain(plan->limit_kib, plan->vcpus);
}

void domlet_plan_take_vcpus(struct domlet_plan *plan, uint32_t template_vcpus)
{
	if (plan->limit_kib && plan->memory_kib == plan->limit_size_kib)
		plan->memory_kib = plan->limit_size_kib = size_domain(plan->limit_kib,
								      plan->vcpus ? plan->vcpus : template_vcpus);
}
