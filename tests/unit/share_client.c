// SPDX-License-Identifier: GPL-2.0-or-later
#include "share_client.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CANARY "still here\n"

static void must(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "share_client: %s: %s\n", what, strerror(errno));
	abort();
}

const char *share_client_path(const struct share_client *c, const char *tail)
{
	static char paths[4][512];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", c->dir, tail);
	return path;
}

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0, path);
}

static bool is(const char *path, const char *text)
{
	char found[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, found, sizeof found - 1);
	struct stat st;
	bool same = n >= 0 && strcmp(found, text) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0600 &&
		    st.st_nlink == 1 && st.st_uid == geteuid();

	if (fd >= 0)
		close(fd);
	return same;
}

bool share_client_canaries_live(const struct share_client *c)
{
	return is(share_client_path(c, "canary"), CANARY) && is(share_client_path(c, "secret/file"), CANARY);
}

static void open_in(struct share_client *c, const char *where)
{
	struct domlet_share_export exports[3] = { { .readonly = false }, { .readonly = true }, { .readonly = false } };
	char name[2] = "0";
	int proc;

	memset(c, 0, sizeof *c);
	umask(0);
	snprintf(c->dir, sizeof c->dir, "%s/domlet-share-XXXXXX", where);
	must(mkdtemp(c->dir) && chmod(c->dir, 0755) == 0 && mkdir(share_client_path(c, "secret"), 0700) == 0 &&
		     mkdir(share_client_path(c, "0"), 0755) == 0 && mkdir(share_client_path(c, "1"), 0755) == 0,
	     "making directories");
	put_file(share_client_path(c, "canary"), CANARY);
	put_file(share_client_path(c, "secret/file"), CANARY);
	put_file(share_client_path(c, "1/file"), "read only\n");
	put_file(share_client_path(c, "2"), "single\n");
	for (int i = 0; i < 3; i++, name[0]++) {
		exports[i].fd = open(share_client_path(c, name), O_PATH | O_CLOEXEC);
		must(exports[i].fd >= 0, "opening an export");
	}
	proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	c->share = domlet_share_open(exports, 3, proc);
	c->request = malloc(DOMLET_SHARE_MESSAGE_MAX + 1);
	c->reply = malloc(DOMLET_SHARE_MESSAGE_MAX);
	c->uid = geteuid();
	c->gid = getegid();
	must(c->share && c->request && c->reply && share_client_init(c) == 0, "opening the share");
}

void share_client_open(struct share_client *c)
{
	open_in(c, "/tmp");
}

void share_client_open_quick(struct share_client *c)
{
	open_in(c, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void share_client_close(struct share_client *c)
{
	must(share_client_canaries_live(c), "what is beside the exports has changed");
	domlet_share_close(c->share);
	free(c->request);
	free(c->reply);
	must(chdir("/") == 0 && nftw(c->dir, remove_one, 64, FTW_DEPTH | FTW_PHYS) == 0, "removing the directory");
}

/* A reply that no kernel would take is the end of the test. */
static int take_reply(struct share_client *c)
{
	struct fuse_out_header out;

	c->out = c->reply + sizeof out;
	c->out_len = 0;
	if (c->result < 0)
		return (int)c->result;
	if (c->result == 0)
		return 1;
	must((size_t)c->result >= sizeof out && (size_t)c->result <= DOMLET_SHARE_MESSAGE_MAX, "a reply's length");
	memcpy(&out, c->reply, sizeof out);
	c->first_len = out.unique ? 0 : out.len;
	if (c->first_len) {
		must(c->first_len <= sizeof c->first && (size_t)c->result > c->first_len, "what is in front of a reply");
		memcpy(c->first, c->reply, c->first_len);
		c->result -= (ssize_t)c->first_len;
		memmove(c->reply, c->reply + c->first_len, (size_t)c->result);
		memcpy(&out, c->reply, sizeof out);
	}
	must(out.len == (size_t)c->result && out.error <= 0 && out.error > -1000 && (!out.error || out.len == sizeof out),
	     "a reply's header");
	c->out_len = out.len - sizeof out;
	return out.error;
}

int share_client_send(struct share_client *c, uint32_t opcode, uint64_t node, const void *head, size_t head_len,
		      const void *tail, size_t tail_len)
{
	struct fuse_in_header in = { .opcode = opcode, .nodeid = node, .uid = c->uid, .gid = c->gid, .pid = 4711 };

	in.len = (uint32_t)(sizeof in + head_len + tail_len);
	in.unique = c->unique += 2;
	must(in.len <= DOMLET_SHARE_MESSAGE_MAX, "a request's length");
	memcpy(c->request, &in, sizeof in);
	if (head_len)
		memcpy(c->request + sizeof in, head, head_len);
	if (tail_len)
		memcpy(c->request + sizeof in + head_len, tail, tail_len);
	c->result = domlet_share_answer(c->share, c->request, in.len, c->reply);
	return take_reply(c);
}

int share_client_name(struct share_client *c, uint32_t opcode, uint64_t node, const void *head, size_t head_len,
		      const char *name)
{
	return share_client_send(c, opcode, node, head, head_len, name, strlen(name) + 1);
}

int share_client_init(struct share_client *c)
{
	const struct fuse_init_in in = { .major = 7, .minor = 38, .max_readahead = 1u << 20, .flags = UINT32_MAX };

	return share_client_send(c, FUSE_INIT, 0, &in, sizeof in, NULL, 0);
}

static int take_entry(struct share_client *c, int e, struct fuse_entry_out *entry)
{
	memset(entry, 0, sizeof *entry);
	if (e == 0)
		memcpy(entry, c->out, sizeof *entry);
	return e;
}

int share_client_lookup(struct share_client *c, uint64_t parent, const char *name, struct fuse_entry_out *entry)
{
	int e = take_entry(c, share_client_name(c, FUSE_LOOKUP, parent, NULL, 0, name), entry);

	return e == 0 && entry->nodeid == 0 ? -ENOENT : e;
}

uint64_t share_client_export(struct share_client *c, uint32_t index)
{
	struct fuse_entry_out entry;
	char name[12];

	snprintf(name, sizeof name, "%u", index);
	must(share_client_lookup(c, FUSE_ROOT_ID, name, &entry) == 0, "looking up an export");
	return entry.nodeid;
}

int share_client_open_file(struct share_client *c, uint64_t node, uint32_t flags, uint64_t *fh)
{
	const struct fuse_open_in in = { .flags = flags };
	int e = share_client_send(c, flags & O_DIRECTORY ? FUSE_OPENDIR : FUSE_OPEN, node, &in, sizeof in, NULL, 0);
	struct fuse_open_out out = { 0 };

	if (e == 0)
		memcpy(&out, c->out, sizeof out);
	*fh = out.fh;
	return e;
}

int share_client_create(struct share_client *c, uint64_t parent, const char *name, uint32_t flags, uint32_t mode,
			struct fuse_entry_out *entry, uint64_t *fh)
{
	const struct fuse_create_in in = { .flags = flags | O_CREAT, .mode = S_IFREG | mode, .umask = 022 };
	struct fuse_open_out out = { 0 };
	int e = take_entry(c, share_client_name(c, FUSE_CREATE, parent, &in, sizeof in, name), entry);

	if (e == 0)
		memcpy(&out, c->out + sizeof *entry, sizeof out);
	*fh = out.fh;
	return e;
}

int share_client_release(struct share_client *c, uint64_t node, uint64_t fh, bool directory)
{
	const struct fuse_release_in in = { .fh = fh };

	return share_client_send(c, directory ? FUSE_RELEASEDIR : FUSE_RELEASE, node, &in, sizeof in, NULL, 0);
}

int share_client_write(struct share_client *c, uint64_t node, uint64_t fh, uint64_t offset, const void *data,
		       uint32_t len)
{
	const struct fuse_write_in in = { .fh = fh, .offset = offset, .size = len };

	return share_client_send(c, FUSE_WRITE, node, &in, sizeof in, data, len);
}

int share_client_read(struct share_client *c, uint64_t node, uint64_t fh, uint64_t offset, uint32_t len)
{
	const struct fuse_read_in in = { .fh = fh, .offset = offset, .size = len };

	return share_client_send(c, FUSE_READ, node, &in, sizeof in, NULL, 0);
}

int share_client_mkdir(struct share_client *c, uint64_t parent, const char *name, struct fuse_entry_out *entry)
{
	const struct fuse_mkdir_in in = { .mode = 0755 };

	return take_entry(c, share_client_name(c, FUSE_MKDIR, parent, &in, sizeof in, name), entry);
}

int share_client_getattr(struct share_client *c, uint64_t node, struct fuse_attr *attr)
{
	const struct fuse_getattr_in in = { 0 };
	int e = share_client_send(c, FUSE_GETATTR, node, &in, sizeof in, NULL, 0);
	struct fuse_attr_out out = { 0 };

	if (e == 0)
		memcpy(&out, c->out, sizeof out);
	*attr = out.attr;
	return e;
}

int share_client_forget(struct share_client *c, uint64_t node, uint64_t lookups)
{
	const struct fuse_forget_in in = { .nlookup = lookups };

	return share_client_send(c, FUSE_FORGET, node, &in, sizeof in, NULL, 0);
}
