// SPDX-License-Identifier: GPL-2.0-or-later
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/cleanup.h"

/* What the kernel sends at once at most (net/netlink/af_netlink.c: netlink_recvmsg gives a dump that much). */
#define ANSWER_MAX 32768

static int open_here(struct domlet_net_socket *s, unsigned int groups)
{
	s->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | (groups ? SOCK_NONBLOCK : 0));
	if (s->nl && mnl_socket_bind(s->nl, groups, MNL_SOCKET_AUTOPID) == 0)
		return 0;
	return -errno;
}

static int open_socket(struct domlet_net_socket *s, int namespace, unsigned int groups, struct domlet_error *err)
{
	cleanup_close int own = -1;
	int r;

	*s = (struct domlet_net_socket){ 0 };
	if (namespace >= 0) {
		own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (own < 0 || setns(namespace, CLONE_NEWNET) < 0)
			return domlet_error_set(err, errno, "can't enter the network namespace of the container: %s",
						domlet_strerror(errno));
	}
	r = open_here(s, groups);
	if (namespace >= 0 && setns(own, CLONE_NEWNET) < 0)
		abort(); /* whatever comes next would be done in the wrong place */
	if (r == 0)
		return 0;
	domlet_net_socket_close(s);
	return domlet_error_set(err, -r, "can't make a netlink socket: %s", domlet_strerror(-r));
}

int domlet_net_socket_open(struct domlet_net_socket *s, int namespace, struct domlet_error *err)
{
	return open_socket(s, namespace, 0, err);
}

int domlet_net_socket_watch(struct domlet_net_socket *s, int namespace, struct domlet_error *err)
{
	return open_socket(s, namespace,
			   RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
				   RTMGRP_IPV6_ROUTE | RTMGRP_NEIGH,
			   err);
}

int domlet_net_socket_fd(const struct domlet_net_socket *s)
{
	return mnl_socket_get_fd(s->nl);
}

void domlet_net_socket_drain(struct domlet_net_socket *s)
{
	char buffer[4096]; /* whatever it is: the rest of a longer message is dropped */

	/* ENOBUFS: there was more than it could hold, which is a change, too. */
	while (recv(mnl_socket_get_fd(s->nl), buffer, sizeof buffer, 0) >= 0 || errno == ENOBUFS || errno == EINTR)
		;
}

void domlet_net_socket_close(struct domlet_net_socket *s)
{
	if (s->nl)
		(void)mnl_socket_close(s->nl);
	s->nl = NULL;
}

/* Takes all messages of the answer to request NUMBER. */
static int take_answer(struct domlet_net_socket *s, uint32_t number,
		       int (*take)(void *user, const struct nlmsghdr *message), void *user)
{
	cleanup_free char *buffer = malloc(ANSWER_MAX);
	int result = buffer ? 0 : -ENOMEM;
	bool changed = false;

	while (buffer) {
		ssize_t got = mnl_socket_recvfrom(s->nl, buffer, ANSWER_MAX);
		const struct nlmsghdr *m = (const void *)buffer;
		int left = (int)got;

		if (got < 0)
			return -errno;
		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left)) {
			if (m->nlmsg_seq != number) /* left of a list that was given up */
				continue;
			changed = changed || (m->nlmsg_flags & NLM_F_DUMP_INTR);
			if (m->nlmsg_type == NLMSG_DONE)
				return result < 0 ? result : changed ? -EINTR : 0;
			if (m->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(m))->error;
			if (result == 0 && take)
				result = take(user, m);
		}
	}
	return result;
}

int domlet_net_socket_do(struct domlet_net_socket *s, struct nlmsghdr *message)
{
	message->nlmsg_seq = ++s->sequence;
	message->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (mnl_socket_sendto(s->nl, message, message->nlmsg_len) < 0)
		return -errno;
	return take_answer(s, message->nlmsg_seq, NULL, NULL);
}

/* Each list has a header of its own, all of which begin with the family. What follows a shorter one the kernel takes for
 * attributes, and complains. */
static size_t header_len(uint16_t type)
{
	switch (type) {
	case RTM_GETADDR: return sizeof(struct ifaddrmsg);
	case RTM_GETROUTE: return sizeof(struct rtmsg);
	case RTM_GETNEIGH: return sizeof(struct ndmsg);
	default: return sizeof(struct ifinfomsg); /* the longest */
	}
}

int domlet_net_socket_list(struct domlet_net_socket *s, uint16_t type, uint8_t family,
			   int (*take)(void *user, const struct nlmsghdr *message), void *user)
{
	char buffer[NLMSG_SPACE(sizeof(struct ifinfomsg))] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *m = mnl_nlmsg_put_header(buffer);
	struct rtgenmsg *what = mnl_nlmsg_put_extra_header(m, header_len(type));

	what->rtgen_family = family;
	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	m->nlmsg_seq = ++s->sequence;
	if (mnl_socket_sendto(s->nl, m, m->nlmsg_len) < 0)
		return -errno;
	return take_answer(s, m->nlmsg_seq, take, user);
}
