// SPDX-License-Identifier: GPL-2.0-or-later
#include "share.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../frontend/proto/limits.h"
#include "../base/cleanup.h"

struct domlet_share {
	int proc_fd;
	uint32_t count;
	struct domlet_share_export exports[];
};

struct domlet_share *domlet_share_open(const struct domlet_share_export *exports, uint32_t count, int proc_fd)
{
	cleanup_free struct domlet_share *s = calloc(1, sizeof *s + count * sizeof *exports);

	if (!s)
		return NULL;
	s->proc_fd = proc_fd;
	s->count = count;
	if (count)
		memcpy(s->exports, exports, count * sizeof *exports);
	return take_ptr(s);
}

ssize_t domlet_share_answer(struct domlet_share *s, const uint8_t *request, size_t len, uint8_t *reply)
{
	struct fuse_in_header in;
	struct fuse_out_header out = { .len = sizeof out, .error = -ENOSYS };

	(void)s;
	if (len < sizeof in || len > DOMLET_SHARE_MESSAGE_MAX)
		return -EPROTO;
	memcpy(&in, request, sizeof in);
	if (in.len != len)
		return -EPROTO;
	if (in.opcode == FUSE_FORGET || in.opcode == FUSE_BATCH_FORGET || in.opcode == FUSE_INTERRUPT)
		return 0;
	out.unique = in.unique;
	memcpy(reply, &out, sizeof out);
	return sizeof out;
}

bool domlet_share_waits(const struct domlet_share *s)
{
	(void)s;
	return false;
}

ssize_t domlet_share_retry(struct domlet_share *s, uint8_t *reply)
{
	(void)s;
	(void)reply;
	return 0;
}

void domlet_share_close(struct domlet_share *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->count; i++)
		close(s->exports[i].fd);
	close(s->proc_fd);
	free(s);
}
