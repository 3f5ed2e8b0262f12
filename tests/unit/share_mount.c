// SPDX-License-Identifier: GPL-2.0-or-later
#include "share_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../frontend/proto/limits.h"

#define RETRY_MS 20
#define CREDIT 64

static void give_up(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

bool share_mount_possible(void)
{
	int fd = geteuid() == 0 ? open("/dev/fuse", O_RDWR | O_CLOEXEC) : -1;

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* One message, or a reply with one in front. */
static void put(int fuse, const uint8_t *reply, ssize_t len)
{
	struct fuse_out_header out;

	if (len < 0)
		give_up("a request that is none");
	for (; len > 0; reply += out.len, len -= out.len) {
		memcpy(&out, reply, sizeof out);
		/* ENOENT: whoever has asked was killed meanwhile. */
		if (write(fuse, reply, out.len) != out.len && errno != ENOENT)
			give_up("the kernel refuses a reply");
	}
}

/* As a relay's: whoever writes what nobody has asked for may wait for what only the server can end. */
static void write_news(int fuse, int socket)
{
	uint8_t message[DOMLET_SHARE_NEWS_MAX];
	ssize_t n;

	while ((n = recv(socket, message, sizeof message, 0)) > 0) {
		while (write(fuse, message, (size_t)n) < 0 && errno == EINTR)
			;
		(void)send(socket, "", 1, MSG_NOSIGNAL);
	}
	_exit(0);
}

static void grant(struct domlet_share *s, uint64_t count)
{
	const struct fuse_in_header in = { .len = sizeof in, .opcode = FUSE_NOTIFY_REPLY, .unique = count };
	uint8_t none[sizeof(struct fuse_out_header)] __attribute__((aligned(8)));

	(void)domlet_share_answer(s, (const uint8_t *)&in, sizeof in, none);
}

static struct domlet_share_watcher *watch(struct domlet_share *s, int fuse, struct pollfd fds[2])
{
	struct domlet_share_watcher *w;
	int pair[2];

	fds[0].fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	w = domlet_share_watcher_open(fds[0].fd, DOMLET_SHARE_WATCHES);
	if (!w || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		give_up("watching");
	if (fork() == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		write_news(fuse, pair[1]);
	}
	close(pair[1]);
	fds[1].fd = pair[0];
	domlet_share_watch(s, w);
	return w;
}

static void serve(struct domlet_share *s, int fuse, uint32_t *counts, bool watched)
{
	struct pollfd p[3] = { { .fd = fuse, .events = POLLIN }, { .events = POLLIN }, { .events = POLLIN } };
	struct domlet_share_watcher *w = watched ? watch(s, fuse, &p[1]) : NULL;
	bool granted = !w;
	char byte;
	uint8_t *request = malloc(DOMLET_SHARE_MESSAGE_MAX), *reply = malloc(DOMLET_SHARE_MESSAGE_MAX);

	while (request && reply) {
		struct fuse_in_header in;
		ssize_t n;

		if (w)
			domlet_share_watcher_read(w);
		while (domlet_share_has_news(s))
			if ((n = (ssize_t)domlet_share_tell(s, reply)) > 0)
				(void)send(p[2].fd, reply, (size_t)n, MSG_NOSIGNAL);
		if (poll(p, w ? 3 : 1, domlet_share_waits(s) ? RETRY_MS : -1) == 0) {
			while ((n = domlet_share_retry(s, reply)) > 0)
				put(fuse, reply, n);
			continue;
		}
		if (w && p[2].revents & POLLIN && recv(p[2].fd, &byte, 1, MSG_DONTWAIT) == 1)
			grant(s, 1);
		if (!p[0].revents)
			continue;
		n = read(fuse, request, DOMLET_SHARE_MESSAGE_MAX);
		if (n < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN))
			continue;
		if (n < 0)
			break; /* it isn't mounted any more */
		memcpy(&in, request, sizeof in);
		if (in.opcode < SHARE_MOUNT_OPCODES)
			counts[in.opcode]++;
		put(fuse, reply, domlet_share_answer(s, request, (size_t)n, reply));
		if (!granted)
			grant(s, CREDIT);
		granted = true;
	}
	domlet_share_close(s);
	domlet_share_watcher_close(w);
	free(request);
	free(reply);
}

/* As the server will be: without a path that leads anywhere, and with no power but over files' owners. */
static void confine(void)
{
	char empty[] = "/tmp/domlet-share-XXXXXX";
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2] = { { 0 }, { 0 } };

	caps[0].permitted = caps[0].effective = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER |
						1u << CAP_FSETID | 1u << CAP_MKNOD | 1u << CAP_SETFCAP;
	if (!mkdtemp(empty) || chdir(empty) < 0 || rmdir(empty) < 0 || chroot(".") < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &head, caps) < 0)
		give_up("confining the server");
}

static int run_server(int fuse, const struct share_mount_source *sources, uint32_t count, uint32_t *counts, bool watched)
{
	const struct rlimit files = { DOMLET_SHARE_DESCRIPTORS, DOMLET_SHARE_DESCRIPTORS };
	struct domlet_share_export exports[8];
	struct domlet_share *s;
	int proc;

	/* A test that ends early must not leave it behind, in a mount namespace that it keeps. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	umask(0);
	proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (uint32_t i = 0; i < count; i++) {
		exports[i].fd = open(sources[i].path, O_PATH | O_CLOEXEC);
		exports[i].readonly = sources[i].readonly;
		if (exports[i].fd < 0)
			give_up(sources[i].path);
	}
	s = domlet_share_open(exports, count, proc);
	if (!s)
		give_up("no share");
	confine();
	serve(s, fuse, counts, watched);
	return 0;
}

void share_mount_open(struct share_mount *m, const char *at, const struct share_mount_source *sources, uint32_t count)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[128];

	snprintf(m->at, sizeof m->at, "%s", at);
	m->counts = mmap(NULL, SHARE_MOUNT_OPCODES * sizeof *m->counts, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other",
		 fuse);
	if (fuse < 0 || m->counts == MAP_FAILED || mount("share", at, "fuse.domlet", 0, options) < 0)
		give_up("mounting the share");
	m->server = fork();
	if (m->server == 0)
		_exit(run_server(fuse, sources, count, m->counts,
				 m->watched)); /* what looks for leaks would need a /proc */
	close(fuse);
}

void share_mount_close(struct share_mount *m)
{
	int status = -1;

	if (umount2(m->at, MNT_DETACH) < 0)
		give_up("unmounting the share");
	if (waitpid(m->server, &status, 0) < 0 || status != 0) {
		fprintf(stderr, "the server's status is %#x\n", (unsigned int)status);
		exit(1);
	}
	munmap(m->counts, SHARE_MOUNT_OPCODES * sizeof *m->counts);
}

void share_mount_count_from_here(struct share_mount *m)
{
	memset(m->counts, 0, SHARE_MOUNT_OPCODES * sizeof *m->counts);
}

uint32_t share_mount_counted(const struct share_mount *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SHARE_MOUNT_OPCODES; i++)
		if (i != FUSE_FORGET && i != FUSE_BATCH_FORGET)
			n += m->counts[i];
	return n;
}

void share_mount_print(const struct share_mount *m, const char *what)
{
	printf("# %s: %u requests:", what, share_mount_counted(m));
	for (uint32_t i = 0; i < SHARE_MOUNT_OPCODES; i++)
		if (m->counts[i])
			printf(" %u×%u", i, m->counts[i]);
	printf("\n");
}

const char *share_tree_at(const struct share_tree *t, const char *tail)
{
	static char paths[8][512];
	static unsigned int turn;
	char *path = paths[turn++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", t->dir, tail);
	return path;
}

int share_tree_open(struct share_tree *t)
{
	struct share_mount_source sources[3] = { { NULL, false }, { NULL, true }, { NULL, false } };

	strcpy(t->dir, "/tmp/domlet-share-kernel-XXXXXX");
	umask(0);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(t->dir) ||
	    chmod(t->dir, 0755) < 0)
		return -1;
	for (const char *const *name = (const char *const[]){ "direct", "a", "ro", "tmpfs", "mnt", "other", NULL };
	     *name; name++)
		if (mkdir(share_tree_at(t, *name), 0755) < 0)
			return -1;
	if (mount("tmpfs", share_tree_at(t, "tmpfs"), "tmpfs", 0, "size=8m,nr_inodes=100") < 0)
		return -1;
	sources[0].path = share_tree_at(t, "a");
	sources[1].path = share_tree_at(t, "ro");
	sources[2].path = share_tree_at(t, "tmpfs");
	share_mount_open(&t->m, share_tree_at(t, "mnt"), sources, 3);
	share_mount_open(&t->other, share_tree_at(t, "other"), sources, 3);
	return 0;
}

int share_tree_close(struct share_tree *t)
{
	char command[128];

	share_mount_close(&t->m);
	share_mount_close(&t->other);
	umount2(share_tree_at(t, "tmpfs"), MNT_DETACH);
	snprintf(command, sizeof command, "rm -rf %s", t->dir);
	return system(command);
}
