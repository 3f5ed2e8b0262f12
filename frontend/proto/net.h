/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_NET_H
#define DOMLET_PROTO_NET_H

/*
 * The network that a container is to have, whole: what dom0 has read of the
 * container's namespace there, and the guest makes. Numbers are Linux' own
 * (AF_INET, RTN_UNICAST, RT_SCOPE_LINK), as both sides are Linux. An IPv4 address
 * is the first 4 of its 16 bytes, and the others are 0. The structs have no
 * padding, so that equal ones are equal byte by byte.
 */

#include <stddef.h>
#include <stdint.h>

/* More than engines make of each; all of them encoded fit into one message. */
#define DOMLET_NET_LINKS_MAX 16u
#define DOMLET_NET_ADDRESSES_MAX 64u
#define DOMLET_NET_ROUTES_MAX 128u
#define DOMLET_NET_NEIGHBOURS_MAX 64u
#define DOMLET_NET_NAME_LEN 16u  /* IFNAMSIZ */
#define DOMLET_NET_NO_LINK 255u  /* of a route that leads nowhere */
#define DOMLET_NET_LOOPBACK 254u /* of an address: it is lo's, which each namespace has */

/* In a container's namespace dom0's sockets get these ports, and the guest's kernel gives them to nobody: a frame from outside
 * says by its port whose it can be. */
#define DOMLET_NET_HOST_PORT_MIN 63488
#define DOMLET_NET_HOST_PORT_MAX 65535

struct domlet_net_link {
	uint32_t device; /* N of the guest's vif-N */
	uint32_t mtu;
	uint8_t mac[6];
	uint8_t no_arp, no_ipv6;
	char name[DOMLET_NET_NAME_LEN];
};

struct domlet_net_address {
	uint8_t family, prefix, link, scope; /* link: its place among the links */
	uint8_t address[16], peer[16];       /* peer: the same as address, unless it is a point-to-point link's */
	uint8_t broadcast[4];                /* 0: none */
};

struct domlet_net_route { /* of the main table */
	uint8_t family, prefix, link, scope;
	uint8_t type;                 /* RTN_UNICAST, RTN_BLACKHOLE, RTN_UNREACHABLE or RTN_PROHIBIT */
	uint8_t gateway_family;       /* 0: there is none */
	uint8_t on_link, has_source;  /* on_link: the gateway is, whatever other routes say */
	uint32_t metric, mtu, advmss; /* 0: none */
	uint8_t destination[16], gateway[16], source[16];
};

struct domlet_net_neighbour { /* that is there for good */
	uint8_t family, link;
	uint8_t mac[6];
	uint8_t address[16];
};

struct domlet_net {
	uint32_t link_count, address_count, route_count, neighbour_count;
	struct domlet_net_link links[DOMLET_NET_LINKS_MAX];
	struct domlet_net_address addresses[DOMLET_NET_ADDRESSES_MAX];
	struct domlet_net_route routes[DOMLET_NET_ROUTES_MAX];
	struct domlet_net_neighbour neighbours[DOMLET_NET_NEIGHBOURS_MAX];
};

#define DOMLET_NET_ENCODED_MAX                                                                             \
	(16u + DOMLET_NET_LINKS_MAX * 32u + DOMLET_NET_ADDRESSES_MAX * 40u + DOMLET_NET_ROUTES_MAX * 68u + \
	 DOMLET_NET_NEIGHBOURS_MAX * 24u)

/* Bytes written to OUT, which has room for DOMLET_NET_ENCODED_MAX. */
size_t domlet_net_encode(const struct domlet_net *net, uint8_t *out);
/* 0, or -EPROTO with a static sentence in *REASON. */
int domlet_net_decode(const uint8_t *in, size_t len, struct domlet_net *net, const char **reason);

#endif
