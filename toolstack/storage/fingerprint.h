/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STORAGE_FINGERPRINT_H
#define DOMLET_STORAGE_FINGERPRINT_H

/*
 * The fingerprint of a directory tree (what it covers: image.h). Only
 * storage/ includes this. Nothing is kept: two calls walk twice.
 */

#include <stdint.h>
#include <time.h>

#include "../base/error.h"

/* How long a change may pass unseen in a file's times, in seconds: some file
 * systems keep whole ones, and the kernel's clock for them has a grain. */
#define DOMLET_FINGERPRINT_GRAIN_S 2

/* ROOT_FD: the tree's directory. NAME is for sentences. ORIGIN: the file systems
 * it lies on. Files that were changed after FRESH are hashed with their contents.
 * A directory on another file system is -EXDEV: what is mounted there can't be
 * in an image. */
int domlet_fingerprint(int root_fd, const char *name, const uint8_t origin[32], const struct timespec *fresh,
		       uint8_t out[32], struct domlet_error *err);

#endif
