// SPDX-License-Identifier: GPL-2.0-or-later
#include "rtnetlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int domlet_rtnetlink_open(struct domlet_rtnetlink *r)
{
	r->sequence = 0;
	r->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return r->fd < 0 ? -errno : 0;
}

void domlet_rtnetlink_close(struct domlet_rtnetlink *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

void *domlet_rtnetlink_begin(struct domlet_rtnetlink *r, uint16_t type, uint16_t flags, size_t len)
{
	memset(&r->request, 0, sizeof r->request);
	r->request.header = (struct nlmsghdr){ .nlmsg_len = (uint32_t)NLMSG_SPACE(len),
					       .nlmsg_type = type,
					       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags };
	return r->request.rest;
}

static struct rtattr *append(struct domlet_rtnetlink *r, uint16_t type, size_t len)
{
	struct rtattr *a = (void *)((uint8_t *)&r->request + r->request.header.nlmsg_len);

	if (r->request.header.nlmsg_len + RTA_SPACE(len) > sizeof r->request)
		__builtin_trap(); /* all that is put is of a known size */
	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	r->request.header.nlmsg_len += (uint32_t)RTA_SPACE(len);
	return a;
}

void domlet_rtnetlink_put(struct domlet_rtnetlink *r, uint16_t type, const void *value, size_t len)
{
	memcpy(RTA_DATA(append(r, type, len)), value, len);
}

void domlet_rtnetlink_put_u32(struct domlet_rtnetlink *r, uint16_t type, uint32_t value)
{
	domlet_rtnetlink_put(r, type, &value, sizeof value);
}

struct rtattr *domlet_rtnetlink_nest(struct domlet_rtnetlink *r, uint16_t type)
{
	return append(r, type | NLA_F_NESTED, 0);
}

void domlet_rtnetlink_end(struct domlet_rtnetlink *r, struct rtattr *nest)
{
	nest->rta_len = (uint16_t)((uint8_t *)&r->request + r->request.header.nlmsg_len - (uint8_t *)nest);
}

int domlet_rtnetlink_do(struct domlet_rtnetlink *r)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		uint8_t rest[2048];
	} answer;
	ssize_t n;

	r->request.header.nlmsg_seq = ++r->sequence;
	if (send(r->fd, &r->request, r->request.header.nlmsg_len, 0) < 0)
		return -errno;
	do {
		n = recv(r->fd, &answer, sizeof answer, 0);
		if (n < 0 && errno != EINTR)
			return -errno;
	} while (n < (ssize_t)(sizeof answer.header + sizeof answer.error) || answer.header.nlmsg_type != NLMSG_ERROR ||
		 answer.header.nlmsg_seq != r->sequence);
	return answer.error.error;
}
