// SPDX-License-Identifier: GPL-2.0-or-later
#include "tc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#define REQUEST_MAX 1024

struct request {
	char buffer[REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
};

static struct nlmsghdr *begin(struct request *r, uint16_t type, uint16_t flags, uint32_t index, struct tcmsg **header)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(r->buffer);

	m->nlmsg_type = type;
	m->nlmsg_flags = flags;
	*header = mnl_nlmsg_put_extra_header(m, sizeof **header);
	(*header)->tcm_ifindex = (int)index;
	return m;
}

static struct nlmsghdr *begin_filter(struct request *r, uint16_t type, uint16_t flags, uint32_t index,
				     enum domlet_net_preference preference, struct tcmsg **header)
{
	struct nlmsghdr *m = begin(r, type, flags, index, header);

	(*header)->tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
	(*header)->tcm_info = TC_H_MAKE((uint32_t)preference << 16, htons(ETH_P_ALL));
	return m;
}

int domlet_net_tc_open(struct domlet_net_socket *s, uint32_t index)
{
	struct request r;
	struct tcmsg *header;
	struct nlmsghdr *m = begin(&r, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index, &header);
	int done;

	header->tcm_parent = TC_H_CLSACT;
	header->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(m, TCA_KIND, "clsact");
	done = domlet_net_socket_do(s, m);
	return done == -EEXIST ? 0 : done;
}

int domlet_net_tc_redirect(struct domlet_net_socket *s, uint32_t index, uint32_t to)
{
	const struct tc_mirred mirred = { .action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = to };
	struct request r;
	struct tcmsg *header;
	struct nlmsghdr *m = begin_filter(&r, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, index,
					  DOMLET_NET_PREFERENCE_REDIRECT, &header);
	struct nlattr *options, *actions, *action, *parameters;

	mnl_attr_put_strz(m, TCA_KIND, "matchall");
	options = mnl_attr_nest_start(m, TCA_OPTIONS);
	actions = mnl_attr_nest_start(m, TCA_MATCHALL_ACT);
	action = mnl_attr_nest_start(m, 1);
	mnl_attr_put_strz(m, TCA_ACT_KIND, "mirred");
	parameters = mnl_attr_nest_start(m, TCA_ACT_OPTIONS);
	mnl_attr_put(m, TCA_MIRRED_PARMS, sizeof mirred, &mirred);
	mnl_attr_nest_end(m, parameters);
	mnl_attr_nest_end(m, action);
	mnl_attr_nest_end(m, actions);
	mnl_attr_nest_end(m, options);
	return domlet_net_socket_do(s, m);
}

int domlet_net_tc_ask(struct domlet_net_socket *s, uint32_t index, int program)
{
	struct request r;
	struct tcmsg *header;
	struct nlmsghdr *m = begin_filter(&r, RTM_NEWTFILTER, NLM_F_CREATE, index, DOMLET_NET_PREFERENCE_FIRST, &header);
	struct nlattr *options;

	header->tcm_handle = 1; /* a new one would stand beside it otherwise */
	mnl_attr_put_strz(m, TCA_KIND, "bpf");
	options = mnl_attr_nest_start(m, TCA_OPTIONS);
	mnl_attr_put_u32(m, TCA_BPF_FD, (uint32_t)program);
	mnl_attr_put_strz(m, TCA_BPF_NAME, "domlet");
	mnl_attr_put_u32(m, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	mnl_attr_nest_end(m, options);
	return domlet_net_socket_do(s, m);
}

int domlet_net_tc_remove(struct domlet_net_socket *s, uint32_t index, enum domlet_net_preference preference)
{
	struct request r;
	struct tcmsg *header;
	struct nlmsghdr *m = begin_filter(&r, RTM_DELTFILTER, 0, index, preference, &header);

	return domlet_net_socket_do(s, m);
}
