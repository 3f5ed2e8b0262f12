/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STORAGE_FINGERPRINT_H
#define DOMLET_STORAGE_FINGERPRINT_H

/*
 * The fingerprint of a directory tree; image.h says what it covers. Only storage/
 * includes this. Nothing is kept: two calls walk twice.
 */

#include <stdint.h>
#include <time.h>

#include "../base/error.h"

/* How long a change may pass unseen in a file's times, in seconds: some file systems
 * keep whole seconds, and the kernel's clock for file times has a grain. */
#define DOMLET_FINGERPRINT_GRAIN_S 2

/* Writes the fingerprint of the tree in the directory ROOT_FD into OUT. NAME is for
 * sentences. ORIGIN is the id of the file systems that the tree lies on (origin.h). A
 * file that was changed after FRESH is hashed with its contents. 0 or -errno; -EXDEV: a
 * directory lies on another file system, and what is mounted there can't be in an
 * image. */
int domlet_fingerprint(int root_fd, const char *name, const uint8_t origin[32], const struct timespec *fresh,
		       uint8_t out[32], struct domlet_error *err);

#endif
