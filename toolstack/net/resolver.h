/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_NET_RESOLVER_H
#define DOMLET_NET_RESOLVER_H

/*
 * What an engine's resolver, which is dockerd, asks name servers outside from sockets of its own in a container's
 * namespace: the answers come by the container's link, all of whose frames the guest is given. So answers to the
 * namespace's own sockets are let through to these, and whoever has a MAC is heard by both.
 * A socket of the namespace has a port that the guest's kernel gives to nobody (frontend/proto/net.h).
 */

#include "bpf.h"
#include "splice.h"

/* P is empty. VIF is where the guest hears whatever is heard by both. */
void domlet_net_resolver_make(struct domlet_net_bpf *p, uint32_t vif);
/* For what SPLICE's link receives, before the guest gets the rest. S is a socket of their namespace. It goes with the splice. */
int domlet_net_resolver_pass(struct domlet_net_socket *s, const struct domlet_net_splice *splice,
			     struct domlet_error *err);

#endif
