/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_DESCRIPTORS_H
#define DOMLET_CLI_DESCRIPTORS_H

/*
 * Descriptors for another process: how they are sent there (unix(7), SCM_RIGHTS), files
 * without a name, and of which kind our standard streams are. Verbs come here; no memory
 * is owned.
 */

#include <stddef.h>

#include "../monitor/monitor.h"
#include "cli.h"

#define DOMLET_DESCRIPTORS_MAX DOMLET_MONITOR_FDS_MAX /* per message; none has more than "create" */

/* Sends LEN bytes of TEXT, at least one, and COUNT descriptors in one message
 * over the unix socket FD. The descriptors stay the caller's. 0 or -errno. */
int domlet_cli_send_descriptors(int fd, const char *text, size_t len, const int *fds, size_t count);
/* Returns the caller's descriptor of a file in memory (memfd_create(2)) that has the LEN
 * bytes of TEXT and is at its beginning; or -errno. */
int domlet_cli_memory_file(const char *text, size_t len);
/* Sets KINDS, of the three standard streams, as domlet_oci_process_set_stdio() takes them: a
 * stream that is /dev/null here is /dev/null in the guest, and one that the caller has
 * closed is closed. The texts are static. */
void domlet_cli_stdio_kinds(const struct domlet_cli *cli, const char *kinds[3]);

#endif
