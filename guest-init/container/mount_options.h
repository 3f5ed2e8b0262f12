/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_MOUNT_OPTIONS_H
#define DOMLET_INIT_MOUNT_OPTIONS_H

/* The options of a mount, as engines write them: flags by their names, and what is left for the file system. */

#include "../config/config.h"

struct domlet_mount_options {
	unsigned long flags;       /* MS_* of the mount */
	unsigned long propagation; /* 0: none given */
	bool copy_up;              /* runc's own: a tmpfs begins with what it covers */
	char data[4096];           /* what the filesystem itself reads */
};

int domlet_mount_options_parse(const struct domlet_strings *options, struct domlet_mount_options *out,
			       struct domlet_failure *failure);

#endif
