// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the guest is told without having asked (FUSE_NOTIFY_…). Each takes back something that it was told before, once,
 * so that there are never more of them than there were answers. The guest says how many it takes (its credit,
 * FUSE_NOTIFY_REPLY); those that don't fit here aren't lost, as what they would take back stays written down in nodes.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static bool push(struct domlet_share *s, const struct domlet_share_news *news, bool event)
{
	struct domlet_share_news *at;

	if (!s->watcher || !s->watcher->told_of) /* the guest believes nothing for long */
		return false;
	if (!s->news)
		s->news = calloc(NEWS_MAX, sizeof *s->news);
	if (!s->news || s->news_count >= (event ? NEWS_MAX / 2 : NEWS_MAX))
		return false;
	at = &s->news[(s->news_first + s->news_count) % NEWS_MAX];
	*at = *news;
	if (news->name)
		at->name = strdup(news->name);
	if (news->name && !at->name)
		return false;
	s->news_count++;
	return true;
}

bool domlet_share_news_name(struct domlet_share *s, const struct domlet_share_node *dir,
			    const struct domlet_share_node *child, const char *name, bool event)
{
	struct domlet_share_news news = { .node = domlet_share_node_id(dir) };

	news.child = child ? domlet_share_node_id(child) : 0;
	news.name = (char *)(uintptr_t)name; /* it is copied */
	return push(s, &news, event);
}

bool domlet_share_news_node(struct domlet_share *s, struct domlet_share_node *n, bool content)
{
	const struct domlet_share_news news = { .node = domlet_share_node_id(n), .content = content };

	if (!push(s, &news, true))
		return false;
	n->told_rights = n->told_rest = 0;
	if (content)
		n->paged = false;
	return true;
}

static uint32_t hash(const uint64_t *words, size_t count)
{
	uint64_t h = 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < count; i++) {
		h = (h ^ words[i]) * 0xd6e8feb86659fd93u;
		h ^= h >> 32;
	}
	return (uint32_t)h | 1; /* 0 is none */
}

static uint32_t rights_of(const struct statx *stx)
{
	const uint64_t words[] = { stx->stx_mode, stx->stx_uid, stx->stx_gid };

	return hash(words, sizeof words / sizeof words[0]);
}

/* Blocks aren't here: a file system gives them when it likes to, which is no event. */
static uint32_t rest_of(const struct statx *stx)
{
	const uint64_t words[] = {
		stx->stx_size,
		stx->stx_nlink,
		(uint64_t)stx->stx_mtime.tv_sec,
		stx->stx_mtime.tv_nsec,
		(uint64_t)stx->stx_ctime.tv_sec,
		stx->stx_ctime.tv_nsec,
	};

	return hash(words, sizeof words / sizeof words[0]);
}

void domlet_share_news_told(struct domlet_share_node *n, const struct statx *stx)
{
	n->told_rights = rights_of(stx);
	n->told_rest = rest_of(stx);
}

bool domlet_share_news_differs(const struct domlet_share_node *n, const struct statx *stx)
{
	return (n->told_rights && n->told_rights != rights_of(stx)) || (n->told_rest && n->told_rest != rest_of(stx));
}

void domlet_share_news_reset(struct domlet_share *s)
{
	for (; s->news_count; s->news_count--, s->news_first = (s->news_first + 1) % NEWS_MAX)
		free(s->news[s->news_first].name);
	free(s->news);
	s->news = NULL;
	s->news_first = s->sweep_left = 0;
}

static size_t put_name(const struct domlet_share_news *news, uint8_t *body, int32_t *code)
{
	uint32_t len = (uint32_t)strlen(news->name);
	size_t head;

	if (news->child) {
		const struct fuse_notify_delete_out out = { .parent = news->node, .child = news->child, .namelen = len };

		*code = FUSE_NOTIFY_DELETE;
		head = sizeof out;
		memcpy(body, &out, head);
	} else {
		const struct fuse_notify_inval_entry_out out = { .parent = news->node, .namelen = len };

		*code = FUSE_NOTIFY_INVAL_ENTRY;
		head = sizeof out;
		memcpy(body, &out, head);
	}
	memcpy(body + head, news->name, len + 1);
	return head + len + 1;
}

static size_t put_node(const struct domlet_share_news *news, uint8_t *body, int32_t *code)
{
	/* Attributes alone are asked for by an offset below 0. */
	const struct fuse_notify_inval_inode_out out = { .ino = news->node, .off = news->content ? 0 : -1 };

	*code = FUSE_NOTIFY_INVAL_INODE;
	memcpy(body, &out, sizeof out);
	return sizeof out;
}

size_t domlet_share_news_first(struct domlet_share_node *n, uint8_t *message)
{
	const struct domlet_share_news news = { .node = domlet_share_node_id(n) };
	struct fuse_out_header out = { .len = NEWS_FIRST_LEN };
	struct fuse_notify_inval_inode_out inode;

	(void)put_node(&news, message + sizeof out, &out.error);
	memcpy(&inode, message + sizeof out, sizeof inode);
	inode.len = DOMLET_SHARE_FIRST;
	memcpy(message + sizeof out, &inode, sizeof inode);
	memcpy(message, &out, sizeof out);
	n->told_rights = n->told_rest = 0;
	return out.len;
}

size_t domlet_share_news_take(struct domlet_share *s, uint8_t *message)
{
	struct fuse_out_header out = { .len = sizeof out };
	struct domlet_share_news *news = &s->news[s->news_first];

	if (!s->news_count)
		return 0;
	out.len += (uint32_t)(news->name ? put_name(news, message + sizeof out, &out.error) :
					   put_node(news, message + sizeof out, &out.error));
	memcpy(message, &out, sizeof out);
	free(news->name);
	s->news_first = (s->news_first + 1) % NEWS_MAX;
	s->news_count--;
	return out.len;
}
