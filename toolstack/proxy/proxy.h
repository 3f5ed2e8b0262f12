/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_PROXY_PROXY_H
#define DOMLET_PROXY_PROXY_H

/*
 * The proxy: the process whose pid callers get for a process in a guest. It
 * passes its signals and its terminal's size on to the monitor, and ends with
 * the exit status that the monitor sends. It keeps no descriptor but its
 * socket and its terminal.
 */

#include <stdint.h>

struct domlet_proxy {
	int fd;              /* a SOCK_SEQPACKET socket to the monitor */
	int tty;             /* becomes its controlling terminal; -1: none */
	uint32_t namespaces; /* DOMLET_NS_*: which it takes for itself */
	const char *name;    /* what ps shows */
};

_Noreturn void domlet_proxy_main(const struct domlet_proxy *p);

#endif
