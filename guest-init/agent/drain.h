/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_DRAIN_H
#define DOMLET_INIT_DRAIN_H

/*
 * Outputs that nobody in dom0 reads any more, while processes that were left
 * behind by an ended one still write to them: what comes is read and thrown
 * away, so that their writers neither wait nor are killed for it. A pipe is
 * ours until its last writer has closed it.
 */

#include <stdbool.h>

/* More than this lose their reader, as all would without us. */
#define DOMLET_DRAIN_MAX 512

struct domlet_drain {
	int epoll_fd; /* once it is open */
	int count;
	bool open;
};

/* FD is non-blocking, and ours from now on. */
void domlet_drain_take(struct domlet_drain *d, int fd);
/* To be polled for input; -1: there is nothing to wait for. */
int domlet_drain_fd(const struct domlet_drain *d);
/* When that has input. A little of each, so that it doesn't keep us from other work. */
void domlet_drain_read(struct domlet_drain *d);

#endif
