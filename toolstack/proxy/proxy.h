/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_PROXY_PROXY_H
#define DOMLET_PROXY_PROXY_H

/*
 * The proxy: the process whose pid callers get for a process in a guest. It
 * passes its signals and its terminal's size on to the monitor, and ends with
 * the exit status that the monitor sends. Callers look into the namespaces,
 * the cgroup and the root of this pid, so it has its own: a shadow of the
 * container in dom0, in which nothing runs. None of its namespaces is ever
 * dom0's. Its root can be written, but nothing in it executed. It
 * keeps no capability, no system call but its loop's (confine.h), and no
 * descriptor but its socket and its terminal.
 */

#include <sys/types.h>

#include "../base/error.h"
#include "../dom0/pid.h"

struct domlet_proxy {
	int fd;               /* a SOCK_SEQPACKET socket to the monitor */
	int tty;              /* becomes its controlling terminal; -1: none */
	const char *name;     /* what ps shows */
	const char *cgroup;   /* absolute directory it is put into; NULL: the caller's */
	const char *net_path; /* the network namespace it joins; NULL: a new one */
	const char *hostname; /* NULL: as it is */
	const char *rootfs;   /* what becomes its root, by domlet_proxy_enter_root() */
};

/* What the launching command holds of a proxy that has not entered its root. */
struct domlet_proxy_handle {
	pid_t pid; /* a child of the caller */
	int sync;  /* -1: nothing to wait for */
};

/* A container's first proxy, in new namespaces. It still sees dom0's files,
 * for hooks to run beside it, until domlet_proxy_enter_root(). */
int domlet_proxy_spawn(const struct domlet_proxy *p, struct domlet_proxy_handle *h, struct domlet_error *err);
/* Makes ROOTFS its root, has it give up all that it need not have, and waits
 * until that is done. Must be called, or the handle
 * abandoned with domlet_proxy_abandon(). */
int domlet_proxy_enter_root(struct domlet_proxy_handle *h, struct domlet_error *err);
/* Lets go of the handle: the proxy ends, unless it has entered its root. */
void domlet_proxy_abandon(struct domlet_proxy_handle *h);

/* Another process's proxy: in the namespaces and the root of FIRST, a
 * container's first proxy; net_path, hostname and rootfs of P are not looked
 * at. A child of the caller; its pid, or -errno. */
pid_t domlet_proxy_spawn_beside(const struct domlet_proxy *p, const struct domlet_pid *first, struct domlet_error *err);

/* Tells the monitor at FD the window size of the terminal TTY; nothing when it
 * has none (or is -1). */
void domlet_proxy_send_size(int fd, int tty);

#endif
