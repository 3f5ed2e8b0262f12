/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_ASK_H
#define DOMLET_OCI_ASK_H

/*
 * What a container's configuration asks of its domain: by annotations
 * dev.domlet.*, which podman 4 takes from images too, and by the section "vm"
 * of the runtime specification 1.3 (config-vm.md). Reading only takes it down;
 * nothing of it counts before domlet_ask_allow() has compared it with the
 * administrator's policy. Owns its strings.
 */

#include <stdbool.h>
#include <stdint.h>

#include "policy.h"

struct domlet_error;
struct json_object;

enum domlet_type { DOMLET_TYPE_AUTO, DOMLET_TYPE_PVH, DOMLET_TYPE_PV };

struct domlet_ask {
	char *path;                         /* the configuration's, for sentences */
	unsigned int annotations;           /* those that are there, a bit each (ask.c) */
	enum domlet_type type;              /* AUTO: nothing asked */
	char *template_name;                /* NULL: nothing asked */
	uint64_t memory_kib;                /* 0: nothing asked */
	uint32_t vcpus;                     /* 0: nothing asked */
	const char *memory_by, *vcpus_by;   /* who asked, for sentences */
	char *kernel, *initrd, *parameters; /* NULL: nothing asked */
};

/* Takes down what CONFIG, whose types are checked, asks for; PATH is its file.
 * Refuses what can't be meant. */
int domlet_ask_read(struct json_object *config, const char *path, struct domlet_ask *ask, struct domlet_error *err);
/* Whether the policy is needed at all. */
bool domlet_ask_any(const struct domlet_ask *ask);
/* Refuses what POLICY does not allow, naming both. */
int domlet_ask_allow(const struct domlet_ask *ask, const struct domlet_policy *policy, struct domlet_error *err);
/* The domain's size, in the place of what the container's limits make it (0: no
 * limit). Where there is a limit nothing asked for goes beyond it: the limit's
 * size stays. Without a limit, and without a ceiling in POLICY, more than the
 * template's is refused. */
int domlet_ask_size(const struct domlet_ask *ask, const struct domlet_policy *policy, uint64_t template_kib,
		    uint32_t template_vcpus, uint64_t *memory_kib, uint32_t *vcpus, struct domlet_error *err);
void domlet_ask_free(struct domlet_ask *ask);

/* NAME becomes a part of a path: no "/", nothing hidden. */
bool domlet_template_name_ok(const char *name);

#endif
