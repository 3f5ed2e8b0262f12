/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_DOM0_NETNS_H
#define DOMLET_DOM0_NETNS_H

/*
 * The network namespaces of dom0 that a container's processes there sit in.
 * They are looked at through /proc of a process that is in one. To have a socket
 * of one, or to set what is in force there, this thread is in it for as long as that takes; who makes
 * threads meanwhile has them there.
 */

#include <sys/types.h>

/* The namespace of PID, whose end it outlives: a descriptor for the caller to close. -errno. */
int domlet_netns_open(pid_t pid);
/* A socket of NAMESPACE, where it stays, whoever uses it wherever. It is closed by exec. -errno. */
int domlet_netns_socket(int namespace, int family, int type, int protocol);
/* Sets KEY, a path below /proc/sys/net, of NAMESPACE's. 0 or -errno. */
int domlet_netns_set(int namespace, const char *key, const char *value);

#endif
