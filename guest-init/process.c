// SPDX-License-Identifier: GPL-2.0-or-later
#include "process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "caps.h"
#include "filter.h"
#include "rootfs.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct child_files {
	int status, go, in, out, err;
	bool terminal;
};

static int put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int set_limits(const struct domlet_process_config *p, struct domlet_failure *failure)
{
	for (uint32_t i = 0; i < p->rlimit_count; i++) {
		struct rlimit l = { p->rlimits[i].soft, p->rlimits[i].hard };

		if (setrlimit((__rlimit_resource_t)p->rlimits[i].resource, &l) < 0)
			return domlet_failure_set(failure, errno, "can't set resource limit %d: %s",
						  p->rlimits[i].resource, domlet_failure_name(errno));
	}
	if (p->has_oom_score_adj) {
		char text[16];

		(void)snprintf(text, sizeof text, "%d", p->oom_score_adj);
		(void)put_file("/proc/self/oom_score_adj", text);
	}
	return 0;
}

/* A new network namespace has its loopback device, but down. */
static int raise_loopback(struct domlet_failure *failure)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r < 0 ? domlet_failure_set(failure, -r, "can't bring the loopback device up: %s",
					  domlet_failure_name(-r)) : 0;
}

/* Without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes before the
 * capabilities go; with it, it comes last and sees the least of our calls. */
static int become_user(const struct domlet_process_config *p, const struct domlet_filter *filter,
		       struct domlet_failure *failure)
{
	int r = p->no_new_privs ? 0 : domlet_filter_install(filter, failure);

	if (r == 0)
		r = domlet_caps_bound(p, failure);

	if (r < 0)
		return r;
	if (setgroups(p->group_count, p->groups) < 0 || setresgid(p->gid, p->gid, p->gid) < 0 ||
	    setresuid(p->uid, p->uid, p->uid) < 0)
		return domlet_failure_set(failure, errno, "can't become user %u, group %u: %s", p->uid, p->gid,
					  domlet_failure_name(errno));
	(void)umask(p->umask);
	return domlet_caps_apply(p, failure);
}

static const char *env_of(const struct domlet_process_config *p, const char *name)
{
	size_t len = strlen(name);

	for (uint32_t i = 0; i < p->env.count; i++)
		if (strncmp(p->env.item[i], name, len) == 0 && p->env.item[i][len] == '=')
			return p->env.item[i] + len + 1;
	return NULL;
}

static bool runnable(const char *path, int *why)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		*why = errno;
		return false;
	}
	if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0) {
		*why = EACCES;
		return false;
	}
	return true;
}

/* The texts are those that docker and podman match (oci-contract 1.4). */
static int resolve(const struct domlet_process_config *p, char *path, size_t len, struct domlet_failure *failure)
{
	const char *name = p->args.item[0], *dirs = env_of(p, "PATH"), *end;
	int why = ENOENT, seen = ENOENT;

	if (strchr(name, '/')) {
		(void)snprintf(path, len, "%s", name);
		if (runnable(path, &why))
			return 0;
		if (why == EACCES)
			return domlet_failure_set(failure, EACCES, "exec: \"%s\": permission denied", name);
		return domlet_failure_set(failure, why, "exec: \"%s\": stat %s: no such file or directory", name, name);
	}
	for (dirs = dirs ? dirs : DEFAULT_PATH; *dirs; dirs = *end ? end + 1 : end) {
		end = strchrnul(dirs, ':');
		if ((size_t)snprintf(path, len, "%.*s/%s", (int)(end - dirs), dirs, name) >= len)
			continue;
		if (runnable(path, &why))
			return 0;
		if (why == EACCES)
			seen = EACCES;
	}
	if (seen == EACCES)
		return domlet_failure_set(failure, EACCES, "exec: \"%s\": permission denied", name);
	return domlet_failure_set(failure, ENOENT, "exec: \"%s\": executable file not found in $PATH", name);
}

static int prepare(const struct domlet_container_config *c, uint32_t container, const struct child_files *f,
		   struct domlet_filter *filter, char *path, size_t len, struct domlet_failure *failure)
{
	const struct domlet_process_config *p = &c->process;
	char dir[64];
	int r;

	setsid();
	if ((c->namespaces & CLONE_NEWUTS) && c->hostname && sethostname(c->hostname, strlen(c->hostname)) < 0)
		return domlet_failure_set(failure, errno, "can't set the hostname %s", c->hostname);
	r = c->namespaces & CLONE_NEWNET ? raise_loopback(failure) : 0;
	if (r < 0)
		return r;
	(void)snprintf(dir, sizeof dir, "/run/container-%u", container);
	r = domlet_rootfs_enter(c, dir, failure);
	if (r < 0)
		return r;
	if (f->terminal && ioctl(f->in, TIOCSCTTY, 0) < 0)
		return domlet_failure_set(failure, errno, "can't take the terminal: %s", domlet_failure_name(errno));
	if (dup2(f->in, 0) < 0 || dup2(f->out, 1) < 0 || dup2(f->err, 2) < 0)
		return domlet_failure_set(failure, errno, "can't set up standard streams");
	/* Needs more memory and descriptors than the limits may leave. */
	r = domlet_filter_compile(c->seccomp, filter, failure);
	if (r == 0)
		r = set_limits(p, failure);
	if (r < 0)
		return r;
	if (chdir(p->cwd) < 0 && (mkdir(p->cwd, 0755) < 0 || chdir(p->cwd) < 0))
		return domlet_failure_set(failure, errno, "can't change to the working directory %s: %s", p->cwd,
					  domlet_failure_name(errno));
	r = become_user(p, filter, failure);
	if (r < 0)
		return r;
	if (p->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return domlet_failure_set(failure, errno, "can't set no_new_privs");
	return resolve(p, path, len, failure);
}

static _Noreturn void child(const struct domlet_container_config *c, uint32_t container, const struct child_files *f)
{
	struct domlet_failure failure = { 0 };
	struct domlet_filter filter = { 0 };
	char path[4096], go;
	sigset_t none;

	if (prepare(c, container, f, &filter, path, sizeof path, &failure) < 0) {
		(void)!write(f->status, &failure, sizeof failure);
		_exit(127);
	}
	(void)!write(f->status, &failure, sizeof failure);
	if (read(f->go, &go, 1) != 1)
		_exit(127);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (c->process.no_new_privs && domlet_filter_install(&filter, &failure) < 0) {
		(void)!write(f->status, &failure, sizeof failure);
		_exit(127);
	}
	execve(path, c->process.args.item,
	       c->process.env.count ? c->process.env.item : (char *[]){ (char[]){ "PATH=" DEFAULT_PATH }, NULL });
	(void)domlet_failure_set(&failure, errno, "exec: \"%s\": %s", c->process.args.item[0], strerror(errno));
	(void)!write(f->status, &failure, sizeof failure);
	_exit(127);
}

static int open_stdio(struct domlet_process *p, const struct domlet_process_config *pc, struct child_files *f)
{
	int in[2], out[2], err[2];

	if (pc->terminal) {
		struct winsize ws = { .ws_row = pc->rows, .ws_col = pc->cols };
		int slave;

		p->in_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
		if (p->in_fd < 0 || unlockpt(p->in_fd) < 0)
			return -errno;
		slave = ioctl(p->in_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (slave < 0)
			return -errno;
		(void)!fchown(slave, pc->uid, (gid_t)-1);
		(void)ioctl(p->in_fd, TIOCSWINSZ, &ws);
		p->out_fd = fcntl(p->in_fd, F_DUPFD_CLOEXEC, 3);
		f->in = f->out = f->err = slave;
		return p->out_fd < 0 ? -errno : 0;
	}
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		return -errno;
	f->in = in[0], p->in_fd = in[1];
	f->out = out[1], p->out_fd = out[0];
	f->err = err[1], p->err_fd = err[0];
	(void)fcntl(p->in_fd, F_SETFL, O_NONBLOCK);
	(void)fcntl(p->out_fd, F_SETFL, O_NONBLOCK);
	(void)fcntl(p->err_fd, F_SETFL, O_NONBLOCK);
	(void)!fchown(f->in, pc->uid, pc->gid);
	(void)!fchown(f->out, pc->uid, pc->gid);
	(void)!fchown(f->err, pc->uid, pc->gid);
	return 0;
}

int domlet_process_spawn(struct domlet_process *p, const struct domlet_container_config *c, uint32_t container,
			 struct domlet_failure *failure)
{
	struct clone_args args = { .flags = c->namespaces | CLONE_NEWNS, .exit_signal = SIGCHLD };
	struct child_files f = { .terminal = c->process.terminal };
	int status[2], go[2], r;

	p->in_fd = p->out_fd = p->err_fd = p->status_fd = p->go_fd = -1;
	p->terminal = c->process.terminal;
	r = open_stdio(p, &c->process, &f);
	if (r == 0 && (pipe2(status, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0))
		r = -errno;
	if (r < 0)
		return domlet_failure_set(failure, -r, "can't make the standard streams: %s", domlet_failure_name(-r));
	f.status = status[1];
	f.go = go[0];
	p->status_fd = status[0];
	p->go_fd = go[1];
	(void)fcntl(p->status_fd, F_SETFL, O_NONBLOCK);
	p->pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (p->pid == 0) {
		close(p->go_fd); /* or the child would wait for itself when process 1 dies */
		child(c, container, &f);
	}
	r = p->pid < 0 ? domlet_failure_set(failure, errno, "can't clone the container's first process: %s",
					    domlet_failure_name(errno)) : 0;
	close(f.status);
	close(f.go);
	close(f.in);
	if (!f.terminal) {
		close(f.out);
		close(f.err);
	}
	return r;
}
