// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an event means for the guest. It only says where to look: what is there now is compared with what the guest was
 * told, so that it doesn't matter who has changed it, nor how often. What a guest has done itself is
 * as it was told, and no news. Content can't be compared; whose change that was is known by when it came (events.c).
 */
#include <sys/inotify.h>

#include "internal.h"

/* So many nodes are compared between two requests. */
#define SWEEP_STEP 32u

#define NAMES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)

bool domlet_share_notice_node(struct domlet_share *s, struct domlet_share_node *n, const struct statx *stx)
{
	struct statx now;

	if (!n->told_rights)
		return true;
	if (!stx && domlet_share_node_stat(s, n, &now) < 0)
		return domlet_share_news_node(s, n, false); /* it isn't where it was */
	stx = stx ? stx : &now;
	return !domlet_share_news_differs(n, stx) || domlet_share_news_node(s, n, false);
}

/* The guest has CHILD, or NULL, for NAME in DIR, and it isn't there. REMOVED: CHILD is nowhere. Of a directory the guest isn't
 * told that: it could never be used again if it wasn't true. */
static bool take_name_back(struct domlet_share *s, struct domlet_share_node *dir, struct domlet_share_node *child,
			   const char *name, bool removed)
{
	bool gone = removed && child && child->type != S_IFDIR;

	if (!domlet_share_news_name(s, dir, gone ? child : NULL, name, true))
		return false;
	domlet_share_absent_remove(s, dir, name);
	if (!child)
		return true;
	/* Of those that are open somewhere the number of names counts. */
	if (child->told_rights && !domlet_share_news_node(s, child, false))
		return false;
	child->seen = false;
	domlet_share_node_unname(s, child, dir, name);
	return true;
}

/* False: the guest is to be told later. */
static bool check_name(struct domlet_share *s, struct domlet_share_node *dir, const char *name, uint32_t mask)
{
	struct domlet_share_node *child = domlet_share_child_find(s, dir, name);
	bool absent = domlet_share_absent_has(s, dir, name), there;
	struct statx stx;
	int fd;

	if (child && !child->seen)
		child = NULL;
	if (!child && !absent)
		return true;
	fd = domlet_share_node_fd(s, dir);
	there = fd >= 0 && domlet_share_stat(fd, name, &stx) == 0;
	if (child && there && domlet_share_node_same(child, &stx))
		return domlet_share_notice_node(s, child, &stx);
	if (!child && !there)
		return true;
	return take_name_back(s, dir, child, name, !there && mask & IN_DELETE);
}

static bool check_node(struct domlet_share *s, struct domlet_share_node *n, uint32_t mask, bool own)
{
	if (mask & IN_MODIFY && n->paged && !own)
		return domlet_share_news_node(s, n, true);
	if (!(mask & IN_ATTRIB) && !n->told_rest)
		return true;
	return domlet_share_notice_node(s, n, NULL);
}

void domlet_share_notice(struct domlet_share *s, struct domlet_share_node *dir, const char *name, uint32_t mask,
			 bool own)
{
	struct domlet_share_node *n = name ? domlet_share_child_find(s, dir, name) : dir;
	bool told = true;

	domlet_share_node_hold(dir);
	if (mask & (IN_MODIFY | IN_ATTRIB) && n)
		told = check_node(s, n, mask, own);
	if (mask & NAMES && name) {
		told = check_name(s, dir, name, mask);
		/* Its times, and how many directories are in it. */
		if (told && dir->told_rest)
			told = domlet_share_notice_node(s, dir, NULL);
	}
	domlet_share_node_let_go(s, dir);
	if (!told)
		domlet_share_notice_all(s);
}

void domlet_share_notice_all(struct domlet_share *s)
{
	/* Once round from where it is, and the names that aren't there. */
	s->sweep_left = s->slot_count + 1;
}

static bool compare(struct domlet_share *s, struct domlet_share_node *n)
{
	struct domlet_share_node *parent = n->parent ? domlet_share_node_at(s, n->parent) : NULL;
	bool told = true;

	if (n->paged)
		told = domlet_share_news_node(s, n, true);
	else if (n->told_rights)
		told = domlet_share_notice_node(s, n, NULL);
	if (!told || !n->seen || !parent)
		return told;
	domlet_share_node_hold(parent);
	told = check_name(s, parent, n->name, 0);
	domlet_share_node_let_go(s, parent);
	return told;
}

void domlet_share_notice_some(struct domlet_share *s)
{
	for (uint32_t i = 0; s->sweep_left > 1 && i < SWEEP_STEP; i++) {
		struct domlet_share_node *n;
		bool told;

		s->sweep_hand = s->sweep_hand + 1 < s->slot_count ? s->sweep_hand + 1 : ROOT_SLOT;
		n = domlet_share_node_at(s, s->sweep_hand);
		if (n->used && n->slot != ROOT_SLOT) {
			domlet_share_node_hold(n);
			told = compare(s, n);
			domlet_share_node_let_go(s, n);
			if (!told) { /* there is no room yet */
				s->sweep_hand--;
				return;
			}
		}
		s->sweep_left--;
	}
	if (s->sweep_left == 1 && domlet_share_absent_sweep(s))
		s->sweep_left = 0;
}
