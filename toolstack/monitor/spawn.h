/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_SPAWN_H
#define DOMLET_MONITOR_SPAWN_H

/* How a command starts a monitor. */

#include "monitor.h"

/* Forks the monitor of SPEC, which keeps nothing of the caller's but its first connection
 * and its log: another descriptor may be a lock, or a pipe whose end somebody waits for.
 * SPEAKS: it keeps the caller's stderr for debug lines, and where the caller stays in the
 * FOREGROUND for notices, too. The caller closes SPEC's first connection, whose other end
 * is the caller's. The record names the monitor then. Returns its pid, or -errno. */
pid_t domlet_monitor_spawn(struct domlet_monitor_spec *spec, bool speaks, bool foreground, struct domlet_error *err);

#endif
