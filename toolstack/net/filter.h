/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_NET_FILTER_H
#define DOMLET_NET_FILTER_H

/*
 * What of all that a guest sends goes on to the engine's link. This is the one place where that is decided.
 * Who has neither CAP_NET_RAW nor CAP_NET_ADMIN can send in no other name with runc, and so a
 * guest of such containers can't here, whatever its kernel does: its link's MAC; the container's addresses, and those of IPv6 that
 * each kernel makes of its MAC; no tag of a VLAN; by ARP and by IPv6's neighbour discovery it speaks of these alone, and is no router.
 * DHCP is nothing special: no address is none of its own.
 */

#include "../../frontend/proto/net.h"
#include "../base/error.h"
#include "bpf.h"
#include "socket.h"

struct domlet_net_sender {
	bool forges; /* a container has one of these capabilities */
	const struct domlet_net *
		net; /* its addresses, and its link at place LINK there; NULL: they are not known yet, and nothing passes */
	uint32_t link;
};

/* P is empty; S doesn't forge. */
void domlet_net_filter_make(struct domlet_net_bpf *p, const struct domlet_net_sender *sender);
/* VIF is the index of SENDER's. What was there before holds until the new one does, also when that fails. */
int domlet_net_filter_set(struct domlet_net_socket *s, uint32_t vif, const struct domlet_net_sender *sender,
			  struct domlet_error *err);

#endif
