// SPDX-License-Identifier: GPL-2.0-or-later
/* Which request is answered by whom, and what both sides agree on first. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "internal.h"

/* Minor version 31 is Linux 5.8's; the oldest kernel that domlet's guests have is 6.1, with 37. */
#define MINOR_MIN 31u
/* FUSE_DONT_MASK: the umask comes along, since a directory's default ACL overrides it. FUSE_CACHE_SYMLINKS: another
 * target is another file. What isn't here: a writeback cache, in which the guest would believe its own size of a file. */
#define INIT_FLAGS                                                                                                     \
	(FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_AUTO_INVAL_DATA | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |      \
	 FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_SUBMOUNTS | FUSE_HANDLE_KILLPRIV_V2 | FUSE_ATOMIC_O_TRUNC |      \
	 FUSE_DONT_MASK | FUSE_ASYNC_DIO | FUSE_CACHE_SYMLINKS | FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS | FUSE_INIT_EXT | \
	 SHARE_FLUSH_FOR_LOCKS | SHARE_RELATIME)
#define INIT_COMPAT_LEN 16u /* before FUSE_INIT_EXT */

enum {
	ASKS = 0,
	CHANGES, /* EROFS where the export is read-only */
	NO_NODE, /* its node may be unknown */
};

struct entry {
	domlet_share_verb *answer;
	size_t len_min; /* of the body */
	int how;
};

static domlet_share_verb init, destroy, interrupt;

static const struct entry entries[] = {
	[FUSE_LOOKUP] = { domlet_share_lookup, 2, ASKS },
	[FUSE_FORGET] = { domlet_share_forget, sizeof(struct fuse_forget_in), NO_NODE },
	[FUSE_GETATTR] = { domlet_share_getattr, sizeof(struct fuse_getattr_in), ASKS },
	[FUSE_SETATTR] = { domlet_share_setattr, sizeof(struct fuse_setattr_in), CHANGES },
	[FUSE_READLINK] = { domlet_share_readlink, 0, ASKS },
	[FUSE_SYMLINK] = { domlet_share_symlink, 4, CHANGES },
	[FUSE_MKNOD] = { domlet_share_mknod, sizeof(struct fuse_mknod_in) + 2, CHANGES },
	[FUSE_MKDIR] = { domlet_share_mkdir, sizeof(struct fuse_mkdir_in) + 2, CHANGES },
	[FUSE_UNLINK] = { domlet_share_unlink, 2, CHANGES },
	[FUSE_RMDIR] = { domlet_share_rmdir, 2, CHANGES },
	[FUSE_RENAME] = { domlet_share_rename, sizeof(struct fuse_rename_in) + 4, CHANGES },
	[FUSE_LINK] = { domlet_share_link, sizeof(struct fuse_link_in) + 2, CHANGES },
	[FUSE_OPEN] = { domlet_share_open_file, sizeof(struct fuse_open_in), ASKS },
	[FUSE_READ] = { domlet_share_read, sizeof(struct fuse_read_in), ASKS },
	[FUSE_WRITE] = { domlet_share_write, sizeof(struct fuse_write_in), CHANGES },
	[FUSE_STATFS] = { domlet_share_statfs, 0, ASKS },
	[FUSE_RELEASE] = { domlet_share_release, sizeof(struct fuse_release_in), ASKS },
	[FUSE_FSYNC] = { domlet_share_fsync, sizeof(struct fuse_fsync_in), ASKS },
	[FUSE_SETXATTR] = { domlet_share_setxattr, FUSE_COMPAT_SETXATTR_IN_SIZE + 2, CHANGES },
	[FUSE_GETXATTR] = { domlet_share_getxattr, sizeof(struct fuse_getxattr_in) + 2, ASKS },
	[FUSE_LISTXATTR] = { domlet_share_listxattr, sizeof(struct fuse_getxattr_in), ASKS },
	[FUSE_REMOVEXATTR] = { domlet_share_removexattr, 2, CHANGES },
	[FUSE_FLUSH] = { domlet_share_flush, sizeof(struct fuse_flush_in), ASKS },
	[FUSE_INIT] = { init, INIT_COMPAT_LEN, NO_NODE },
	[FUSE_OPENDIR] = { domlet_share_opendir, sizeof(struct fuse_open_in), ASKS },
	[FUSE_READDIR] = { domlet_share_readdir, sizeof(struct fuse_read_in), ASKS },
	[FUSE_RELEASEDIR] = { domlet_share_releasedir, sizeof(struct fuse_release_in), ASKS },
	[FUSE_FSYNCDIR] = { domlet_share_fsyncdir, sizeof(struct fuse_fsync_in), ASKS },
	[FUSE_GETLK] = { domlet_share_getlk, sizeof(struct fuse_lk_in), ASKS },
	[FUSE_SETLK] = { domlet_share_setlk, sizeof(struct fuse_lk_in), ASKS },
	[FUSE_SETLKW] = { domlet_share_setlkw, sizeof(struct fuse_lk_in), ASKS },
	/* FUSE_ACCESS: the guest's kernel knows rights from attributes, and doesn't ask again after ENOSYS. */
	[FUSE_CREATE] = { domlet_share_create, sizeof(struct fuse_create_in) + 2, CHANGES },
	[FUSE_INTERRUPT] = { interrupt, sizeof(struct fuse_interrupt_in), NO_NODE },
	[FUSE_DESTROY] = { destroy, 0, NO_NODE },
	[FUSE_NOTIFY_REPLY] = { domlet_share_take_credit, 0, NO_NODE },
	[FUSE_BATCH_FORGET] = { domlet_share_batch_forget, sizeof(struct fuse_batch_forget_in), NO_NODE },
	[FUSE_FALLOCATE] = { domlet_share_fallocate, sizeof(struct fuse_fallocate_in), CHANGES },
	[FUSE_READDIRPLUS] = { domlet_share_readdirplus, sizeof(struct fuse_read_in), ASKS },
	[FUSE_RENAME2] = { domlet_share_rename2, sizeof(struct fuse_rename2_in) + 4, CHANGES },
	[FUSE_LSEEK] = { domlet_share_lseek, sizeof(struct fuse_lseek_in), ASKS },
	[FUSE_COPY_FILE_RANGE] = { domlet_share_copy_file_range, sizeof(struct fuse_copy_file_range_in), ASKS },
	[FUSE_TMPFILE] = { domlet_share_tmpfile, sizeof(struct fuse_create_in), CHANGES },
};

/* All that a connection of the guest's has made. */
static void reset(struct domlet_share *s)
{
	domlet_share_lock_reset(s);
	domlet_share_handle_reset(s);
	domlet_share_absent_reset(s);
	domlet_share_news_reset(s);
	domlet_share_node_reset(s);
	s->ready = false;
}

static ssize_t init(struct domlet_share_request *r)
{
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION };
	struct fuse_init_in in = { 0 };
	uint64_t flags;

	memcpy(&in, r->body, r->len < sizeof in ? r->len : sizeof in);
	/* A later major version says so, and is answered with ours; then INIT comes again. */
	if (in.major < FUSE_KERNEL_VERSION || (in.major == FUSE_KERNEL_VERSION && in.minor < MINOR_MIN))
		return -EPROTO;
	reset(r->s);
	if (in.major == FUSE_KERNEL_VERSION) {
		out.minor = in.minor < out.minor ? in.minor : out.minor;
		flags = in.flags & FUSE_INIT_EXT ? in.flags | (uint64_t)in.flags2 << 32 : in.flags;
		flags &= INIT_FLAGS;
		out.flags = (uint32_t)flags;
		out.flags2 = (uint32_t)(flags >> 32);
		out.max_readahead = in.max_readahead < DOMLET_SHARE_DATA_MAX ? in.max_readahead : DOMLET_SHARE_DATA_MAX;
		out.max_write = DOMLET_SHARE_DATA_MAX;
		out.max_pages = DOMLET_SHARE_DATA_MAX / DOMLET_PAGE_SIZE;
		out.max_background = 64;
		out.congestion_threshold = 48;
		out.time_gran = 1;
		r->s->submounts = flags & FUSE_SUBMOUNTS;
		r->s->flush_for_locks = flags & SHARE_FLUSH_FOR_LOCKS;
		r->s->ready = true;
	}
	memcpy(r->out, &out, sizeof out);
	return sizeof out;
}

static ssize_t destroy(struct domlet_share_request *r)
{
	reset(r->s);
	return 0;
}

static ssize_t interrupt(struct domlet_share_request *r)
{
	struct fuse_interrupt_in in;

	memcpy(&in, r->body, sizeof in);
	if (!domlet_share_lock_interrupt(r->s, in.unique))
		return NO_REPLY;
	r->in.unique = in.unique;
	return -EINTR;
}

static ssize_t answer(struct domlet_share_request *r)
{
	const struct entry *e = r->in.opcode < sizeof entries / sizeof *entries ? &entries[r->in.opcode] : NULL;
	ssize_t n;

	if (!e || !e->answer)
		return -ENOSYS;
	if (r->len < e->len_min)
		return -EINVAL;
	if (!r->s->ready && r->in.opcode != FUSE_INIT && r->in.opcode != FUSE_NOTIFY_REPLY)
		return -ENOTCONN;
	if (e->how == NO_NODE)
		return e->answer(r);
	r->node = domlet_share_node_get(r->s, r->in.nodeid);
	if (!r->node)
		return -ESTALE;
	if (e->how == CHANGES && domlet_share_node_readonly(r->s, r->node))
		return -EROFS;
	domlet_share_node_hold(r->node);
	n = e->answer(r);
	/* The guest's kernel gives up itself what it knew of what it has changed. */
	if (n >= 0 && e->how == CHANGES && r->in.opcode != FUSE_SETATTR && r->in.opcode != FUSE_TMPFILE &&
	    r->in.opcode != FUSE_COPY_FILE_RANGE)
		r->node->told_rest = 0;
	domlet_share_watch_wrote(r->s);
	domlet_share_node_let_go(r->s, r->node);
	return n;
}

static ssize_t put_header(uint8_t *reply, uint64_t unique, ssize_t n)
{
	struct fuse_out_header out = { .len = sizeof out, .unique = unique };

	if (n < 0)
		out.error = (int32_t)n;
	else
		out.len += (uint32_t)n;
	memcpy(reply, &out, sizeof out);
	return out.len;
}

ssize_t domlet_share_answer(struct domlet_share *s, const uint8_t *request, size_t len, uint8_t *reply)
{
	struct domlet_share_request r = { .s = s, .out = reply + sizeof(struct fuse_out_header) };
	ssize_t n;

	if (len < sizeof r.in || len > DOMLET_SHARE_MESSAGE_MAX)
		return -EPROTO;
	memcpy(&r.in, request, sizeof r.in);
	if (r.in.len != len)
		return -EPROTO;
	r.body = request + sizeof r.in;
	r.len = len - sizeof r.in;
	n = answer(&r);
	/* Nobody waits for these, whatever became of them. */
	if (n == NO_REPLY || r.in.opcode == FUSE_FORGET || r.in.opcode == FUSE_BATCH_FORGET ||
	    r.in.opcode == FUSE_NOTIFY_REPLY || (r.in.opcode == FUSE_INTERRUPT && n != -EINTR))
		return 0;
	n = put_header(reply, r.in.unique, n);
	if (r.first_len) {
		memmove(reply + r.first_len, reply, (size_t)n);
		memcpy(reply, r.first, r.first_len);
	}
	return n + (ssize_t)r.first_len;
}

bool domlet_share_waits(const struct domlet_share *s)
{
	return s->wait_count > 0;
}

ssize_t domlet_share_retry(struct domlet_share *s, uint8_t *reply)
{
	uint64_t unique;
	int error;

	return domlet_share_lock_retry(s, &unique, &error) ? put_header(reply, unique, error) : 0;
}

struct domlet_share *domlet_share_open(const struct domlet_share_export *exports, uint32_t count, int proc_fd)
{
	struct domlet_share *s = count <= EXPORT_MAX ? calloc(1, sizeof *s) : NULL;

	if (!s)
		return NULL;
	s->export_count = count;
	s->proc_fd = -1; /* and the exports' descriptors, are the share's when nothing can fail any more */
	s->readonly = calloc(count + 1, sizeof *s->readonly);
	if (!s->readonly || domlet_share_node_open_table(s, exports) < 0) {
		domlet_share_node_close_table(s, true);
		free(s->readonly);
		free(s);
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++)
		s->readonly[i] = exports[i].readonly;
	s->proc_fd = proc_fd;
	s->own_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return s;
}

void domlet_share_close(struct domlet_share *s)
{
	if (!s)
		return;
	reset(s);
	domlet_share_watch_leave(s);
	domlet_share_node_close_table(s, false);
	close(s->proc_fd);
	if (s->own_fd >= 0)
		close(s->own_fd);
	free(s->handles);
	free(s->owners);
	free(s->readonly);
	free(s);
}
