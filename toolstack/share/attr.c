// SPDX-License-Identifier: GPL-2.0-or-later
/* Attributes: what the guest is told of a file, and for how long that is true. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "internal.h"

#define NSEC_MAX 999999999u

/* What is written through another name of a file is an event in another directory. */
static bool has_one_name(const struct statx *stx)
{
	return S_ISDIR(stx->stx_mode) || stx->stx_nlink <= 1;
}

/* A directory's attributes change with what is made in it, of which only its own watch tells. Each answer takes the place
 * of the one before, also in what the guest believes; what it believes for a second only may still be news sooner. */
static uint64_t attr_validity(struct domlet_share_node *n, const struct statx *stx)
{
	domlet_share_news_told(n, stx);
	return n->watch || (n->seen && n->type != S_IFDIR && has_one_name(stx)) ? VALID_LONG_S : VALID_S;
}

/* What is mounted on a directory, and unmounted, is no event. */
static uint64_t entry_validity(struct domlet_share *s, const struct domlet_share_node *n, const struct statx *stx)
{
	return n->seen && has_one_name(stx) && !domlet_share_node_submount(s, n) ? VALID_LONG_S : VALID_S;
}

/* The kernel's new_encode_dev(), which is what FUSE has for a device's number. */
static uint32_t encode_device(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

void domlet_share_attr(struct domlet_share *s, const struct domlet_share_node *n, const struct statx *stx,
		       struct fuse_attr *attr)
{
	*attr = (struct fuse_attr){
		.ino = stx->stx_ino,
		.size = stx->stx_size,
		.blocks = stx->stx_blocks,
		.atime = (uint64_t)stx->stx_atime.tv_sec,
		.mtime = (uint64_t)stx->stx_mtime.tv_sec,
		.ctime = (uint64_t)stx->stx_ctime.tv_sec,
		.atimensec = stx->stx_atime.tv_nsec,
		.mtimensec = stx->stx_mtime.tv_nsec,
		.ctimensec = stx->stx_ctime.tv_nsec,
		.mode = stx->stx_mode,
		.nlink = stx->stx_nlink,
		.uid = stx->stx_uid,
		.gid = stx->stx_gid,
		.rdev = encode_device(stx->stx_rdev_major, stx->stx_rdev_minor),
		.blksize = stx->stx_blksize,
	};
	/* The only export has the connection's own device number, which is nobody else's. */
	if (s->submounts && domlet_share_node_submount(s, n) && (n->parent != ROOT_SLOT || s->export_count > 1))
		attr->flags |= FUSE_ATTR_SUBMOUNT;
}

void domlet_share_entry(struct domlet_share *s, struct domlet_share_node *n, const struct statx *stx,
			struct fuse_entry_out *out)
{
	memset(out, 0, sizeof *out);
	out->nodeid = domlet_share_node_id(n);
	out->entry_valid = entry_validity(s, n, stx);
	out->attr_valid = attr_validity(n, stx);
	domlet_share_attr(s, n, stx, &out->attr);
	n->lookups++;
}

int domlet_share_kill_suidgid(struct domlet_share *s, int fd, gid_t gid)
{
	struct stat st;
	mode_t mode;

	if (fstat(fd, &st) < 0)
		return -errno;
	mode = st.st_mode & ~(mode_t)S_ISUID;
	if (mode & S_IXGRP || gid != st.st_gid)
		mode &= ~(mode_t)S_ISGID;
	if (!S_ISREG(st.st_mode) || mode == st.st_mode)
		return 0;
	return fchmodat(s->proc_fd, domlet_share_number(fd).text, mode & 07777, 0) < 0 ? -errno : 0;
}

static ssize_t put_attr(struct domlet_share_request *r, const struct statx *stx)
{
	struct fuse_attr_out out = { .attr_valid = attr_validity(r->node, stx) };

	domlet_share_attr(r->s, r->node, stx, &out.attr);
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}

static ssize_t put_root_attr(struct domlet_share_request *r)
{
	struct fuse_attr_out out = { .attr.ino = FUSE_ROOT_ID, .attr.mode = S_IFDIR | 0555, .attr.nlink = 2 };

	out.attr_valid = VALID_S;
	out.attr.blksize = 4096;
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}

ssize_t domlet_share_getattr(struct domlet_share_request *r)
{
	const struct domlet_share_handle *h = NULL;
	struct fuse_getattr_in in;
	struct statx stx;
	int e;

	memcpy(&in, r->body, sizeof in);
	if (r->node->slot == ROOT_SLOT)
		return put_root_attr(r);
	if (in.getattr_flags & FUSE_GETATTR_FH)
		h = domlet_share_handle_get(r->s, r->node, in.fh, false);
	if (r->node->type == S_IFDIR || r->node->parent == ROOT_SLOT)
		(void)domlet_share_watch_begin(r->s, r->node);
	e = h ? domlet_share_stat(h->fd, "", &stx) : domlet_share_node_stat(r->s, r->node, &stx);
	return e < 0 ? e : put_attr(r, &stx);
}

static int set_size(const struct domlet_share_request *r, int fd, const struct domlet_share_handle *h,
		    const struct fuse_setattr_in *in)
{
	cleanup_close int own = -1;
	int e = 0;

	if (in->size > INT64_MAX)
		return -EFBIG;
	if (!h || !h->writable) {
		own = domlet_share_reopen(r->s, fd, O_WRONLY);
		if (own < 0)
			return own;
	}
	if (in->valid & FATTR_KILL_SUIDGID)
		e = domlet_share_kill_suidgid(r->s, fd, r->in.gid);
	if (e < 0)
		return e;
	return ftruncate(own < 0 ? h->fd : own, (off_t)in->size) < 0 ? -errno : 0;
}

static int set_owner(int fd, const struct fuse_setattr_in *in)
{
	uid_t uid = in->valid & FATTR_UID ? in->uid : (uid_t)-1;
	gid_t gid = in->valid & FATTR_GID ? in->gid : (gid_t)-1;

	if (((in->valid & FATTR_UID) && uid == (uid_t)-1) || ((in->valid & FATTR_GID) && gid == (gid_t)-1))
		return -EINVAL;
	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static struct timespec choose_time(const struct fuse_setattr_in *in, uint32_t given, uint32_t now, uint64_t s,
				   uint32_t ns)
{
	if (in->valid & now)
		return (struct timespec){ .tv_nsec = UTIME_NOW };
	if (!(in->valid & given))
		return (struct timespec){ .tv_nsec = UTIME_OMIT };
	return (struct timespec){ .tv_sec = (time_t)s, .tv_nsec = ns };
}

static int set_times(int fd, const struct fuse_setattr_in *in)
{
	const struct timespec times[2] = {
		choose_time(in, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
		choose_time(in, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec),
	};

	if (in->atimensec > NSEC_MAX || in->mtimensec > NSEC_MAX)
		return -EINVAL;
	return utimensat(fd, "", times, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int set_mode(struct domlet_share *s, const struct domlet_share_node *n, int fd, uint32_t mode)
{
	if (n->type == S_IFLNK)
		return -EOPNOTSUPP;
	return fchmodat(s->proc_fd, domlet_share_number(fd).text, mode & 07777, 0) < 0 ? -errno : 0;
}

ssize_t domlet_share_setattr(struct domlet_share_request *r)
{
	const struct domlet_share_handle *h = NULL;
	struct fuse_setattr_in in;
	struct statx stx;
	int fd, e = 0;

	memcpy(&in, r->body, sizeof in);
	if (in.valid & FATTR_FH)
		h = domlet_share_handle_get(r->s, r->node, in.fh, false);
	fd = h ? h->fd : domlet_share_node_fd(r->s, r->node);
	if (fd < 0)
		return fd;
	if (in.valid & FATTR_SIZE)
		domlet_share_watch_writes(r->s, r->node);
	if (in.valid & FATTR_SIZE)
		e = set_size(r, fd, h, &in);
	/* A new owner takes some bits of the mode away, which a new mode may bring back. */
	if (e == 0 && in.valid & (FATTR_UID | FATTR_GID))
		e = set_owner(fd, &in);
	if (e == 0 && in.valid & FATTR_MODE)
		e = set_mode(r->s, r->node, fd, in.mode);
	if (e == 0 && in.valid & (FATTR_ATIME | FATTR_MTIME | FATTR_ATIME_NOW | FATTR_MTIME_NOW))
		e = set_times(fd, &in);
	if (e == 0)
		e = domlet_share_stat(fd, "", &stx);
	return e < 0 ? e : put_attr(r, &stx);
}

ssize_t domlet_share_statfs(struct domlet_share_request *r)
{
	struct fuse_statfs_out out = { .st.bsize = 4096, .st.frsize = 4096, .st.namelen = NAME_LEN_MAX };
	struct statvfs st;
	int fd;

	if (r->node->slot != ROOT_SLOT) {
		fd = domlet_share_node_fd(r->s, r->node);
		if (fd < 0)
			return fd;
		if (fstatvfs(fd, &st) < 0)
			return -errno;
		out.st = (struct fuse_kstatfs){
			.blocks = st.f_blocks,
			.bfree = st.f_bfree,
			.bavail = st.f_bavail,
			.files = st.f_files,
			.ffree = st.f_ffree,
			.bsize = (uint32_t)st.f_bsize,
			.namelen = (uint32_t)st.f_namemax,
			.frsize = (uint32_t)st.f_frsize,
		};
	}
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}
