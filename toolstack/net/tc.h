/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_NET_TC_H
#define DOMLET_NET_TC_H

/*
 * What becomes of the frames that a device receives, before its namespace sees them: tc's filters, one
 * of each preference, of which the lowest is asked first. S is a socket of the device's namespace, INDEX the device's. 0 or -errno.
 */

#include "socket.h"

enum domlet_net_preference {
	DOMLET_NET_PREFERENCE_FIRST = 50, /* room for filters before ours */
	DOMLET_NET_PREFERENCE_REDIRECT = 100,
};

/* It has room for filters afterwards; an engine may have filters of its own there. */
int domlet_net_tc_open(struct domlet_net_socket *s, uint32_t index);
/* Whatever it receives, TO sends. */
int domlet_net_tc_redirect(struct domlet_net_socket *s, uint32_t index, uint32_t to);
/* PROGRAM, of bpf.h's and the caller's, is asked first, and its verdict done: TC_ACT_UNSPEC leaves the frame to the next filter. It
 * takes the place of one that is there, of which no frame sees a gap. */
int domlet_net_tc_ask(struct domlet_net_socket *s, uint32_t index, int program);
/* Takes it away. -ENOENT, -EINVAL: there is none, or no such device. */
int domlet_net_tc_remove(struct domlet_net_socket *s, uint32_t index, enum domlet_net_preference preference);

#endif
