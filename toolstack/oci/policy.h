/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_POLICY_H
#define DOMLET_OCI_POLICY_H

/*
 * What a container's configuration may choose of its domain: the administrator's
 * policy as pure data. toolstack/xen/policy.c, which reads the file, fills the struct
 * in; ask.h applies it. A policy that is all zero allows nothing. A policy owns its
 * strings and lists, which domlet_policy_free() releases.
 */

#include <stdbool.h>
#include <stdint.h>

struct domlet_policy {
	char *path; /* the file, for sentences */
	bool found; /* false: there is none */
	/* Lists of strings, NULL behind the last; NULL: empty. */
	char **annotations; /* "dev.domlet.…" that count */
	char **templates;   /* for dev.domlet.template */
	char **types;       /* for dev.domlet.type: "pvh", "pv" */
	char **kernels;     /* absolute paths, for vm.kernel.path */
	char **initrds;     /* absolute paths, for vm.kernel.initrd */
	/* Ceilings of what is asked for. 0: no ceiling is given, so what the container
	 * would have without asking is the ceiling. */
	uint64_t max_memory_kib;
	uint32_t max_vcpus;
};

void domlet_policy_free(struct domlet_policy *policy);

#endif
