// SPDX-License-Identifier: GPL-2.0-or-later
#include "net.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "rtnetlink.h"

#ifndef DEVICES /* a test has some of its own */
#define DEVICES "/sys/devices"
#endif
#ifndef DEVICE_MS
#define DEVICE_MS 10000
#endif
#define LOOK_MS 10
#define LO 1                    /* in each namespace: LOOPBACK_IFINDEX */
#define MTU_OF_ANY_DEVICE 1500u /* ETH_DATA_LEN: xennet takes more only once it is connected */

struct network {
	const struct domlet_net *before, *wanted;
	int home;                                   /* process 1's namespace */
	struct domlet_rtnetlink here;               /* of the container's namespace */
	unsigned int indexes[DOMLET_NET_LINKS_MAX]; /* there, of WANTED's links; 0: not there yet */
	struct domlet_failure *failure;
};

static int fail(const struct network *n, int code, const char *what, const char *link)
{
	return domlet_failure_set(n->failure, code, "can't %s %s in the guest: %s", what, link,
				  domlet_failure_name(code));
}

static void pause_a_little(void)
{
	(void)nanosleep(&(struct timespec){ .tv_nsec = LOOK_MS * 1000000 }, NULL);
}

/* What was made before, and what is wanted */

static const struct domlet_net_link *find_link(const struct domlet_net *net, uint32_t device)
{
	for (uint32_t i = 0; i < net->link_count; i++)
		if (net->links[i].device == device)
			return &net->links[i];
	return NULL;
}

/* A device takes another name and MAC only while it is down, which loses its routes: then it is made anew. */
static bool stays(const struct network *n, const struct domlet_net_link *l)
{
	const struct domlet_net_link *b = find_link(n->before, l->device), *w = find_link(n->wanted, l->device);

	return b && w && memcmp(b->mac, w->mac, sizeof b->mac) == 0 && strcmp(b->name, w->name) == 0;
}

/* The place among the wanted links of a link that was there before; DOMLET_NET_NO_LINK: nothing of it is left. */
static uint8_t place_now(const struct network *n, uint8_t before)
{
	const struct domlet_net_link *l = before == DOMLET_NET_NO_LINK ? NULL : &n->before->links[before];

	return l && stays(n, l) ? (uint8_t)(find_link(n->wanted, l->device) - n->wanted->links) : DOMLET_NET_NO_LINK;
}

static bool is_wanted(const void *item, size_t size, const void *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (memcmp(item, (const uint8_t *)list + i * size, size) == 0)
			return true;
	return false;
}

/* Links */

/* The name that Xen's device N has in this namespace. */
static bool find_device(uint32_t number, char name[IFNAMSIZ])
{
	char path[256];
	DIR *d;
	const struct dirent *e;
	bool found = false;

	(void)snprintf(path, sizeof path, DEVICES "/vif-%u/net", number);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		found = e->d_name[0] != '.' && strlen(e->d_name) < IFNAMSIZ;
		if (found)
			(void)strcpy(name, e->d_name);
	}
	if (d)
		(void)closedir(d);
	return found;
}

static int move(struct domlet_rtnetlink *from, unsigned int index, int namespace, const char *name)
{
	struct ifinfomsg *header = domlet_rtnetlink_begin(from, RTM_NEWLINK, 0, sizeof *header);

	header->ifi_index = (int)index;
	domlet_rtnetlink_put_u32(from, IFLA_NET_NS_FD, (uint32_t) namespace);
	domlet_rtnetlink_put(from, IFLA_IFNAME, name, strlen(name) + 1);
	return domlet_rtnetlink_do(from);
}

/* From process 1's namespace, which this process is in yet, into the container's. */
static int fetch(struct network *n, struct domlet_rtnetlink *home, int namespace, const struct domlet_net_link *l)
{
	unsigned int index = 0;
	char name[IFNAMSIZ];
	int r;

	/* A device that is being registered is in sysfs before it has its index. */
	for (int ms = 0; !find_device(l->device, name) || !(index = if_nametoindex(name)); ms += LOOK_MS) {
		if (ms >= DEVICE_MS)
			return domlet_failure_set(n->failure, ENODEV,
						  "the guest has no device vif-%u for %s, after %d s", l->device,
						  l->name, DEVICE_MS / 1000);
		pause_a_little();
	}
	r = move(home, index, namespace, l->name);
	return r < 0 ? fail(n, -r, "make the container's link", l->name) : 0;
}

/* Out of the container's namespace, under a name that is nobody else's. */
static void give_back(struct network *n, const struct domlet_net_link *l)
{
	char name[IFNAMSIZ];
	unsigned int index = if_nametoindex(l->name);

	(void)snprintf(name, sizeof name, "vif-%u", l->device);
	if (index) /* else it has gone already */
		(void)move(&n->here, index, n->home, name);
}

static int write_sysctl(const char *link, const char *key, const char *value)
{
	char path[128];
	int fd, r;

	(void)snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/%s", link, key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	r = fd < 0 || write(fd, value, strlen(value)) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return r == -ENOENT ? 0 : r; /* its MTU is too small for IPv6, or the kernel has none */
}

/* Nobody who asks for any port gets one that dom0's sockets may have in the same network. Where somebody has said which these are,
 * that counts: dom0 looks before it takes an answer. */
static void keep_ports(void)
{
	char text[32];
	int fd = open("/proc/sys/net/ipv4/ip_local_reserved_ports", O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);

	if (n == 0 || (n == 1 && text[0] == '\n')) {
		n = snprintf(text, sizeof text, "%d-%d", DOMLET_NET_HOST_PORT_MIN, DOMLET_NET_HOST_PORT_MAX);
		(void)!pwrite(fd, text, (size_t)n, 0);
	}
	if (fd >= 0)
		close(fd);
}

static int set_link(struct network *n, unsigned int index, const struct domlet_net_link *l, bool is_new)
{
	struct ifinfomsg *header;
	int r, ms = 0;

	do {
		header = domlet_rtnetlink_begin(&n->here, RTM_NEWLINK, 0, sizeof *header);
		header->ifi_index = (int)index;
		if (is_new)
			domlet_rtnetlink_put(&n->here, IFLA_ADDRESS, l->mac, sizeof l->mac);
		domlet_rtnetlink_put_u32(&n->here, IFLA_MTU, l->mtu);
		r = domlet_rtnetlink_do(&n->here);
		if (r == -EINVAL && l->mtu > MTU_OF_ANY_DEVICE)
			pause_a_little(), ms += LOOK_MS;
	} while (r == -EINVAL && l->mtu > MTU_OF_ANY_DEVICE && ms < DEVICE_MS);
	return r < 0 ? fail(n, -r, "set MAC and MTU of", l->name) : 0;
}

static int raise_link(struct network *n, unsigned int index, const struct domlet_net_link *l)
{
	struct ifinfomsg *header = domlet_rtnetlink_begin(&n->here, RTM_NEWLINK, 0, sizeof *header);
	int r;

	header->ifi_index = (int)index;
	header->ifi_flags = IFF_UP | (l->no_arp ? IFF_NOARP : 0);
	header->ifi_change = IFF_UP | IFF_NOARP;
	r = domlet_rtnetlink_do(&n->here);
	return r < 0 ? fail(n, -r, "bring up", l->name) : 0;
}

/* Addresses, neighbours and routes: each is made, or removed */

static size_t address_len(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

static int do_address(struct network *n, bool make, const struct domlet_net_address *a)
{
	static const uint8_t none[4];
	struct ifaddrmsg *header = domlet_rtnetlink_begin(&n->here, make ? RTM_NEWADDR : RTM_DELADDR,
							  make ? NLM_F_CREATE | NLM_F_REPLACE : 0, sizeof *header);

	header->ifa_family = a->family;
	header->ifa_prefixlen = a->prefix;
	header->ifa_scope = a->scope;
	header->ifa_index = a->link == DOMLET_NET_LOOPBACK ? LO : n->indexes[a->link];
	header->ifa_flags = IFA_F_NODAD; /* dom0's kernel has looked whether it is anybody else's */
	domlet_rtnetlink_put(&n->here, IFA_LOCAL, a->address, address_len(a->family));
	domlet_rtnetlink_put(&n->here, IFA_ADDRESS, a->peer, address_len(a->family));
	if (a->family == AF_INET && memcmp(a->broadcast, none, sizeof none) != 0)
		domlet_rtnetlink_put(&n->here, IFA_BROADCAST, a->broadcast, sizeof a->broadcast);
	return domlet_rtnetlink_do(&n->here);
}

static int do_neighbour(struct network *n, bool make, unsigned int index, const struct domlet_net_neighbour *neighbour)
{
	struct ndmsg *header = domlet_rtnetlink_begin(&n->here, make ? RTM_NEWNEIGH : RTM_DELNEIGH,
						      make ? NLM_F_CREATE | NLM_F_REPLACE : 0, sizeof *header);

	header->ndm_family = neighbour->family;
	header->ndm_ifindex = (int)index;
	header->ndm_state = NUD_PERMANENT;
	domlet_rtnetlink_put(&n->here, NDA_DST, neighbour->address, address_len(neighbour->family));
	domlet_rtnetlink_put(&n->here, NDA_LLADDR, neighbour->mac, sizeof neighbour->mac);
	return domlet_rtnetlink_do(&n->here);
}

static void put_gateway(struct domlet_rtnetlink *r, const struct domlet_net_route *route)
{
	struct {
		uint16_t family;
		uint8_t address[16];
	} via = { .family = route->gateway_family };

	if (route->gateway_family == route->family) {
		domlet_rtnetlink_put(r, RTA_GATEWAY, route->gateway, address_len(route->family));
	} else if (route->gateway_family) {
		memcpy(via.address, route->gateway, sizeof via.address);
		domlet_rtnetlink_put(r, RTA_VIA, &via, sizeof via.family + address_len(route->gateway_family));
	}
}

static int do_route(struct network *n, bool make, unsigned int index, const struct domlet_net_route *route)
{
	struct rtmsg *header = domlet_rtnetlink_begin(&n->here, make ? RTM_NEWROUTE : RTM_DELROUTE,
						      make ? NLM_F_CREATE | NLM_F_EXCL : 0, sizeof *header);
	struct rtattr *metrics;

	header->rtm_family = route->family;
	header->rtm_dst_len = route->prefix;
	header->rtm_table = RT_TABLE_MAIN;
	header->rtm_protocol = RTPROT_BOOT;
	header->rtm_scope = route->scope;
	header->rtm_type = route->type;
	header->rtm_flags = route->on_link ? RTNH_F_ONLINK : 0;
	domlet_rtnetlink_put(&n->here, RTA_DST, route->destination, address_len(route->family));
	if (index)
		domlet_rtnetlink_put_u32(&n->here, RTA_OIF, index);
	put_gateway(&n->here, route);
	if (route->metric)
		domlet_rtnetlink_put_u32(&n->here, RTA_PRIORITY, route->metric);
	if (route->has_source)
		domlet_rtnetlink_put(&n->here, RTA_PREFSRC, route->source, address_len(route->family));
	metrics = domlet_rtnetlink_nest(&n->here, RTA_METRICS);
	if (route->mtu)
		domlet_rtnetlink_put_u32(&n->here, RTAX_MTU, route->mtu);
	if (route->advmss)
		domlet_rtnetlink_put_u32(&n->here, RTAX_ADVMSS, route->advmss);
	domlet_rtnetlink_end(&n->here, metrics);
	return domlet_rtnetlink_do(&n->here);
}

/* What was there and isn't wanted any more. It may be gone: a container with CAP_NET_ADMIN can remove it itself. */
static void remove_old(struct network *n)
{
	for (uint32_t i = n->before->route_count; i-- > 0;) {
		struct domlet_net_route r = n->before->routes[i];
		bool nowhere = r.link == DOMLET_NET_NO_LINK;

		r.link = place_now(n, r.link);
		if ((nowhere || r.link != DOMLET_NET_NO_LINK) &&
		    !is_wanted(&r, sizeof r, n->wanted->routes, n->wanted->route_count))
			(void)do_route(n, false, nowhere ? 0 : n->indexes[r.link], &r);
	}
	for (uint32_t i = 0; i < n->before->neighbour_count; i++) {
		struct domlet_net_neighbour old = n->before->neighbours[i];

		old.link = place_now(n, old.link);
		if (old.link != DOMLET_NET_NO_LINK &&
		    !is_wanted(&old, sizeof old, n->wanted->neighbours, n->wanted->neighbour_count))
			(void)do_neighbour(n, false, n->indexes[old.link], &old);
	}
	for (uint32_t i = 0; i < n->before->address_count; i++) {
		struct domlet_net_address a = n->before->addresses[i];

		if (a.link != DOMLET_NET_LOOPBACK)
			a.link = place_now(n, a.link);
		if (a.link != DOMLET_NET_NO_LINK &&
		    !is_wanted(&a, sizeof a, n->wanted->addresses, n->wanted->address_count))
			(void)do_address(n, false, &a);
	}
}

/* All that is wanted, whether it is there already or not. */
static int make_addresses(struct network *n)
{
	for (uint32_t i = 0; i < n->wanted->address_count; i++) {
		const struct domlet_net_address *a = &n->wanted->addresses[i];
		int r = do_address(n, true, a);

		if (r < 0 && r != -EEXIST)
			return fail(n, -r, "set an address of",
				    a->link == DOMLET_NET_LOOPBACK ? "lo" : n->wanted->links[a->link].name);
	}
	return 0;
}

static int make_routes(struct network *n)
{
	for (uint32_t i = 0; i < n->wanted->route_count; i++) {
		const struct domlet_net_route *route = &n->wanted->routes[i];
		bool nowhere = route->link == DOMLET_NET_NO_LINK;
		int r = do_route(n, true, nowhere ? 0 : n->indexes[route->link], route);

		if (r < 0 && r != -EEXIST)
			return fail(n, -r, "make a route by", nowhere ? "no link" : n->wanted->links[route->link].name);
	}
	for (uint32_t i = 0; i < n->wanted->neighbour_count; i++) {
		const struct domlet_net_neighbour *neighbour = &n->wanted->neighbours[i];
		int r = do_neighbour(n, true, n->indexes[neighbour->link], neighbour);

		if (r < 0)
			return fail(n, -r, "set a neighbour of", n->wanted->links[neighbour->link].name);
	}
	return 0;
}

/* The whole */

static int make_links(struct network *n)
{
	int r = 0;

	for (uint32_t i = 0; i < n->wanted->link_count && r == 0; i++) {
		const struct domlet_net_link *l = &n->wanted->links[i];

		n->indexes[i] = if_nametoindex(l->name);
		r = n->indexes[i] ? write_sysctl(l->name, "disable_ipv6", l->no_ipv6 ? "1" : "0") : -ENODEV;
		r = r < 0 ? fail(n, -r, "set up", l->name) : set_link(n, n->indexes[i], l, !stays(n, l));
	}
	return r;
}

static int raise_links(struct network *n)
{
	int r = 0;

	/* One that stays may have been brought down by the container itself. */
	for (uint32_t i = 0; i < n->wanted->link_count && r == 0; i++)
		if (!stays(n, &n->wanted->links[i]))
			r = raise_link(n, n->indexes[i], &n->wanted->links[i]);
	return r;
}

/* Whoever takes a name comes after whoever had it. */
static int change_devices(struct network *n, struct domlet_rtnetlink *home, int namespace)
{
	int r = 0;

	for (uint32_t i = 0; i < n->before->link_count; i++)
		if (!stays(n, &n->before->links[i]))
			give_back(n, &n->before->links[i]);
	if (setns(n->home, CLONE_NEWNET) < 0)
		return fail(n, errno, "go back to", "its own network namespace");
	for (uint32_t i = 0; i < n->wanted->link_count && r == 0; i++)
		if (!stays(n, &n->wanted->links[i]))
			r = fetch(n, home, namespace, &n->wanted->links[i]);
	if (setns(namespace, CLONE_NEWNET) < 0 && r == 0)
		r = fail(n, errno, "enter", "the container's network namespace");
	return r;
}

static int make(struct network *n, struct domlet_rtnetlink *home, int namespace)
{
	int r = change_devices(n, home, namespace);

	if (r == 0) {
		keep_ports();
		r = make_links(n);
	}
	if (r == 0)
		remove_old(n);
	if (r == 0)
		r = make_addresses(n);
	if (r == 0)
		r = raise_links(n);
	if (r == 0)
		r = make_routes(n);
	for (uint32_t i = 0; r < 0 && i < n->wanted->link_count; i++)
		if (!stays(n, &n->wanted->links[i]))
			give_back(n, &n->wanted->links[i]);
	return r;
}

int domlet_net_make(int namespace, const struct domlet_net *before, const struct domlet_net *wanted,
		    struct domlet_failure *failure)
{
	struct network n = { .before = before, .wanted = wanted, .here = { .fd = -1 }, .failure = failure };
	struct domlet_rtnetlink home = { .fd = -1 };
	int r = domlet_rtnetlink_open(&home);

	n.home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (r == 0 && (n.home < 0 || setns(namespace, CLONE_NEWNET) < 0))
		r = -errno;
	if (r == 0)
		r = domlet_rtnetlink_open(&n.here);
	r = r < 0 ? fail(&n, -r, "enter", "the container's network namespace") : make(&n, &home, namespace);
	domlet_rtnetlink_close(&n.here);
	domlet_rtnetlink_close(&home);
	if (n.home >= 0)
		close(n.home);
	return r;
}
