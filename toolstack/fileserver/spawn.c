// SPDX-License-Identifier: GPL-2.0-or-later
#include "fileserver.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/file.h"
#include "serve.h"

/* A copy of the mount at the export's place, which is not mounted anywhere yet. */
static int take_tree(const struct domlet_fileserver_export *e, struct domlet_error *err)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (e->recursive ? AT_RECURSIVE : 0);
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, e->path, flags);

	return fd >= 0 ? fd :
			 domlet_error_set(err, errno, "the bind mount of %s on %s can't be done: %s", e->path,
					  e->destination, domlet_strerror(errno));
}

/* In namespaces of its own. What dom0 unmounts is not to stay mounted here. TREES has room for one more. */
static _Noreturn void be_server(const struct domlet_fileserver *s, int socket, int *trees)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	(void)setsid();
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i <= STDERR_FILENO; i++)
		(void)dup2(null, i);
	trees[s->count] = socket;
	domlet_file_close_others(trees, s->count + 1);
	if (chdir("/") < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		_exit(1);
	domlet_fileserver_serve(s, socket, trees);
}

static pid_t clone_into_namespaces(void)
{
	struct clone_args args = { .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
				   .exit_signal = SIGCHLD };

	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static int spawn(const struct domlet_fileserver *s, int *trees, struct domlet_error *err)
{
	int pair[2], code;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return domlet_error_set(err, errno, "can't make a socket pair: %s", domlet_strerror(errno));
	pid = clone_into_namespaces();
	code = errno;
	if (pid == 0)
		be_server(s, pair[1], trees);
	close(pair[1]);
	if (pid > 0)
		return pair[0];
	close(pair[0]);
	return domlet_error_set(err, code, "can't make the process that serves the container's files: %s",
				domlet_strerror(code));
}

int domlet_fileserver_spawn(const struct domlet_fileserver *s, struct domlet_error *err)
{
	cleanup_free int *trees = calloc(s->count + 1, sizeof *trees);
	size_t taken = 0;
	int r = trees ? 0 : domlet_error_set(err, ENOMEM, "the container's files can't be shared: out of memory");

	while (r >= 0 && taken < s->count) {
		r = trees[taken] = take_tree(&s->exports[taken], err);
		taken += r >= 0;
	}
	if (r >= 0)
		r = spawn(s, trees, err);
	while (taken)
		close(trees[--taken]);
	return r;
}
