/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_PROXY_PROXY_H
#define DOMLET_PROXY_PROXY_H

/*
 * The proxy: the process whose pid callers get for a process in a guest. A proxy
 * passes its signals and its terminal's size on to the monitor, and ends with the exit
 * status that the monitor sends. Callers look into the namespaces, the cgroup and the
 * root of this pid, so a proxy has its own: a shadow of the container in dom0, in which
 * nothing runs. None of its namespaces is ever dom0's. Its root can be written, but
 * nothing in it can be executed. A proxy keeps no capability, no system call but its
 * loop's (confine.h), and no descriptor but its socket and its terminal.
 *
 * Commands that start a process in a guest come here. Strings and descriptors stay the
 * caller's.
 */

#include <sys/types.h>

#include "../base/error.h"
#include "../dom0/pid.h"

struct domlet_proxy {
	int fd;             /* a SOCK_SEQPACKET socket to the monitor */
	int tty;            /* becomes the controlling terminal; -1: there is none */
	const char *name;   /* what ps shows */
	const char *cgroup; /* an absolute directory; NULL: the caller's cgroup */
	/* Namespaces to join, by their paths; NULL: a new one. Those of another container's
	 * first proxy, or a network that the engine has made. */
	const char *net_path, *ipc_path, *uts_path, *pid_path;
	const char *hostname; /* NULL: the caller's */
	const char *rootfs;   /* the root, from domlet_proxy_enter_root() on */
};

/* What the launching command holds of a proxy that has not entered its root. */
struct domlet_proxy_handle {
	pid_t pid; /* a child of the caller */
	int sync;  /* a descriptor of the handle's; -1: nothing is to be waited for */
};

/* Starts a container's first proxy, in new namespaces but those that it joins. When the pid
 * namespace is another proxy's, it ends with that one. The proxy still sees dom0's files
 * until domlet_proxy_enter_root(), so that hooks can run beside it. 0 or -errno. */
int domlet_proxy_spawn(const struct domlet_proxy *p, struct domlet_proxy_handle *h, struct domlet_error *err);
/* Has the proxy make ROOTFS its root and give up all that it need not have, and waits
 * until that is done. Either this must be called, or domlet_proxy_abandon(). 0 or
 * -errno. */
int domlet_proxy_enter_root(struct domlet_proxy_handle *h, struct domlet_error *err);
/* Lets go of the handle: a proxy that has not entered its root ends. */
void domlet_proxy_abandon(struct domlet_proxy_handle *h);

/* Starts the proxy of a further process, in the namespaces and the root of FIRST, which
 * is a container's first proxy; paths, hostname and rootfs of P are not looked at.
 * Returns the pid of a child of the caller, or -errno. */
pid_t domlet_proxy_spawn_beside(const struct domlet_proxy *p, const struct domlet_pid *first, struct domlet_error *err);

/* Tells the monitor at FD the window size of the terminal TTY; nothing when that has no
 * size, or TTY is -1. */
void domlet_proxy_send_size(int fd, int tty);

#endif
