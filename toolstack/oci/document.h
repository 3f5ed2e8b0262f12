/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_DOCUMENT_H
#define DOMLET_OCI_DOCUMENT_H

/*
 * What a guest is told of its container: one JSON document,
 *   {"oci": the configuration as far as it is the guest's,
 *    "plan": {"root": …, "mounts": […], "join": …, "state": …}}
 * made of a plan when that is settled. "mounts" has an element for each mount
 * of the configuration:
 *   {"via":"guest"}                 the guest mounts it as the configuration says;
 *                                   a "type" here replaces that one, and the
 *                                   configuration's options are replaced too.
 *                                   A bind's source is taken out of the
 *                                   configuration. A tmpfs may have a "shared", a
 *                                   name: it is one with that of the other containers
 *                                   of the guest that say the same
 *   {"via":"skip"}                  the guest has its own there
 *   {"via":"copy","content":BASE64,"mode":N,"uid":N,"gid":N}
 *                                   a regular file
 *   {"via":"socket","socket":N,"mode":N,"uid":N,"gid":N}
 *                                   the guest listens there, and asks for the host's
 *                                   socket of that number when somebody connects; with
 *                                   "datagrams": true it gives on those that it gets there
 * "join" is there when the container has namespaces of others in its domain: their
 * numbers, by type. Those types are taken out of the configuration.
 * frontend/proto/PROTOCOL.md says how it travels.
 */

struct domlet_error;
struct domlet_plan;

/* Sets document, document_len and sha256 of PLAN, once; its configuration and
 * the contents of files are used up. STDIO: of which kinds the process's
 * standard streams are (process.h); NULL: all are pipes. 0 or -errno, and PLAN
 * is then only to be freed: -ENOTSUP is of an ipc, uts or pid namespace that nobody has
 * said the container of (domlet_plan_join()). */
int domlet_document_make(struct domlet_plan *plan, const char *const stdio[3], struct domlet_error *err);

#endif
