/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STORAGE_FINGERPRINT_H
#define DOMLET_STORAGE_FINGERPRINT_H

/*
 * The fingerprint of a directory tree (what it covers: image.h). Only
 * storage/ includes this. Nothing is kept: two calls walk twice.
 */

#include <stdint.h>

#include "../base/error.h"

/* ROOT_FD: the tree's directory. NAME is for sentences. A directory on
 * another file system is -EXDEV: what is mounted there can't be in an image. */
int domlet_fingerprint(int root_fd, const char *name, uint8_t out[32], struct domlet_error *err);

#endif
