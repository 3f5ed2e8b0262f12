/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_DOM0_PEER_H
#define DOMLET_DOM0_PEER_H

/*
 * UNIX sockets of dom0's, reached by their files and in the name of a user: the kernel checks whether that one may, and whoever
 * listens is told who it is. This thread is that user for as long as that takes, and root afterwards, or nothing at all.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct domlet_peer {
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
};

/* FILE: a descriptor of the socket's file, which may be O_PATH. A connection by TYPE, SOCK_STREAM or SOCK_DGRAM, which never makes us
 * wait, and is closed by exec. -errno: connect(2)'s, where a queue that is full is EAGAIN; EINVAL: that is no user. Of a
 * datagram the user is who sends it, which is for the sender to say. */
int domlet_peer_connect(int file, int type, const struct domlet_peer *as);
/* Whether it takes datagrams. Who listens at another is told nothing by this. */
bool domlet_peer_takes_datagrams(int file);

#endif
