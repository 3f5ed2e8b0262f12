/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_NET_SOCKET_H
#define DOMLET_NET_SOCKET_H

/*
 * A netlink socket of a network namespace. It stays there, whoever uses it
 * wherever. The kernel answers within the call, so nothing here waits for anybody.
 */

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "../base/error.h"

struct domlet_net_socket {
	struct mnl_socket *nl; /* NULL: none */
	uint32_t sequence;
};

/* NAMESPACE: a descriptor of one, which stays the caller's; -1: that of this thread. */
int domlet_net_socket_open(struct domlet_net_socket *s, int namespace, struct domlet_error *err);
void domlet_net_socket_close(struct domlet_net_socket *s);

/* One that can only be waited on: it becomes readable when something of what a view has changes there. */
int domlet_net_socket_watch(struct domlet_net_socket *s, int namespace, struct domlet_error *err);
int domlet_net_socket_fd(const struct domlet_net_socket *s);
/* Takes out what has changed. */
void domlet_net_socket_drain(struct domlet_net_socket *s);

/* The request in MESSAGE, which has its type, its flags and its attributes. 0 when the kernel has done it;
 * -errno is the kernel's. */
int domlet_net_socket_do(struct domlet_net_socket *s, struct nlmsghdr *message);
/* Each part of the answer is TAKEN; an error of TAKE's, below 0, is returned. -EINTR: what is listed has changed meanwhile,
 * and the list is not to be trusted. */
int domlet_net_socket_list(struct domlet_net_socket *s, uint16_t type, uint8_t family,
			   int (*take)(void *user, const struct nlmsghdr *message), void *user);

#endif
