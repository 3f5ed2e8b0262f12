/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STORAGE_LOOP_H
#define DOMLET_STORAGE_LOOP_H

/*
 * Loop devices (loop(4)), for images that blkback serves; domlet-hotplug comes here. A
 * device carries a tag, so that it is only ever given back by whoever took it. No
 * memory is owned. Each function that has an error returns 0 or -errno.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "../base/error.h"

#define DOMLET_LOOP_TAG_MAX 63 /* characters */

struct domlet_loop {
	char node[32]; /* "/dev/loop7" */
	int fd;        /* keeps the device busy */
	dev_t device;  /* NODE's number */
};

/* Takes a free device for FILE and gives it TAG. The device frees itself when its last
 * user closes it, as when this process is killed. Nothing else may be done with
 * loop->fd than domlet_loop_release(). */
int domlet_loop_attach(const char *file, bool read_only, const char *tag, struct domlet_loop *loop,
		       struct domlet_error *err);
/* Closes loop->fd. Without AUTOCLEAR the device stays when its last user closes it; with
 * AUTOCLEAR somebody else (blkback) must hold the device by now. */
void domlet_loop_release(struct domlet_loop *loop, bool autoclear);
/* Frees the device NODE if it still carries TAG; 0 also when it doesn't. */
int domlet_loop_detach(const char *node, const char *tag, struct domlet_error *err);

#endif
