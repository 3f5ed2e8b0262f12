/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_MONITOR_H
#define DOMLET_MONITOR_MONITOR_H

/*
 * The monitor: one process a domain, one libuv loop. It is started with a domain's
 * spec. Containers come to it, the first one, too. It builds the domain, owns dom0's end
 * of the ring, relays the streams, and answers requests. Everybody who talks to it (a command
 * that makes a container, a proxy, later commands by DOMAINS/UUID/monitor.sock) does so
 * over a SOCK_SEQPACKET socket, one JSON object a packet:
 *   {"verb":"join"}, of a command that is about to make a container: one gets a number
 *   and a generation, which are kept for the connection as long as it lasts
 *   {"verb":"create","version":4,"root":…,"id":…,"terminal":false,"foreground":false,
 *   "keep":false,"keeps":false,"forges":false,"memory":KIB,"vcpus":N,"shares":false,"sockets":N,
 *   "files":[{"mount":N,"path":…,"resolves":false},…]}, with seven descriptors: the process's three streams (with a
 *   terminal: thrice the same), its proxy's socket, the guest's document, the image's lock, and, if it shares,
 *   the socket of the process that serves its files; /dev/null stands for what there is none of. N more are
 *   the sockets in its binds, O_PATH. One that
 *   "forges" may send in any name (net/filter.h). ROOT/ID has the
 *   container's record, which is the monitor's from now on, until that says
 *   otherwise. Of the connection that a monitor is started with, "join" is done.
 *   {"verb":"about","number":0,"generation":1}: the container that this connection is about
 *   {"verb":"start"}  {"verb":"pause"}  {"verb":"resume"}  {"verb":"signal","signo":9,"all":false}
 *   {"verb":"winsize","rows":24,"cols":80}  {"verb":"destroy"}
 *   {"verb":"exec","terminal":false}, with five descriptors: the process's
 *   streams (with a terminal: thrice the same), its proxy's socket, and a file
 *   with an OCI process object
 *   {"verb":"stats","watch":false}; who once said "watch" gets {"oom":true} when the guest's kernel has killed processes for want
 *   of memory, and is disconnected when the container is over
 *   {"verb":"update","was":…,"limits":…,"resources":"{…}","memory":KIB,"vcpus":N,"weight":N,"cap":PERCENT}: limits of the record are
 *   those that the command knew (EAGAIN if not), and those that are to be then; without a weight, or a cap, that stays
 *   {"verb":"done"}, of the command that made the container: from now on the container
 *   outlives it
 * answered by {"code":0} or {"code":ERRNO,"text":"…"}, as is what is none of
 * these (EINVAL), but about, winsize, destroy and done not at all; join's answer has "number" and
 * "generation", too, and that of stats "figures", the numbers of frontend/proto/figures.h. A connection for which there is no room gets {"code":EAGAIN,…} and is closed, as is
 * another user's (EPERM). "create" is answered when the container is created or can't be; the proxy gets
 * {"exit":STATUS}.
 */

#include <stdbool.h>

#include "../../frontend/proto/limits.h"
#include "../base/log.h"
#include "../state/domain.h"
#include "../state/state.h"
#include "../xen/xen.h"

#define DOMLET_MONITOR_SOCKET DOMLET_DOMAIN_SOCKET
#define DOMLET_MONITOR_VERSION 4        /* of "create": raised when an older monitor could misread a newer one */
#define DOMLET_MONITOR_PACKET_MAX 32768 /* create's, with four paths and an id */
#define DOMLET_MONITOR_CREATE_FDS 7
#define DOMLET_MONITOR_FDS_MAX (DOMLET_MONITOR_CREATE_FDS + DOMLET_SOCKET_MAX)
#define DOMLET_MONITOR_EXEC_FDS 5
#define DOMLET_MONITOR_ANSWER_MAX 4096
#define DOMLET_MONITOR_FIRST_GENERATION 1 /* of the container that a monitor's first connection brings, number 0 */

struct domlet_monitor_spec {
	struct domlet_domain_record *record; /* names this process as the monitor; saved by it */
	const struct domlet_template *tmpl;
	uint64_t memory_kib;                /* 0: the template's */
	uint32_t vcpus;                     /* 0: the template's */
	bool memory_for_all, vcpus_for_all; /* that is for later containers, too, which then add nothing */
	int first;                          /* the connection of the command that starts the monitor */
	const struct domlet_log *log;
};

/* Runs until the domain is gone. Returns the process's exit status. */
int domlet_monitor_main(const struct domlet_monitor_spec *spec);

#endif
