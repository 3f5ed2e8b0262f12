/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_RESOLVER_H
#define DOMLET_INIT_RESOLVER_H

/*
 * docker's resolver is 127.0.0.11, port 53, in each container that is on a
 * network of the user's. In the guest another port of that address leads to it,
 * since port 53 may be wanted by a name server of the container's own; programs
 * on the container's cgroup change the one into the other, and back where a
 * process asks whom it has heard. They act in one network namespace alone: a
 * docker inside of the container has a 127.0.0.11 of its own.
 */

#include <linux/bpf.h>
#include <stdint.h>

#include "../config/failure.h"

#define DOMLET_RESOLVER_ADDRESS 0x7f00000bu /* 127.0.0.11 */
#define DOMLET_RESOLVER_PORT 53

/* No program is longer. */
#define DOMLET_RESOLVER_INSNS 24u

/* Which of them there are; the end is a 0 that is none of them. */
extern const enum bpf_attach_type domlet_resolver_hooks[];

/* The program for HOOK, into INSN; how many instructions. COOKIE: the namespace's (SO_NETNS_COOKIE). */
uint32_t domlet_resolver_make(struct bpf_insn insn[static DOMLET_RESOLVER_INSNS], enum bpf_attach_type hook,
			      uint64_t cookie, uint16_t port);
/* All of them for the cgroup and those below. 0, or -errno with *failure; then some may be there, and do nothing where
 * nobody uses PORT. */
int domlet_resolver_attach(int cgroup_fd, uint64_t cookie, uint16_t port, struct domlet_failure *failure);

#endif
