/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_FAKES_NET_FAKE_H
#define DOMLET_FAKES_NET_FAKE_H

/*
 * toolstack/net without a kernel's namespaces, for a monitor in a process of its own: what there is in a container's
 * namespace is in memory that a test shares with it, and so is what was done there. Only what is compared
 * is compared by the real code.
 */

#include <stdbool.h>
#include <stdint.h>

#include "../../toolstack/net/view.h"

struct net_fake {
	bool is_one;                 /* all containers are in one namespace; else each has its own */
	struct domlet_net_view view; /* of all containers' namespaces */
	unsigned int views;          /* how often it was read */
	unsigned int moved, joined, parted;
	unsigned int set, passed; /* ports of the namespace, and answers to its own sockets */
	/* Of a vif's filter: how often it was set, and last; and joins before that by which something could pass. */
	unsigned int filters, open_joins;
	bool forges;
	struct domlet_net sender;
	uint32_t sender_link;
	int move_fails, join_fails, pass_fails, filter_fails; /* with that errno; 0: it goes well */
};

extern struct net_fake *net_fake; /* NULL: there is nothing in any namespace */
extern int net_fake_changes;      /* the reading end of a pipe, of which each byte is a change; -1: none comes */

#endif
