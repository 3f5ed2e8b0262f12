// SPDX-License-Identifier: GPL-2.0-or-later
/* Nodes by the name that they were last seen under: events of a directory say nothing but names. */
#include <string.h>

#include "internal.h"

/* A guest chooses names, and not what they become here. */
uint32_t domlet_share_name_hash(const struct domlet_share *s, uint64_t parent, const char *name)
{
	uint64_t h = s->seed[0] ^ parent;

	for (; *name; name++) {
		h = (h ^ (uint8_t)*name) * 0x100000001b3u;
		h ^= h >> 29 ^ s->seed[1];
	}
	return (uint32_t)(h ^ h >> 32);
}

static uint32_t *head_of(struct domlet_share *s, uint32_t parent, const char *name)
{
	return &s->names[domlet_share_name_hash(s, parent, name) % NAME_HEADS];
}

void domlet_share_child_add(struct domlet_share *s, struct domlet_share_node *n)
{
	uint32_t *head = head_of(s, n->parent, n->name);

	n->next_name = *head;
	*head = n->slot;
}

void domlet_share_child_remove(struct domlet_share *s, struct domlet_share_node *n)
{
	uint32_t *at;

	if (!n->name || !n->parent)
		return;
	at = head_of(s, n->parent, n->name);
	while (*at && *at != n->slot)
		at = &domlet_share_node_at(s, *at)->next_name;
	if (*at)
		*at = n->next_name;
	n->next_name = 0;
}

struct domlet_share_node *domlet_share_child_find(struct domlet_share *s, const struct domlet_share_node *parent,
						  const char *name)
{
	struct domlet_share_node *n;

	for (uint32_t slot = *head_of(s, parent->slot, name); slot; slot = n->next_name) {
		n = domlet_share_node_at(s, slot);
		if (n->parent == parent->slot && strcmp(n->name, name) == 0)
			return n;
	}
	return NULL;
}
