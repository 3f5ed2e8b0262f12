/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_CONSOLE_H
#define DOMLET_CLI_CONSOLE_H

/*
 * --console-socket: a terminal of our own for the container, whose master end
 * goes to the caller. Descriptors returned belong to the caller.
 */

#include <stdint.h>

#include "../base/error.h"

/* A pty pair of that size (0: unknown), its slave end raw, so that only the
 * guest's terminal edits and echoes. The master is sent over the unix socket
 * SOCKET_PATH with its name, and closed. Returns the slave, or -errno. */
int domlet_cli_console(const char *socket_path, uint16_t rows, uint16_t cols, struct domlet_error *err);

#endif
