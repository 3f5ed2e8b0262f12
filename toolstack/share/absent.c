// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names that the guest was told not to be there, and believes that of until it is told otherwise. They are remembered, so
 * that a file that is made in dom0 is news only where somebody has looked for it, and that none is forgotten when
 * events are lost. The oldest makes room for a new one, and the guest asks for it again.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define HEADS 1024u

static uint32_t *head_of(const struct domlet_share *s, uint64_t dir, const char *name)
{
	return &s->absent_heads[domlet_share_name_hash(s, dir, name) % HEADS];
}

static uint32_t find(const struct domlet_share *s, uint64_t dir, const char *name)
{
	uint32_t i = s->absents ? *head_of(s, dir, name) : 0;

	while (i && (s->absents[i].dir != dir || strcmp(s->absents[i].name, name) != 0))
		i = s->absents[i].next;
	return i;
}

static void drop(struct domlet_share *s, uint32_t i)
{
	struct domlet_share_absent *a = &s->absents[i];
	uint32_t *at = head_of(s, a->dir, a->name);

	while (*at != i)
		at = &s->absents[*at].next;
	*at = a->next;
	free(a->name);
	*a = (struct domlet_share_absent){ 0 };
}

/* The guest believes I no more; false: there is no room to tell it. */
static bool take_back(struct domlet_share *s, uint32_t i, bool event)
{
	const struct domlet_share_absent *a = &s->absents[i];
	const struct domlet_share_node *dir = a->name ? domlet_share_node_get(s, a->dir) : NULL;

	if (dir && !domlet_share_news_name(s, dir, NULL, a->name, event))
		return false;
	if (a->name)
		drop(s, i);
	return true;
}

static bool make_table(struct domlet_share *s)
{
	if (s->absents)
		return true;
	s->absents = calloc(ABSENT_MAX + 1, sizeof *s->absents);
	s->absent_heads = calloc(HEADS, sizeof *s->absent_heads);
	if (s->absents && s->absent_heads)
		return true;
	free(s->absents);
	free(s->absent_heads);
	s->absents = NULL;
	s->absent_heads = NULL;
	return false;
}

bool domlet_share_absent_add(struct domlet_share *s, const struct domlet_share_node *dir, const char *name)
{
	uint64_t id = domlet_share_node_id(dir);
	char *copy;
	uint32_t i;

	if (!make_table(s))
		return false;
	if (find(s, id, name))
		return true;
	i = s->absent_hand % ABSENT_MAX + 1;
	copy = strdup(name);
	if (!copy || !take_back(s, i, false)) {
		free(copy);
		return false;
	}
	s->absent_hand = i;
	s->absents[i] = (struct domlet_share_absent){ .dir = id, .name = copy, .next = *head_of(s, id, name) };
	*head_of(s, id, name) = i;
	return true;
}

bool domlet_share_absent_has(const struct domlet_share *s, const struct domlet_share_node *dir, const char *name)
{
	return find(s, domlet_share_node_id(dir), name);
}

void domlet_share_absent_remove(struct domlet_share *s, const struct domlet_share_node *dir, const char *name)
{
	uint32_t i = find(s, domlet_share_node_id(dir), name);

	if (i)
		drop(s, i);
}

bool domlet_share_absent_sweep(struct domlet_share *s)
{
	for (uint32_t i = 1; s->absents && i <= ABSENT_MAX; i++)
		if (!take_back(s, i, true))
			return false;
	return true;
}

void domlet_share_absent_reset(struct domlet_share *s)
{
	for (uint32_t i = 1; s->absents && i <= ABSENT_MAX; i++)
		free(s->absents[i].name);
	free(s->absents);
	free(s->absent_heads);
	s->absents = NULL;
	s->absent_heads = NULL;
	s->absent_hand = 0;
}
