/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_DOM0_NETNS_H
#define DOMLET_DOM0_NETNS_H

/*
 * The network namespaces of dom0 that a container's processes there sit in.
 * They are looked at through /proc of a process that is in one; nothing is
 * entered, and nothing kept.
 */

#include <sys/types.h>

struct domlet_error;

/* Refuses (ENOTSUP) when the namespace of PID, which stands for the container
 * ID, has a network: an IPv4 route, or an IPv6 address of another interface than
 * lo. One without IPv4 or IPv6 has none of that kind. */
int domlet_netns_refuse_network(pid_t pid, const char *id, struct domlet_error *err);

#endif
