// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "confine.h"

/* The exit status when the monitor is gone, which took its domain's streams along: as if the
 * process had been killed. */
#define STATUS_MONITOR_LOST 137
#define STATUS_NOT_SET_UP 125

/* Descriptors of a running proxy: its signals get the lowest that is free, and
 * SYNC is closed when it has settled. */
#define SIGNALS_FD 0
#define SOCKET_FD 3
#define TTY_FD 4
#define SYNC_FD 5
#define FIRST_HIGH_FD 16

void domlet_proxy_send_size(int fd, int tty)
{
	struct winsize ws;
	char text[96];

	if (tty < 0 || ioctl(tty, TIOCGWINSZ, &ws) < 0)
		return;
	(void)snprintf(text, sizeof text, "{\"verb\":\"winsize\",\"rows\":%u,\"cols\":%u}", ws.ws_row, ws.ws_col);
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void forward(int signals, int fd, int tty)
{
	struct signalfd_siginfo si;
	char text[64];

	if (read(signals, &si, sizeof si) != (ssize_t)sizeof si)
		return;
	if (si.ssi_signo == SIGWINCH)
		domlet_proxy_send_size(fd, tty);
	if (si.ssi_signo == SIGCHLD || si.ssi_signo == SIGPIPE || si.ssi_signo == SIGWINCH)
		return;
	(void)snprintf(text, sizeof text, "{\"verb\":\"signal\",\"signo\":%u}", si.ssi_signo);
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* Moves each descriptor to its place and closes all others. */
static int keep(const struct domlet_proxy *p, int sync)
{
	const int from[] = { p->fd, p->tty, sync }, to[] = { SOCKET_FD, TTY_FD, SYNC_FD };
	int high[] = { -1, -1, -1 };

	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
		high[i] = from[i] >= 0 ? fcntl(from[i], F_DUPFD, FIRST_HIGH_FD) : -1;
		if (from[i] >= 0 && high[i] < 0)
			return -errno;
	}
	(void)close_range(0, FIRST_HIGH_FD - 1, 0);
	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++)
		if (high[i] >= 0)
			(void)dup2(high[i], to[i]);
	(void)close_range(SYNC_FD + 1, ~0u, 0);
	return 0;
}

/* Gives up all but what forward_until_end() needs. At SYNC our launcher waits for the result;
 * -1: nobody does. */
static int settle(const struct domlet_proxy *p, int *sync)
{
	sigset_t all;
	int r = keep(p, *sync);

	if (r < 0)
		return r;
	if (*sync >= 0)
		*sync = SYNC_FD;
	sigfillset(&all);
	if (signalfd(-1, &all, SFD_CLOEXEC) != SIGNALS_FD)
		return -EMFILE;
	return domlet_proxy_confine();
}

static _Noreturn void forward_until_end(int tty)
{
	struct pollfd fds[] = { { .fd = SOCKET_FD, .events = POLLIN }, { .fd = SIGNALS_FD, .events = POLLIN } };
	char text[128];
	unsigned int status;
	ssize_t n;

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			forward(SIGNALS_FD, SOCKET_FD, tty);
		if (!fds[0].revents)
			continue;
		n = recv(SOCKET_FD, text, sizeof text - 1, 0);
		if (n <= 0)
			_exit(STATUS_MONITOR_LOST);
		text[n] = '\0';
		if (sscanf(text, "{\"exit\":%u}", &status) == 1)
			_exit((int)(status & 255));
	}
}

static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

static void start(const struct domlet_proxy *p)
{
	block_signals();
	(void)setsid();
	(void)prctl(PR_SET_NAME, p->name, 0, 0, 0);
	if (p->tty >= 0)
		(void)ioctl(p->tty, TIOCSCTTY, 0);
}

static pid_t clone_process(uint64_t flags, int cgroup_fd)
{
	struct clone_args args = { .flags = flags, .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD };

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

/* Returns a descriptor of the cgroup PATH; -1: there is none, or dom0 has version 1 of cgroups,
 * which clone3() does not know. */
static int open_cgroup(const char *path)
{
	int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct statfs fs;

	if (fd >= 0 && (fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Joins the namespace at PATH (NULL: none), of the type that /proc/PID/ns/FILE has. The plan has
 * refused dom0's own by its path; what the path leads to may have changed since, so it is
 * looked at again. */
static int join(const char *path, const char *file, int type)
{
	cleanup_close int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct stat given, dom0s;
	char own[64];

	if (!path)
		return 0;
	if (fd < 0 || fstat(fd, &given) < 0)
		return -errno;
	for (const char *const *whose = (const char *const[]){ "self", "1", NULL }; *whose; whose++) {
		(void)snprintf(own, sizeof own, "/proc/%s/ns/%s", *whose, file);
		if (stat(own, &dom0s) == 0 && given.st_ino == dom0s.st_ino && given.st_dev == dom0s.st_dev)
			return -EPERM;
	}
	return setns(fd, type) < 0 ? -errno : 0;
}

/* Joins what is to be joined but the pid namespace. */
static int join_all(const struct domlet_proxy *p)
{
	int r = join(p->net_path, "net", CLONE_NEWNET);

	if (r == 0)
		r = join(p->ipc_path, "ipc", CLONE_NEWIPC);
	return r < 0 ? r : join(p->uts_path, "uts", CLONE_NEWUTS);
}

static int prepare(const struct domlet_proxy *p)
{
	int r = join_all(p);

	/* What dom0 unmounts is not to stay mounted here. And only a cgroup
	 * namespace that is made now begins at the cgroup it was born in. */
	if (r == 0 && (unshare(CLONE_NEWCGROUP) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
		       (p->hostname && sethostname(p->hostname, strlen(p->hostname)) < 0)))
		r = -errno;
	return r;
}

static int enter_root(const char *rootfs)
{
	/* Whoever joins this namespace (nsenter, podman cp) keeps capabilities, and must
	 * not run what an image brings; also not by what somebody mounts there later. The
	 * root stays writable, and so do the mounts in it. */
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
				   .propagation = MS_PRIVATE };

	if (mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    mount_setattr(AT_FDCWD, rootfs, AT_RECURSIVE, &attr, sizeof attr) < 0 || chdir(rootfs) < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	/* /proc is for those who list the container's processes from inside; an image may
	 * have no such folder. The other files in it are dom0's kernel's, hence it is
	 * read-only: a link of the image's can lead whoever writes there to /proc/sys. */
	(void)mount("proc", "/proc", "proc", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	return 0;
}

/* Becomes a container's first proxy. The launching command says when the root is entered:
 * hooks come first. After each of the two steps it reads an int, which is 0 or -errno. */
static _Noreturn void first_proxy(const struct domlet_proxy *p, int sync)
{
	int r;
	char go;

	start(p);
	r = prepare(p);
	if (write(sync, &r, sizeof r) != (ssize_t)sizeof r || r < 0 || read(sync, &go, 1) != 1)
		_exit(STATUS_NOT_SET_UP);
	r = enter_root(p->rootfs);
	if (r == 0)
		r = settle(p, &sync);
	if (send(sync, &r, sizeof r, MSG_NOSIGNAL) != (ssize_t)sizeof r || r < 0)
		_exit(STATUS_NOT_SET_UP);
	(void)close(sync);
	forward_until_end(p->tty >= 0 ? TTY_FD : -1);
}

static int await(int sync)
{
	int r = -ECHILD;

	while (read(sync, &r, sizeof r) < 0 && errno == EINTR)
		;
	return r;
}

/* Forks, into new namespaces where none are joined. The child joins the others, but for the
 * pid namespace: a process that joins one has only its next children in there. */
static pid_t clone_first(const struct domlet_proxy *p, int cgroup_fd)
{
	uint64_t flags = CLONE_NEWNS;
	int answer[2], status, pid = -ECHILD;
	pid_t between;

	flags |= p->net_path ? 0 : CLONE_NEWNET;
	flags |= p->ipc_path ? 0 : CLONE_NEWIPC;
	flags |= p->uts_path ? 0 : CLONE_NEWUTS;
	if (!p->pid_path) {
		pid = clone_process(flags | CLONE_NEWPID, cgroup_fd);
		return pid < 0 ? -errno : pid;
	}
	if (pipe2(answer, O_CLOEXEC) < 0)
		return -errno;
	/* The child gets this process as its parent, and the one between ends. */
	between = fork();
	if (between == 0) {
		block_signals();
		pid = join(p->pid_path, "pid", CLONE_NEWPID);
		if (pid == 0) {
			pid = clone_process(flags | CLONE_PARENT, cgroup_fd);
			if (pid == 0)
				return 0;
			if (pid < 0)
				pid = -errno;
		}
		_exit(write(answer[1], &pid, sizeof pid) == (ssize_t)sizeof pid ? 0 : 1);
	}
	close(answer[1]);
	if (between > 0 && read(answer[0], &pid, sizeof pid) != (ssize_t)sizeof pid)
		pid = -ECHILD;
	close(answer[0]);
	if (between > 0)
		(void)waitpid(between, &status, 0);
	return pid;
}

static int refuse(const struct domlet_proxy *p, int code, struct domlet_error *err)
{
	const char *const paths[] = { p->net_path, p->ipc_path, p->uts_path, p->pid_path };
	char joined[320] = "";

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (paths[i])
			(void)snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%s",
				       joined[0] ? " and " : ", with those at ", paths[i]);
	return domlet_error_set(err, code, "can't set up the container's namespaces and cgroup in dom0%s: %s", joined,
				domlet_strerror(code));
}

int domlet_proxy_spawn(const struct domlet_proxy *p, struct domlet_proxy_handle *h, struct domlet_error *err)
{
	cleanup_close int cgroup = open_cgroup(p->cgroup);
	int sync[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sync) < 0)
		return domlet_error_set(err, errno, "can't make a socket pair: %s", domlet_strerror(errno));
	h->sync = sync[0];
	h->pid = clone_first(p, cgroup);
	if (h->pid == 0) {
		close(sync[0]);
		first_proxy(p, sync[1]);
	}
	r = h->pid < 0 ? h->pid : 0;
	close(sync[1]);
	if (r == 0)
		r = await(h->sync);
	if (r < 0) {
		domlet_proxy_abandon(h);
		return refuse(p, -r, err);
	}
	return 0;
}

int domlet_proxy_enter_root(struct domlet_proxy_handle *h, struct domlet_error *err)
{
	int r = send(h->sync, "", 1, MSG_NOSIGNAL) == 1 ? await(h->sync) : -errno;

	domlet_proxy_abandon(h);
	return r < 0 ? domlet_error_set(err, -r, "can't confine the container's proxy to its root file system: %s",
					domlet_strerror(-r)) :
		       0;
}

void domlet_proxy_abandon(struct domlet_proxy_handle *h)
{
	if (h->sync >= 0)
		close(h->sync);
	h->sync = -1;
}

/* Becomes what joins the namespaces of TARGET, but for that of cgroups; its child, which is the
 * proxy, has joined all of them when its pid is returned. -errno. */
static pid_t clone_beside(const struct domlet_proxy *p, int target, int cgroup)
{
	const int spaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID;
	int joined[2], r, none = -1;
	pid_t pid;

	if (pipe2(joined, O_CLOEXEC) < 0 || setns(target, spaces) < 0)
		return -errno;
	pid = clone_process(CLONE_PARENT, cgroup);
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		/* Not before: where cgroups are mounted with "nsdelegate", as systemd does, who is in the
		 * namespace can put nobody into its cgroup who comes from outside of that (ENOENT). */
		r = setns(target, CLONE_NEWCGROUP) < 0 ? -errno : 0;
		if (write(joined[1], &r, sizeof r) != (ssize_t)sizeof r || r < 0)
			_exit(STATUS_NOT_SET_UP);
		start(p);
		if (settle(p, &none) < 0)
			_exit(STATUS_NOT_SET_UP);
		forward_until_end(p->tty >= 0 ? TTY_FD : -1);
	}
	close(joined[1]);
	return read(joined[0], &r, sizeof r) != (ssize_t)sizeof r ? -ECHILD : r < 0 ? r : pid;
}

pid_t domlet_proxy_spawn_beside(const struct domlet_proxy *p, const struct domlet_pid *first, struct domlet_error *err)
{
	cleanup_close int cgroup = open_cgroup(p->cgroup), target = pidfd_open(first->pid, 0);
	cleanup_close int answer = -1, child_answer = -1;
	int pair[2], pid = -ESRCH;
	pid_t between;

	/* FIRST is looked at after the descriptor was opened, so that is not a later process's. */
	if (target < 0 || domlet_pid_look(first) != 1)
		return domlet_error_set(err, ESRCH,
					"can't join the container's namespaces in dom0: its proxy has ended");
	if (pipe2(pair, O_CLOEXEC) < 0)
		return domlet_error_set(err, errno, "can't make a pipe: %s", domlet_strerror(errno));
	answer = pair[0], child_answer = pair[1];
	/* A process that joins a pid namespace has only its next children in there; the next
	 * one gets our caller as its parent, and the process between ends. */
	between = fork();
	if (between == 0) {
		block_signals(); /* a signal that is sent to the new pid at once waits for the proxy */
		pid = clone_beside(p, target, cgroup);
		_exit(write(child_answer, &pid, sizeof pid) == (ssize_t)sizeof pid ? 0 : 1);
	}
	close(take_fd(&child_answer));
	if (between < 0 || read(answer, &pid, sizeof pid) != (ssize_t)sizeof pid)
		pid = -ECHILD;
	if (between > 0)
		(void)waitpid(between, NULL, 0);
	return pid > 0 ? pid :
			 domlet_error_set(err, -pid, "can't join the container's namespaces in dom0: %s",
					  domlet_strerror(-pid));
}
