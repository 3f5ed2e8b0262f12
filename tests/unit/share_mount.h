/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_TESTS_UNIT_SHARE_MOUNT_H
#define DOMLET_TESTS_UNIT_SHARE_MOUNT_H

/*
 * A share in this machine's kernel: a process that moves messages between /dev/fuse and domlet_share_answer(), mounted in
 * the mount namespace of the caller, which is to be its own.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../toolstack/share/share.h"

#define SHARE_MOUNT_OPCODES 64u

struct share_mount {
	pid_t server;
	bool watched;     /* set before it is opened: the guest is told what changes */
	char at[256];     /* the exports are AT/0, AT/1, … */
	uint32_t *counts; /* of requests, by opcode; shared with the server */
};

struct share_mount_source {
	const char *path;
	bool readonly;
};

/* False: this machine has no FUSE, or the caller isn't root. */
bool share_mount_possible(void);
/* AT is an empty directory. */
void share_mount_open(struct share_mount *m, const char *at, const struct share_mount_source *sources, uint32_t count);
/* Fails when the server has met an end of its own. */
void share_mount_close(struct share_mount *m);
void share_mount_count_from_here(struct share_mount *m);
/* All requests since then, but FORGET. */
uint32_t share_mount_counted(const struct share_mount *m);
void share_mount_print(const struct share_mount *m, const char *what);

/* What the tests work in; the caller gets a mount namespace of its own. */
struct share_tree {
	char dir[64]; /* …/direct, …/a (export 0), …/ro (1, read-only), …/tmpfs (2) */
	/* …/mnt and …/other: two guests' shares of the same exports. */
	struct share_mount m, other;
};

/* 0, or -1. */
int share_tree_open(struct share_tree *t);
int share_tree_close(struct share_tree *t);
/* DIR/TAIL; it stays until eight more were asked for. */
const char *share_tree_at(const struct share_tree *t, const char *tail);

#endif
