/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_E2E_NET_SPACE_H
#define DOMLET_E2E_NET_SPACE_H

/*
 * For the programs here that work in network namespaces of their own. What isn't as it is to be ends the program with a
 * sentence; exit status 77: this kernel or this user can't.
 */

#include <stdbool.h>

#include "../../toolstack/net/splice.h"

void demand(bool is, const char *what);
_Noreturn void skip(const char *why);
/* Skips where there is no root or no ip(8). */
void need_namespaces(void);
/* A command of the shell, in the namespace where this thread is. */
void run(const char *command);
/* Descriptors of namespaces, that of this thread, and of a new one, where it is then. */
int open_namespace(void);
int new_namespace(void);
void enter(int namespace);
/* NETWORK, where this thread is then, has 10.1.2.1 and fd00::1 on "network", and behind that CONTAINER has eth0 with MAC, 10.1.2.3 and fd00::3, and
 * vif9.0, behind which GUEST has the same. */
#define MAC "02:42:0a:01:02:03"
void make_spaces(int *network, int *container, int *guest);
/* vif9.0 with eth0, both in CONTAINER, whose socket is INSIDE; this thread is in HERE. Where this kernel has no matchall, u32 does the same. */
void join(struct domlet_net_socket *inside, int container, int here, const struct domlet_net_sender *sender,
	  struct domlet_net_splice *splice);
/* A packet socket in NAMESPACE of its device NAME, which waits for 300 ms at most. */
int open_device(int here, int namespace, const char *name);

#endif
