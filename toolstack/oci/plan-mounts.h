/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_PLAN_MOUNTS_H
#define DOMLET_OCI_PLAN_MOUNTS_H

/*
 * How each mount of a checked configuration reaches the guest. Only oci/
 * includes this. The result is a json-c array parallel to the configuration's
 * "mounts", each element one of
 *   {"via":"guest"}                 the guest mounts it as the configuration says;
 *                                   a "type" here replaces that one, and the
 *                                   configuration's options are replaced too.
 *                                   A bind's source is taken out of the
 *                                   configuration
 *   {"via":"skip"}                  the guest has its own there
 *   {"via":"copy","content":BASE64,"mode":N,"uid":N,"gid":N}
 *                                   a regular file, as it was when it was planned
 * The caller puts it.
 */

struct domlet_error;
struct json_object;

/* Larger files than this are data, and data is to be shared, not copied. */
#define DOMLET_COPY_MAX (4u * 1024u * 1024u)

/* BUNDLE is what relative sources are relative to. */
int domlet_plan_mounts(struct json_object *config, const char *bundle, struct json_object **mounts,
		       struct domlet_error *err);

#endif
