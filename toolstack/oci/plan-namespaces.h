/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_PLAN_NAMESPACES_H
#define DOMLET_OCI_PLAN_NAMESPACES_H

/*
 * linux.namespaces and timeOffsets of a checked configuration. A guest has its own kernel, so
 * a container can't have a namespace of the host's: who asks for one is
 * refused, by leaving the type out (config-linux.md#namespaces: it is then
 * the runtime's) as well as by its path. Only oci/ includes this.
 */

struct domlet_error;
struct domlet_plan;
struct json_object;

/* Sets net_path and hostname of PLAN. A network namespace that the caller made
 * is the proxy's in dom0, and the guest makes one without knowing about it: its
 * path is taken out of CONFIG. PATH is config.json's, for sentences. */
int domlet_plan_namespaces(struct json_object *config, const char *path, struct domlet_plan *plan,
			   struct domlet_error *err);

#endif
