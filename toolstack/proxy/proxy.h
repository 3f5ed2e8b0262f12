/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_PROXY_PROXY_H
#define DOMLET_PROXY_PROXY_H

/*
 * The proxy: the process whose pid callers get for a process in a guest. It
 * passes its signals on to the monitor, and ends with the exit status that
 * the monitor sends. It keeps no descriptor but its socket.
 */

/* FD: a SOCK_SEQPACKET socket to the monitor. NAME: what ps shows. */
_Noreturn void domlet_proxy_main(int fd, const char *name);

#endif
