/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STATE_STATE_H
#define DOMLET_STATE_STATE_H

/*
 * ROOT/ID/domlet.json: what a command needs to know about a container without asking
 * anybody. The record is written by rename, so that a reader sees one whole version.
 * Commands and the monitor come here; who of them may write a record, and when, is in
 * docs/architecture.md. That a container is stopped is derived from its proxy (by pid
 * and start time) and not believed, since callers delete a container microseconds
 * after they have reaped its proxy. ROOT may be shared with another runtime, whose
 * entries are passed over.
 *
 * A struct domlet_state owns its strings, which domlet_state_free() releases. Each
 * function with an error as its last parameter returns 0 or -errno, where it doesn't
 * say otherwise.
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

#define DOMLET_DOMID_NONE UINT32_MAX /* no domain, or none that is known */

struct domlet_state {
	char root[4096 - DOMLET_ID_MAX - 64]; /* absolute */
	char id[DOMLET_ID_MAX + 1];
	char *bundle, *rootfs, *annotations, *oci_version; /* as in the plan */
	char *cgroup;                                      /* the proxies', an absolute directory in dom0; NULL: none */
	bool cgroup_kept;                                  /* CGROUP was there before the container, and stays */
	char *hooks;                                       /* the configuration's, as JSON text; NULL: none */
	char *image;                                       /* of the root file system; NULL: none yet */
	struct domlet_pid proxy;
	/* Whose the record is to write: the command that makes the container; then its domain's
	 * monitor; 0 when nothing of the container is left in its domain, which goes on. */
	struct domlet_pid monitor;
	char uuid[37];       /* of its domain (domain.h); "": none yet */
	char type[4];        /* of its domain: "pvh", "pv"; "": not known yet */
	uint32_t number;     /* in its domain */
	uint64_t generation; /* of that number; 0: none yet */
	enum domlet_status status;
	char created[40];   /* RFC 3339 */
	uint32_t exit_code; /* of a stopped container */
	char *limits; /* that its domain was sized by (oci/limits.h); NULL: it was recorded before there were such */
	char *labels; /* labels of the configuration that no guest applies, as a JSON object; NULL: none */
	char *reason; /* of the end, when nobody asked for it; NULL: none */
};

/* Releases what ST owns; ST is that of no container then. */
void domlet_state_free(struct domlet_state *st);
/* Makes ROOT (0711) and, exclusively, ROOT/ID (0711) with a record in it that names this
 * process as the monitor. Fills *ST. -EEXIST: "container with given ID already exists". */
int domlet_state_create(const char *root, const char *id, struct domlet_state *st, struct domlet_error *err);
/* Removes what killed creators left of domlet_state_create(). */
void domlet_state_sweep(const char *root);
/* Writes the record of ST, which must be this process's to write. */
int domlet_state_save(const struct domlet_state *st, struct domlet_error *err);
/* Reads the record of ID into *ST. -ENOENT: "container does not exist". */
int domlet_state_load(const char *root, const char *id, struct domlet_state *st, struct domlet_error *err);
#define DOMLET_STATE_LOCK_MS 60000 /* how long a command waits for another's clean-up */
/* Reads as domlet_state_load() does, with a lock on ROOT/ID that one command has at a
 * time: as long as the lock is held, nobody else saves or removes the record of a
 * container whose monitor has ended. (A living monitor's record is the monitor's own.)
 * Returns a descriptor; the lock ends when that is closed. -ETIMEDOUT: another command
 * has held the lock for TIMEOUT_MS. */
int domlet_state_lock(const char *root, const char *id, int timeout_ms, struct domlet_state *st,
		      struct domlet_error *err);
/* Removes ROOT/ID with what is in it. -EEXIST: that is not only ours, and nothing was
 * removed. */
int domlet_state_remove(const struct domlet_state *st, struct domlet_error *err);
/* Removes a container in the same way whose record is damaged. -EBUSY: its record is
 * whole. */
int domlet_state_discard(const char *root, const char *id, int timeout_ms, struct domlet_error *err);
/* Writes the path ROOT/ID/NAME into BUF, of LEN bytes. */
void domlet_state_path(const struct domlet_state *st, const char *name, char *buf, size_t len);
/* The status of ST as it is now: stopped when the proxy is known to be dead, or the
 * command that was making the container and had no proxy yet. */
enum domlet_status domlet_state_status(const struct domlet_state *st);
/* As the specification names S (runtime.md#state); static. */
const char *domlet_status_name(enum domlet_status s);
/* Calls CB for each container of ROOT, sorted by id, until one call returns another value
 * than 0, which is returned then. *ST is CB's for the time of the call. */
int domlet_state_each(const char *root, int (*cb)(struct domlet_state *st, void *arg), void *arg,
		      struct domlet_error *err);
/* Refuses when it can't be known now whether the container of ST still lives: whoever
 * tells its status would tell what may be untrue. */
int domlet_state_know(const struct domlet_state *st, struct domlet_error *err);
/* The state of ST as the verb `state` prints it: JSON text (runtime.md#state, and runc's
 * members), which the caller frees; NULL: out of memory. */
char *domlet_state_json(const struct domlet_state *st);

#endif
