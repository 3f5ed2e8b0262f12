/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_DURATION_H
#define DOMLET_CLI_DURATION_H

#include <stdint.h>

/* Reads TEXT as Go's time.ParseDuration() does, which callers write for: "5s", "1m30s", "1.5h", "-2ms", "0".
 * *NS: nanoseconds; 0 or -EINVAL. */
int domlet_duration_read(const char *text, int64_t *ns);

#endif
