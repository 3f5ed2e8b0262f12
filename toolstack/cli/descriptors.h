/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_DESCRIPTORS_H
#define DOMLET_CLI_DESCRIPTORS_H

/* Descriptors on their way to another process (unix(7), SCM_RIGHTS). */

#include <stddef.h>

#define DOMLET_DESCRIPTORS_MAX 5u

/* Sends LEN bytes of TEXT, at least one, and COUNT descriptors in one message
 * over the unix socket FD. They stay the caller's. 0 or -errno. */
int domlet_cli_send_descriptors(int fd, const char *text, size_t len, const int *fds, size_t count);

#endif
