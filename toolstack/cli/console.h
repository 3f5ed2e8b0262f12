/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_CONSOLE_H
#define DOMLET_CLI_CONSOLE_H

/*
 * --console-socket: a terminal of our own for the container, whose master end goes to
 * whoever listens on that socket. The verbs create, run and exec come here. A descriptor
 * that is returned is the caller's.
 */

#include <stdint.h>

#include "../base/error.h"

/* Makes a pty pair of ROWS and COLS (0: unknown), its slave end raw, so that only the
 * guest's terminal edits and echoes. The master is sent over the unix socket
 * SOCKET_PATH with its name, and closed. Returns the slave, or -errno. */
int domlet_cli_console(const char *socket_path, uint16_t rows, uint16_t cols, struct domlet_error *err);

#endif
