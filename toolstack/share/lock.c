// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Locks that hold between guests and dom0. flock() is the open file's, as there. fcntl()'s are their owner's,
 * which is a process of the guest's: each owner has an open file description of its own for a file (F_OFD_SETLK), which
 * others see as they see any other process. Nothing here waits: what can't be had yet is tried again later. That two
 * owners wait for each other isn't found out (EDEADLK); a signal ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "internal.h"

static struct domlet_share_owner *find_owner(struct domlet_share *s, const struct domlet_share_node *n, uint64_t owner)
{
	for (uint32_t i = 0; i < s->owner_count; i++)
		if (s->owners[i].node == n->slot && s->owners[i].owner == owner)
			return &s->owners[i];
	return NULL;
}

static void drop_owner(struct domlet_share *s, struct domlet_share_owner *o)
{
	close(o->fd);
	*o = s->owners[--s->owner_count];
}

static int owner_room(struct domlet_share *s)
{
	uint32_t room = s->owner_room ? s->owner_room * 2 : 16;
	struct domlet_share_owner *more;

	if (s->owner_count < s->owner_room)
		return 0;
	if (s->owner_room == LOCK_OWNER_MAX)
		return -ENOLCK;
	more = realloc(s->owners, room * sizeof *more);
	if (!more)
		return -ENOMEM;
	s->owners = more;
	s->owner_room = room;
	return 0;
}

/* The owner who locks H's file. To lock for writing takes a descriptor for writing; who had locked through one for
 * reading only loses those locks then. */
static int take_owner(struct domlet_share *s, const struct domlet_share_handle *h, const struct fuse_lk_in *in,
		      struct domlet_share_owner **owner)
{
	struct domlet_share_node *n = domlet_share_node_at(s, h->node);
	struct domlet_share_owner *o = find_owner(s, n, in->owner);
	int fd, e = o ? 0 : owner_room(s);

	if (e < 0)
		return e;
	if (!o || (h->writable && !o->writable)) {
		fd = domlet_share_reopen(s, h->fd, h->writable ? O_RDWR : O_RDONLY);
		if (fd < 0)
			return fd;
		if (o)
			close(o->fd);
		else
			o = &s->owners[s->owner_count++];
		*o = (struct domlet_share_owner){ .owner = in->owner, .node = n->slot, .fd = fd };
		o->writable = h->writable;
	}
	o->handle = in->fh;
	*owner = o;
	return 0;
}

static int to_flock(const struct fuse_lk_in *in, struct flock *fl)
{
	if (in->lk.start > in->lk.end || in->lk.end > INT64_MAX ||
	    (in->lk.type != F_RDLCK && in->lk.type != F_WRLCK && in->lk.type != F_UNLCK))
		return -EINVAL;
	*fl = (struct flock){ .l_type = (short)in->lk.type, .l_whence = SEEK_SET, .l_start = (off_t)in->lk.start };
	fl->l_len = in->lk.end == INT64_MAX ? 0 : (off_t)(in->lk.end - in->lk.start + 1);
	return 0;
}

static int lock_range(struct domlet_share *s, const struct domlet_share_handle *h, const struct fuse_lk_in *in,
		      uint32_t pid)
{
	const struct domlet_share_node *n = domlet_share_node_at(s, h->node);
	struct domlet_share_owner *o = find_owner(s, n, in->owner);
	struct flock fl;
	int e = to_flock(in, &fl);

	if (e == 0 && fl.l_type == F_UNLCK && !o)
		return 0;
	if (e == 0 && fl.l_type != F_UNLCK)
		e = take_owner(s, h, in, &o);
	if (e < 0)
		return e;
	o->pid = pid;
	if (fl.l_type == F_UNLCK && in->lk.start == 0 && fl.l_len == 0)
		drop_owner(s, o); /* nothing is left of it */
	else if (fcntl(o->fd, F_OFD_SETLK, &fl) < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	return 0;
}

static int lock_whole(const struct domlet_share_handle *h, const struct fuse_lk_in *in)
{
	int how;

	switch (in->lk.type) {
	case F_RDLCK: how = LOCK_SH; break;
	case F_WRLCK: how = LOCK_EX; break;
	case F_UNLCK: how = LOCK_UN; break;
	default: return -EINVAL;
	}
	return flock(h->fd, how | LOCK_NB) < 0 ? -errno : 0;
}

/* -EAGAIN: somebody else has it. */
static int try(struct domlet_share *s, const struct domlet_share_node *n, const struct fuse_lk_in *in, uint32_t pid)
{
	const struct domlet_share_handle *h = n ? domlet_share_handle_get(s, n, in->fh, false) : NULL;

	if (!h)
		return -EBADF;
	return in->lk_flags & FUSE_LK_FLOCK ? lock_whole(h, in) : lock_range(s, h, in, pid);
}

ssize_t domlet_share_setlk(struct domlet_share_request *r)
{
	struct fuse_lk_in in;

	memcpy(&in, r->body, sizeof in);
	return try(r->s, r->node, &in, in.lk.pid);
}

ssize_t domlet_share_setlkw(struct domlet_share_request *r)
{
	struct domlet_share *s = r->s;
	struct fuse_lk_in in;
	int e;

	memcpy(&in, r->body, sizeof in);
	e = try(s, r->node, &in, in.lk.pid);
	if (e != -EAGAIN)
		return e;
	if (s->wait_count == LOCK_WAIT_MAX)
		return -ENOLCK;
	s->waits[s->wait_count++] =
		(struct domlet_share_wait){ .unique = r->in.unique, .nodeid = r->in.nodeid, .pid = in.lk.pid, .in = in };
	return NO_REPLY;
}

/* Who has the lock in the way: only where it can be but one other owner of this guest's. */
static uint32_t guess_pid(const struct domlet_share *s, const struct domlet_share_owner *own)
{
	uint32_t pid = 0, count = 0;

	for (uint32_t i = 0; i < s->owner_count; i++) {
		if (s->owners[i].node != own->node || &s->owners[i] == own)
			continue;
		pid = s->owners[i].pid;
		count++;
	}
	return count == 1 ? pid : 0;
}

ssize_t domlet_share_getlk(struct domlet_share_request *r)
{
	struct domlet_share *s = r->s;
	struct domlet_share_owner *o;
	struct fuse_lk_out out = { 0 };
	struct fuse_lk_in in;
	struct flock fl;
	bool had;
	int e;

	memcpy(&in, r->body, sizeof in);
	const struct domlet_share_handle *h = domlet_share_handle_get(s, r->node, in.fh, false);

	if (!h)
		return -EBADF;
	e = to_flock(&in, &fl);
	if (e == 0 && fl.l_type == F_UNLCK)
		e = -EINVAL;
	had = e == 0 && find_owner(s, r->node, in.owner);
	if (e == 0)
		e = take_owner(s, h, &in, &o);
	if (e < 0)
		return e;
	if (fcntl(o->fd, F_OFD_GETLK, &fl) < 0)
		e = -errno;
	out.lk.type = (uint32_t)fl.l_type;
	out.lk.start = (uint64_t)fl.l_start;
	out.lk.end = fl.l_len ? (uint64_t)(fl.l_start + fl.l_len - 1) : INT64_MAX;
	out.lk.pid = fl.l_type == F_UNLCK ? 0 : guess_pid(s, o);
	if (!had)
		drop_owner(s, o);
	if (e < 0)
		return e;
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}

void domlet_share_lock_flush(struct domlet_share *s, const struct domlet_share_node *n, uint64_t owner)
{
	struct domlet_share_owner *o = find_owner(s, n, owner);

	if (o)
		drop_owner(s, o);
}

void domlet_share_lock_release(struct domlet_share *s, const struct domlet_share_node *n, uint64_t fh)
{
	for (uint32_t i = s->owner_count; i-- > 0;)
		if (s->owners[i].node == n->slot && s->owners[i].handle == fh)
			drop_owner(s, &s->owners[i]);
}

static void drop_wait(struct domlet_share *s, uint32_t i)
{
	s->wait_count--;
	memmove(&s->waits[i], &s->waits[i + 1], (s->wait_count - i) * sizeof s->waits[0]);
}

bool domlet_share_lock_retry(struct domlet_share *s, uint64_t *unique, int *error)
{
	/* Who has waited longest comes first. */
	for (uint32_t i = 0; i < s->wait_count; i++) {
		const struct domlet_share_wait *w = &s->waits[i];

		*error = try(s, domlet_share_node_get(s, w->nodeid), &w->in, w->pid);
		if (*error == -EAGAIN)
			continue;
		*unique = w->unique;
		drop_wait(s, i);
		return true;
	}
	return false;
}

bool domlet_share_lock_interrupt(struct domlet_share *s, uint64_t unique)
{
	for (uint32_t i = 0; i < s->wait_count; i++) {
		if (s->waits[i].unique != unique)
			continue;
		drop_wait(s, i);
		return true;
	}
	return false;
}

void domlet_share_lock_reset(struct domlet_share *s)
{
	while (s->owner_count)
		drop_owner(s, &s->owners[0]);
	s->wait_count = 0;
}
