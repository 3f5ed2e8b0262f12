/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_TESTS_UNIT_SHARE_CLIENT_H
#define DOMLET_TESTS_UNIT_SHARE_CLIENT_H

/*
 * A small FUSE client for tests: it builds requests as a guest's kernel would, or as no kernel would, and takes replies
 * apart. It works in a directory of its own:
 *
 *   DIR/canary, DIR/secret/file   what is beside the exports, and must stay as it is
 *   DIR/0/, DIR/1/, DIR/2         the exports: a directory, a read-only one, a single file
 */

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../frontend/proto/limits.h"
#include "../../toolstack/share/share.h"

struct share_client {
	char dir[64];
	struct domlet_share *share;
	uint8_t *request, *reply;
	uint32_t uid, gid;
	uint64_t unique;
	/* Of the last request: what came back, with OUT behind its header. */
	ssize_t result;
	const uint8_t *out;
	size_t out_len;
	/* The message that was in front of it; 0: there was none. */
	uint8_t first[64];
	size_t first_len;
};

/* Takes the umask away, and opens the share and its connection. */
void share_client_open(struct share_client *c);
/* The same where many files are made quickly, if there is such a place. */
void share_client_open_quick(struct share_client *c);
/* Looks for what must not have changed, and removes the directory. */
void share_client_close(struct share_client *c);
bool share_client_canaries_live(const struct share_client *c);
/* DIR/TAIL; it stays until four more were asked for. */
const char *share_client_path(const struct share_client *c, const char *tail);

/* Sends OPCODE about NODE with HEAD_LEN bytes at HEAD, and TAIL_LEN at TAIL behind them; returns the reply's error (0,
 * -errno), or 1: there was none. -EPROTO may also be the end of the guest: RESULT tells them apart. */
int share_client_send(struct share_client *c, uint32_t opcode, uint64_t node, const void *head, size_t head_len,
		      const void *tail, size_t tail_len);
/* The same with a name, and its end, as the tail. */
int share_client_name(struct share_client *c, uint32_t opcode, uint64_t node, const void *head, size_t head_len,
		      const char *name);
int share_client_init(struct share_client *c);

/* What most cases need; each returns 0 or -errno. */
int share_client_lookup(struct share_client *c, uint64_t parent, const char *name, struct fuse_entry_out *entry);
/* The node of an export. */
uint64_t share_client_export(struct share_client *c, uint32_t index);
int share_client_open_file(struct share_client *c, uint64_t node, uint32_t flags, uint64_t *fh);
int share_client_create(struct share_client *c, uint64_t parent, const char *name, uint32_t flags, uint32_t mode,
			struct fuse_entry_out *entry, uint64_t *fh);
int share_client_release(struct share_client *c, uint64_t node, uint64_t fh, bool directory);
int share_client_write(struct share_client *c, uint64_t node, uint64_t fh, uint64_t offset, const void *data,
		       uint32_t len);
int share_client_read(struct share_client *c, uint64_t node, uint64_t fh, uint64_t offset, uint32_t len);
int share_client_mkdir(struct share_client *c, uint64_t parent, const char *name, struct fuse_entry_out *entry);
int share_client_getattr(struct share_client *c, uint64_t node, struct fuse_attr *attr);
int share_client_forget(struct share_client *c, uint64_t node, uint64_t lookups);

#endif
