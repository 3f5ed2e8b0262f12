/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_PLAN_DOMAIN_H
#define DOMLET_OCI_PLAN_DOMAIN_H

/*
 * How large the domain is by the limits that a checked configuration sets for
 * its container. Only oci/ includes this; what becomes of it when the domain's
 * processors are known is plan.h's domlet_plan_take_vcpus().
 */

struct domlet_plan;
struct json_object;

/* Sets memory_kib, limit_kib, limit_size_kib and vcpus of PLAN. */
void domlet_plan_domain(struct json_object *config, struct domlet_plan *plan);

#endif
