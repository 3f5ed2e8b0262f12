/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mkfs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/interrupt.h"

/* The exit status of a child that did not reach mkfs.erofs. */
#define STATUS_NOT_FOUND 127
#define STATUS_NO_MOUNT 126

/* Puts ROOTFS without the mounts below it over itself, out of others' sight. */
static int mount_alone(const char *rootfs)
{
	int tree_fd;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	tree_fd = open_tree(AT_FDCWD, rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree_fd < 0 || move_mount(tree_fd, "", AT_FDCWD, rootfs, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

bool domlet_mkfs_find(char *path, size_t len)
{
	/* Callers give no PATH (conmon) or a foreign one. */
	static const char usual[] = "/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin:/bin:/sbin";
	const char *const lists[] = { getenv("PATH"), usual };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (const char *s = lists[i]; s && *s; s += strspn(s, ":")) {
			size_t n = strcspn(s, ":");
			int r = snprintf(path, len, "%.*s/mkfs.erofs", (int)n, s);

			/* A list is not to be relative to where the caller happens to be. */
			if (*s == '/' && r > 0 && (size_t)r < len && access(path, X_OK) == 0)
				return true;
			s += n;
		}
	return false;
}

/* Becomes mkfs.erofs; between fork and exec there are system calls only. */
static void __attribute__((noreturn))
run_mkfs(const char *program, const char *rootfs, bool alone, const char *image, int stderr_fd, pid_t parent)
{
	/* No compression: dom0's page cache is what serves the guests. */
	const char *argv[] = { "mkfs.erofs", "--quiet", "--preserve-mtime", image, rootfs, NULL };
	const char *envp[] = { "LC_ALL=C", NULL };
	sigset_t none;
	int null_fd = open("/dev/null", O_RDWR);

	/* A command that is killed while an image is made leaves nobody who goes on with it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STATUS_NOT_FOUND);
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	dup2(stderr_fd, STDERR_FILENO);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (alone && mount_alone(rootfs) < 0)
		_exit(STATUS_NO_MOUNT);
	close_range(3, ~0u, 0);
	execve(program, (char *const *)argv, (char *const *)envp);
	_exit(STATUS_NOT_FOUND);
}

/* Reads what mkfs.erofs says, keeps the first LEN - 1 bytes as one line, and drops the rest.
 * When a signal that is held has come, mkfs.erofs is killed. */
static void read_complaint(int fd, pid_t pid, char *text, size_t len)
{
	size_t used = 0;
	char more[512];

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, DOMLET_INTERRUPT_LOOK_MS) <= 0) {
			if (domlet_interrupt_check(NULL) < 0)
				(void)kill(pid, SIGKILL); /* which ends the pipe, too */
			continue;
		}
		n = read(fd, more, sizeof(more));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n && used + 1 < len; i++)
			text[used++] = more[i] == '\n' ? ' ' : more[i];
	}
	while (used > 0 && text[used - 1] == ' ')
		used--;
	text[used] = '\0';
}

static int wait_for(pid_t pid)
{
	int status;
	pid_t r;

	do {
		r = waitpid(pid, &status, 0);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : status;
}

static int explain(int status, const char *rootfs, const char *complaint, struct domlet_error *err)
{
	if (status < 0)
		return domlet_error_set(err, -status, "mkfs.erofs can't be waited for: %s", domlet_strerror(-status));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NOT_FOUND)
		return domlet_error_set(
			err, ENOENT, "an image of %s can't be made: mkfs.erofs is not installed (package erofs-utils)",
			rootfs);
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_MOUNT)
		return domlet_error_set(err, EIO, "an image of %s can't be made: it can't be mounted by itself", rootfs);
	if (WIFSIGNALED(status))
		return domlet_error_set(err, EIO, "an image of %s can't be made: mkfs.erofs was killed by signal %d",
					rootfs, WTERMSIG(status));
	return domlet_error_set(err, strstr(complaint, "No space left") ? ENOSPC : EIO,
				"an image of %s can't be made: mkfs.erofs failed: %s", rootfs,
				complaint[0] != '\0' ? complaint : "it didn't say why");
}

int domlet_mkfs_erofs(const char *rootfs, bool alone, const char *image, struct domlet_error *err)
{
	char complaint[512] = "", program[4096];
	int ends[2], status;
	pid_t parent = getpid(), pid;

	if (!domlet_mkfs_find(program, sizeof(program)))
		return explain(W_EXITCODE(STATUS_NOT_FOUND, 0), rootfs, "", err);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return domlet_error_set(err, errno, "mkfs.erofs can't be started: %s", domlet_strerror(errno));
	/* Not posix_spawn: it can't change the mount namespace in between. */
	pid = fork();
	if (pid == 0)
		run_mkfs(program, rootfs, alone, image, ends[1], parent);
	status = -errno;
	close(ends[1]);
	if (pid > 0) {
		read_complaint(ends[0], pid, complaint, sizeof(complaint));
		domlet_error_reword(complaint);
		status = wait_for(pid);
	}
	close(ends[0]);
	/* ^C ends the packer as well, which is no fault of its. */
	if (status != 0 && domlet_interrupt_check(err) < 0)
		return -EINTR;
	return explain(status, rootfs, complaint, err);
}
