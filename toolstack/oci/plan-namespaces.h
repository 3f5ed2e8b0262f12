/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_PLAN_NAMESPACES_H
#define DOMLET_OCI_PLAN_NAMESPACES_H

/*
 * linux.namespaces and linux.timeOffsets of a checked configuration. A guest has its
 * own kernel, so a container can't have a namespace of the host's. Whoever asks for
 * one is refused, whether by leaving the type out (config-linux.md#namespaces: the
 * container would have the runtime's own then) or by the namespace's path. Only oci/
 * includes this. What PLAN gets is PLAN's.
 */

struct domlet_error;
struct domlet_plan;
struct json_object;

/* Sets net_path and hostname of PLAN. A network namespace that the caller has made is
 * the proxy's, in dom0; the guest makes another one and need not know of the first,
 * whose path is therefore taken out of CONFIG. PATH is config.json's, for sentences. 0
 * or -errno. */
int domlet_plan_namespaces(struct json_object *config, const char *path, struct domlet_plan *plan,
			   struct domlet_error *err);

#endif
