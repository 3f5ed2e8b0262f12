/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_PLAN_MOUNTS_H
#define DOMLET_OCI_PLAN_MOUNTS_H

/*
 * How each mount of a checked configuration reaches the guest. Only oci/
 * includes this.
 */

struct domlet_error;
struct domlet_plan;
struct json_object;

/* Larger files than this are data, and data is to be shared, not copied. */
#define DOMLET_COPY_MAX (4u * 1024u * 1024u)

/* Fills the mounts of PLAN, whose bundle is what relative sources are relative
 * to. What it has filled stays PLAN's when it fails. */
int domlet_plan_mounts(struct json_object *config, struct domlet_plan *plan, struct domlet_error *err);

#endif
