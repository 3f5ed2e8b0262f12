/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_PLAN_DOMAIN_H
#define DOMLET_OCI_PLAN_DOMAIN_H

/*
 * How large the domain is by the limits that a checked configuration sets for
 * its container, or for the pod whose sandbox it is. Only oci/ includes this; what becomes of it when the domain's
 * processors are known is plan.h's domlet_plan_take_vcpus().
 */

struct domlet_plan;
struct domlet_sandbox_size;
struct json_object;

/* Sets memory_kib, limit_kib, limit_size_kib, vcpus, memory_for_all and vcpus_for_all of
 * PLAN. Where both the container and its SANDBOX have a limit, the larger one counts. */
void domlet_plan_domain(struct json_object *config, const struct domlet_sandbox_size *sandbox, struct domlet_plan *plan);

#endif
