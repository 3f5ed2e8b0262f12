/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_MONITOR_H
#define DOMLET_MONITOR_MONITOR_H

/*
 * The monitor: one process a domain, one libuv loop. It builds the domain,
 * owns dom0's end of the ring, relays the streams, and answers requests.
 * Everybody who talks to it (the command that launched it, the proxy, later
 * commands by ROOT/ID/monitor.sock) does so over a SOCK_SEQPACKET socket, one
 * JSON object a packet:
 *   {"verb":"start"}  {"verb":"pause"}  {"verb":"resume"}  {"verb":"signal","signo":9,"all":false}
 *   {"verb":"winsize","rows":24,"cols":80}  {"verb":"destroy"}
 *   {"verb":"exec","terminal":false}, with five descriptors: the process's
 *   streams (with a terminal: thrice the same), its proxy's socket, and a file
 *   with an OCI process object
 *   {"verb":"done"}, of the launching command: from now on the container
 *   outlives it
 * answered by {"code":0} or {"code":ERRNO,"text":"…"}, as is what is none of
 * these (EINVAL), but winsize, destroy and done not at all. A connection for which
 * there is no room gets {"code":EAGAIN,…} and is closed. The launching command
 * gets one such answer unasked when the container is created or can't be;
 * the proxy gets {"exit":STATUS}.
 */

#include <stdbool.h>

#include "../../frontend/proto/limits.h"
#include "../base/log.h"
#include "../oci/plan.h"
#include "../state/state.h"
#include "../xen/xen.h"

#define DOMLET_MONITOR_SOCKET DOMLET_STATE_SOCKET
#define DOMLET_MONITOR_PACKET_MAX 256
#define DOMLET_MONITOR_FDS_MAX 5 /* an exec's */
#define DOMLET_MONITOR_ANSWER_MAX 4096

struct domlet_launch {
	const struct domlet_plan *plan;
	struct domlet_state *state; /* names this process as the monitor; saved by it */
	const struct domlet_template *tmpl;
	int caller_fd, proxy_fd;
	int stdio[3];    /* the container's, in dom0; 2 is unused with a terminal */
	bool foreground; /* the container ends with its caller, and leaves no state */
	bool keep;       /* but it does leave its state */
	const struct domlet_log *log;
};

/* Runs until the domain is gone. Returns the process's exit status. */
int domlet_monitor_main(const struct domlet_launch *launch);

#endif
