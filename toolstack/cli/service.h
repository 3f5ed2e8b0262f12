/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_SERVICE_H
#define DOMLET_CLI_SERVICE_H

/*
 * What a service manager, as systemd, hands to a command that it runs:
 * NOTIFY_SOCKET, where it is told that a service is ready (sd_notify(3)), and
 * LISTEN_FDS, sockets that it listens on for it (sd_listen_fds(3)). A program
 * in a guest reaches neither.
 */

#include <sys/types.h>

#include "cli.h"

/* ENOTSUP when there are sockets for this process: none can enter a guest. */
int domlet_cli_refuse_sockets(struct domlet_error *err);
/* Says READY=1, and with MAIN_PID (0: this process goes on) whom to look after
 * from now on, in the container's place: its program has been started. Nothing
 * when nobody wants to know; a failure is noticed, and no more. */
void domlet_cli_say_ready(struct domlet_cli *cli, pid_t main_pid);

#endif
