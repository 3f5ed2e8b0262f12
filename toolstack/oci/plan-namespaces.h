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

/* Sets joins, net_path and hostname of PLAN. What is named by a path is a namespace of
 * dom0's: another container's, whose counterpart is in a guest, or, of a network
 * namespace, one that the caller has made for the proxy. The guest need not know of
 * either, so paths are taken out of CONFIG. PATH is config.json's, for sentences. 0 or
 * -errno. */
int domlet_plan_namespaces(struct json_object *config, const char *path, struct domlet_plan *plan,
			   struct domlet_error *err);

#endif
