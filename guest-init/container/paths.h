/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_PATHS_H
#define DOMLET_INIT_PATHS_H

/*
 * Paths of a container, seen from outside of it: its root is a directory yet.
 * A link leads where it will lead the container, never out of its root, and
 * what is missing on the way can be made, also behind links that dangle: an
 * image's /etc/resolv.conf points to a file that systemd would make.
 *
 * Nothing of the container runs yet, but its image chose the links.
 */

#include <limits.h>
#include <stdbool.h>

#include "../config/failure.h"

/* O_PATH descriptor of PATH below ROOT_FD, or -errno; nothing is made. Links of
 * /proc that lead to other processes' files are ELOOP. */
int domlet_path_open(int root_fd, const char *path);
/* With FLAGS of open(2). */
int domlet_path_open_for(int root_fd, const char *path, int flags);

enum domlet_path_kind {
	DOMLET_PATH_DIRECTORY,
	DOMLET_PATH_FILE,
	DOMLET_PATH_NODE, /* whoever asks makes it */
};

struct domlet_path {
	int fd;    /* O_PATH: what is there; of a NODE the directory it belongs into */
	bool made; /* by this call; of a NODE: nothing is there */
	/* Below the root and without links, so that what is mounted on it later can
	 * be found by it, whatever the path led through. */
	char name[PATH_MAX];
};

/* What is at PATH, made if it is missing: an empty FILE or a DIRECTORY at its
 * end, directories before it. What is there needn't be of that kind. 0: the
 * caller closes the descriptor; or -errno. */
int domlet_path_make(int root_fd, const char *path, enum domlet_path_kind kind, struct domlet_path *out,
		     struct domlet_failure *failure);

/* An errno for a sentence about a path, in the words that engines look for. */
const char *domlet_path_reason(int code);

#endif
