/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_PROCESS_H
#define DOMLET_OCI_PROCESS_H

/*
 * The process object (config.md#process) of an exec: from a file of the caller's, or
 * the container's own with a command line's changes. The verb exec comes here, and the
 * plan for the kinds of streams. The caller puts the object; the strings of the options
 * stay the caller's.
 */

#include <stdbool.h>
#include <stddef.h>

struct domlet_error;
struct json_object;

struct domlet_oci_process_options {
	const char *file;                 /* NULL: the process of BUNDLE/config.json, changed by what follows */
	const char *cwd;                  /* NULL: the container's */
	const char *user;                 /* "UID[:GID]"; NULL: the container's */
	const char **env, **caps, **gids; /* added */
	size_t env_count, cap_count, gid_count;
	char **args;   /* NULL-terminated; not looked at with FILE */
	bool terminal; /* also for a FILE that asks for none */
	bool no_new_privs;
	const char **cgroups; /* "[CONTROLLER,…:]PATH" below the container's, also with FILE */
	size_t cgroup_count;
	const char *stdio[3]; /* as domlet_oci_process_set_stdio() takes it */
};

/* Writes into PROCESS what its three standard streams are to be in the guest: "pipe" (or
 * NULL), "null" for /dev/null, or "closed". A process with a terminal has that, and
 * nothing is written. */
void domlet_oci_process_set_stdio(struct json_object *process, const char *const stdio[3]);

/* Makes *PROCESS, of the bundle BUNDLE or from O->file. 0 or -errno; -EINVAL: an option
 * or the object has a value that can't be meant. *PROCESS is NULL then. *LABELS gets the
 * labels that a file asks for and no guest applies (labels.h), as text that the caller
 * frees; NULL: there are none. The container's own were told of when it was made. */
int domlet_oci_process_plan(const char *bundle, const struct domlet_oci_process_options *o,
			    struct json_object **process, char **labels, struct domlet_error *err);

#endif
