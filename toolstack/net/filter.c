// SPDX-License-Identifier: GPL-2.0-or-later
#include "filter.h"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/icmp6.h>
#include <stdbool.h>
#include <string.h>

#include "../base/cleanup.h"
#include "tc.h"

/* On the wire; numbers are bytes from the frame's beginning. */
enum {
	ETHER_SOURCE = 6,
	IP_SOURCE = ETH_HLEN + 12,
	ARP = ETH_HLEN,
	ARP_LEN = 14, /* until the sender's address */
	ARP_MAC = 8,
	ARP_SOURCE = ARP + 14,
	IPV6_LEN = ETH_HLEN + 4, /* of what follows its header; then the next header's kind */
	IPV6_SOURCE = ETH_HLEN + 8,
	IPV6_PAYLOAD = ETH_HLEN + 40,
	DISCOVERY_TARGET = IPV6_PAYLOAD + 8,
	DISCOVERY_OPTION = DISCOVERY_TARGET + 16,
	SOLICITATION_OPTION = IPV6_PAYLOAD + 8, /* a router's */
	EXTENSION_LEN = 8,
};
#define OPTION_LEN 8
#define OPTION_NONCE 14 /* RFC 3971, 5.3.2 */
#define NEXT_MOBILITY 135
#define NEXT_HIP 139
#define NEXT_SHIM6 140
#define MLD2_REPORT 143

enum {
	ADDRESS = -16, /* on the stack */
	HEADER = -32,
	VALUE = BPF_REG_1,
	KIND = BPF_REG_7,
	LENGTH = BPF_REG_8,
	NOBODY = BPF_REG_9, /* 1: it comes from ::, of which one knows nothing yet */
};

/* What comes after the last one are places in the lists of addresses. */
enum {
	DROP,
	PASS,
	IS_ARP,
	IS_IPV6,
	OF_IP,
	OF_OWN,
	IS_ICMPV6,
	DISCOVERS,
	ANNOUNCES,
	SOLICITS,
	ABOUT_OWN,
	SOLICITS_ROUTER,
	OPTION,
	NEXT
};
_Static_assert(NEXT + 2 * (DOMLET_NET_ADDRESSES_MAX + 1) <= DOMLET_NET_BPF_LABELS,
	       "each address has a label in both lists");

static uint32_t word(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof value);
	return value;
}

static uint32_t half(const uint8_t *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof value);
	return value;
}

static const uint8_t *mac_of(const struct domlet_net_sender *sender)
{
	return sender->net->links[sender->link].mac;
}

/* The 6 bytes at AT of the stack, whose halves are where they can be read. */
static void want_mac(struct domlet_net_bpf *p, int16_t at, const uint8_t mac[6])
{
	bool word_first = at % 4 == 0;

	domlet_net_bpf_load(p, BPF_W, VALUE, BPF_REG_10, (int16_t)(word_first ? at : at + 2));
	domlet_net_bpf_unless(p, VALUE, word(word_first ? mac : mac + 2), DROP);
	domlet_net_bpf_load(p, BPF_H, VALUE, BPF_REG_10, (int16_t)(word_first ? at + 4 : at));
	domlet_net_bpf_unless(p, VALUE, half(word_first ? mac + 4 : mac), DROP);
}

static void sort_by_kind(struct domlet_net_bpf *p, const struct domlet_net_sender *sender)
{
	domlet_net_bpf_fetch(p, ETHER_SOURCE, ADDRESS, ETH_ALEN, DROP);
	want_mac(p, ADDRESS, mac_of(sender));
	domlet_net_bpf_load(p, BPF_W, VALUE, DOMLET_NET_BPF_FRAME, offsetof(struct __sk_buff, vlan_present));
	domlet_net_bpf_unless(p, VALUE, 0, DROP);
	domlet_net_bpf_load(p, BPF_W, VALUE, DOMLET_NET_BPF_FRAME, offsetof(struct __sk_buff, protocol));
	domlet_net_bpf_if(p, VALUE, htons(ETH_P_ARP), IS_ARP);
	domlet_net_bpf_if(p, VALUE, htons(ETH_P_IPV6), IS_IPV6);
	domlet_net_bpf_unless(p, VALUE, htons(ETH_P_IP), DROP);
}

/* Of Ethernet and IPv4, whose addresses are where they are looked for. */
static void judge_arp(struct domlet_net_bpf *p, const struct domlet_net_sender *sender)
{
	domlet_net_bpf_label(p, IS_ARP);
	domlet_net_bpf_fetch(p, ARP, HEADER, ARP_LEN, DROP);
	domlet_net_bpf_load(p, BPF_W, VALUE, BPF_REG_10, HEADER);
	domlet_net_bpf_unless(p, VALUE, htonl(ARPHRD_ETHER << 16 | ETH_P_IP), DROP);
	domlet_net_bpf_load(p, BPF_H, VALUE, BPF_REG_10, HEADER + 4);
	domlet_net_bpf_unless(p, VALUE, htons(ETH_ALEN << 8 | 4), DROP);
	want_mac(p, HEADER + ARP_MAC, mac_of(sender));
	domlet_net_bpf_fetch(p, ARP_SOURCE, ADDRESS, 4, DROP);
}

static void judge_ip(struct domlet_net_bpf *p)
{
	domlet_net_bpf_fetch(p, IP_SOURCE, ADDRESS, 4, DROP);
	domlet_net_bpf_go(p, OF_IP);
}

static void want_ip(struct domlet_net_bpf *p, const struct domlet_net *net)
{
	domlet_net_bpf_label(p, OF_IP);
	domlet_net_bpf_load(p, BPF_W, VALUE, BPF_REG_10, ADDRESS);
	for (uint32_t i = 0; i < net->address_count; i++)
		if (net->addresses[i].family == AF_INET)
			domlet_net_bpf_if(p, VALUE, word(net->addresses[i].address), PASS);
	domlet_net_bpf_go(p, DROP);
}

/* When it is the 16 bytes at ADDRESS, it goes on at LABEL. NEXT_ONE is a label for where it goes on otherwise. */
static void if_ipv6(struct domlet_net_bpf *p, const uint8_t address[16], uint32_t label, uint32_t next_one)
{
	for (unsigned int i = 0; i < 4; i++) {
		if (i < 3)
			domlet_net_bpf_unless(p, BPF_REG_1 + i, word(address + 4 * i), next_one);
		else
			domlet_net_bpf_if(p, BPF_REG_1 + i, word(address + 4 * i), label);
	}
	domlet_net_bpf_label(p, next_one);
}

/* The half of an address that the guest's kernel makes of its MAC as any does (RFC 4291, A): for the link, and for each network that a
 * router announces, of which dom0's kernel knows nothing. Nobody else has it. */
static void make_interface_id(const uint8_t mac[6], uint8_t id[8])
{
	memcpy(id, mac, 3);
	id[0] ^= 2;
	id[3] = 0xff;
	id[4] = 0xfe;
	memcpy(id + 5, mac + 3, 3);
}

/* The 16 bytes at ADDRESS of the stack: at LABEL it goes on with one of the sender's. LABELS are those of this list. */
static void if_own_ipv6(struct domlet_net_bpf *p, const struct domlet_net_sender *sender, uint32_t label,
			uint32_t labels)
{
	const struct domlet_net *net = sender->net;
	const uint32_t last = labels + DOMLET_NET_ADDRESSES_MAX;
	uint8_t id[8];

	for (unsigned int i = 0; i < 4; i++)
		domlet_net_bpf_load(p, BPF_W, BPF_REG_1 + i, BPF_REG_10, (int16_t)(ADDRESS + 4 * (int)i));
	for (uint32_t i = 0; i < net->address_count; i++)
		if (net->addresses[i].family == AF_INET6)
			if_ipv6(p, net->addresses[i].address, label, labels + i);
	make_interface_id(mac_of(sender), id);
	domlet_net_bpf_unless(p, BPF_REG_3, word(id), last);
	domlet_net_bpf_if(p, BPF_REG_4, word(id + 4), label);
	domlet_net_bpf_label(p, last);
}

/* Whose it is. */
static void judge_ipv6(struct domlet_net_bpf *p, const struct domlet_net_sender *sender)
{
	domlet_net_bpf_label(p, IS_IPV6);
	domlet_net_bpf_fetch(p, IPV6_LEN, HEADER, 4, DROP);
	domlet_net_bpf_load(p, BPF_H, LENGTH, BPF_REG_10, HEADER);
	domlet_net_bpf_load(p, BPF_B, KIND, BPF_REG_10, HEADER + 2);
	domlet_net_bpf_fetch(p, IPV6_SOURCE, ADDRESS, 16, DROP);
	domlet_net_bpf_set(p, NOBODY, 0);
	if_own_ipv6(p, sender, OF_OWN, NEXT);
	for (unsigned int i = 0; i < 4; i++)
		domlet_net_bpf_unless(p, BPF_REG_1 + i, 0, DROP);
	domlet_net_bpf_unless(p, KIND, IPPROTO_ICMPV6, DROP);
	domlet_net_bpf_set(p, NOBODY, 1);
	domlet_net_bpf_label(p, OF_OWN);
}

/* Behind an extension something else could hide. Those that a program without the capabilities can have the kernel make are
 * fragments, among which nobody takes neighbour discovery (RFC 6980), and what comes before a report of multicast groups. */
static void judge_next_header(struct domlet_net_bpf *p)
{
	static const uint32_t extensions[] = { IPPROTO_ROUTING, IPPROTO_AH, IPPROTO_DSTOPTS,
					       NEXT_MOBILITY,   NEXT_HIP,   NEXT_SHIM6 };

	domlet_net_bpf_if(p, KIND, IPPROTO_ICMPV6, IS_ICMPV6);
	for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
		domlet_net_bpf_if(p, KIND, extensions[i], DROP);
	domlet_net_bpf_unless(p, KIND, IPPROTO_HOPOPTS, PASS);
	domlet_net_bpf_fetch(p, IPV6_PAYLOAD, HEADER, EXTENSION_LEN + 1, DROP);
	domlet_net_bpf_load(p, BPF_H, VALUE, BPF_REG_10, HEADER);
	domlet_net_bpf_unless(p, VALUE, htons(IPPROTO_ICMPV6 << 8), DROP);
	domlet_net_bpf_load(p, BPF_B, VALUE, BPF_REG_10, HEADER + EXTENSION_LEN);
	domlet_net_bpf_if(p, VALUE, MLD_LISTENER_REPORT, PASS);
	domlet_net_bpf_if(p, VALUE, MLD_LISTENER_REDUCTION, PASS);
	domlet_net_bpf_if(p, VALUE, MLD2_REPORT, PASS);
	domlet_net_bpf_go(p, DROP);
}

static void judge_icmpv6(struct domlet_net_bpf *p)
{
	domlet_net_bpf_label(p, IS_ICMPV6);
	domlet_net_bpf_fetch(p, IPV6_PAYLOAD, HEADER, 1, DROP);
	domlet_net_bpf_load(p, BPF_B, KIND, BPF_REG_10, HEADER);
	domlet_net_bpf_if(p, KIND, ND_NEIGHBOR_SOLICIT, DISCOVERS);
	domlet_net_bpf_unless(p, NOBODY, 0, DROP);
	domlet_net_bpf_if(p, KIND, ND_NEIGHBOR_ADVERT, DISCOVERS);
	domlet_net_bpf_if(p, KIND, ND_ROUTER_SOLICIT, SOLICITS_ROUTER);
	domlet_net_bpf_if(p, KIND, ND_ROUTER_ADVERT, DROP);
	domlet_net_bpf_if(p, KIND, ND_REDIRECT, DROP);
	domlet_net_bpf_go(p, PASS);
}

/* Without an option, or with the one that a kernel sends. */
static void want_option(struct domlet_net_bpf *p, uint16_t len, uint32_t at)
{
	domlet_net_bpf_if(p, LENGTH, htons(len), PASS);
	domlet_net_bpf_unless(p, LENGTH, htons((uint16_t)(len + OPTION_LEN)), DROP);
	domlet_net_bpf_fetch(p, at, HEADER, OPTION_LEN, DROP);
}

/* Who is looked for is not the sender: that is who is announced. */
static void judge_discovery(struct domlet_net_bpf *p, const struct domlet_net_sender *sender)
{
	domlet_net_bpf_label(p, DISCOVERS);
	domlet_net_bpf_fetch(p, DISCOVERY_TARGET, ADDRESS, 16, DROP);
	domlet_net_bpf_if(p, KIND, ND_NEIGHBOR_SOLICIT, SOLICITS);
	domlet_net_bpf_label(p, ANNOUNCES);
	if_own_ipv6(p, sender, ABOUT_OWN, NEXT + DOMLET_NET_ADDRESSES_MAX + 1);
	domlet_net_bpf_go(p, DROP);
	domlet_net_bpf_label(p, SOLICITS); /* by nobody: whether somebody has what is to be its own address */
	domlet_net_bpf_unless(p, NOBODY, 0, ANNOUNCES);
	domlet_net_bpf_label(p, ABOUT_OWN);
	want_option(p, DISCOVERY_OPTION - IPV6_PAYLOAD, DISCOVERY_OPTION);
	domlet_net_bpf_go(p, OPTION);
	domlet_net_bpf_label(p, SOLICITS_ROUTER);
	want_option(p, SOLICITATION_OPTION - IPV6_PAYLOAD, SOLICITATION_OPTION);
	domlet_net_bpf_label(p, OPTION);
	domlet_net_bpf_load(p, BPF_B, VALUE, BPF_REG_10, HEADER);
	domlet_net_bpf_if(p, VALUE, OPTION_NONCE, PASS);
	want_mac(p, HEADER + 2, mac_of(sender));
}

/* A kernel takes no program of which a part is never reached. */
static void judge(struct domlet_net_bpf *p, const struct domlet_net_sender *sender)
{
	bool no_ipv6 = sender->net->links[sender->link].no_ipv6;

	sort_by_kind(p, sender);
	judge_ip(p);
	judge_arp(p, sender);
	want_ip(p, sender->net);
	if (!no_ipv6) {
		judge_ipv6(p, sender);
		judge_next_header(p);
		judge_icmpv6(p);
		judge_discovery(p, sender);
	}
	domlet_net_bpf_label(p, PASS);
	domlet_net_bpf_return(p, TC_ACT_UNSPEC);
	if (no_ipv6)
		domlet_net_bpf_label(p, IS_IPV6);
}

static bool has_address(const struct domlet_net_sender *sender)
{
	const struct domlet_net *net = sender->net;

	if (net && !net->links[sender->link].no_ipv6)
		return true; /* those that it makes of its MAC */
	for (uint32_t i = 0; net && i < net->address_count; i++)
		if (net->addresses[i].family == AF_INET)
			return true;
	return false;
}

void domlet_net_filter_make(struct domlet_net_bpf *p, const struct domlet_net_sender *sender)
{
	domlet_net_bpf_begin(p);
	if (has_address(sender))
		judge(p, sender);
	domlet_net_bpf_label(p, DROP);
	domlet_net_bpf_return(p, TC_ACT_SHOT);
}

int domlet_net_filter_set(struct domlet_net_socket *s, uint32_t vif, const struct domlet_net_sender *sender,
			  struct domlet_error *err)
{
	struct domlet_net_bpf p = { 0 };
	cleanup_close int program = -1;
	int r;

	if (sender->forges) {
		(void)domlet_net_tc_remove(s, vif, DOMLET_NET_PREFERENCE_FIRST); /* there may be none */
		return 0;
	}
	domlet_net_filter_make(&p, sender);
	program = r = domlet_net_bpf_open(&p, "domlet_filter");
	if (r >= 0)
		r = domlet_net_tc_ask(s, vif, program);
	return r < 0 ? domlet_error_set(
			       err, -r,
			       "what it sends can't be kept to its own addresses: %s; dom0's kernel needs bpf(2) and the module cls_bpf",
			       domlet_strerror(-r)) :
		       0;
}
