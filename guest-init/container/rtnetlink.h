/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_RTNETLINK_H
#define DOMLET_INIT_RTNETLINK_H

/*
 * Requests to the kernel's rtnetlink, one at a time, from process 1's children. (dom0's
 * half has libmnl for it, of which Debian has no static library.)
 */

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

struct domlet_rtnetlink {
	int fd; /* -1: none; of the network namespace that it was opened in */
	uint32_t sequence;
	/* The request that is being made. */
	struct {
		struct nlmsghdr header;
		uint8_t rest[1024];
	} __attribute__((aligned(NLMSG_ALIGNTO))) request;
};

/* 0 or -errno, as all that follow. */
int domlet_rtnetlink_open(struct domlet_rtnetlink *r);
void domlet_rtnetlink_close(struct domlet_rtnetlink *r);
/* Begins a request; its own header, of LEN bytes and 0, is returned. */
void *domlet_rtnetlink_begin(struct domlet_rtnetlink *r, uint16_t type, uint16_t flags, size_t len);
/* There is room for some twenty attributes as they are here. */
void domlet_rtnetlink_put(struct domlet_rtnetlink *r, uint16_t type, const void *value, size_t len);
void domlet_rtnetlink_put_u32(struct domlet_rtnetlink *r, uint16_t type, uint32_t value);
/* What is put from now on until end() is within the attribute TYPE. */
struct rtattr *domlet_rtnetlink_nest(struct domlet_rtnetlink *r, uint16_t type);
void domlet_rtnetlink_end(struct domlet_rtnetlink *r, struct rtattr *nest);
/* Sends it; -errno is the kernel's. */
int domlet_rtnetlink_do(struct domlet_rtnetlink *r);

#endif
