// SPDX-License-Identifier: GPL-2.0-or-later
#include "process.h"

#include <ctype.h>
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

struct spawn {
	const struct domlet_process_config *p;
	const struct domlet_container_config *c;
	uint32_t number; /* of the container */
	int cgroup_fd;
	int pidfd; /* whose namespaces to join; -1: make them */
	int status, go, in, out, err; /* the child's ends */
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
	return 0;
}

/* While /proc is still the guest's. */
static int set_oom_score(const struct domlet_process_config *p, struct domlet_failure *failure)
{
	char text[16];
	int r;

	if (!p->has_oom_score_adj)
		return 0;
	(void)snprintf(text, sizeof text, "%d", p->oom_score_adj);
	r = put_file("/proc/self/oom_score_adj", text);
	return r < 0 ? domlet_failure_set(failure, -r, "can't set oomScoreAdj to %s: %s", text, domlet_failure_name(-r)) : 0;
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

/* The texts are those that docker and podman match for the exit statuses 127 and 126. */
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

static int make_container(const struct spawn *s, struct domlet_failure *failure)
{
	const struct domlet_container_config *c = s->c;
	char dir[64];
	int r;

	/* Only now is its root the cgroup that the child was born in. */
	if ((c->namespaces & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return domlet_failure_set(failure, errno, "can't make a cgroup namespace: %s", domlet_failure_name(errno));
	if ((c->namespaces & CLONE_NEWUTS) && c->hostname && sethostname(c->hostname, strlen(c->hostname)) < 0)
		return domlet_failure_set(failure, errno, "can't set the hostname %s", c->hostname);
	r = c->namespaces & CLONE_NEWNET ? raise_loopback(failure) : 0;
	if (r < 0)
		return r;
	(void)snprintf(dir, sizeof dir, "/run/container-%u", s->number);
	return domlet_rootfs_enter(c, dir, failure);
}

/* The pid namespace was joined by the parent, as it counts for children only. */
static int join_container(const struct spawn *s, struct domlet_failure *failure)
{
	if (setns(s->pidfd, (int)(s->c->namespaces & ~(uint32_t)CLONE_NEWPID)) < 0)
		return domlet_failure_set(failure, errno, "can't join the container's namespaces: %s",
					  domlet_failure_name(errno));
	return 0;
}

/* An errno in the words of Go's runtime, which is what the engines match. */
static const char *go_text(int code, char *text, size_t len)
{
	(void)snprintf(text, len, "%s", strerror(code));
	text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

static int enter_directory(const struct domlet_process_config *p, struct domlet_failure *failure)
{
	char text[64];

	if (chdir(p->cwd) == 0)
		return 0;
	return domlet_failure_set(failure, errno, "chdir to cwd (\"%s\") set in config.json failed: %s", p->cwd,
				  go_text(errno, text, sizeof text));
}

static int prepare(const struct spawn *s, struct domlet_filter *filter, char *path, size_t len,
		   struct domlet_failure *failure)
{
	const struct domlet_process_config *p = s->p;
	bool inside;
	int r;

	setsid();
	r = set_oom_score(p, failure);
	if (r == 0)
		r = s->pidfd < 0 ? make_container(s, failure) : join_container(s, failure);
	if (r < 0)
		return r;
	if (p->terminal && ioctl(s->in, TIOCSCTTY, 0) < 0)
		return domlet_failure_set(failure, errno, "can't take the terminal: %s", domlet_failure_name(errno));
	if (dup2(s->in, 0) < 0 || dup2(s->out, 1) < 0 || dup2(s->err, 2) < 0)
		return domlet_failure_set(failure, errno, "can't set up standard streams");
	/* Needs more memory and descriptors than the limits may leave. */
	r = domlet_filter_compile(s->c->seccomp, filter, failure);
	if (r == 0)
		r = set_limits(p, failure);
	if (r < 0)
		return r;
	/* As root, for a directory that only root may enter; then as the user,
	 * for one that only the user may. */
	inside = enter_directory(p, failure) == 0;
	if (!inside && failure->code != EACCES)
		return -failure->code;
	failure->code = 0;
	r = become_user(p, filter, failure);
	if (r == 0 && !inside)
		r = enter_directory(p, failure);
	if (r < 0)
		return r;
	if (p->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return domlet_failure_set(failure, errno, "can't set no_new_privs");
	return resolve(p, path, len, failure);
}

static _Noreturn void child(const struct spawn *s)
{
	static char path[4096];
	struct domlet_failure failure = { 0 };
	struct domlet_filter filter = { 0 };
	const struct domlet_process_config *p = s->p;
	char go, text[64];
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		(void)signal(signo, SIG_DFL);
	if (prepare(s, &filter, path, sizeof path, &failure) < 0) {
		(void)!write(s->status, &failure, sizeof failure);
		_exit(127);
	}
	(void)!write(s->status, &failure, sizeof failure);
	if (read(s->go, &go, 1) != 1)
		_exit(127);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (p->no_new_privs && domlet_filter_install(&filter, &failure) < 0) {
		(void)!write(s->status, &failure, sizeof failure);
		_exit(127);
	}
	execve(path, p->args.item, p->env.count ? p->env.item : (char *[]){ (char[]){ "PATH=" DEFAULT_PATH }, NULL });
	(void)domlet_failure_set(&failure, errno, "exec: \"%s\": %s", p->args.item[0],
				 go_text(errno, text, sizeof text));
	(void)!write(s->status, &failure, sizeof failure);
	_exit(127);
}

static int open_terminal(struct domlet_process *p, struct spawn *s)
{
	struct winsize ws = { .ws_row = s->p->rows, .ws_col = s->p->cols };

	p->in_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (p->in_fd < 0 || unlockpt(p->in_fd) < 0)
		return -errno;
	s->in = s->out = s->err = ioctl(p->in_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s->in < 0)
		return -errno;
	(void)!fchown(s->in, s->p->uid, (gid_t)-1);
	(void)ioctl(p->in_fd, TIOCSWINSZ, &ws);
	p->out_fd = fcntl(p->in_fd, F_DUPFD_CLOEXEC, 3);
	return p->out_fd < 0 ? -errno : 0;
}

/* A pipe whose end ends[OURS] never makes us wait. */
static int open_pipe(int *read_end, int *write_end, int ours)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*read_end = ends[0];
	*write_end = ends[1];
	return fcntl(ends[ours], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_files(struct domlet_process *p, struct spawn *s)
{
	int r = open_pipe(&p->status_fd, &s->status, 0);

	if (r == 0)
		r = open_pipe(&s->go, &p->go_fd, 1);
	if (r < 0 || s->p->terminal)
		return r < 0 ? r : open_terminal(p, s);
	r = open_pipe(&s->in, &p->in_fd, 1);
	if (r == 0)
		r = open_pipe(&p->out_fd, &s->out, 0);
	if (r == 0)
		r = open_pipe(&p->err_fd, &s->err, 0);
	if (r == 0 && (fchown(s->in, s->p->uid, s->p->gid) < 0 || fchown(s->out, s->p->uid, s->p->gid) < 0 ||
		       fchown(s->err, s->p->uid, s->p->gid) < 0))
		r = -errno;
	return r;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void domlet_process_init(struct domlet_process *p)
{
	*p = (struct domlet_process){ .status_fd = -1, .go_fd = -1, .in_fd = -1, .out_fd = -1, .err_fd = -1 };
}

void domlet_process_close(struct domlet_process *p)
{
	int *const all[] = { &p->status_fd, &p->go_fd, &p->in_fd, &p->out_fd, &p->err_fd };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		close_one(all[i]);
}

static pid_t clone_child(const struct spawn *s)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	if (s->pidfd < 0)
		args.flags = (s->c->namespaces & ~(uint32_t)CLONE_NEWCGROUP) | CLONE_NEWNS;
	if (s->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)s->cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

/* Children are born in the pid namespace that this process has last joined. */
static int in_pid_namespace_of(int fd)
{
	return setns(fd, CLONE_NEWPID) < 0 ? -errno : 0;
}

static int start_child(struct domlet_process *p, struct spawn *s)
{
	bool elsewhere = s->pidfd >= 0 && s->c->namespaces & CLONE_NEWPID;
	int own = elsewhere ? open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC) : -1, r = 0;

	if (elsewhere)
		r = own < 0 ? -errno : in_pid_namespace_of(s->pidfd);
	if (r == 0)
		p->pid = clone_child(s);
	if (r == 0 && p->pid == 0) {
		/* Or the child would wait for itself when its parent dies. */
		close(p->go_fd);
		child(s);
	}
	if (r == 0 && p->pid < 0)
		r = -errno;
	if (own >= 0) {
		(void)in_pid_namespace_of(own);
		close(own);
	}
	return r;
}

static int spawn(struct domlet_process *p, struct spawn *s, struct domlet_failure *failure)
{
	int r;

	s->in = s->out = s->err = s->status = s->go = -1;
	p->terminal = s->p->terminal;
	r = open_files(p, s);
	if (r < 0)
		(void)domlet_failure_set(failure, -r, "can't make the process's streams: %s", domlet_failure_name(-r));
	else {
		r = start_child(p, s);
		if (r < 0)
			(void)domlet_failure_set(failure, -r, "can't clone the container's process: %s", domlet_failure_name(-r));
	}
	close_one(&s->status);
	close_one(&s->go);
	close_one(&s->in);
	if (!p->terminal) {
		close_one(&s->out);
		close_one(&s->err);
	}
	if (r < 0)
		domlet_process_close(p);
	return r;
}

int domlet_process_create(struct domlet_process *p, const struct domlet_container_config *c, uint32_t number,
			  int cgroup_fd, struct domlet_failure *failure)
{
	struct spawn s = { .p = &c->process, .c = c, .number = number, .cgroup_fd = cgroup_fd, .pidfd = -1 };

	return spawn(p, &s, failure);
}

int domlet_process_exec(struct domlet_process *p, const struct domlet_process_config *pc,
			const struct domlet_container_config *c, int pidfd, int cgroup_fd,
			struct domlet_failure *failure)
{
	struct spawn s = { .p = pc, .c = c, .cgroup_fd = cgroup_fd, .pidfd = pidfd };

	return spawn(p, &s, failure);
}
