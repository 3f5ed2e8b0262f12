/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_FILESERVER_FILESERVER_H
#define DOMLET_FILESERVER_FILESERVER_H

/*
 * The process that serves a container's files to its guest: one a container, made by the command that creates it, in that
 * one's mount namespace, and handed to the domain's monitor as a socket. It waits there until the monitor says where the
 * guest's ring is. Then it maps that, gives up all but the exports and what changes of owners need, and
 * answers what comes (share/). It ends with the socket's other end, or with the guest's first wrong word.
 *
 * On the socket, SOCK_SEQPACKET, the monitor sends one struct domlet_fileserver_attach, and gets one struct
 * domlet_fileserver_answer. Both are of one program's two processes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/error.h"
#include "../ring/offer.h"

struct domlet_fileserver_attach {
	uint32_t domid;
	struct domlet_ring_offer offer;
};

struct domlet_fileserver_answer {
	int32_t code; /* 0: it serves from now on; else an errno, and it ends */
	char text[1024];
};

/* What is exported: a directory or a file of the caller's mount namespace. */
struct domlet_fileserver_export {
	const char *path;        /* absolute; links in it are followed, now */
	const char *destination; /* in the container, for the sentence of an error */
	bool recursive;          /* with what is mounted below it, also later */
	bool readonly;
};

struct domlet_fileserver {
	const struct domlet_fileserver_export *exports;
	size_t count;
	const char *cgroup; /* the monitor's; the server goes there when there is a guest */
};

/* Makes the process. The monitor's end of its socket, which is the caller's, or -errno. */
int domlet_fileserver_spawn(const struct domlet_fileserver *s, struct domlet_error *err);

#endif
