/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_NET_VIEW_H
#define DOMLET_NET_VIEW_H

/*
 * What an engine has made of a network namespace, as read: its links, and of those
 * that a container can use all that its host on the wire has to know. Texts and numbers
 * in it are dom0's kernel's own.
 */

#include <libmnl/libmnl.h>
#include <stdbool.h>

#include "../../frontend/proto/net.h"
#include "socket.h"

#define DOMLET_NET_DEVICES_MAX 64u

enum domlet_net_kind {
	DOMLET_NET_ENGINES, /* what an engine gives a container to use */
	DOMLET_NET_VIF,     /* a domain's, as its name says */
	DOMLET_NET_LO,      /* which a container has, too */
	DOMLET_NET_OTHER,   /* a tunnel: nothing with Ethernet's frames */
};

struct domlet_net_device {
	uint32_t index;
	enum domlet_net_kind kind;
	bool up;                     /* and has a carrier */
	struct domlet_net_link link; /* but its number, which the guest's device gives */
};

struct domlet_net_view {
	uint32_t device_count, address_count, route_count, neighbour_count;
	uint32_t left_out; /* so many of these were too many, or are of a kind that a guest can't be given */
	struct domlet_net_device devices[DOMLET_NET_DEVICES_MAX];
	/* Their links are not set: INDEX is that of the device, 0 for none. */
	struct {
		uint32_t index;
		struct domlet_net_address address;
	} addresses[DOMLET_NET_ADDRESSES_MAX];
	struct {
		uint32_t index;
		struct domlet_net_route route;
	} routes[DOMLET_NET_ROUTES_MAX];
	struct {
		uint32_t index;
		struct domlet_net_neighbour neighbour;
	} neighbours[DOMLET_NET_NEIGHBOURS_MAX];
};

/* Reads all of the namespace that S is of. */
int domlet_net_view_read(struct domlet_net_socket *s, struct domlet_net_view *view, struct domlet_error *err);
/* One message of a list, which is a struct domlet_net_view's from now on: 0, also when nothing of it counts. */
int domlet_net_view_take(void *view, const struct nlmsghdr *message);
/* NULL: there is none. */
const struct domlet_net_device *domlet_net_view_find(const struct domlet_net_view *view, uint32_t index);

#endif
