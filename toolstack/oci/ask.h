/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_ASK_H
#define DOMLET_OCI_ASK_H

/*
 * What a container's configuration asks of its domain: by annotations
 * dev.domlet.*, which podman 4 takes from images too, and by the section "vm"
 * of the runtime specification 1.3 (config-vm.md). domlet_ask_read() only takes the
 * wishes down; none of them counts before domlet_ask_allow() has compared them with
 * the administrator's policy. The plan reads them, commands have them allowed. The
 * struct owns its strings; each function returns 0 or -errno.
 */

#include <stdbool.h>
#include <stdint.h>

#include "policy.h"

struct domlet_error;
struct json_object;

enum domlet_type { DOMLET_TYPE_AUTO, DOMLET_TYPE_PVH, DOMLET_TYPE_PV };

/* How a container comes to its root file system. */
enum domlet_plan_root_way {
	DOMLET_PLAN_ROOT_LIVE,    /* it is the host's, and both see what the other one does */
	DOMLET_PLAN_ROOT_SCRATCH, /* the same, but what the container writes is in the guest's memory alone */
	DOMLET_PLAN_ROOT_IMAGE,   /* a packed copy, on a disk; what is written is in the guest's memory alone */
};

struct domlet_ask {
	char *path;                         /* the configuration's, for sentences */
	unsigned int annotations;           /* those that are there, one bit per annotation (ask.c) */
	enum domlet_type type;              /* AUTO: nothing asked */
	char *template_name;                /* NULL: nothing asked */
	uint64_t memory_kib;                /* 0: nothing asked */
	uint32_t vcpus;                     /* 0: nothing asked */
	enum domlet_plan_root_way root;     /* LIVE: also if nothing is asked */
	const char *memory_by, *vcpus_by;   /* who asked, for sentences; static */
	char *kernel, *initrd, *parameters; /* NULL: nothing asked */
};

/* Takes down what CONFIG, whose types are checked, asks for; PATH is the
 * configuration's file. -EINVAL: a value can't be meant. */
int domlet_ask_read(struct json_object *config, const char *path, struct domlet_ask *ask, struct domlet_error *err);
/* Whether anything is asked for, so that the policy is needed. */
bool domlet_ask_any(const struct domlet_ask *ask);
/* Refuses a wish that POLICY does not allow; the sentence names both. */
int domlet_ask_allow(const struct domlet_ask *ask, const struct domlet_policy *policy, struct domlet_error *err);
/* Puts the size that is asked for into *MEMORY_KIB and *VCPUS, which come in as what
 * the container's limits make of the domain (0: there is no limit). Where there is a
 * limit, nothing that is asked for goes beyond the limit's size, which stays then.
 * Without a limit, and without a ceiling in POLICY, more than the template's size is
 * refused. */
int domlet_ask_size(const struct domlet_ask *ask, const struct domlet_policy *policy, uint64_t template_kib,
		    uint32_t template_vcpus, uint64_t *memory_kib, uint32_t *vcpus, struct domlet_error *err);
void domlet_ask_free(struct domlet_ask *ask);

/* Whether NAME may become a part of a path: it has no "/", no "." in
 * front, and room for ".cfg" behind it. */
bool domlet_template_name_ok(const char *name);

#endif
