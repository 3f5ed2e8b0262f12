// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What makes a new file. It is made for its owner alone, who is this process, and becomes its requester's and gets its
 * rights one after the other, so that at no time anybody has more of it than in the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "internal.h"

/* Of a symbolic link's target; with its end it is PATH_MAX. */
#define TARGET_LEN_MAX 4095u
#define OPEN_FLAGS (O_ACCMODE | O_APPEND | O_DSYNC | O_SYNC | O_NOATIME)

struct making {
	struct domlet_share_request *r;
	const char *name;
	int dir;           /* the directory's descriptor */
	bool group_is_dir; /* its files are of its own group */
	bool acl;          /* it says itself which rights new files get, instead of the umask */
	mode_t mode;       /* in the end */
};

static int begin(struct making *m, struct domlet_share_request *r, size_t name_at, uint32_t mode, uint32_t umask)
{
	size_t used;
	struct statx stx;
	int e = 0;

	*m = (struct making){ .r = r };
	if (name_at)
		e = domlet_share_name(r->body + name_at, r->len - name_at, &m->name, &used);
	if (e == 0)
		e = domlet_share_node_room(r->s);
	if (e < 0)
		return e;
	(void)domlet_share_watch_begin(r->s, r->node);
	m->dir = domlet_share_node_fd(r->s, r->node);
	if (m->dir < 0)
		return m->dir;
	e = domlet_share_stat(m->dir, "", &stx);
	if (e < 0)
		return e;
	m->group_is_dir = stx.stx_mode & S_ISGID;
	m->acl = domlet_share_has_default_acl(r->s, m->dir);
	m->mode = mode & (m->acl ? 07777 : 07777 & ~(umask & 0777));
	if (S_ISDIR(mode) && m->group_is_dir)
		m->mode |= S_ISGID;
	return 0;
}

/* With which mode it is made first: where the directory has an ACL for new files, the file's is made of that and this. */
static mode_t first_mode(const struct making *m, mode_t alone)
{
	return m->acl ? m->mode & 0777 : alone;
}

/* FD is the new file, O_PATH or not. */
static int finish(const struct making *m, int fd, struct statx *stx)
{
	const struct domlet_share_request *r = m->r;
	gid_t gid = m->group_is_dir ? (gid_t)-1 : r->in.gid;
	int e;

	if (fchownat(fd, "", r->in.uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	e = domlet_share_stat(fd, "", stx);
	if (e < 0 || S_ISLNK(stx->stx_mode))
		return e;
	/* An ACL's entry for the group is in the mode, too, and not to be widened. */
	if (!m->acl || m->mode & 07000) {
		mode_t mode = m->acl ? (stx->stx_mode & 0777) | (m->mode & 07000) : m->mode;

		if (fchmodat(r->s->proc_fd, domlet_share_number(fd).text, mode, 0) < 0)
			return -errno;
		e = domlet_share_stat(fd, "", stx);
	}
	return e;
}

/* Takes away what couldn't be finished, if it is still what it was. */
static void take_back(const struct making *m, int fd)
{
	struct statx ours, there;

	if (m->name && domlet_share_stat(fd, "", &ours) == 0 && domlet_share_stat(m->dir, m->name, &there) == 0 &&
	    ours.stx_ino == there.stx_ino && ours.stx_dev_minor == there.stx_dev_minor &&
	    ours.stx_dev_major == there.stx_dev_major)
		(void)unlinkat(m->dir, m->name, S_ISDIR(ours.stx_mode) ? AT_REMOVEDIR : 0);
}

static int know(const struct making *m, const struct statx *stx, struct fuse_entry_out *out,
		struct domlet_share_node **node)
{
	int e = domlet_share_node_know(m->r->s, m->r->node, m->name, stx, node);

	if (e == 0)
		domlet_share_entry(m->r->s, *node, stx, out);
	return e;
}

/* Opens what mkdir() or the like has just made, of which nothing says that it is still that. It is this process's, has the
 * mode it was made with, and no other name; somebody else's is never given to anybody. */
static int open_made(const struct making *m, uint32_t type, mode_t mode)
{
	cleanup_close int fd = domlet_share_openat(m->r->s, m->dir, m->name, O_PATH | O_NOFOLLOW, 0);
	struct statx stx;
	int e = fd < 0 ? fd : domlet_share_stat(fd, "", &stx);

	if (e < 0)
		return e == -ENOENT ? -ESTALE : e;
	if ((stx.stx_mode & S_IFMT) != type || stx.stx_uid != geteuid() ||
	    (type != S_IFLNK && stx.stx_mode & 0777 & ~mode) || stx.stx_nlink > (type == S_IFDIR ? 2 : 1))
		return -ESTALE;
	return take_fd(&fd);
}

/* What was made, and FD is a descriptor of (-errno: there is none), gets what it is to have, becomes *NODE, and is the answer.
 * What can't is taken back. */
static ssize_t answer_made(const struct making *m, int fd, struct domlet_share_node **node)
{
	struct fuse_entry_out out;
	struct statx stx;
	int e = fd < 0 ? fd : finish(m, fd, &stx);

	if (fd >= 0 && e < 0)
		take_back(m, fd);
	if (e == 0)
		e = know(m, &stx, &out, node);
	if (e < 0)
		return e;
	memcpy(m->r->out, &out, sizeof out);
	return sizeof out;
}

static ssize_t made(const struct making *m, uint32_t type, mode_t mode)
{
	cleanup_close int fd = open_made(m, type, mode);
	struct domlet_share_node *n;
	ssize_t len = answer_made(m, fd, &n);

	if (len >= 0 && n->fd < 0)
		domlet_share_node_give(m->r->s, n, take_fd(&fd));
	return len;
}

ssize_t domlet_share_symlink(struct domlet_share_request *r)
{
	struct making m;
	const uint8_t *target, *end;
	size_t used;
	int e = begin(&m, r, 0, S_IFLNK | 0777, 0);

	if (e == 0)
		e = domlet_share_name(r->body, r->len, &m.name, &used);
	if (e < 0)
		return e;
	target = r->body + used;
	end = memchr(target, 0, r->len - used);
	if (!end || end == target || end + 1 != r->body + r->len)
		return -EINVAL;
	if (end - target > TARGET_LEN_MAX)
		return -ENAMETOOLONG;
	if (symlinkat((const char *)target, m.dir, m.name) < 0)
		return -errno;
	return made(&m, S_IFLNK, 0777);
}

ssize_t domlet_share_mkdir(struct domlet_share_request *r)
{
	struct fuse_mkdir_in in;
	struct making m;
	int e;

	memcpy(&in, r->body, sizeof in);
	e = begin(&m, r, sizeof in, S_IFDIR | (in.mode & 07777), in.umask);
	if (e < 0)
		return e;
	if (mkdirat(m.dir, m.name, first_mode(&m, 0700)) < 0)
		return -errno;
	return made(&m, S_IFDIR, first_mode(&m, 0700));
}

/* new_decode_dev() */
static dev_t decode_device(uint32_t device)
{
	return (dev_t)(((uint64_t)(device & 0xfff00) >> 8 << 8) | (device & 0xff) |
		       ((uint64_t)((device >> 12) & 0xfff00) << 12));
}

static ssize_t make_regular(struct making *m)
{
	cleanup_close int fd = domlet_share_openat(m->r->s, m->dir, m->name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY,
						   first_mode(m, 0600));
	struct domlet_share_node *n;

	return answer_made(m, fd, &n);
}

ssize_t domlet_share_mknod(struct domlet_share_request *r)
{
	struct fuse_mknod_in in;
	struct making m;
	mode_t first;
	int e;

	memcpy(&in, r->body, sizeof in);
	switch (in.mode & S_IFMT) {
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK: break;
	default: return -EINVAL;
	}
	e = begin(&m, r, sizeof in, in.mode, in.umask);
	if (e < 0)
		return e;
	if (S_ISREG(in.mode))
		return make_regular(&m);
	first = first_mode(&m, 0600);
	if (mknodat(m.dir, m.name, (in.mode & S_IFMT) | first, decode_device(in.rdev)) < 0)
		return -errno;
	return made(&m, in.mode & S_IFMT, first);
}

/* Where the file is there already: somebody here has made it since the guest looked. */
static ssize_t open_there(const struct making *m, const struct fuse_create_in *in, struct statx *stx)
{
	cleanup_close int fd = domlet_share_openat(m->r->s, m->dir, m->name, O_PATH | O_NOFOLLOW, 0);
	int e = fd < 0 ? fd : domlet_share_stat(fd, "", stx);

	/* The guest's kernel looks again then, and finds what to do with it. */
	if (e == -ENOENT || (e == 0 && !S_ISREG(stx->stx_mode)))
		return -ESTALE;
	if (e == 0 && in->open_flags & FUSE_OPEN_KILL_SUIDGID)
		e = domlet_share_kill_suidgid(m->r->s, fd, m->r->in.gid);
	if (e < 0)
		return e;
	return domlet_share_reopen(m->r->s, fd, (int)(in->flags & (OPEN_FLAGS | O_TRUNC)) & ~O_APPEND);
}

static int open_new(const struct making *m, const struct fuse_create_in *in, bool unnamed)
{
	int flags = (int)(in->flags & OPEN_FLAGS) & ~O_APPEND;

	if (unnamed)
		return domlet_share_openat(m->r->s, m->r->s->proc_fd, domlet_share_number(m->dir).text,
					   flags | O_TMPFILE, first_mode(m, 0600));
	return domlet_share_openat(m->r->s, m->dir, m->name, flags | O_CREAT | O_EXCL | O_NOFOLLOW, first_mode(m, 0600));
}

/* A file without a name is found by its descriptor only. */
static int pin_unnamed(struct domlet_share *s, struct domlet_share_node *n, int fd)
{
	int own = domlet_share_openat(s, s->proc_fd, domlet_share_number(fd).text, O_PATH, 0);

	if (own < 0)
		return own;
	domlet_share_node_give(s, n, own);
	domlet_share_node_pin(s, n);
	return 0;
}

static ssize_t create(struct domlet_share_request *r, const struct fuse_create_in *in, size_t name_at)
{
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out = { 0 };
	struct domlet_share_node *n;
	cleanup_close int fd = -1;
	struct making m;
	struct statx stx;
	bool writes;
	int e = begin(&m, r, name_at, S_IFREG | (in->mode & 07777), in->umask);

	if (e == 0)
		e = domlet_share_handle_room(r->s);
	if (e < 0)
		return e;
	fd = open_new(&m, in, !name_at);
	if (fd == -EEXIST && !(in->flags & O_EXCL)) {
		fd = (int)open_there(&m, in, &stx);
		e = fd < 0 ? fd : domlet_share_stat(fd, "", &stx);
	} else {
		e = fd < 0 ? fd : finish(&m, fd, &stx);
		if (fd >= 0 && e < 0)
			take_back(&m, fd);
	}
	if (e == 0)
		e = know(&m, &stx, &out.entry, &n);
	if (e < 0)
		return e;
	if (!name_at)
		e = pin_unnamed(r->s, n, fd);
	if (e < 0) {
		domlet_share_node_forget(r->s, n, 1);
		return e;
	}
	writes = (in->flags & O_ACCMODE) != O_RDONLY;
	out.open.fh = domlet_share_handle_add(r->s, n, take_fd(&fd), false, writes);
	if (!writes || r->s->flush_for_locks) /* as for OPEN */
		out.open.open_flags = FOPEN_NOFLUSH;
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}

ssize_t domlet_share_create(struct domlet_share_request *r)
{
	struct fuse_create_in in;

	memcpy(&in, r->body, sizeof in);
	return create(r, &in, sizeof in);
}

/* The name that comes with it says nothing. */
ssize_t domlet_share_tmpfile(struct domlet_share_request *r)
{
	struct fuse_create_in in;

	memcpy(&in, r->body, sizeof in);
	if ((in.flags & O_ACCMODE) == O_RDONLY)
		return -EINVAL;
	return create(r, &in, 0);
}
