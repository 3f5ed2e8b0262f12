// SPDX-License-Identifier: GPL-2.0-or-later
/* Looking at files, and nodes by their numbers. */
#include <errno.h>
#include <fcntl.h>

#include "internal.h"

int domlet_share_stat(int fd, const char *name, struct statx *stx)
{
	int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (name[0] ? 0 : AT_EMPTY_PATH);

	return statx(fd, name, flags, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, stx) < 0 ? -errno : 0;
}

struct domlet_share_node *domlet_share_node_at(struct domlet_share *s, uint32_t slot)
{
	return &s->chunks[slot / NODE_CHUNK][slot % NODE_CHUNK];
}

uint64_t domlet_share_node_id(const struct domlet_share_node *n)
{
	return n->slot == ROOT_SLOT ? FUSE_ROOT_ID : (uint64_t)n->generation << 32 | n->slot;
}

struct domlet_share_node *domlet_share_node_get(struct domlet_share *s, uint64_t id)
{
	uint32_t slot = (uint32_t)id;
	struct domlet_share_node *n;

	if (slot < ROOT_SLOT || slot >= s->slot_count)
		return NULL;
	n = domlet_share_node_at(s, slot);
	return n->used && domlet_share_node_id(n) == id ? n : NULL;
}
