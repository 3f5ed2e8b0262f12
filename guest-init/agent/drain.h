/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_DRAIN_H
#define DOMLET_INIT_DRAIN_H

/*
 * Outputs that nobody in dom0 reads any more, while processes that were left
 * behind by an ended one still write to them: what comes is read and thrown
 * away, so that their writers are not killed for it. A pipe is ours until its
 * last writer has closed it.
 *
 * The time that this takes is process 1's, which no container's limit counts.
 * So after each look there is a pause, and a look takes no more than
 * DOMLET_DRAIN_BYTES of all pipes together: who writes faster waits for its full pipe.
 */

#include <stdbool.h>

/* More than this lose their reader, as all would without us. */
#define DOMLET_DRAIN_MAX 512
/* A look and its pause: 6.4 MB/s, and a few thousandths of a processor. */
#define DOMLET_DRAIN_BYTES 65536u
#define DOMLET_DRAIN_PAUSE_MS 10u

struct domlet_drain {
	int epoll_fd, timer_fd; /* once it is open */
	int count;
	bool open;
	bool pauses; /* until the timer's end */
};

/* FD is non-blocking, and ours from now on. */
void domlet_drain_take(struct domlet_drain *d, int fd);
/* To be polled for input; -1: there is nothing to wait for. */
int domlet_drain_fd(const struct domlet_drain *d);
/* When that has input: one look, or the end of a pause. */
void domlet_drain_read(struct domlet_drain *d);

#endif
