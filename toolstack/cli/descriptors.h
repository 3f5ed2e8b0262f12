/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_DESCRIPTORS_H
#define DOMLET_CLI_DESCRIPTORS_H

/* Descriptors for another process: sent to it (unix(7), SCM_RIGHTS), files
 * without a name, and of which kind our standard streams are. */

#include <stddef.h>

#include "cli.h"

#define DOMLET_DESCRIPTORS_MAX 5u

/* Sends LEN bytes of TEXT, at least one, and COUNT descriptors in one message
 * over the unix socket FD. They stay the caller's. 0 or -errno. */
int domlet_cli_send_descriptors(int fd, const char *text, size_t len, const int *fds, size_t count);
/* A file in memory (memfd_create(2)) of LEN bytes, at its beginning, which is
 * the caller's; or -errno. */
int domlet_cli_memory_file(const char *text, size_t len);
/* As domlet_oci_process_set_stdio() takes them: what is /dev/null here is /dev/null
 * in the guest, and what the caller has closed is closed. */
void domlet_cli_stdio_kinds(const struct domlet_cli *cli, const char *kinds[3]);

#endif
