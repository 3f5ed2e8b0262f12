/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_SYSCTL_H
#define DOMLET_OCI_SYSCTL_H

/*
 * Which of linux.sysctl a container may have. A guest's kernel is its container's
 * alone, so more would be possible; but what runs here is to run under runc too, and
 * the other way round. Only oci/ includes this. Nothing is owned.
 */

struct domlet_error;
struct json_object;

/* Refuses (-errno) a sysctl that runc refuses. CONFIG is checked, and so are its
 * namespaces (plan-namespaces.h): each container has the ones that the allowed sysctls
 * belong to. PATH is the file's, for the sentence. */
int domlet_sysctl_check(struct json_object *config, const char *path, struct domlet_error *err);

#endif
