/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_ID_H
#define DOMLET_OCI_ID_H

/*
 * Ids of containers, which are names of directories in dom0. Whoever takes one from
 * outside comes here; nothing is kept.
 */

struct domlet_error;

/* Refuses (-EINVAL, "invalid container ID format") an id that runc's rule doesn't have:
 * [A-Za-z0-9_+.-]+, not "." or "..", at most DOMLET_ID_MAX characters. */
int domlet_id_check(const char *id, struct domlet_error *err);

#endif
