/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_BASE_FILE_H
#define DOMLET_BASE_FILE_H

/*
 * Whole small files: read with a limit, and written by rename, so that a reader
 * sees the old or the new version and never a part. All folders may come here.
 * What is read belongs to the caller, who frees it. Each function returns 0 or
 * -errno, and errors name the path.
 */

#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/* Reads the regular file PATH into *DATA, LEN bytes with a NUL behind them that
 * *LEN does not count. -EFBIG: the file is longer than MAX bytes. -EINVAL: PATH is
 * no regular file. */
int domlet_file_read(const char *path, size_t max, char **data, size_t *len, struct domlet_error *err);
/* Reads a regular file in the same way, or a pipe, up to its end: that is waited for. */
int domlet_file_read_or_pipe(const char *path, size_t max, char **data, size_t *len, struct domlet_error *err);

/* Writes LEN bytes to PATH by way of a temporary file ".NAME.XXXXXX" beside it,
 * which is removed when the write fails. */
int domlet_file_write(const char *path, const void *data, size_t len, mode_t mode, struct domlet_error *err);

/* Makes PATH and the directories above it that don't exist, each with MODE less
 * the umask. A directory that exists is left as it is. */
int domlet_file_mkdir_parents(const char *path, mode_t mode, struct domlet_error *err);

/* Closes all descriptors above the standard streams but the COUNT of KEEP (below 0: none), for a process that stays. */
void domlet_file_close_others(const int *keep, size_t count);

#endif
