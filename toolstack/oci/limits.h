/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_LIMITS_H
#define DOMLET_OCI_LIMITS_H

/*
 * The limits of a container that decide how large its domain is, as linux.resources has them: 0 was never given, and
 * below 0 is no limit. They are in the container's record, as an update changes some of them.
 */

#include <stdbool.h>
#include <stdint.h>

struct json_object;

struct domlet_limits {
	int64_t memory; /* bytes */
	int64_t quota_us;
	uint64_t period_us;
	uint32_t other_vcpus; /* that the domain has for it when there is no quota; 0: none of its own */
};

/* What RESOURCES gives, and L keeps the rest. */
void domlet_limits_take(struct domlet_limits *l, struct json_object *resources);
/* 0: no limit. */
uint64_t domlet_limits_kib(const struct domlet_limits *l);
/* Processors for that quota; 0: no limit. */
uint32_t domlet_limits_vcpus(const struct domlet_limits *l);
/* The same in percent of one; 0: no limit. */
uint32_t domlet_limits_percent(const struct domlet_limits *l);
/* The domain in which a container can use all that LIMIT_KIB promises. */
uint64_t domlet_limits_size_kib(uint64_t limit_kib, uint32_t vcpus);

#define DOMLET_LIMITS_TEXT_MAX 96
void domlet_limits_write(const struct domlet_limits *l, char text[DOMLET_LIMITS_TEXT_MAX]);
/* False: TEXT is none that was written so. */
bool domlet_limits_read(const char *text, struct domlet_limits *l);

#endif
