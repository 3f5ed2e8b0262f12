/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_LABELS_H
#define DOMLET_OCI_LABELS_H

/*
 * Labels and profiles of the host's security modules in a checked
 * configuration: no guest knows them, so that whoever asked for them is told
 * that they count for nothing. Only oci/ includes this.
 */

struct domlet_error;
struct json_object;

/* Those of PROCESS and of LINUX, config-linux.md's object, which may be NULL: a
 * JSON object as text, by their places in a configuration, for the caller to
 * free; NULL: none. PATH is the file's, for sentences. 0 or -ENOMEM. */
int domlet_oci_labels(struct json_object *process, struct json_object *linux_, const char *path, char **labels,
		      struct domlet_error *err);

#endif
