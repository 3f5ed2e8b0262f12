// SPDX-License-Identifier: GPL-2.0-or-later
#include "resolver.h"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <unistd.h>

#include "../../frontend/proto/net.h"
#include "../base/cleanup.h"
#include "tc.h"

#define DNS_PORT 53
#define NEIGHBOUR_ADVERTISEMENT 136
#define CURRENT_NAMESPACE -1 /* BPF_F_CURRENT_NETNS: the link's */

/* On the wire; numbers are bytes from the frame's beginning. */
enum {
	ARP_OPERATION = ETH_HLEN + 6,
	IP = ETH_HLEN, /* 12 bytes until its addresses */
	IP_FRAGMENT = 6,
	IP_TRANSPORT = 9,
	IP_ADDRESSES = IP + 12, /* 2 of 4 bytes */
	IPV6_NEXT = ETH_HLEN + 6,
	IPV6_ADDRESSES = ETH_HLEN + 8, /* 2 of 16 bytes */
	IPV6_PAYLOAD = ETH_HLEN + 40,
};

/* The stack has what identifies a socket (union of struct bpf_sock_tuple), whose ports end it in each family, and below that a
 * header, or one byte. */
enum {
	PORTS = -4,
	TUPLE_IP = -12,
	TUPLE_IPV6 = -36,
	SCRATCH = -48,
	RESULT = BPF_REG_0,
	VALUE = BPF_REG_1,
	PROTOCOL = BPF_REG_7,
	PLACE = BPF_REG_8, /* of the ports in the frame */
	TUPLE = BPF_REG_9, /* its place on the stack */
};

enum { GUESTS, BOTH, OF_ARP, OF_IPV6, OF_ICMPV6, TRANSPORT, OF_TCP, FOUND };

static void load_word(struct domlet_net_bpf *p, size_t field)
{
	domlet_net_bpf_load(p, BPF_W, VALUE, DOMLET_NET_BPF_FRAME, (int16_t)field);
}

static void sort_by_kind(struct domlet_net_bpf *p)
{
	load_word(p, offsetof(struct __sk_buff, vlan_present));
	domlet_net_bpf_unless(p, VALUE, 0, GUESTS);
	load_word(p, offsetof(struct __sk_buff, protocol));
	domlet_net_bpf_if(p, VALUE, htons(ETH_P_ARP), OF_ARP);
	domlet_net_bpf_if(p, VALUE, htons(ETH_P_IPV6), OF_IPV6);
	domlet_net_bpf_unless(p, VALUE, htons(ETH_P_IP), GUESTS);
}

/* A fragment can't be told whose it is. */
static void take_ip(struct domlet_net_bpf *p)
{
	domlet_net_bpf_fetch(p, IP, SCRATCH, 12, GUESTS);
	domlet_net_bpf_fetch(p, IP_ADDRESSES, TUPLE_IP, 8, GUESTS);
	domlet_net_bpf_load(p, BPF_H, VALUE, BPF_REG_10, SCRATCH + IP_FRAGMENT);
	domlet_net_bpf_emit(p, BPF_ALU64 | BPF_AND | BPF_K, VALUE, 0, 0, htons(0x3fff)); /* but "don't" */
	domlet_net_bpf_unless(p, VALUE, 0, GUESTS);
	domlet_net_bpf_load(p, BPF_B, PROTOCOL, BPF_REG_10, SCRATCH + IP_TRANSPORT);
	domlet_net_bpf_load(p, BPF_B, PLACE, BPF_REG_10, SCRATCH);
	domlet_net_bpf_emit(p, BPF_ALU64 | BPF_AND | BPF_K, PLACE, 0, 0, 15);
	domlet_net_bpf_emit(p, BPF_ALU64 | BPF_LSH | BPF_K, PLACE, 0, 0, 2);
	domlet_net_bpf_emit(p, BPF_ALU64 | BPF_ADD | BPF_K, PLACE, 0, 0, IP);
	domlet_net_bpf_set(p, TUPLE, TUPLE_IP);
	domlet_net_bpf_go(p, TRANSPORT);
}

static void take_ipv6(struct domlet_net_bpf *p)
{
	domlet_net_bpf_label(p, OF_IPV6);
	domlet_net_bpf_fetch(p, IPV6_NEXT, SCRATCH, 1, GUESTS);
	domlet_net_bpf_load(p, BPF_B, PROTOCOL, BPF_REG_10, SCRATCH);
	domlet_net_bpf_if(p, PROTOCOL, IPPROTO_ICMPV6, OF_ICMPV6);
	domlet_net_bpf_fetch(p, IPV6_ADDRESSES, TUPLE_IPV6, 32, GUESTS);
	domlet_net_bpf_set(p, PLACE, IPV6_PAYLOAD);
	domlet_net_bpf_set(p, TUPLE, TUPLE_IPV6);
}

/* The namespace's when a socket there waits for it. */
static void take_answer(struct domlet_net_bpf *p)
{
	domlet_net_bpf_label(p, TRANSPORT);
	domlet_net_bpf_fetch_at(p, PLACE, PORTS, 4, GUESTS);
	domlet_net_bpf_load(p, BPF_H, VALUE, BPF_REG_10, PORTS);
	domlet_net_bpf_unless(p, VALUE, htons(DNS_PORT), GUESTS);
	domlet_net_bpf_load(p, BPF_H, VALUE, BPF_REG_10, PORTS + 2);
	domlet_net_bpf_emit(p, BPF_ALU | BPF_END | BPF_TO_BE, VALUE, 0, 0, 16);
	domlet_net_bpf_emit(p, BPF_JMP32 | BPF_JLT | BPF_K, VALUE, 0, GUESTS, DOMLET_NET_HOST_PORT_MIN);
	domlet_net_bpf_copy(p, BPF_REG_1, DOMLET_NET_BPF_FRAME);
	domlet_net_bpf_copy(p, BPF_REG_2, BPF_REG_10);
	domlet_net_bpf_emit(p, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_2, TUPLE, 0, 0);
	domlet_net_bpf_set(p, BPF_REG_3, 0);
	domlet_net_bpf_emit(p, BPF_ALU64 | BPF_SUB | BPF_X, BPF_REG_3, TUPLE, 0, 0); /* its length */
	domlet_net_bpf_set(p, BPF_REG_4, CURRENT_NAMESPACE);
	domlet_net_bpf_set(p, BPF_REG_5, 0);
	domlet_net_bpf_if(p, PROTOCOL, IPPROTO_TCP, OF_TCP);
	domlet_net_bpf_unless(p, PROTOCOL, IPPROTO_UDP, GUESTS);
	domlet_net_bpf_emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sk_lookup_udp);
	domlet_net_bpf_go(p, FOUND);
	domlet_net_bpf_label(p, OF_TCP);
	domlet_net_bpf_emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skc_lookup_tcp); /* one that is about to end, too */
	domlet_net_bpf_label(p, FOUND);
	domlet_net_bpf_emit(p, BPF_JMP | BPF_JEQ | BPF_K, RESULT, 0, GUESTS, 0);
	domlet_net_bpf_copy(p, BPF_REG_1, RESULT);
	domlet_net_bpf_emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_sk_release);
	domlet_net_bpf_return(p, TC_ACT_OK);
}

/* Either may have asked for it. */
static void take_neighbours(struct domlet_net_bpf *p, uint32_t vif)
{
	domlet_net_bpf_label(p, OF_ARP);
	domlet_net_bpf_fetch(p, ARP_OPERATION, SCRATCH, 2, GUESTS);
	domlet_net_bpf_load(p, BPF_H, VALUE, BPF_REG_10, SCRATCH);
	domlet_net_bpf_if(p, VALUE, htons(ARPOP_REPLY), BOTH);
	domlet_net_bpf_go(p, GUESTS);
	domlet_net_bpf_label(p, OF_ICMPV6);
	domlet_net_bpf_fetch(p, IPV6_PAYLOAD, SCRATCH, 1, GUESTS);
	domlet_net_bpf_load(p, BPF_B, VALUE, BPF_REG_10, SCRATCH);
	domlet_net_bpf_unless(p, VALUE, NEIGHBOUR_ADVERTISEMENT, GUESTS);
	domlet_net_bpf_label(p, BOTH);
	domlet_net_bpf_copy(p, BPF_REG_1, DOMLET_NET_BPF_FRAME);
	domlet_net_bpf_set(p, BPF_REG_2, (int32_t)vif);
	domlet_net_bpf_set(p, BPF_REG_3, 0);
	domlet_net_bpf_emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_clone_redirect);
	domlet_net_bpf_return(p, TC_ACT_OK);
}

void domlet_net_resolver_make(struct domlet_net_bpf *p, uint32_t vif)
{
	domlet_net_bpf_begin(p);
	sort_by_kind(p);
	take_ip(p);
	take_ipv6(p);
	take_answer(p);
	take_neighbours(p, vif);
	domlet_net_bpf_label(p, GUESTS);
	domlet_net_bpf_return(p, TC_ACT_UNSPEC);
}

int domlet_net_resolver_pass(struct domlet_net_socket *s, const struct domlet_net_splice *splice,
			     struct domlet_error *err)
{
	struct domlet_net_bpf p = { 0 };
	cleanup_close int program = -1;
	int r;

	domlet_net_resolver_make(&p, splice->vif);
	program = r = domlet_net_bpf_open(&p, "domlet_resolver");
	if (r >= 0)
		r = domlet_net_tc_ask(s, splice->link, program);
	return r < 0 ? domlet_error_set(
			       err, -r,
			       "answers to what the engine's resolver asks outside go to the guest: %s; dom0's kernel needs bpf(2) and the module cls_bpf",
			       domlet_strerror(-r)) :
		       0;
}
