/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_PLAN_H
#define DOMLET_OCI_PLAN_H

/*
 * From a bundle to a plan: what will be built, as pure data, before anything
 * is touched. The plan decides how each mount goes (guest-local, copied,
 * block device; later the live share), what is refused, how large the domain
 * is. It owns all its memory; domlet_plan_free() releases it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ask.h"

struct domlet_error;

struct domlet_plan {
	char *id;
	char *bundle; /* absolute */
	char *rootfs; /* absolute, exists, a directory */
	char *oci_version;
	char *annotations;  /* JSON object text, "{}" when none */
	char *hooks;        /* config.md#posix-platform-hooks as JSON text; NULL: none */
	char *hostname;     /* NULL: the id's first 12 characters in the guest */
	char *cgroups_path; /* NULL: none given */
	/* Labels of the host's security modules, which no guest knows: a JSON object,
	 * by their places in the configuration. NULL: none asked for. */
	char *labels;
	char *net_path; /* the network namespace in dom0 to join; NULL: none */
	bool terminal;
	uint16_t console_rows, console_cols; /* 0: unknown */
	bool root_readonly;
	char *argv0; /* for messages and the proxy's name */

	/* The domain's size by the container's limits; 0: it has none, the template's. */
	uint64_t memory_kib;
	uint64_t limit_kib, limit_size_kib; /* the container's limit, and what it makes memory_kib; 0: none */
	uint32_t vcpus;
	struct domlet_ask ask; /* counts for nothing before domlet_ask_allow() */

	/* {"oci": the configuration as far as it is the guest's, "plan": {root, mounts, state}} (PROTOCOL.md). */
	char *document;
	size_t document_len;
	uint8_t sha256[32];
};

/* Reads BUNDLE/config.json, validates, plans. Nothing is created. Refuses
 * what can't be honoured, in one sentence naming it. terminal and console
 * size can be overridden later by the caller. */
int domlet_plan_read(const char *bundle, const char *id, struct domlet_plan *plan, struct domlet_error *err);
/* The same for a process whose standard streams are of these kinds (process.h). */
int domlet_plan_read_for(const char *bundle, const char *id, const char *const stdio[3], struct domlet_plan *plan,
			 struct domlet_error *err);
/* The first with the configuration's text in memory. */
int domlet_plan_parse(const char *bundle, const char *id, const char *text, size_t len, struct domlet_plan *plan,
		      struct domlet_error *err);
/* Once the domain's number of processors is known: what a container's limit
 * promises needs memory of the guest's own for each. TEMPLATE_VCPUS: where plan->vcpus is 0. */
void domlet_plan_take_vcpus(struct domlet_plan *plan, uint32_t template_vcpus);
void domlet_plan_free(struct domlet_plan *plan);

/* runc's rule: [A-Za-z0-9_+.-]+, not "." or "..", at most DOMLET_ID_MAX:
 * else "invalid container ID format". */
int domlet_id_check(const char *id, struct domlet_error *err);

#endif
