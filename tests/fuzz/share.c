// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The share, whose guest is the input: requests one after the other, each a byte for its opcode, one for its length,
 * and its body. A node id or a handle in it is mostly one that the share has given, as one of eight bytes chooses.
 * Nothing beside the export changes, nothing is left open, and the file system below, a small one, can't fill up.
 *
 * The input: bytes (opcode, node, owner, length), then as many bytes of body as length says, in which the byte 0xf0 + n at
 * an offset that is divisible by 8 stands for what the share gave n requests before: 8 bytes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../frontend/proto/limits.h"
#include "../../toolstack/share/share.h"
#include "fuzz.h"

#define GIVEN 16u
#define REQUESTS 64u
#define FILE_MAX (1 << 20)

static struct {
	char dir[64];
	int dir_fd, canary_fd, export_fd, readonly_fd;
	uint64_t given[GIVEN];
	unsigned int given_at;
	uint8_t *request, *reply;
	struct domlet_share_watcher *watcher;
} t = { .dir_fd = -1 };

static void must(bool fine)
{
	if (!fine)
		abort();
}

static void put_canary(const char *name)
{
	int fd = openat(t.dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, "canary", 6) == 6 && close(fd) == 0);
}

static void look_at_canary(const char *name)
{
	int fd = openat(t.dir_fd, name, O_RDONLY | O_CLOEXEC);
	char text[8] = "";
	struct stat st;

	must(fd >= 0 && read(fd, text, sizeof text) == 6 && memcmp(text, "canary", 6) == 0 && fstat(fd, &st) == 0 &&
	     (st.st_mode & 07777) == 0600 && st.st_nlink == 1 && st.st_uid == geteuid());
	close(fd);
}

static unsigned int count(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	unsigned int n = 0;

	must(d != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* All below a directory, which a guest can make as deep as a run has requests. */
static void empty(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	must(d != NULL);
	for (const struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dir, e->d_name, 0) == 0)
			continue;
		int below = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		must(below >= 0);
		empty(below);
		close(below);
		must(unlinkat(dir, e->d_name, AT_REMOVEDIR) == 0);
	}
	closedir(d);
}

static void remove_all(void)
{
	empty(t.dir_fd);
	(void)rmdir(t.dir);
}

static void prepare(void)
{
	const struct rlimit longest = { FILE_MAX, FILE_MAX };

	(void)setrlimit(RLIMIT_FSIZE, &longest);
	(void)signal(SIGXFSZ, SIG_IGN);
	umask(0);
	strcpy(t.dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/domlet-fuzz-XXXXXX" : "/tmp/domlet-fuzz-XXXXXX");
	must(mkdtemp(t.dir) != NULL);
	t.dir_fd = open(t.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(t.dir_fd >= 0 && mkdirat(t.dir_fd, "export", 0755) == 0 && mkdirat(t.dir_fd, "readonly", 0755) == 0);
	put_canary("canary");
	put_canary("readonly/file");
	t.request = malloc(DOMLET_SHARE_MESSAGE_MAX);
	t.reply = malloc(DOMLET_SHARE_MESSAGE_MAX);
	must(t.request && t.reply);
	atexit(remove_all);
}

static struct domlet_share *open_share(void)
{
	struct domlet_share_export exports[2] = { { .readonly = false }, { .readonly = true } };
	const struct fuse_init_in init = { .major = 7, .minor = 38, .flags = UINT32_MAX };
	struct fuse_in_header in = { .opcode = FUSE_INIT, .len = sizeof in + sizeof init };
	struct domlet_share *s;

	exports[0].fd = openat(t.dir_fd, "export", O_PATH | O_CLOEXEC);
	exports[1].fd = openat(t.dir_fd, "readonly", O_PATH | O_CLOEXEC);
	s = domlet_share_open(exports, 2, open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
	must(s != NULL);
	memcpy(t.request, &in, sizeof in);
	memcpy(t.request + sizeof in, &init, sizeof init);
	t.watcher = domlet_share_watcher_open(inotify_init1(IN_NONBLOCK | IN_CLOEXEC), DOMLET_SHARE_WATCHES);
	must(t.watcher != NULL);
	domlet_share_watch(s, t.watcher);
	must(domlet_share_answer(s, t.request, in.len, t.reply) > 0);
	in = (struct fuse_in_header){ .opcode = FUSE_NOTIFY_REPLY, .len = sizeof in, .unique = 100 };
	memcpy(t.request, &in, sizeof in);
	must(domlet_share_answer(s, t.request, in.len, t.reply) == 0);
	return s;
}

static void give(uint64_t number)
{
	t.given[t.given_at++ % GIVEN] = number;
}

/* What the guest may use later: the first eight bytes of a reply are a node or a handle, and behind an entry is one. */
static void take_reply(uint32_t opcode, ssize_t n)
{
	struct fuse_out_header out;
	uint64_t number;

	must(n == 0 || n == -EPROTO || (n >= (ssize_t)sizeof out && n <= (ssize_t)DOMLET_SHARE_MESSAGE_MAX));
	if (n <= 0)
		return;
	memcpy(&out, t.reply, sizeof out);
	if (out.unique == 0 && out.error == FUSE_NOTIFY_INVAL_INODE) {
		n -= (ssize_t)out.len;
		must(opcode == FUSE_OPEN && n > 0);
		memmove(t.reply, t.reply + out.len, (size_t)n);
		memcpy(&out, t.reply, sizeof out);
	}
	must(out.len == n && out.error <= 0 && out.error > -1000);
	if (out.error || out.len < sizeof out + sizeof number)
		return;
	memcpy(&number, t.reply + sizeof out, sizeof number);
	if (opcode == FUSE_LOOKUP || opcode == FUSE_OPEN || opcode == FUSE_OPENDIR || opcode == FUSE_CREATE ||
	    opcode == FUSE_TMPFILE || opcode == FUSE_MKDIR || opcode == FUSE_MKNOD || opcode == FUSE_SYMLINK)
		give(number);
	if (opcode != FUSE_CREATE && opcode != FUSE_TMPFILE)
		return;
	memcpy(&number, t.reply + sizeof out + sizeof(struct fuse_entry_out), sizeof number);
	give(number);
}

/* The 0xf0 + n of the body become what they stand for. */
static void fill_in(uint8_t *body, size_t len)
{
	for (size_t at = 0; at + 8 <= len; at += 8)
		if (body[at] >= 0xf0)
			memcpy(body + at, &t.given[(t.given_at + GIVEN - 1 - (body[at] - 0xf0)) % GIVEN], 8);
}

static uint64_t node_of(uint8_t choice)
{
	if (choice == 0)
		return FUSE_ROOT_ID;
	if (choice >= 0xf0)
		return t.given[(t.given_at + GIVEN - 1 - (choice - 0xf0)) % GIVEN];
	return (uint64_t)1 << 32 | choice;
}

/* What is done by requests alone is all that has happened, and is little. */
static void take_news(struct domlet_share *s)
{
	uint8_t *exact = malloc(DOMLET_SHARE_NEWS_MAX);
	unsigned int count = 0;

	must(exact != NULL);
	domlet_share_watcher_read(t.watcher);
	for (; domlet_share_has_news(s); must(count++ < 4096))
		must(domlet_share_tell(s, exact) <= DOMLET_SHARE_NEWS_MAX);
	free(exact);
}

static void ask(struct domlet_share *s, const uint8_t head[4], const uint8_t *body, size_t len)
{
	struct fuse_in_header in = { .len = (uint32_t)(sizeof in + len), .opcode = head[0], .unique = head[2] };
	uint8_t *exact = malloc(in.len); /* so that a sanitizer sees the first byte behind it */

	must(exact != NULL);
	in.nodeid = node_of(head[1]);
	in.uid = head[2] & 1 ? 1000 : geteuid();
	in.gid = head[2] & 2 ? 1000 : getegid();
	memcpy(exact, &in, sizeof in);
	if (len)
		memcpy(exact + sizeof in, body, len);
	fill_in(exact + sizeof in, len);
	/* Without a quota an honest guest could ask for all of the disk in one request. */
	if (in.opcode != FUSE_FALLOCATE || len < 32)
		take_reply(in.opcode, domlet_share_answer(s, exact, in.len, t.reply));
	free(exact);
	if (domlet_share_waits(s))
		take_reply(0, domlet_share_retry(s, t.reply));
	take_news(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int before, beside;
	struct domlet_share *s;

	if (t.dir_fd < 0)
		prepare();
	memset(t.given, 0, sizeof t.given);
	int fds = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	before = count(fds);
	beside = count(t.dir_fd);
	s = open_share();
	for (unsigned int i = 0; i < REQUESTS && size >= 4; i++) {
		size_t len = data[3] < size - 4 ? data[3] : size - 4;

		ask(s, data, data + 4, len);
		data += 4 + len;
		size -= 4 + len;
	}
	domlet_share_close(s);
	domlet_share_watcher_close(t.watcher);
	must(count(fds) == before && count(t.dir_fd) == beside);
	close(fds);
	look_at_canary("canary");
	look_at_canary("readonly/file");
	int export = openat(t.dir_fd, "export", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(export >= 0);
	empty(export);
	close(export);
	return 0;
}
