/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_SYSCTL_H
#define DOMLET_OCI_SYSCTL_H

/*
 * Which of linux.sysctl a container may have. A guest's kernel is its
 * container's alone, so more would be possible; but what runs here is to run
 * under runc too, and the other way round. Only oci/ includes this.
 */

struct domlet_error;
struct json_object;

/* CONFIG is checked, its namespaces too (plan-namespaces.h): each container has those
 * of its own that these belong to. PATH is the file's, for the sentence. */
int domlet_sysctl_check(struct json_object *config, const char *path, struct domlet_error *err);

#endif
