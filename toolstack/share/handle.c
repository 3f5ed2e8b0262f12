// SPDX-License-Identifier: GPL-2.0-or-later
/* Open files and directories. A number is a slot, with its generation above it. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

int domlet_share_handle_room(struct domlet_share *s)
{
	uint32_t room = s->handle_room ? s->handle_room * 2 : 64;
	struct domlet_share_handle *more;

	if (s->free_handle || s->handle_count < s->handle_room)
		return 0;
	if (s->handle_room == HANDLE_MAX)
		return -ENFILE;
	more = realloc(s->handles, room * sizeof *more);
	if (!more)
		return -ENOMEM;
	s->handles = more;
	s->handle_room = room;
	return 0;
}

uint64_t domlet_share_handle_add(struct domlet_share *s, struct domlet_share_node *n, int fd, bool directory,
				 bool writable)
{
	uint32_t slot = s->free_handle ? s->free_handle - 1 : s->handle_count++;
	struct domlet_share_handle *h = &s->handles[slot];
	uint32_t generation = s->free_handle ? h->generation : 1;

	if (s->free_handle)
		s->free_handle = h->next;
	*h = (struct domlet_share_handle){ .fd = fd,
					   .generation = generation,
					   .node = n->slot,
					   .used = true,
					   .directory = directory,
					   .writable = writable };
	n->handles++;
	return (uint64_t)generation << 32 | slot;
}

struct domlet_share_handle *domlet_share_handle_get(struct domlet_share *s, const struct domlet_share_node *n,
						    uint64_t fh, bool directory)
{
	uint32_t slot = (uint32_t)fh;
	struct domlet_share_handle *h = slot < s->handle_count ? &s->handles[slot] : NULL;

	if (!h || !h->used || h->generation != fh >> 32 || h->node != n->slot || h->directory != directory)
		return NULL;
	return h;
}

void domlet_share_handle_remove(struct domlet_share *s, struct domlet_share_handle *h)
{
	struct domlet_share_node *n = domlet_share_node_at(s, h->node);

	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	h->used = false;
	h->generation = h->generation == UINT32_MAX ? 1 : h->generation + 1;
	h->next = s->free_handle;
	s->free_handle = (uint32_t)(h - s->handles) + 1; /* 0: there is none */
	n->handles--;
	domlet_share_node_forget(s, n, 0);
}

void domlet_share_handle_reset(struct domlet_share *s)
{
	for (uint32_t i = 0; i < s->handle_count; i++)
		if (s->handles[i].used)
			domlet_share_handle_remove(s, &s->handles[i]);
}
