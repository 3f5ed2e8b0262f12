// SPDX-License-Identifier: GPL-2.0-or-later
/* Open files: reading, writing, and what else is done to what is in them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* O_DIRECT isn't among them: the guest's kernel obeys it, and what it means here is which cache dom0 has. O_APPEND
 * isn't, as pages that were written by mapping go to their place by whatever handle there is; each write says itself
 * whether it appends. */
#define OPEN_FLAGS (O_ACCMODE | O_DSYNC | O_SYNC | O_NOATIME | O_TRUNC)
/* So that one request doesn't hold up all others; less than was asked for is a good answer. */
#define COPY_MAX (16u << 20)

/* The file that request R, whose body begins with the handle's number, is about. */
static struct domlet_share_handle *file_of(const struct domlet_share_request *r, uint64_t fh)
{
	return domlet_share_handle_get(r->s, r->node, fh, false);
}

#define NS UINT64_C(1000000000)
/* A file that was changed so shortly ago may be changed again without another time of its last change. */
#define FRESH_NS (2 * NS)

/* Whether the pages of N that the guest may have from an earlier open are still what the file FD has. */
static bool is_unchanged(struct domlet_share_node *n, const struct statx *stx)
{
	uint64_t before = n->opened, changed, now;
	struct timespec clock;

	n->opened = 0;
	if (clock_gettime(CLOCK_REALTIME, &clock) < 0 || stx->stx_ctime.tv_sec <= 0)
		return false;
	changed = (uint64_t)stx->stx_ctime.tv_sec * NS + stx->stx_ctime.tv_nsec;
	now = (uint64_t)clock.tv_sec * NS + (uint64_t)clock.tv_nsec;
	if (changed > now || now - changed < FRESH_NS)
		return false;
	n->opened = changed;
	return before == changed;
}

/* What was changed and is no event, as by another name of it, is seen here. Of an event the guest may not have heard yet. */
static bool is_known(const struct domlet_share *s, const struct domlet_share_node *n, const struct statx *stx)
{
	bool believes = s->watcher && s->watcher->told_of;

	return !believes || (n->told_rights && !domlet_share_news_differs(n, stx));
}

ssize_t domlet_share_open_file(struct domlet_share_request *r)
{
	struct fuse_open_out out = { 0 };
	struct fuse_open_in in;
	struct statx stx;
	bool writes;
	int fd, e;

	memcpy(&in, r->body, sizeof in);
	writes = (in.flags & O_ACCMODE) != O_RDONLY;
	if ((writes || in.flags & O_TRUNC) && domlet_share_node_readonly(r->s, r->node))
		return -EROFS;
	if (r->node->type == S_IFDIR)
		return -EISDIR;
	e = domlet_share_handle_room(r->s);
	fd = e < 0 ? e : domlet_share_node_fd(r->s, r->node);
	if (fd >= 0 && in.open_flags & FUSE_OPEN_KILL_SUIDGID && in.flags & O_TRUNC) {
		e = domlet_share_kill_suidgid(r->s, fd, r->in.gid);
		fd = e < 0 ? e : fd;
	}
	if (fd >= 0 && in.flags & O_TRUNC)
		domlet_share_watch_writes(r->s, r->node);
	if (fd >= 0)
		fd = domlet_share_reopen(r->s, fd, (int)(in.flags & OPEN_FLAGS));
	if (fd < 0)
		return fd;
	out.fh = domlet_share_handle_add(r->s, r->node, fd, false, writes);
	if (in.flags & O_TRUNC)
		r->node->told_rest = 0;
	if (domlet_share_stat(fd, "", &stx) == 0) {
		if (is_unchanged(r->node, &stx))
			out.open_flags |= FOPEN_KEEP_CACHE;
		if (!is_known(r->s, r->node, &stx))
			r->first_len = domlet_share_news_first(r->node, r->first);
	}
	if (r->first_len && !(out.open_flags & FOPEN_KEEP_CACHE)) {
		/* All that has happened until now is told by that: the guest gives up its pages, too. */
		r->node->paged = false;
		domlet_share_watcher_read(r->s->watcher);
	}
	/* Closing tells of fcntl's locks that end. Those that are taken for reading only end with the last descriptor. */
	if (!writes || r->s->flush_for_locks)
		out.open_flags |= FOPEN_NOFLUSH;
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}

ssize_t domlet_share_read(struct domlet_share_request *r)
{
	const struct domlet_share_handle *h;
	struct fuse_read_in in;
	size_t done = 0;

	memcpy(&in, r->body, sizeof in);
	h = file_of(r, in.fh);
	if (!h)
		return -EBADF;
	if (in.size > DOMLET_SHARE_DATA_MAX || in.offset > INT64_MAX)
		return -EINVAL;
	r->node->paged = true;
	while (done < in.size) {
		ssize_t n = pread(h->fd, r->out + done, in.size - done, (off_t)(in.offset + done));

		if (n < 0 && !done)
			return -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t domlet_share_write(struct domlet_share_request *r)
{
	struct fuse_write_out out = { 0 };
	const struct domlet_share_handle *h;
	struct fuse_write_in in;
	bool appends;
	int e;

	memcpy(&in, r->body, sizeof in);
	h = file_of(r, in.fh);
	if (!h || !h->writable)
		return -EBADF;
	if (in.size != r->len - sizeof in || in.size > DOMLET_SHARE_DATA_MAX || in.offset > INT64_MAX)
		return -EINVAL;
	e = in.write_flags & FUSE_WRITE_KILL_SUIDGID ? domlet_share_kill_suidgid(r->s, h->fd, r->in.gid) : 0;
	if (e < 0)
		return e;
	r->node->paged = true;
	domlet_share_watch_writes(r->s, r->node);
	/* The guest's idea of the end may be old by what somebody else has appended. */
	appends = in.flags & O_APPEND && !(in.write_flags & FUSE_WRITE_CACHE);
	while (out.size < in.size) {
		struct iovec v = { (void *)(uintptr_t)(r->body + sizeof in + out.size), in.size - out.size };
		ssize_t n = pwritev2(h->fd, &v, 1, (off_t)(in.offset + out.size), appends ? RWF_APPEND : 0);

		if (n < 0 && !out.size)
			return -errno;
		if (n <= 0)
			break;
		out.size += (uint32_t)n;
	}
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}

ssize_t domlet_share_release(struct domlet_share_request *r)
{
	struct domlet_share_handle *h;
	struct fuse_release_in in;

	memcpy(&in, r->body, sizeof in);
	h = file_of(r, in.fh);
	if (!h)
		return -EBADF;
	domlet_share_lock_release(r->s, r->node, in.fh);
	domlet_share_handle_remove(r->s, h);
	return 0;
}

ssize_t domlet_share_flush(struct domlet_share_request *r)
{
	struct fuse_flush_in in;

	memcpy(&in, r->body, sizeof in);
	if (!file_of(r, in.fh))
		return -EBADF;
	domlet_share_lock_flush(r->s, r->node, in.lock_owner);
	return 0;
}

ssize_t domlet_share_fsync(struct domlet_share_request *r)
{
	const struct domlet_share_handle *h;
	struct fuse_fsync_in in;

	memcpy(&in, r->body, sizeof in);
	h = file_of(r, in.fh);
	if (!h)
		return -EBADF;
	return (in.fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(h->fd) : fsync(h->fd)) < 0 ? -errno : 0;
}

ssize_t domlet_share_fallocate(struct domlet_share_request *r)
{
	const struct domlet_share_handle *h;
	struct fuse_fallocate_in in;
	int e = 0;

	memcpy(&in, r->body, sizeof in);
	h = file_of(r, in.fh);
	if (!h || !h->writable)
		return -EBADF;
	if (in.offset > INT64_MAX || in.length > INT64_MAX)
		return -EINVAL;
	if (r->in.uid != 0) /* who has CAP_FSETID isn't said with this */
		e = domlet_share_kill_suidgid(r->s, h->fd, r->in.gid);
	if (e < 0)
		return e;
	domlet_share_watch_writes(r->s, r->node);
	return fallocate(h->fd, (int)in.mode, (off_t)in.offset, (off_t)in.length) < 0 ? -errno : 0;
}

ssize_t domlet_share_lseek(struct domlet_share_request *r)
{
	const struct domlet_share_handle *h;
	struct fuse_lseek_out out;
	struct fuse_lseek_in in;
	off_t at;

	memcpy(&in, r->body, sizeof in);
	h = file_of(r, in.fh);
	if (!h)
		return -EBADF;
	if ((in.whence != SEEK_DATA && in.whence != SEEK_HOLE) || in.offset > INT64_MAX)
		return -EINVAL;
	at = lseek(h->fd, (off_t)in.offset, (int)in.whence);
	if (at < 0)
		return -errno;
	out.offset = (uint64_t)at;
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}

ssize_t domlet_share_copy_file_range(struct domlet_share_request *r)
{
	const struct domlet_share_handle *from, *to;
	struct domlet_share_node *target;
	struct fuse_copy_file_range_in in;
	struct fuse_write_out out = { 0 };
	off_t at, there;
	ssize_t n;

	memcpy(&in, r->body, sizeof in);
	target = domlet_share_node_get(r->s, in.nodeid_out);
	from = file_of(r, in.fh_in);
	to = target ? domlet_share_handle_get(r->s, target, in.fh_out, false) : NULL;
	if (!from || !to || !to->writable)
		return -EBADF;
	if (in.flags || in.off_in > INT64_MAX || in.off_out > INT64_MAX)
		return -EINVAL;
	n = r->in.uid != 0 ? domlet_share_kill_suidgid(r->s, to->fd, r->in.gid) : 0;
	if (n < 0)
		return n;
	domlet_share_watch_writes(r->s, target);
	at = (off_t)in.off_in;
	there = (off_t)in.off_out;
	n = copy_file_range(from->fd, &at, to->fd, &there, in.len < COPY_MAX ? in.len : COPY_MAX, 0);
	if (n < 0)
		return -errno;
	target->told_rest = 0;
	out.size = (uint32_t)n;
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}
