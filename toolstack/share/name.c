// SPDX-License-Identifier: GPL-2.0-or-later
/* Names that are there: looking them up, forgetting them, giving a file another one, taking one away. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "internal.h"

int domlet_share_name(const uint8_t *body, size_t len, const char **name, size_t *used)
{
	const uint8_t *end = memchr(body, 0, len);
	size_t n = end ? (size_t)(end - body) : 0;

	if (!n || memchr(body, '/', n) || (n == 1 && body[0] == '.') || (n == 2 && body[0] == '.' && body[1] == '.'))
		return -EINVAL;
	if (n > NAME_LEN_MAX)
		return -ENAMETOOLONG;
	*name = (const char *)body;
	*used = n + 1;
	return 0;
}

/* The only name of a request, from byte AT of its body to its end. */
static int only_name(const struct domlet_share_request *r, size_t at, const char **name)
{
	size_t used;
	int e = domlet_share_name(r->body + at, r->len - at, name, &used);

	return e == 0 && used != r->len - at ? -EINVAL : e;
}

static ssize_t put_absent(struct domlet_share_request *r, const char *name)
{
	struct fuse_entry_out out = { .entry_valid = VALID_S };

	domlet_share_node_displace(r->s, r->node, name, NULL);
	if (r->node->watch && domlet_share_absent_add(r->s, r->node, name))
		out.entry_valid = VALID_LONG_S;
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}

/* NAME in the virtual root. */
static struct domlet_share_node *find_export(struct domlet_share *s, const char *name)
{
	for (uint32_t i = 0; i < s->export_count; i++) {
		struct domlet_share_node *n = domlet_share_node_at(s, ROOT_SLOT + 1 + i);

		if (strcmp(n->name, name) == 0)
			return n;
	}
	return NULL;
}

ssize_t domlet_share_lookup(struct domlet_share_request *r)
{
	struct domlet_share_node *n = NULL;
	struct fuse_entry_out out;
	struct statx stx;
	const char *name;
	int fd, e = only_name(r, 0, &name);

	if (e < 0)
		return e;
	if (r->node->slot == ROOT_SLOT) {
		n = find_export(r->s, name);
		e = n ? domlet_share_node_stat(r->s, n, &stx) : -ENOENT;
	} else {
		(void)domlet_share_watch_begin(r->s, r->node);
		fd = domlet_share_node_fd(r->s, r->node);
		e = fd < 0 ? fd : domlet_share_stat(fd, name, &stx);
		if (e == 0)
			e = domlet_share_node_know(r->s, r->node, name, &stx, &n);
	}
	if (e == -ENOENT)
		return put_absent(r, name);
	if (e < 0)
		return e;
	domlet_share_entry(r->s, n, &stx, &out);
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}

static void forget(struct domlet_share *s, uint64_t id, uint64_t lookups)
{
	struct domlet_share_node *n = domlet_share_node_get(s, id);

	if (n)
		domlet_share_node_forget(s, n, lookups);
}

ssize_t domlet_share_forget(struct domlet_share_request *r)
{
	struct fuse_forget_in in;

	memcpy(&in, r->body, sizeof in);
	forget(r->s, r->in.nodeid, in.nlookup);
	return NO_REPLY;
}

ssize_t domlet_share_batch_forget(struct domlet_share_request *r)
{
	struct fuse_batch_forget_in in;
	struct fuse_forget_one one;

	memcpy(&in, r->body, sizeof in);
	for (size_t at = sizeof in; in.count && r->len - at >= sizeof one; in.count--, at += sizeof one) {
		memcpy(&one, r->body + at, sizeof one);
		forget(r->s, one.nodeid, one.nlookup);
	}
	return NO_REPLY;
}

/* The node that NAME in PARENT, whose descriptor is FD, stands for, if it is known. What is to lose its name is opened
 * first, as it can't be found afterwards. */
static struct domlet_share_node *known(struct domlet_share *s, const struct domlet_share_node *parent, int fd,
				       const char *name, bool opened)
{
	struct domlet_share_node *n;
	cleanup_close int own = -1;
	struct statx stx;

	if (domlet_share_stat(fd, name, &stx) < 0)
		return NULL;
	n = domlet_share_node_find(s, parent->export_index, &stx);
	if (!n || !opened || n->fd >= 0)
		return n;
	own = domlet_share_openat(s, fd, name, O_PATH | O_NOFOLLOW, 0);
	if (own >= 0 && domlet_share_stat(own, "", &stx) == 0 && domlet_share_node_same(n, &stx))
		domlet_share_node_give(s, n, take_fd(&own));
	return n;
}

static ssize_t take_name(struct domlet_share_request *r, int flags)
{
	struct domlet_share_node *n;
	const char *name;
	int fd, e = only_name(r, 0, &name);

	if (e < 0)
		return e;
	fd = domlet_share_node_fd(r->s, r->node);
	if (fd < 0)
		return fd;
	n = known(r->s, r->node, fd, name, true);
	if (unlinkat(fd, name, flags) < 0)
		return -errno;
	if (n)
		domlet_share_node_unname(r->s, n, r->node, name);
	return 0;
}

ssize_t domlet_share_unlink(struct domlet_share_request *r)
{
	return take_name(r, 0);
}

ssize_t domlet_share_rmdir(struct domlet_share_request *r)
{
	return take_name(r, AT_REMOVEDIR);
}

struct renaming {
	struct domlet_share_node *from, *to;
	const char *old, *new;
	unsigned int flags;
};

/* The guest believes of N under its new name what it did under the old one. */
static void move_known(struct domlet_share *s, struct domlet_share_node *n, struct domlet_share_node *parent,
		       const char *name)
{
	n->told_rest = 0;
	if (domlet_share_node_rename(s, n, parent, name) == 0 && parent->watch)
		return;
	if (n->seen)
		(void)domlet_share_news_name(s, parent, NULL, name, false);
	if (n->told_rights)
		(void)domlet_share_news_node(s, n, false);
	n->seen = false;
}

static int rename_known(struct domlet_share *s, const struct renaming *m)
{
	int from = domlet_share_node_fd(s, m->from), to = domlet_share_node_fd(s, m->to);
	struct domlet_share_node *moved, *there;

	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	there = known(s, m->to, to, m->new, true);
	from = domlet_share_node_fd(s, m->from); /* as what was opened may have cost it its descriptor */
	if (from < 0)
		return from;
	/* On a stack of file systems this may make the file anew, which only its descriptor outlives. */
	moved = known(s, m->from, from, m->old, true);
	to = domlet_share_node_fd(s, m->to);
	if (to < 0)
		return to;
	if (renameat2(from, m->old, to, m->new, m->flags) < 0)
		return -errno;
	if (moved == there) /* two names of one file: nothing has happened */
		return 0;
	if (there && !(m->flags & RENAME_EXCHANGE))
		domlet_share_node_unname(s, there, m->to, m->new);
	/* Out of memory, both are as good as lost, which costs the guest a lookup. */
	if (there && (m->flags & RENAME_EXCHANGE))
		move_known(s, there, m->from, m->old);
	else
		domlet_share_node_displace(s, m->to, m->new, moved);
	if (moved)
		move_known(s, moved, m->to, m->new);
	m->to->told_rest = 0;
	return 0;
}

static ssize_t rename_node(struct domlet_share_request *r, uint64_t newdir, size_t names_at, unsigned int flags)
{
	struct renaming m = { .from = r->node, .flags = flags };
	size_t used;
	int e = domlet_share_name(r->body + names_at, r->len - names_at, &m.old, &used);

	if (e == 0)
		e = only_name(r, names_at + used, &m.new);
	if (e < 0)
		return e;
	if (flags & ~(unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	m.to = domlet_share_node_get(r->s, newdir);
	if (!m.to)
		return -ESTALE;
	if (domlet_share_node_readonly(r->s, m.to))
		return -EROFS;
	if (m.to->export_index != m.from->export_index)
		return -EXDEV;
	domlet_share_node_hold(m.to);
	(void)domlet_share_watch_begin(r->s, m.to);
	e = rename_known(r->s, &m);
	domlet_share_node_let_go(r->s, m.to);
	return e;
}

ssize_t domlet_share_rename(struct domlet_share_request *r)
{
	struct fuse_rename_in in;

	memcpy(&in, r->body, sizeof in);
	return rename_node(r, in.newdir, sizeof in, 0);
}

ssize_t domlet_share_rename2(struct domlet_share_request *r)
{
	struct fuse_rename2_in in;

	memcpy(&in, r->body, sizeof in);
	return rename_node(r, in.newdir, sizeof in, in.flags);
}

static ssize_t link_node(struct domlet_share_request *r, struct domlet_share_node *n, const char *name)
{
	int fd = domlet_share_node_fd(r->s, n), dir;
	struct domlet_share_node *linked;
	struct fuse_entry_out out;
	struct statx stx;
	int e;

	dir = fd < 0 ? fd : domlet_share_node_fd(r->s, r->node);
	if (dir < 0)
		return dir;
	(void)domlet_share_watch_begin(r->s, r->node);
	if (n->type == S_IFDIR)
		return -EPERM;
	if (linkat(r->s->proc_fd, domlet_share_number(n->fd).text, dir, name, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	e = domlet_share_stat(n->fd, "", &stx);
	if (e == 0)
		e = domlet_share_node_know(r->s, r->node, name, &stx, &linked);
	if (e < 0)
		return e;
	domlet_share_entry(r->s, linked, &stx, &out);
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}

ssize_t domlet_share_link(struct domlet_share_request *r)
{
	struct domlet_share_node *n;
	struct fuse_link_in in;
	const char *name;
	ssize_t e = only_name(r, sizeof in, &name);

	if (e < 0)
		return e;
	memcpy(&in, r->body, sizeof in);
	n = domlet_share_node_get(r->s, in.oldnodeid);
	if (!n)
		return -ESTALE;
	if (n->slot == ROOT_SLOT || n->export_index != r->node->export_index)
		return -EXDEV;
	domlet_share_node_hold(n);
	e = link_node(r, n, name);
	domlet_share_node_let_go(r->s, n);
	return e;
}

ssize_t domlet_share_readlink(struct domlet_share_request *r)
{
	int fd = domlet_share_node_fd(r->s, r->node);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = readlinkat(fd, "", (char *)r->out, DOMLET_PAGE_SIZE - 1);
	return n < 0 ? (errno == ENOENT ? -EINVAL : -errno) : n;
}
