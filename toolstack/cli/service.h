/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_SERVICE_H
#define DOMLET_CLI_SERVICE_H

/*
 * What a service manager, as systemd, hands to a command that it runs: NOTIFY_SOCKET,
 * where the manager is told that a service is ready (sd_notify(3)), and LISTEN_FDS,
 * sockets on which the manager listens for a service (sd_listen_fds(3)). A program in a
 * guest reaches neither. run, create and start come here; nothing is kept.
 */

#include <sys/types.h>

#include "cli.h"

/* Refuses (-ENOTSUP) when there are sockets for this process: none can enter a guest. */
int domlet_cli_refuse_sockets(struct domlet_error *err);
/* Says READY=1 in the container's place, whose program has been started, and with MAIN_PID
 * (0: this process goes on) which process the manager is to look after from now on.
 * Nothing is said when nobody wants to know; a failure is noticed in the log. */
void domlet_cli_say_ready(struct domlet_cli *cli, pid_t main_pid);

#endif
