// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a guest can send by its vif: each kind of frame in its own name, and in others'. The guest is a namespace here, and
 * pairs of veth play the vif and the engine's link.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../toolstack/base/cleanup.h"
#include "../../toolstack/dom0/netns.h"
#include "../../toolstack/net/filter.h"
#include "../../toolstack/net/tc.h"
#include "net-space.h"

#define OWN_MAC "\x02\x42\x0a\x01\x02\x03"
#define OTHER_MAC "\x02\x42\x0a\x01\x02\x04"
#define OWN_IP "\x0a\x01\x02\x03"
#define SECOND_IP "\x0a\x01\x02\x09"
#define OTHER_IP "\x0a\x01\x02\x04"
#define NO_IP "\0\0\0\0"
#define OWN_IPV6 "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03"
#define OTHER_IPV6 "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x04"
#define OWN_LOCAL "\xfe\x80\0\0\0\0\0\0\0\x42\x0a\xff\xfe\x01\x02\x03"
#define ANNOUNCED "\xfd\x77\0\0\0\0\0\x07\0\x42\x0a\xff\xfe\x01\x02\x03"
#define OTHERS_ANNOUNCED "\xfd\x77\0\0\0\0\0\x07\0\x42\x0a\xff\xfe\x01\x02\x04"
#define OTHER_LOCAL "\xfe\x80\0\0\0\0\0\0\0\x42\x0a\xff\xfe\x01\x02\x04"
#define NO_IPV6 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

#define ICMPV6 58
#define UDP 17

static int network, container, guest;
static int from, at; /* the guest's device, and the network's */
static struct domlet_net_socket inside;
static struct domlet_net_splice splice;
static struct domlet_net net;
static struct domlet_error err;
static uint8_t frame[256];
static size_t len;

static void put(const void *bytes, size_t count)
{
	memcpy(frame + len, bytes, count);
	len += count;
}

static void put_two(unsigned int value)
{
	put((uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

static void ether(const char *source, unsigned int type)
{
	len = 0;
	put("\xff\xff\xff\xff\xff\xff", 6);
	put(source, 6);
	put_two(type);
}

static void ip(const char *source)
{
	ether(OWN_MAC, ETH_P_IP);
	put("\x45\0\0\x1c\0\0\0\0\x40\x11\0\0", 12);
	put(source, 4);
	put("\x0a\x01\x02\x01\x10\0\x10\0\0\x08\0\0", 12);
}

static void arp(const char *operation, const char *mac, const char *source)
{
	ether(OWN_MAC, ETH_P_ARP);
	put("\0\1\x08\0\x06\x04", 6);
	put(operation, 2);
	put(mac, 6);
	put(source, 4);
	put("\0\0\0\0\0\0\x0a\x01\x02\x01", 10);
}

static void ipv6(const char *source, unsigned int kind, unsigned int payload)
{
	ether(OWN_MAC, ETH_P_IPV6);
	put("\x60\0\0\0", 4);
	put_two(payload);
	put((uint8_t[]){ (uint8_t)kind, 255 }, 2);
	put(source, 16);
	put("\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
}

static void icmpv6(uint8_t type, const char *target)
{
	put((uint8_t[]){ type, 0, 0, 0, 0, 0, 0, 0 }, 8);
	if (target)
		put(target, 16);
}

static void option(uint8_t type, const char *mac)
{
	put((uint8_t[]){ type, 1 }, 2);
	put(mac, 6);
}

/* Of neighbours; OPTION 0: none. */
static void discovery(const char *source, uint8_t type, const char *target, uint8_t option_type, const char *mac)
{
	ipv6(source, ICMPV6, option_type ? 32 : 24);
	icmpv6(type, target);
	if (option_type)
		option(option_type, mac);
}

/* Whether the frame comes to the network before one that is sent after it, or instead of it. */
static bool comes(void)
{
	static uint8_t number;
	uint8_t got[2048], mark[64] = { 0 };
	size_t tag = frame[12] == ETH_P_8021Q >> 8 && frame[13] == 0 ? 4 : 0; /* which a packet socket does not show */
	bool seen = false;
	ssize_t n;

	frame[len++] = ++number;
	memcpy(mark, "\xff\xff\xff\xff\xff\xff", 6);
	memcpy(mark + 6, OWN_MAC "\x08\x06\0\1\x08\0\x06\x04\0\1" OWN_MAC OWN_IP, 26);
	mark[63] = number;
	demand(send(from, frame, len, 0) == (ssize_t)len && send(from, mark, sizeof mark, 0) == sizeof mark,
	       "a frame can't be sent");
	while ((n = recv(at, got, sizeof got, 0)) >= 0) {
		seen = seen || ((size_t)n == len - tag && memcmp(got, frame, 12) == 0 &&
				memcmp(got + 12, frame + 12 + tag, len - tag - 12) == 0);
		if (n == sizeof mark && memcmp(got, mark, sizeof mark) == 0)
			return seen;
	}
	return seen;
}

static void expect(bool passes, const char *what)
{
	char text[256];
	bool good = comes() == passes;

	(void)snprintf(text, sizeof text, "%s %s", what, passes ? "is lost" : "passes");
	demand(good, text);
}

static void add_address(int family, const char *address)
{
	struct domlet_net_address *a = &net.addresses[net.address_count++];

	*a = (struct domlet_net_address){ .family = (uint8_t)family };
	memcpy(a->address, address, family == AF_INET ? 4 : 16);
}

static void set_filter(void)
{
	const struct domlet_net_sender sender = { .net = &net, .link = 1 };

	demand(domlet_net_filter_set(&inside, splice.vif, &sender, &err) == 0, err.text);
}

static void try_ip(void)
{
	ip(OWN_IP), expect(true, "IPv4 of its own");
	ip(SECOND_IP), expect(true, "IPv4 of its own second address");
	ip(OTHER_IP), expect(false, "another's IPv4 address");
	ip(NO_IP), expect(false, "IPv4 without an address");
	ip(OWN_IP), memcpy(frame + 6, OTHER_MAC, 6), expect(false, "another's MAC");
	ip(OWN_IP), memcpy(frame + 6, "\x03\x42\x0a\x01\x02\x03", 6), expect(false, "a MAC that begins otherwise");
	ip(OWN_IP), frame[12] = 0x88, frame[13] = 0xcc, expect(false, "another protocol");
	ether(OWN_MAC, ETH_P_8021Q), put_two(5), put_two(ETH_P_IP), put("\x45\0\0\x1c\0\0\0\0\x40\x11\0\0" OWN_IP, 16),
		put("\x0a\x01\x02\x01\x10\0\x10\0\0\x08\0\0", 12), expect(false, "a tag of a VLAN");
	ether(OWN_MAC, ETH_P_8021Q), put_two(0), put_two(ETH_P_ARP), put("\0\1\x08\0\x06\x04\0\1" OWN_MAC OWN_IP, 18),
		put("\0\0\0\0\0\0\x0a\x01\x02\x01", 10), expect(false, "a tag of no VLAN");
}

static void try_arp(void)
{
	arp("\0\1", OWN_MAC, OWN_IP), expect(true, "ARP's question of its own");
	arp("\0\2", OWN_MAC, SECOND_IP), expect(true, "ARP's answer of its own");
	arp("\0\2", OWN_MAC, OTHER_IP), expect(false, "another's address by ARP");
	arp("\0\2", OTHER_MAC, OWN_IP), expect(false, "another's MAC by ARP");
	arp("\0\2", "\x02\x42\x0a\x01\x03\x03", OWN_IP), expect(false, "a MAC by ARP that ends otherwise");
	arp("\0\2", OWN_MAC, OWN_IP), frame[18] = 8, expect(false, "ARP of other lengths");
	arp("\0\2", OWN_MAC, OWN_IP), frame[15] = 6, expect(false, "ARP of another kind");
	ether(OWN_MAC, ETH_P_ARP), put("\0\1\x08", 3), expect(false, "half of ARP");
}

static void try_ipv6(void)
{
	ipv6(OWN_IPV6, UDP, 8), put(NO_IPV6, 8), expect(true, "IPv6 of its own");
	ipv6(OWN_LOCAL, UDP, 8), put(NO_IPV6, 8), expect(true, "IPv6 of its link's own");
	ipv6(ANNOUNCED, UDP, 8), put(NO_IPV6, 8), expect(true, "IPv6 of a network that a router announces");
	ipv6(OTHERS_ANNOUNCED, UDP, 8), put(NO_IPV6, 8), expect(false, "another's address there");
	ipv6("\xfd\x77\0\0\0\0\0\x07\0\x43\x0a\xff\xfe\x01\x02\x03", UDP, 8), put(NO_IPV6, 8),
		expect(false, "an address there that begins otherwise");
	ipv6(OTHER_IPV6, UDP, 8), put(NO_IPV6, 8), expect(false, "another's IPv6 address");
	ipv6(OTHER_LOCAL, UDP, 8), put(NO_IPV6, 8), expect(false, "another link's IPv6 address");
	ipv6(NO_IPV6, UDP, 8), put(NO_IPV6, 8), expect(false, "IPv6 without an address");
	ipv6(OWN_IPV6, ICMPV6, 8), icmpv6(128, NULL), expect(true, "a ping");
	ipv6(NO_IPV6, ICMPV6, 8), icmpv6(128, NULL), expect(false, "a ping without an address");
	ipv6(OWN_IPV6, 44, 16), put(NO_IPV6, 16), expect(true, "a fragment");
	ipv6(OWN_LOCAL, 0, 16), put("\x3a\0\5\2\0\0\1\0", 8), icmpv6(143, NULL), expect(true, "a report of its groups");
	ipv6(OWN_LOCAL, 0, 16), put("\x3a\0\5\2\0\0\1\0", 8), icmpv6(134, NULL),
		expect(false, "a router behind an extension");
	ipv6(OWN_LOCAL, 0, 40), put("\x3a\1\5\2\0\0\1\0\x8f\0\0\0\0\0\0\0", 16), icmpv6(136, OTHER_IPV6),
		expect(false, "an advertisement behind a longer extension");
	ipv6(OWN_LOCAL, 60, 32), put("\x3a\0\1\4\0\0\0\0", 8), icmpv6(136, OTHER_IPV6),
		expect(false, "an advertisement behind options");
	ipv6(OWN_LOCAL, 0, 40), put("\x3c\0\1\4\0\0\0\0\x3a\0\1\4\0\0\0\0", 16), icmpv6(136, OTHER_IPV6),
		expect(false, "an advertisement behind two extensions");
}

static void try_discovery(void)
{
	discovery(OWN_LOCAL, 135, OTHER_IPV6, 1, OWN_MAC), expect(true, "a question about a neighbour");
	discovery(OWN_IPV6, 135, OTHER_IPV6, 0, NULL), expect(true, "a question without its MAC");
	discovery(OWN_LOCAL, 135, OTHER_IPV6, 1, OTHER_MAC), expect(false, "a question with another's MAC");
	discovery(NO_IPV6, 135, OWN_IPV6, 0, NULL), expect(true, "a question whether it may have its address");
	discovery(NO_IPV6, 135, OWN_LOCAL, 14, OTHER_MAC), expect(true, "the same with a nonce");
	discovery(NO_IPV6, 135, OTHER_IPV6, 0, NULL), expect(false, "a question whether it may have another's address");
	discovery(OTHER_IPV6, 135, OWN_IPV6, 0, NULL), expect(false, "another's question");
	discovery(OWN_LOCAL, 136, OWN_IPV6, 2, OWN_MAC), expect(true, "an advertisement of its own");
	discovery(OWN_IPV6, 136, OWN_LOCAL, 0, NULL), expect(true, "an advertisement of its link's own");
	discovery(OWN_LOCAL, 136, OTHERS_ANNOUNCED, 2, OWN_MAC),
		expect(false, "an advertisement of another's address in a network that a router announces");
	discovery(OWN_LOCAL, 136, OTHER_IPV6, 2, OWN_MAC), expect(false, "an advertisement of another's address");
	discovery(OWN_LOCAL, 136, OWN_IPV6, 2, OTHER_MAC), expect(false, "an advertisement with another's MAC");
	discovery(OTHER_LOCAL, 136, OWN_IPV6, 2, OWN_MAC), expect(false, "another's advertisement");
	discovery(NO_IPV6, 136, OWN_IPV6, 2, OWN_MAC), expect(false, "nobody's advertisement");
	discovery(OWN_LOCAL, 136, OWN_IPV6, 14, OWN_MAC), frame[19] = 40, option(2, OTHER_MAC),
							  expect(false, "an advertisement with a second option");
	discovery(OWN_LOCAL, 136, OWN_IPV6, 2, OWN_MAC), len -= 4, expect(false, "an advertisement that ends early");
	ipv6(OWN_LOCAL, ICMPV6, 16), icmpv6(133, NULL), option(1, OWN_MAC), expect(true, "a question for routers");
	ipv6(OWN_LOCAL, ICMPV6, 8), icmpv6(133, NULL), expect(true, "a question for routers without its MAC");
	ipv6(OWN_LOCAL, ICMPV6, 16), icmpv6(133, NULL), option(1, OTHER_MAC),
		expect(false, "a question for routers with another's MAC");
	ipv6(OWN_LOCAL, ICMPV6, 16), icmpv6(134, NULL), put(NO_IPV6, 8), expect(false, "a router");
	ipv6(OWN_LOCAL, ICMPV6, 40), icmpv6(137, OTHER_IPV6), put(OTHER_IPV6, 16), expect(false, "another way");
}

/* The addresses change, or what it may. */
static void try_changes(void)
{
	const struct domlet_net_sender anybody = { .forges = true }, nobody = { 0 };

	add_address(AF_INET, OTHER_IP);
	set_filter();
	ip(OTHER_IP), expect(true, "an address that was added");
	ip(OWN_IP), expect(true, "IPv4 of its own after another was added");
	net.address_count--;
	set_filter();
	ip(OTHER_IP), expect(false, "an address that was removed");
	net.links[1].no_ipv6 = 1;
	set_filter();
	ipv6(OWN_LOCAL, UDP, 8), put(NO_IPV6, 8), expect(false, "IPv6 where there is none");
	ip(OWN_IP), expect(true, "IPv4 where there is no IPv6");
	net.address_count -= 2;
	set_filter();
	ip(OWN_IP), expect(false, "IPv4 without an address, where there is no IPv6");
	net.links[1].no_ipv6 = 0;
	set_filter();
	ip(OWN_IP), expect(false, "IPv4 where there is IPv6 alone");
	ipv6(OWN_LOCAL, UDP, 8), put(NO_IPV6, 8), expect(true, "IPv6 where there is nothing else");
	net.address_count += 2;
	demand(domlet_net_filter_set(&inside, splice.vif, &anybody, &err) == 0, err.text);
	demand(domlet_net_filter_set(&inside, splice.vif, &anybody, &err) == 0, err.text);
	ip(OTHER_IP), expect(true, "another's address of whom may");
	ether(OTHER_MAC, 0x88cc), put(NO_IPV6, 16), expect(true, "anything of whom may");
	demand(domlet_net_filter_set(&inside, splice.vif, &nobody, &err) == 0, err.text);
	ip(OWN_IP), expect(false, "what comes before its addresses are known");
}

/* As many as there can be. */
static void try_many(void)
{
	char last[] = OWN_IPV6;

	while (net.address_count < DOMLET_NET_ADDRESSES_MAX) {
		last[1]++;
		last[6]++;
		add_address(AF_INET6, last);
	}
	set_filter();
	ipv6(last, UDP, 8), put(NO_IPV6, 8), expect(true, "IPv6 of its last address");
	last[1]++;
	ipv6(last, UDP, 8), put(NO_IPV6, 8), expect(false, "an address after its last");
	discovery(OWN_LOCAL, 136, last, 0, NULL), expect(false, "an advertisement of an address after its last");
}

static int open_udp(int namespace, int family)
{
	const struct timeval patience = { .tv_sec = 2 };
	int fd = domlet_netns_socket(namespace, family, SOCK_DGRAM, 0);

	demand(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0,
	       "a socket can't be had");
	return fd;
}

/* What a kernel sends by itself to reach anybody is its own. */
static void try_kernel(bool six)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} to = { 0 };
	cleanup_close int server = -1, client = -1;
	char content = 0;

	if (six) {
		to.six = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(7) };
		(void)inet_pton(AF_INET6, "fd00::1", &to.six.sin6_addr);
	} else {
		to.four = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(7) };
		(void)inet_pton(AF_INET, "10.1.2.1", &to.four.sin_addr);
	}
	server = open_udp(network, to.any.sa_family);
	client = open_udp(guest, to.any.sa_family);
	demand(bind(server, &to.any, sizeof to) == 0 && connect(client, &to.any, sizeof to) == 0 &&
		       send(client, "k", 1, 0) == 1 && recv(server, &content, 1, 0) == 1 && content == 'k',
	       "what a guest's kernel sends is lost");
}

int main(void)
{
	need_namespaces();
	make_spaces(&network, &container, &guest);
	demand(domlet_net_socket_open(&inside, container, &err) == 0, err.text);
	net.link_count = 2;
	memcpy(net.links[0].mac, OTHER_MAC, 6);
	memcpy(net.links[1].mac, OWN_MAC, 6);
	add_address(AF_INET6, OWN_IPV6);
	add_address(AF_INET, OWN_IP);
	add_address(AF_INET, SECOND_IP);
	join(&inside, container, network, &(struct domlet_net_sender){ 0 }, &splice);
	from = open_device(network, guest, "eth0");
	at = open_device(network, network, "network");
	ip(OWN_IP), expect(false, "what comes before its addresses are known");
	set_filter();
	try_kernel(false);
	try_kernel(true);
	try_ip();
	try_arp();
	try_ipv6();
	try_discovery();
	try_changes();
	try_many();
	domlet_net_splice_part(&inside, &splice);
	demand(domlet_net_tc_remove(&inside, splice.vif, DOMLET_NET_PREFERENCE_FIRST) < 0, "the splice left a filter");
	domlet_net_socket_close(&inside);
	puts("net-filter: ok");
	return EXIT_SUCCESS;
}
