// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of what is watched: nodes of all shares of a process, by the numbers that the kernel gives. */
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "internal.h"

/* More than that a guest isn't believed to take. */
#define CREDIT_MAX 4096u

static uint32_t *head_of(struct domlet_share_watcher *w, int wd)
{
	return &w->heads[(uint32_t)wd % WATCH_HEADS];
}

static uint32_t find(struct domlet_share_watcher *w, uint32_t i, int wd)
{
	while (i && w->watches[i].wd != wd)
		i = w->watches[i].next;
	return i;
}

uint32_t domlet_share_watch_first(struct domlet_share_watcher *w, int wd)
{
	return find(w, *head_of(w, wd), wd);
}

uint32_t domlet_share_watch_next(struct domlet_share_watcher *w, uint32_t i)
{
	return find(w, w->watches[i].next, w->watches[i].wd);
}

bool domlet_share_watch_room(struct domlet_share_watcher *w)
{
	uint32_t room = w->room ? w->room * 2 : 64;
	struct domlet_share_watch *more;

	if (w->free)
		return true;
	if (w->count + 1 >= w->most)
		return false;
	if (w->count + 1 < w->room)
		return true;
	more = realloc(w->watches, room * sizeof *more);
	if (!more)
		return false;
	w->watches = more;
	w->room = room;
	return true;
}

void domlet_share_watch_add(struct domlet_share *s, struct domlet_share_node *n, int wd)
{
	struct domlet_share_watcher *w = s->watcher;
	uint32_t i = w->free ? w->free : ++w->count;

	if (w->free)
		w->free = w->watches[i].next;
	w->watches[i] = (struct domlet_share_watch){ .s = s, .slot = n->slot, .wd = wd, .next = *head_of(w, wd) };
	*head_of(w, wd) = i;
	n->watch = i;
}

void domlet_share_watch_drop(struct domlet_share_watcher *w, uint32_t i)
{
	struct domlet_share_watch *watch = &w->watches[i];
	uint32_t *at = head_of(w, watch->wd);

	while (*at != i)
		at = &w->watches[*at].next;
	*at = watch->next;
	domlet_share_node_at(watch->s, watch->slot)->watch = 0;
	*watch = (struct domlet_share_watch){ .next = w->free };
	w->free = i;
}

void domlet_share_watch_end(struct domlet_share *s, struct domlet_share_node *n)
{
	struct domlet_share_watcher *w = s->watcher;
	int wd;

	if (!n->watch)
		return;
	wd = w->watches[n->watch].wd;
	domlet_share_watch_drop(w, n->watch);
	if (!domlet_share_watch_first(w, wd))
		(void)inotify_rm_watch(w->fd, wd);
}

ssize_t domlet_share_take_credit(struct domlet_share_request *r)
{
	struct domlet_share_watcher *w = r->s->watcher;

	if (!w)
		return NO_REPLY;
	w->told_of = true;
	w->credit = r->in.unique > CREDIT_MAX - w->credit ? CREDIT_MAX : w->credit + (uint32_t)r->in.unique;
	return NO_REPLY;
}

struct domlet_share_watcher *domlet_share_watcher_open(int fd, uint32_t most)
{
	struct domlet_share_watcher *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->fd = fd;
	w->most = most < DOMLET_SHARE_WATCHES ? most : DOMLET_SHARE_WATCHES;
	return w;
}

void domlet_share_watcher_close(struct domlet_share_watcher *w)
{
	if (!w)
		return;
	close(w->fd);
	free(w->watches);
	free(w);
}

void domlet_share_watch_leave(struct domlet_share *s)
{
	struct domlet_share **at = s->watcher ? &s->watcher->shares : NULL;

	while (at && *at != s)
		at = &(*at)->next_watched;
	if (at)
		*at = s->next_watched;
}

void domlet_share_watch(struct domlet_share *s, struct domlet_share_watcher *w)
{
	s->watcher = w;
	s->next_watched = w->shares;
	w->shares = s;
}

bool domlet_share_has_news(const struct domlet_share *s)
{
	return (s->news_count || s->sweep_left) && s->watcher && s->watcher->credit;
}
