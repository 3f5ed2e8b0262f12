// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events (inotify). A directory that the guest looks into is watched from then on until the guest forgets it, and
 * what is in it is looked at after that, so that no change is lost between. An event of a file tells the
 * directory that it was reached through: another name's directory may be watched or not. Of an overlay the merged
 * directories are watched, which hear all that is done through the overlay.
 */
#include <sys/inotify.h>
#include <unistd.h>

#include "internal.h"

/* A file that is removed while somebody has it open is nobody's any more (IN_EXCL_UNLINK). */
#define EVENTS (IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_EXCL_UNLINK)
/* So many times the buffer is filled at once: dom0's other processes may write faster than this reads. */
#define READS_MAX 16u

bool domlet_share_watch_begin(struct domlet_share *s, struct domlet_share_node *n)
{
	struct domlet_share_watcher *w = s->watcher;
	int fd, wd = -1;

	if (n->watch)
		return true;
	if (!w || !w->told_of || n->slot == ROOT_SLOT || !domlet_share_watch_room(w))
		return false;
	fd = domlet_share_node_fd(s, n);
	if (fd < 0 || fchdir(s->proc_fd) < 0)
		return false;
	wd = inotify_add_watch(w->fd, domlet_share_number(fd).text, EVENTS);
	(void)!fchdir(s->own_fd);
	if (wd < 0)
		return false;
	domlet_share_watch_add(s, n, wd);
	return true;
}

static void lose(struct domlet_share_watcher *w)
{
	for (struct domlet_share *s = w->shares; s; s = s->next_watched)
		domlet_share_notice_all(s);
}

/* The kernel has given up its number: what was watched is no more, or its file system. */
static void end_all(struct domlet_share_watcher *w, int wd)
{
	uint32_t i;

	while ((i = domlet_share_watch_first(w, wd))) {
		domlet_share_notice_all(w->watches[i].s);
		domlet_share_watch_drop(w, i);
	}
}

static void take(struct domlet_share_watcher *w, const struct inotify_event *e)
{
	uint32_t i, next;

	if (e->mask & IN_Q_OVERFLOW) {
		lose(w);
		return;
	}
	for (i = domlet_share_watch_first(w, e->wd); i; i = next) {
		const struct domlet_share_watch watch = w->watches[i];
		const char *name = e->len ? e->name : NULL;
		const struct domlet_share_node *about;
		struct domlet_share_node *n;

		if (!watch.s) /* it went with what the last one meant */
			return;
		n = domlet_share_node_at(watch.s, watch.slot);
		next = domlet_share_watch_next(w, i);
		about = name ? domlet_share_child_find(watch.s, n, name) : n;
		domlet_share_notice(watch.s, n, name, e->mask,
				    watch.s == w->writer && about && about->slot == w->written);
	}
	if (e->mask & IN_IGNORED)
		end_all(w, e->wd);
}

void domlet_share_watcher_read(struct domlet_share_watcher *w)
{
	const size_t longest = sizeof(struct inotify_event) + NAME_LEN_MAX + 1;

	for (uint32_t i = 0; i < READS_MAX; i++) {
		ssize_t len = read(w->fd, w->events, sizeof w->events);
		const struct inotify_event *e;

		for (ssize_t at = 0; at < len; at += (ssize_t)(sizeof *e + e->len)) {
			e = (const void *)(w->events + at);
			take(w, e);
		}
		/* Where another one would have fitted, there was none. */
		if (len < 0 || (size_t)len + longest <= sizeof w->events)
			return;
	}
}

void domlet_share_watch_writes(struct domlet_share *s, struct domlet_share_node *n)
{
	bool heard = n->watch || (n->parent && domlet_share_node_at(s, n->parent)->watch);

	if (!heard)
		return;
	domlet_share_watcher_read(s->watcher);
	s->watcher->writer = s;
	s->watcher->written = n->slot;
}

void domlet_share_watch_wrote(struct domlet_share *s)
{
	if (!s->watcher || s->watcher->writer != s)
		return;
	domlet_share_watcher_read(s->watcher);
	s->watcher->writer = NULL;
}

size_t domlet_share_tell(struct domlet_share *s, uint8_t *message)
{
	size_t len;

	if (!domlet_share_has_news(s))
		return 0;
	domlet_share_notice_some(s);
	len = domlet_share_news_take(s, message);
	s->watcher->credit -= len != 0;
	return len;
}
