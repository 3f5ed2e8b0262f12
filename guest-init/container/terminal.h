/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_TERMINAL_H
#define DOMLET_INIT_TERMINAL_H

/*
 * A process's terminal, of its container's own devpts, so that its name is
 * true there. The process itself opens it; process 1 fetches the master.
 */

#include <sys/types.h>

#include "../config/config.h"

/* In the process, which has entered the container: standard streams and
 * controlling terminal. CONSOLE: it is /dev/console, too. The master's
 * descriptor, or -errno. */
int domlet_terminal_open(const struct domlet_process_config *p, bool console, struct domlet_failure *failure);
/* In process 1: a non-blocking descriptor of PID's FD, or -errno. */
int domlet_terminal_fetch(pid_t pid, int fd);

#endif
