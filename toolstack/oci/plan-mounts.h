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

/* Bytes of a file that may be copied: larger files are data, which is to be shared and
 * not copied. */
#define DOMLET_COPY_MAX (4u * 1024u * 1024u)

/* Plans the mounts of CONFIG into PLAN; relative sources are relative to PLAN's bundle. 0 or
 * -errno: -ENOTSUP names the mount that a guest can't have. What was filled in stays PLAN's
 * also then. */
int domlet_plan_mounts(struct json_object *config, struct domlet_plan *plan, struct domlet_error *err);

#endif
