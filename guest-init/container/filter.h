/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_FILTER_H
#define DOMLET_INIT_FILTER_H

/*
 * linux.seccomp -> a BPF program, compiled and
 * installed by the process it is for. The filter owns its instructions.
 */

#include <linux/filter.h>

#include "../config/json_read.h"

struct domlet_filter {
	struct sock_filter *code; /* NULL: no filter */
	uint16_t len;
	unsigned int flags; /* SECCOMP_FILTER_FLAG_* */
};

/* SECCOMP may be NULL: *out is then empty. 0 or -errno. */
int domlet_filter_compile(struct json_object *seccomp, struct domlet_filter *out, struct domlet_failure *failure);
/* In the child. Needs no_new_privs or CAP_SYS_ADMIN. */
int domlet_filter_install(const struct domlet_filter *s, struct domlet_failure *failure);
void domlet_filter_free(struct domlet_filter *s);

#endif
