// SPDX-License-Identifier: GPL-2.0-or-later
#include "view.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define READS_MAX 10 /* of what changes while it is read; its last change is told, and it is read again then */

/* Attributes of one message, by number; those that are not known are passed over. */
#define ATTRIBUTES 64

static int sort_one(const struct nlattr *a, void *user)
{
	const struct nlattr **by_type = user;

	if (mnl_attr_get_type(a) < ATTRIBUTES)
		by_type[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

static void sort_attributes(const struct nlmsghdr *m, size_t header, const struct nlattr *by_type[ATTRIBUTES])
{
	memset(by_type, 0, ATTRIBUTES * sizeof by_type[0]);
	(void)mnl_attr_parse(m, (unsigned int)header, sort_one, by_type);
}

/* Those of a list within an attribute, or none. */
static void sort_nested(const struct nlattr *list, const struct nlattr *by_type[ATTRIBUTES])
{
	memset(by_type, 0, ATTRIBUTES * sizeof by_type[0]);
	if (list)
		(void)mnl_attr_parse_nested(list, sort_one, by_type);
}

static uint32_t read_u32(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) >= sizeof(uint32_t) ? mnl_attr_get_u32(a) : 0;
}

/* The family is the message's; an address of another length is none. */
static bool read_address(const struct nlattr *a, uint8_t family, uint8_t address[16])
{
	size_t len = family == AF_INET ? 4 : 16;

	if (!a || mnl_attr_get_payload_len(a) != len)
		return false;
	memcpy(address, mnl_attr_get_payload(a), len);
	return true;
}

/* Links */

/* IFLA_AF_SPEC has a list for each family, and IPv6's has the values of /proc/sys/net/ipv6/conf/NAME. */
static bool has_no_ipv6(const struct nlattr *specification)
{
	const struct nlattr *families[ATTRIBUTES], *ipv6[ATTRIBUTES];
	int32_t values[DEVCONF_DISABLE_IPV6 + 1];

	sort_nested(specification, families);
	sort_nested(families[AF_INET6], ipv6);
	/* Its kernel has none, or has none on a device with so small an MTU. */
	if (!ipv6[IFLA_INET6_CONF] || mnl_attr_get_payload_len(ipv6[IFLA_INET6_CONF]) < sizeof values)
		return true;
	memcpy(values, mnl_attr_get_payload(ipv6[IFLA_INET6_CONF]), sizeof values);
	return values[DEVCONF_DISABLE_IPV6] != 0;
}

static bool is_vif(const char *name)
{
	unsigned int domain, number;
	char rest;

	return sscanf(name, "vif%u.%u%c", &domain, &number, &rest) == 2;
}

static int take_link(struct domlet_net_view *v, const struct nlmsghdr *m)
{
	const struct ifinfomsg *header = mnl_nlmsg_get_payload(m);
	const struct nlattr *a[ATTRIBUTES], *mac;
	struct domlet_net_device *d;

	sort_attributes(m, sizeof *header, a);
	if (!a[IFLA_IFNAME])
		return 0;
	if (v->device_count == DOMLET_NET_DEVICES_MAX) {
		v->left_out++;
		return 0;
	}
	d = &v->devices[v->device_count++];
	*d = (struct domlet_net_device){ .index = (uint32_t)header->ifi_index };
	(void)snprintf(d->link.name, sizeof d->link.name, "%.*s", (int)mnl_attr_get_payload_len(a[IFLA_IFNAME]),
		       mnl_attr_get_str(a[IFLA_IFNAME]));
	d->kind = header->ifi_type == ARPHRD_LOOPBACK ? DOMLET_NET_LO : DOMLET_NET_OTHER;
	mac = a[IFLA_ADDRESS];
	if (header->ifi_type == ARPHRD_ETHER && mac && mnl_attr_get_payload_len(mac) == sizeof d->link.mac) {
		d->kind = is_vif(d->link.name) ? DOMLET_NET_VIF : DOMLET_NET_ENGINES;
		memcpy(d->link.mac, mnl_attr_get_payload(mac), sizeof d->link.mac);
	}
	d->up = (header->ifi_flags & (IFF_UP | IFF_LOWER_UP)) == (IFF_UP | IFF_LOWER_UP);
	d->link.no_arp = (header->ifi_flags & IFF_NOARP) != 0;
	d->link.no_ipv6 = has_no_ipv6(a[IFLA_AF_SPEC]);
	d->link.mtu = read_u32(a[IFLA_MTU]);
	return 0;
}

/* Addresses */

static bool is_of_family(uint8_t family)
{
	return family == AF_INET || family == AF_INET6;
}

static int take_address(struct domlet_net_view *v, const struct nlmsghdr *m)
{
	const struct ifaddrmsg *header = mnl_nlmsg_get_payload(m);
	const struct nlattr *a[ATTRIBUTES];
	struct domlet_net_address address = { .family = header->ifa_family,
					      .prefix = header->ifa_prefixlen,
					      .scope = header->ifa_scope };

	/* The guest makes its link-local ones itself, as any host does. */
	if (!is_of_family(header->ifa_family) || header->ifa_scope >= RT_SCOPE_LINK)
		return 0;
	sort_attributes(m, sizeof *header, a);
	if (!read_address(a[IFA_ADDRESS], address.family, address.peer))
		return 0;
	if (!read_address(a[IFA_LOCAL], address.family, address.address))
		memcpy(address.address, address.peer, sizeof address.address);
	if (a[IFA_BROADCAST] && mnl_attr_get_payload_len(a[IFA_BROADCAST]) == sizeof address.broadcast)
		memcpy(address.broadcast, mnl_attr_get_payload(a[IFA_BROADCAST]), sizeof address.broadcast);
	if (v->address_count == DOMLET_NET_ADDRESSES_MAX) {
		v->left_out++;
		return 0;
	}
	v->addresses[v->address_count].index = header->ifa_index;
	v->addresses[v->address_count++].address = address;
	return 0;
}

/* Routes */

static bool leads_nowhere(uint8_t type)
{
	return type == RTN_BLACKHOLE || type == RTN_UNREACHABLE || type == RTN_PROHIBIT;
}

/* What the guest's kernel makes by itself of addresses, and of routers' advertisements, which reach it, too. */
static bool is_kernels_own(const struct rtmsg *header)
{
	return header->rtm_protocol == RTPROT_KERNEL || header->rtm_protocol == RTPROT_RA ||
	       header->rtm_protocol == RTPROT_REDIRECT || (header->rtm_flags & RTM_F_CLONED);
}

static void read_metrics(const struct nlattr *list, struct domlet_net_route *route)
{
	const struct nlattr *metrics[ATTRIBUTES];

	sort_nested(list, metrics);
	route->mtu = read_u32(metrics[RTAX_MTU]);
	route->advmss = read_u32(metrics[RTAX_ADVMSS]);
}

/* False: it has a gateway that can't be read. */
static bool read_gateway(const struct nlattr *a[ATTRIBUTES], struct domlet_net_route *route)
{
	const struct rtvia *via;

	if (a[RTA_GATEWAY]) {
		route->gateway_family = route->family;
		return read_address(a[RTA_GATEWAY], route->family, route->gateway);
	}
	if (!a[RTA_VIA])
		return true;
	/* IPv4 by a gateway of IPv6: its family comes before it. */
	via = mnl_attr_get_payload(a[RTA_VIA]);
	if (mnl_attr_get_payload_len(a[RTA_VIA]) != sizeof *via + 16 || via->rtvia_family != AF_INET6)
		return false;
	route->gateway_family = AF_INET6;
	memcpy(route->gateway, via->rtvia_addr, 16);
	return true;
}

static int take_route(struct domlet_net_view *v, const struct nlmsghdr *m)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(m);
	const struct nlattr *a[ATTRIBUTES];
	struct domlet_net_route route = { .family = header->rtm_family,
					  .prefix = header->rtm_dst_len,
					  .scope = header->rtm_scope,
					  .type = header->rtm_type,
					  .on_link = (header->rtm_flags & RTNH_F_ONLINK) != 0 };
	uint32_t index;

	sort_attributes(m, sizeof *header, a);
	if (!is_of_family(header->rtm_family) || is_kernels_own(header) ||
	    (a[RTA_TABLE] ? read_u32(a[RTA_TABLE]) : header->rtm_table) != RT_TABLE_MAIN)
		return 0;
	index = leads_nowhere(route.type) ? 0 : read_u32(a[RTA_OIF]);
	route.metric = read_u32(a[RTA_PRIORITY]);
	read_metrics(a[RTA_METRICS], &route);
	route.has_source = read_address(a[RTA_PREFSRC], route.family, route.source);
	/* One over several gateways at once, or encapsulated, or for some kinds of packets alone. */
	if ((route.type != RTN_UNICAST && !leads_nowhere(route.type)) || (index == 0 && route.type == RTN_UNICAST) ||
	    a[RTA_MULTIPATH] || a[RTA_ENCAP] || a[RTA_NH_ID] || header->rtm_src_len || header->rtm_tos ||
	    (route.prefix && !read_address(a[RTA_DST], route.family, route.destination)) || !read_gateway(a, &route) ||
	    v->route_count == DOMLET_NET_ROUTES_MAX) {
		v->left_out++;
		return 0;
	}
	v->routes[v->route_count].index = index;
	v->routes[v->route_count++].route = route;
	return 0;
}

/* Neighbours */

static int take_neighbour(struct domlet_net_view *v, const struct nlmsghdr *m)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(m);
	const struct nlattr *a[ATTRIBUTES];
	struct domlet_net_neighbour neighbour = { .family = header->ndm_family };

	if (!is_of_family(header->ndm_family) || !(header->ndm_state & NUD_PERMANENT) || (header->ndm_flags & NTF_PROXY))
		return 0;
	sort_attributes(m, sizeof *header, a);
	if (!a[NDA_LLADDR] || mnl_attr_get_payload_len(a[NDA_LLADDR]) != sizeof neighbour.mac ||
	    !read_address(a[NDA_DST], neighbour.family, neighbour.address))
		return 0;
	memcpy(neighbour.mac, mnl_attr_get_payload(a[NDA_LLADDR]), sizeof neighbour.mac);
	if (v->neighbour_count == DOMLET_NET_NEIGHBOURS_MAX) {
		v->left_out++;
		return 0;
	}
	v->neighbours[v->neighbour_count].index = (uint32_t)header->ndm_ifindex;
	v->neighbours[v->neighbour_count++].neighbour = neighbour;
	return 0;
}

/* All of it */

int domlet_net_view_take(void *view, const struct nlmsghdr *message)
{
	size_t len = mnl_nlmsg_get_payload_len(message);

	switch (message->nlmsg_type) {
	case RTM_NEWLINK: return len < sizeof(struct ifinfomsg) ? -EPROTO : take_link(view, message);
	case RTM_NEWADDR: return len < sizeof(struct ifaddrmsg) ? -EPROTO : take_address(view, message);
	case RTM_NEWROUTE: return len < sizeof(struct rtmsg) ? -EPROTO : take_route(view, message);
	case RTM_NEWNEIGH: return len < sizeof(struct ndmsg) ? -EPROTO : take_neighbour(view, message);
	default: return 0;
	}
}

static int read_once(struct domlet_net_socket *s, struct domlet_net_view *view)
{
	static const struct {
		uint16_t type;
		uint8_t family;
	} lists[] = { { RTM_GETLINK, AF_UNSPEC },
		      { RTM_GETADDR, AF_UNSPEC },
		      { RTM_GETROUTE, AF_INET },
		      { RTM_GETROUTE, AF_INET6 },
		      { RTM_GETNEIGH, AF_UNSPEC } };
	int r = 0;

	memset(view, 0, sizeof *view);
	for (size_t i = 0; i < sizeof lists / sizeof lists[0] && r == 0; i++)
		r = domlet_net_socket_list(s, lists[i].type, lists[i].family, domlet_net_view_take, view);
	return r;
}

int domlet_net_view_read(struct domlet_net_socket *s, struct domlet_net_view *view, struct domlet_error *err)
{
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < READS_MAX; i++)
		r = read_once(s, view);
	return r == 0 ? 0 :
			domlet_error_set(err, -r, "can't read the container's network namespace: %s",
					 domlet_strerror(-r));
}

const struct domlet_net_device *domlet_net_view_find(const struct domlet_net_view *view, uint32_t index)
{
	for (uint32_t i = 0; i < view->device_count; i++)
		if (view->devices[i].index == index)
			return &view->devices[i];
	return NULL;
}
