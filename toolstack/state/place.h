/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STATE_PLACE_H
#define DOMLET_STATE_PLACE_H

/*
 * The directory ROOT/ID of a container, or of a domain: its names, its lock, and how it comes and goes
 * without ever being seen half done. What the record in it says is not known here.
 * Only state/ includes this. Texts are the caller's; a function that has an error
 * returns 0 or -errno, where it doesn't say otherwise.
 */

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>

#include "../../frontend/proto/limits.h"
#include "../dom0/pid.h"

struct domlet_error;

#define DOMLET_PLACE_RECORD "domlet.json"  /* the file in ROOT/ID that the record is in */
#define DOMLET_PLACE_SOCKET "monitor.sock" /* a domain's */
#define DOMLET_PLACE_LIMBO_MAX 64          /* bytes of a name in limbo, with its NUL */

/* Whether ID is a name inside ROOT. The verbs check the whole rule (domlet_id_check);
 * this check keeps every path below ROOT, whoever calls. */
bool domlet_place_is_inside(const char *id);
/* Writes ROOT, absolute and without links, into REAL, of LEN bytes. -ENOENT ("container
 * does not exist", with ID): there is no such directory. -ENAMETOOLONG. */
int domlet_place_root(const char *root, const char *id, char *real, size_t len, struct domlet_error *err);

/* A directory in limbo has no container yet, or no longer: its name says who
 * makes or removes it, and no container can have that name. */
bool domlet_place_is_limbo(const char *name);
/* For scandir(3): whether ENTRY may be a container's, or a domain's. */
int domlet_place_may_be(const struct dirent *entry);
/* Whether NAME is in limbo and tells its maker or remover, which *WHO is then. */
bool domlet_place_limbo_of(const char *name, struct domlet_pid *who);
/* Makes a directory in limbo, which WHO will fill and settle as ROOT/ID; writes its name
 * into LIMBO. */
int domlet_place_make(const char *root, const char *id, const struct domlet_pid *who,
		      char limbo[DOMLET_PLACE_LIMBO_MAX], struct domlet_error *err);
/* Renames ROOT/LIMBO to ROOT/ID. -EEXIST ("container with given ID already exists"). */
int domlet_place_settle(const char *root, const char *limbo, const char *id, struct domlet_error *err);
/* Removes ROOT/ID, where ID may be in limbo, with domlet's files in it; 0 also when there
 * is none. -EEXIST: something else is in it, and nothing was removed. */
int domlet_place_remove(const char *root, const char *id, struct domlet_error *err);

/* Removes what killed makers and removers left in limbo in ROOT. */
void domlet_place_sweep(const char *root);

/* Returns a descriptor of the directory PATH, which is the container ID's, with a lock
 * that one process has at a time; the lock ends when the descriptor is closed. -ENOENT.
 * -ETIMEDOUT: another process has held the lock for TIMEOUT_MS. */
int domlet_place_lock(const char *path, const char *id, int timeout_ms, struct domlet_error *err);
/* Whether FD is PATH's still: the directory may have been removed, and made
 * anew, since it was opened. */
bool domlet_place_is_at(int fd, const char *path);

#endif
