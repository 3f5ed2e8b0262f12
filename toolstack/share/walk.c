// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Descriptors of nodes. One that was closed is opened again from the nearest directory above it that has one, name by
 * name; what is found under a name must be the node that it stands for.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "internal.h"

/* Of each walk the last two stay open: a request has two nodes at most. */
#define KEEP_MIN 4u

int domlet_share_openat(struct domlet_share *s, int fd, const char *name, int flags, mode_t mode)
{
	int r = openat(fd, name, flags | O_CLOEXEC | O_NOCTTY, mode);

	if (r >= 0)
		return r;
	if (errno == EMFILE && s->fd_count > KEEP_MIN) {
		domlet_share_node_trim(s, s->fd_count / 2 > KEEP_MIN ? s->fd_count / 2 : KEEP_MIN);
		r = openat(fd, name, flags | O_CLOEXEC | O_NOCTTY, mode);
	}
	if (r >= 0)
		return r;
	return errno == EMFILE ? -ENFILE : -errno;
}

struct domlet_share_number domlet_share_number(int fd)
{
	struct domlet_share_number n;

	snprintf(n.text, sizeof n.text, "%d", fd);
	return n;
}

int domlet_share_reopen(struct domlet_share *s, int fd, int flags)
{
	struct stat st;

	/* Opening a pipe can block, and opening a device can do anything: the guest's kernel has its own for both. */
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return S_ISLNK(st.st_mode) ? -ELOOP : -ENXIO;
	return domlet_share_openat(s, s->proc_fd, domlet_share_number(fd).text, flags, 0600);
}

/* Opens N, whose parent's descriptor is FD. */
static int open_below(struct domlet_share *s, int fd, struct domlet_share_node *n)
{
	cleanup_close int own = domlet_share_openat(s, fd, n->name, O_PATH | O_NOFOLLOW, 0);
	struct statx stx;
	int r = own < 0 ? own : domlet_share_stat(own, "", &stx);

	if (r == -ENOENT || r == -ENOTDIR || (r == 0 && !domlet_share_node_same(n, &stx)))
		return -ESTALE;
	if (r < 0)
		return r;
	domlet_share_node_give(s, n, take_fd(&own));
	return n->fd;
}

int domlet_share_node_fd(struct domlet_share *s, struct domlet_share_node *n)
{
	uint32_t way[WALK_MAX], depth = 0;
	int fd;

	if (n->slot == ROOT_SLOT)
		return -EOPNOTSUPP;
	if (n->fd >= 0) {
		domlet_share_node_touch(s, n);
		return n->fd;
	}
	while (n->fd < 0) {
		if (!n->parent || depth == WALK_MAX)
			return -ESTALE;
		way[depth++] = n->slot;
		n = domlet_share_node_at(s, n->parent);
	}
	domlet_share_node_touch(s, n);
	fd = n->fd;
	while (depth && fd >= 0)
		fd = open_below(s, fd, domlet_share_node_at(s, way[--depth]));
	return fd;
}

int domlet_share_node_stat(struct domlet_share *s, struct domlet_share_node *n, struct statx *stx)
{
	int fd, r;

	if (n->fd >= 0) {
		domlet_share_node_touch(s, n);
		return domlet_share_stat(n->fd, "", stx);
	}
	if (!n->parent)
		return -ESTALE;
	/* To look at it, it needn't be opened. */
	fd = domlet_share_node_fd(s, domlet_share_node_at(s, n->parent));
	r = fd < 0 ? fd : domlet_share_stat(fd, n->name, stx);
	if (r == -ENOENT || r == -ENOTDIR || (r == 0 && !domlet_share_node_same(n, stx)))
		return -ESTALE;
	n->touched = r == 0;
	return r;
}
