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

/* Tells the monitor at FD the window size of the terminal TTY; nothing when it
 * has none (or is -1). */
void domlet_proxy_send_size(int fd, int tty);

#endif
