/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_NET_SPLICE_H
#define DOMLET_NET_SPLICE_H

/*
 * A vif and an engine's link in one namespace, of which each gives what it receives to
 * the other to send: the guest stands on the wire in the namespace's place. No packet passes
 * a process. Nothing of the engine's is renamed or changed but for the filter on its link.
 */

#include "filter.h"
#include "socket.h"

struct domlet_net_splice {
	uint32_t link, vif; /* indexes */
};

/* HOST is a socket of the namespace that VIF is in; afterwards VIF is in NAMESPACE, a descriptor, under the same name. */
int domlet_net_splice_move(struct domlet_net_socket *host, const char *vif, int namespace, struct domlet_error *err);
/* S is a socket of the namespace that both are in. The vif speaks for itself in no way, has LINK's MTU,
 * and passes on what SENDER may send. */
int domlet_net_splice_join(struct domlet_net_socket *s, const char *vif, uint32_t link, uint32_t mtu,
			   const struct domlet_net_sender *sender, struct domlet_net_splice *splice,
			   struct domlet_error *err);
/* Takes the filters away again, as far as their devices are still there. */
void domlet_net_splice_part(struct domlet_net_socket *s, const struct domlet_net_splice *splice);
/* Of the vif only: its link has changed its own. */
int domlet_net_splice_resize(struct domlet_net_socket *s, const struct domlet_net_splice *splice, uint32_t mtu);

#endif
