/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_DESCRIPTORS_H
#define DOMLET_CLI_DESCRIPTORS_H

/* Descriptors for another process: sent to it (unix(7), SCM_RIGHTS), or files
 * without a name. */

#include <stddef.h>

#define DOMLET_DESCRIPTORS_MAX 5u

/* Sends LEN bytes of TEXT, at least one, and COUNT descriptors in one message
 * over the unix socket FD. They stay the caller's. 0 or -errno. */
int domlet_cli_send_descriptors(int fd, const char *text, size_t len, const int *fds, size_t count);
/* A file in memory (memfd_create(2)) of LEN bytes, at its beginning, which is
 * the caller's; or -errno. */
int domlet_cli_memory_file(const char *text, size_t len);

#endif
