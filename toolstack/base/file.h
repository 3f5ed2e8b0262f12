/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_BASE_FILE_H
#define DOMLET_BASE_FILE_H

/*
 * Whole small files: read with a limit, written by rename so that a reader
 * sees the old or the new version and never a part. What is read belongs to
 * the caller (free()). Errors name the path.
 */

#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/* Reads the regular file PATH into *data, with a NUL behind it that *len does
 * not count. -EFBIG when it is longer than MAX bytes, -EINVAL when it is no
 * regular file. */
int domlet_file_read(const char *path, size_t max, char **data, size_t *len, struct domlet_error *err);
/* The same, also of a pipe, whose end is waited for. */
int domlet_file_read_or_pipe(const char *path, size_t max, char **data, size_t *len, struct domlet_error *err);

/* Writes PATH by way of a temporary file ".NAME.XXXXXX" beside it; no
 * temporary file is left when it fails. */
int domlet_file_write(const char *path, const void *data, size_t len, mode_t mode, struct domlet_error *err);

/* Makes PATH and the directories above it that don't exist, all with MODE
 * (less the umask). An existing directory is left as it is. */
int domlet_file_mkdir_parents(const char *path, mode_t mode, struct domlet_error *err);

#endif
