/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_RESOURCES_H
#define DOMLET_CLI_RESOURCES_H

/*
 * The resources that `update` is asked for by its options, in runc's words, as the object of linux.resources that a file
 * would hold. The caller puts it.
 */

#include "../base/error.h"

struct json_object;

/* "64m", "1.5GiB", "100" as go-units' RAMInBytes() reads them, and "-1". 0 or -EINVAL. */
int domlet_resources_bytes(const char *text, long long *bytes);
/* OPTION without its dashes, as in "cpu-quota", with its VALUE, of which "" is none. -ENOENT: there is no such option. */
int domlet_resources_add(struct json_object *resources, const char *option, const char *value, struct domlet_error *err);

#endif
