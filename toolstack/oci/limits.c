/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "limits.h"

#include <inttypes.h>
#include <stdio.h>

#include "member.h"

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

uint64_t domlet_limits_size_kib(uint64_t limit_kib, uint32_t vcpus)
{
	uint64_t without_share = limit_kib + MEMORY_FIXED_KIB;
	uint64_t kib;

	if (vcpus > 1)
		without_share += (uint64_t)(vcpus - 1) * MEMORY_VCPU_KIB;
	kib = without_share * MEMORY_SHARE / (MEMORY_SHARE - 1);
	return (kib + 1023) / 1024 * 1024;
}

uint32_t domlet_limits_vcpus(const struct domlet_limits *l)
{
	uint64_t period_us = l->period_us ? l->period_us : CPU_PERIOD_DEFAULT_US, cpus;

	if (l->quota_us <= 0)
		return 0;
	cpus = (uint64_t)l->quota_us / period_us + ((uint64_t)l->quota_us % period_us != 0);
	return cpus < VCPUS_MAX ? (uint32_t)cpus : VCPUS_MAX;
}

uint32_t domlet_limits_percent(const struct domlet_limits *l)
{
	double period_us = l->period_us ? (double)l->period_us : CPU_PERIOD_DEFAULT_US;
	double percent = l->quota_us > 0 ? 100.0 * (double)l->quota_us / period_us : 0;

	if (percent > 0 && percent < 1)
		return 1;
	return percent < 100.0 * VCPUS_MAX ? (uint32_t)(percent + 0.5) : 100 * VCPUS_MAX;
}

uint64_t domlet_limits_kib(const struct domlet_limits *l)
{
	if (l->memory <= 0 || (uint64_t)l->memory / 1024 > MEMORY_LIMIT_MAX_KIB)
		return 0;
	return ((uint64_t)l->memory + 1023) / 1024;
}

void domlet_limits_take(struct domlet_limits *l, struct json_object *resources)
{
	struct json_object *memory = domlet_oci_member(resources, "memory"), *cpu = domlet_oci_member(resources, "cpu");
	int64_t limit = json_object_get_int64(domlet_oci_member(memory, "limit"));
	int64_t quota_us = json_object_get_int64(domlet_oci_member(cpu, "quota"));
	uint64_t period_us = json_object_get_uint64(domlet_oci_member(cpu, "period"));

	l->memory = limit ? limit : l->memory;
	l->quota_us = quota_us ? quota_us : l->quota_us;
	l->period_us = period_us ? period_us : l->period_us;
}

void domlet_limits_write(const struct domlet_limits *l, char text[DOMLET_LIMITS_TEXT_MAX])
{
	(void)snprintf(text, DOMLET_LIMITS_TEXT_MAX, "%" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu32, l->memory,
		       l->quota_us, l->period_us, l->other_vcpus);
}

bool domlet_limits_read(const char *text, struct domlet_limits *l)
{
	char end;

	return sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNu64 " %" SCNu32 "%c", &l->memory, &l->quota_us,
		      &l->period_us, &l->other_vcpus, &end) == 4;
}
