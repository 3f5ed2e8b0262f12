/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STATE_DOMAIN_H
#define DOMLET_STATE_DOMAIN_H

/*
 * DOMAINS/UUID/domlet.json: what a command needs to know about a domain of domlet's, in
 * whatever root its containers are: who its monitor is, and whose containers live in it.
 * The directory is made before the domain is, and removed when the domain is known to be
 * destroyed, so that a domain without a directory has no remains. The monitor listens in
 * the directory. The record's writer is, one after the other, the command that
 * starts the domain, the domain's monitor, and the command that holds the
 * directory's lock when the monitor has ended.
 *
 * A struct domlet_domain_record owns its strings, which domlet_domain_record_free()
 * releases. Each function with an error as its last parameter returns 0 or -errno, where
 * it doesn't say otherwise. Who locks a container and its domain locks the container first.
 */

#include <stdbool.h>
#include <stdint.h>

#include "../../frontend/proto/limits.h"
#include "../dom0/pid.h"
#include "state.h"

struct domlet_error;

#define DOMLET_DOMAINS_DEFAULT "/run/domlet-domains"
#define DOMLET_DOMAIN_SOCKET "monitor.sock" /* in DOMAINS/UUID: where the monitor listens */

/* A container of a domain. */
struct domlet_domain_member {
	char *root, *id;         /* where its record is; NULL: there is none of this number */
	struct domlet_pid proxy; /* of its first process */
};

struct domlet_domain_record {
	char domains[4096 - 128]; /* the directory of all of them; absolute */
	char uuid[37];
	char name[64];
	char type[4];              /* "pvh", "pv" */
	uint32_t domid;            /* DOMLET_DOMID_NONE: none yet that is known */
	struct domlet_pid monitor; /* until there is one, the command that starts the domain */
	char *monitor_cgroup;      /* the monitor's alone, an absolute directory; NULL: none */
	uint32_t boot_timeout_s;   /* for whatever the guest is asked */
	struct domlet_domain_member members[DOMLET_CONTAINER_MAX]; /* by number */
};

/* Releases what D owns; D is that of no domain then. */
void domlet_domain_record_free(struct domlet_domain_record *d);
/* Makes DOMAINS (0711) and, exclusively, DOMAINS/UUID (0711) with the record D, whose uuid is set, in it. */
int domlet_domain_record_create(const char *domains, struct domlet_domain_record *d, struct domlet_error *err);
/* Writes the record D, which must be this process's to write. */
int domlet_domain_record_save(const struct domlet_domain_record *d, struct domlet_error *err);
/* Reads the record of UUID into *D. -ENOENT: there is no such domain any more. */
int domlet_domain_record_load(const char *domains, const char *uuid, struct domlet_domain_record *d,
			      struct domlet_error *err);
/* Reads the same under a lock that one command has at a time. Returns a descriptor; the lock ends when
 * that is closed. -ENOENT. -ETIMEDOUT: another command has held it for TIMEOUT_MS. */
int domlet_domain_record_lock(const char *domains, const char *uuid, int timeout_ms, struct domlet_domain_record *d,
			      struct domlet_error *err);
/* Removes DOMAINS/UUID with what is in it. */
int domlet_domain_record_remove(const struct domlet_domain_record *d, struct domlet_error *err);
/* Writes the path DOMAINS/UUID/NAME into BUF, of LEN bytes. */
void domlet_domain_record_path(const struct domlet_domain_record *d, const char *name, char *buf, size_t len);
/* Whether DOMAINS/UUID is there. */
bool domlet_domain_record_exists(const char *domains, const char *uuid);
/* Calls CB for each domain, until one call returns another value than 0, which is
 * returned then. *D is CB's for the time of the call. */
int domlet_domain_record_each(const char *domains, int (*cb)(struct domlet_domain_record *d, void *arg), void *arg);
/* Removes what killed creators and removers left half done. */
void domlet_domain_record_sweep(const char *domains);
/* Sets the member of that NUMBER (ROOT NULL: there is none any more). -ENOMEM: nothing is changed. */
int domlet_domain_record_set(struct domlet_domain_record *d, uint32_t number, const char *root, const char *id,
			     const struct domlet_pid *proxy);

#endif
