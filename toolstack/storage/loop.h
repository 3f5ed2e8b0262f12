/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STORAGE_LOOP_H
#define DOMLET_STORAGE_LOOP_H

/*
 * Loop devices (loop(4)), for images that blkback serves. A device carries a
 * tag, so that it is only ever given back by who took it. No memory is owned.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "../base/error.h"

#define DOMLET_LOOP_TAG_MAX 63

struct domlet_loop {
	char node[32]; /* "/dev/loop7" */
	int fd;        /* keeps it busy */
	dev_t device;
};

/* Takes a free device for FILE, which frees itself when its last user closes
 * it, as when this process is killed. Nothing else may be done with loop->fd
 * than domlet_loop_release(). */
int domlet_loop_attach(const char *file, bool read_only, const char *tag, struct domlet_loop *loop,
		       struct domlet_error *err);
/* Closes loop->fd. Without AUTOCLEAR the device stays when its last user closes
 * it; with it somebody else (blkback) must hold it by now. */
void domlet_loop_release(struct domlet_loop *loop, bool autoclear);
/* Frees NODE if it still carries TAG; 0 also when it doesn't. */
int domlet_loop_detach(const char *node, const char *tag, struct domlet_error *err);

#endif
