// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Open directories. What is read goes out whole, so that a directory is read on from where it is: its file system's own
 * offsets are the guest's, and going back to one is only asked of it when the guest does.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

struct listing {
	struct domlet_share_request *r;
	struct domlet_share_handle *h;
	size_t room, len; /* of the reply */
	bool plus;
};

ssize_t domlet_share_opendir(struct domlet_share_request *r)
{
	struct fuse_open_out out = { 0 };
	int fd, e = domlet_share_handle_room(r->s);

	if (e < 0)
		return e;
	if (r->node->type != S_IFDIR)
		return -ENOTDIR;
	fd = r->node->slot == ROOT_SLOT ? -1 : domlet_share_node_fd(r->s, r->node);
	if (fd < 0 && r->node->slot != ROOT_SLOT)
		return fd;
	if (fd >= 0) {
		fd = domlet_share_openat(r->s, fd, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		if (fd < 0)
			return fd;
	}
	out.fh = domlet_share_handle_add(r->s, r->node, fd, true, false);
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}

/* Header and name of one entry, in the reply, and how long they are: less than any getdents64() entry fits in. */
static size_t entry_len(bool plus, size_t name_len)
{
	return FUSE_DIRENT_ALIGN((plus ? FUSE_NAME_OFFSET_DIRENTPLUS : FUSE_NAME_OFFSET) + name_len);
}

static void put(struct listing *l, const struct fuse_entry_out *entry, const struct fuse_dirent *dirent,
		const char *name)
{
	uint8_t *at = l->r->out + l->len;
	size_t len = entry_len(l->plus, dirent->namelen);

	memset(at, 0, len);
	if (l->plus)
		memcpy(at, entry, sizeof *entry);
	at += l->plus ? sizeof *entry : 0;
	memcpy(at, dirent, FUSE_NAME_OFFSET);
	memcpy(at + FUSE_NAME_OFFSET, name, dirent->namelen);
	l->len += len;
}

/* What a lookup of NAME would give, or zeros: then the guest's kernel asks when it needs to know. */
static void look_up(struct listing *l, const char *name, struct fuse_entry_out *entry)
{
	struct domlet_share *s = l->r->s;
	struct domlet_share_node *n;
	struct statx stx;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || domlet_share_stat(l->h->fd, name, &stx) < 0 ||
	    domlet_share_node_know(s, l->r->node, name, &stx, &n) < 0)
		return;
	if (!domlet_share_node_submount(s, n))
		domlet_share_entry(s, n, &stx, entry);
}

static void put_real(struct listing *l, const struct dirent64 *d)
{
	struct fuse_dirent dirent = { .ino = d->d_ino, .off = (uint64_t)d->d_off, .type = d->d_type };
	struct fuse_entry_out entry = { 0 };

	dirent.namelen = (uint32_t)strnlen(d->d_name, NAME_LEN_MAX);
	if (l->plus)
		look_up(l, d->d_name, &entry);
	/* What is above an export is nothing to the guest. */
	if (l->r->node->parent == ROOT_SLOT && strcmp(d->d_name, "..") == 0)
		dirent.ino = FUSE_ROOT_ID;
	put(l, &entry, &dirent, d->d_name);
	l->h->position = (uint64_t)d->d_off;
}

/* How much may be read so that all of it fits: the entries that grow most are those with the shortest names. */
static size_t readable(const struct listing *l)
{
	size_t shortest = sizeof(struct { uint64_t words[3]; });
	size_t may = (l->room - l->len) / entry_len(l->plus, 4) * shortest;

	return may < SCRATCH_LEN ? may : SCRATCH_LEN;
}

static ssize_t list_real(struct listing *l, uint64_t offset)
{
	if (offset != l->h->position && lseek(l->h->fd, (off_t)offset, SEEK_SET) < 0)
		return -errno;
	l->h->position = offset;
	for (;;) {
		const char *at = l->r->s->scratch;
		size_t may = readable(l);
		ssize_t n = may ? getdents64(l->h->fd, l->r->s->scratch, may) : 0;

		/* EINVAL: the next one doesn't fit any more. */
		if (n < 0 && !(errno == EINVAL && l->len))
			return -errno;
		if (n <= 0)
			return (ssize_t)l->len;
		for (const char *end = at + n; at < end; at += ((const struct dirent64 *)(const void *)at)->d_reclen)
			put_real(l, (const void *)at);
	}
}

static ssize_t list_root(struct listing *l, uint64_t offset)
{
	struct domlet_share *s = l->r->s;

	for (uint64_t i = offset; i < 2 + (uint64_t)s->export_count; i++) {
		struct domlet_share_node *n = domlet_share_node_at(s, ROOT_SLOT + (i < 2 ? 0 : (uint32_t)i - 1));
		const char *name = i == 0 ? "." : i == 1 ? ".." : n->name;
		struct fuse_dirent dirent = { .ino = i < 2 ? FUSE_ROOT_ID : n->ino, .off = i + 1 };
		const struct fuse_entry_out none = { 0 };

		dirent.type = n->type >> 12;
		dirent.namelen = (uint32_t)strlen(name);
		if (l->room - l->len < entry_len(l->plus, dirent.namelen))
			break;
		put(l, &none, &dirent, name);
	}
	return (ssize_t)l->len;
}

static ssize_t list(struct domlet_share_request *r, bool plus)
{
	struct listing l = { .r = r, .plus = plus };
	struct fuse_read_in in;

	memcpy(&in, r->body, sizeof in);
	l.h = domlet_share_handle_get(r->s, r->node, in.fh, true);
	l.room = in.size;
	if (!l.h)
		return -EBADF;
	if (in.size > DOMLET_SHARE_DATA_MAX || in.offset > INT64_MAX)
		return -EINVAL;
	if (plus)
		(void)domlet_share_watch_begin(r->s, r->node);
	return l.h->fd < 0 ? list_root(&l, in.offset) : list_real(&l, in.offset);
}

ssize_t domlet_share_readdir(struct domlet_share_request *r)
{
	return list(r, false);
}

ssize_t domlet_share_readdirplus(struct domlet_share_request *r)
{
	return list(r, true);
}

ssize_t domlet_share_releasedir(struct domlet_share_request *r)
{
	struct domlet_share_handle *h;
	struct fuse_release_in in;

	memcpy(&in, r->body, sizeof in);
	h = domlet_share_handle_get(r->s, r->node, in.fh, true);
	if (!h)
		return -EBADF;
	domlet_share_handle_remove(r->s, h);
	return 0;
}

ssize_t domlet_share_fsyncdir(struct domlet_share_request *r)
{
	const struct domlet_share_handle *h;
	struct fuse_fsync_in in;

	memcpy(&in, r->body, sizeof in);
	h = domlet_share_handle_get(r->s, r->node, in.fh, true);
	if (!h)
		return -EBADF;
	if (h->fd < 0)
		return 0;
	return (in.fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(h->fd) : fsync(h->fd)) < 0 ? -errno : 0;
}
