/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STATE_STATE_H
#define DOMLET_STATE_STATE_H

/*
 * ROOT/ID/domlet.json: what a command needs to know about a container without
 * asking anybody. Written by rename, so a reader sees one whole version.
 * "stopped" is derived from the proxy (pid and start time), not believed:
 * callers delete microseconds after they reaped it.
 * ROOT may be shared with another runtime: foreign entries are ignored.
 */

#include <stdbool.h>
#include <stdint.h>

#include "../../frontend/proto/limits.h"
#include "../dom0/pid.h"

struct domlet_error;

enum domlet_status {
	DOMLET_STATUS_CREATING,
	DOMLET_STATUS_CREATED,
	DOMLET_STATUS_RUNNING,
	DOMLET_STATUS_PAUSED,
	DOMLET_STATUS_STOPPED,
};

#define DOMLET_STATE_SOCKET "monitor.sock" /* in ROOT/ID: where the monitor listens */
#define DOMLET_DOMID_NONE UINT32_MAX

struct domlet_state {
	char root[4096 - DOMLET_ID_MAX - 64];
	char id[DOMLET_ID_MAX + 1];
	char *bundle, *rootfs, *annotations, *oci_version; /* owned */
	char *cgroup;         /* of its proxies, an absolute directory in dom0; NULL: none */
	bool cgroup_kept;     /* it was there before the container, and stays */
	char *monitor_cgroup; /* of its monitor alone, likewise */
	char *hooks;          /* the configuration's, as JSON text; NULL: none */
	char *image;          /* rootfs image used; NULL: none */
	struct domlet_pid proxy, monitor;
	uint32_t domid; /* of the domain, until it is known to be destroyed */
	char uuid[37];  /* of the domain, chosen before it is built */
	char name[64];  /* domain name */
	char type[4];   /* "pvh", "pv", "" */
	enum domlet_status status;
	char created[40];   /* RFC 3339 */
	uint32_t exit_code; /* when stopped */
	char *labels;       /* those of the configuration that no guest applies: a JSON object; owned, NULL: none */
	char *reason;       /* why, when nobody asked for the end; owned, NULL: none */
};

void domlet_state_free(struct domlet_state *st);
/* Makes ROOT (0711) and, exclusively, ROOT/ID (0711) with a record in it that
 * names this process as the monitor. EEXIST: "container with given ID already
 * exists". */
int domlet_state_create(const char *root, const char *id, struct domlet_state *st, struct domlet_error *err);
/* Removes what killed creators left of domlet_state_create(). */
void domlet_state_sweep(const char *root);
int domlet_state_save(const struct domlet_state *st, struct domlet_error *err);
/* ENOENT: "container does not exist". */
int domlet_state_load(const char *root, const char *id, struct domlet_state *st, struct domlet_error *err);
#define DOMLET_STATE_LOCK_MS 60000 /* how long a command waits for another's clean-up */
/* The same as domlet_state_load(), with a lock on ROOT/ID that one command has
 * at a time: as long as it is held, nobody else saves or removes the record of
 * a container whose monitor has ended. (A living monitor's record is the
 * monitor's own.) Returns a descriptor; the lock ends when it is closed.
 * ETIMEDOUT when another has held it for TIMEOUT_MS. */
int domlet_state_lock(const char *root, const char *id, int timeout_ms, struct domlet_state *st,
		      struct domlet_error *err);
/* Removes ROOT/ID with what is in it. EEXIST, and nothing is removed, when that
 * is not only ours. */
int domlet_state_remove(const struct domlet_state *st, struct domlet_error *err);
/* The same for a container whose record is damaged. EBUSY when it is not. */
int domlet_state_discard(const char *root, const char *id, int timeout_ms, struct domlet_error *err);
/* ROOT/ID/NAME into buf. */
void domlet_state_path(const struct domlet_state *st, const char *name, char *buf, size_t len);
/* Status with liveness taken into account: stopped when the proxy is known to
 * be dead, or who was making it before it had one. */
enum domlet_status domlet_state_status(const struct domlet_state *st);
const char *domlet_status_name(enum domlet_status s);
/* Calls cb for each container of ROOT, sorted by id; stops at non-zero. */
int domlet_state_each(const char *root, int (*cb)(struct domlet_state *st, void *arg), void *arg,
		      struct domlet_error *err);
/* Refuses when it can't be known now whether the container of ST still lives:
 * who tells a status would tell what may be untrue. */
int domlet_state_know(const struct domlet_state *st, struct domlet_error *err);
/* The `state` verb's JSON text, malloc'ed. */
char *domlet_state_json(const struct domlet_state *st);

#endif
