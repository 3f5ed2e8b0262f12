// SPDX-License-Identifier: GPL-2.0-or-later
#include "spawn.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "command.h"
#include "hooks.h"
#include "rootfs.h"
#include "terminal.h"

/* As much as the ring holds, so that a process which shares our one processor
 * is switched to as seldom as can be. */
#define STREAM_PIPE_SIZE (DOMLET_PAGE_SIZE << DOMLET_RING_ORDER_DEFAULT)

struct order {
	const struct domlet_process_config *p;
	const struct domlet_container_config *c;
	uint32_t number; /* of the container */
	int cgroup_fd;
	const struct domlet_namespaces *join; /* of the first process: of other containers' */
	int pidfd;                            /* whose namespaces to join; -1: make them */
	int status, go, in, out, err;         /* the child's ends */
};

/* While /proc is still the guest's. */
static int set_oom_score(const struct domlet_process_config *p, struct domlet_failure *failure)
{
	char text[16];
	int fd, r = 0;

	if (!p->has_oom_score_adj)
		return 0;
	(void)snprintf(text, sizeof text, "%d", p->oom_score_adj);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		r = domlet_failure_set(failure, errno, "can't set oomScoreAdj to %s: %s", text,
				       domlet_failure_name(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

static int make_container(const struct order *s, struct domlet_failure *failure)
{
	struct domlet_namespaces join = *s->join;
	int r = domlet_namespaces_join(&join, failure);

	domlet_namespaces_close(&join);
	if (r == 0)
		r = domlet_namespaces_set_up(s->c, failure);
	return r < 0 ? r : domlet_rootfs_enter(s->c, s->number, failure);
}

/* The pid namespace was joined by the parent, as it counts for children only. */
static int join_container(const struct order *s, struct domlet_failure *failure)
{
	if (setns(s->pidfd, (int)((s->c->namespaces | s->c->joined) & ~(uint32_t)CLONE_NEWPID)) < 0)
		return domlet_failure_set(failure, errno, "can't join the container's namespaces: %s",
					  domlet_failure_name(errno));
	close(s->pidfd);
	return 0;
}

void domlet_spawn_close_others(const int *kept, size_t count)
{
	unsigned int from = STDERR_FILENO + 1, next;

	do {
		next = UINT_MAX;
		for (size_t i = 0; i < count; i++)
			if (kept[i] >= (int)from && (unsigned int)kept[i] < next)
				next = (unsigned int)kept[i];
		if (next > from)
			(void)close_range(from, next - 1, 0);
		from = next + 1;
	} while (next != UINT_MAX);
}

/* Process 1's descriptors lead out of the container (its cgroup's directory,
 * the grant device), and the go pipe's other end would have the child wait for
 * itself when its parent dies. */
static void close_inherited(const struct order *s)
{
	const int no_join = -1, *join = s->join ? s->join->fd : NULL;
	const int kept[] = { s->pidfd,
			     s->status,
			     s->go,
			     s->in,
			     s->out,
			     s->err,
			     join ? join[DOMLET_JOIN_IPC] : no_join,
			     join ? join[DOMLET_JOIN_UTS] : no_join,
			     join ? join[DOMLET_JOIN_NETWORK] : no_join };

	domlet_spawn_close_others(kept, sizeof kept / sizeof kept[0]);
}

/* The container's own /dev/null, or -1: what an image has under that name may be anything. */
static int open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) &&
		       fcntl(fd, F_SETFL, O_RDWR) == 0))
		return fd;
	close(fd);
	return -1;
}

/* One that is to be closed is so when the command is executed: until then no
 * file of ours may get its number. */
static int use_streams(const struct order *s, struct domlet_failure *failure)
{
	const int given[] = { s->in, s->out, s->err };
	int null = -1, r = 0;

	for (int i = 0; i < 3 && r >= 0; i++) {
		if (s->p->stdio[i] == DOMLET_STDIO_CLOSED)
			r = dup3(given[i], i, O_CLOEXEC);
		else if (s->p->stdio[i] == DOMLET_STDIO_NULL && (null >= 0 || (null = open_null()) >= 0))
			r = dup2(null, i);
		else
			r = dup2(given[i], i);
	}
	if (r < 0)
		r = domlet_failure_set(failure, errno, "can't set up standard streams");
	if (null >= 0)
		close(null);
	return r < 0 ? r : 0;
}

static int prepare(const struct order *s, struct domlet_command *cmd, struct domlet_spawn_status *status)
{
	struct domlet_failure *failure = &status->failure;
	bool first = s->pidfd < 0;
	int r;

	setsid();
	r = set_oom_score(s->p, failure);
	if (r == 0)
		r = first ? make_container(s, failure) : join_container(s, failure);
	if (r < 0)
		return r;
	if (s->c->has_personality && personality(s->c->personality) < 0)
		return domlet_failure_set(failure, errno, "can't set the personality: %s", domlet_failure_name(errno));
	if (s->p->terminal)
		r = status->terminal_fd = domlet_terminal_open(s->p, first, failure);
	else
		r = use_streams(s, failure);
	return r < 0 ? r : domlet_command_prepare(cmd, s->p, s->c->seccomp, failure);
}

static _Noreturn void end(const struct order *s, const struct domlet_spawn_status *status)
{
	(void)!write(s->status, status, sizeof *status);
	_exit(127);
}

static _Noreturn void child(const struct order *s)
{
	static struct domlet_command cmd;
	struct domlet_spawn_status status = { .terminal_fd = -1 };
	sigset_t none;
	char go;

	/* Until exec the container's processes can neither trace it nor look into
	 * /proc/PID/fd, but with CAP_SYS_PTRACE. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	close_inherited(s);
	for (int signo = 1; signo < NSIG; signo++)
		(void)signal(signo, SIG_DFL);
	if (prepare(s, &cmd, &status) < 0)
		end(s, &status);
	(void)!write(s->status, &status, sizeof status);
	if (read(s->go, &go, 1) != 1)
		_exit(127);
	if (s->pidfd < 0 && domlet_hooks_run(s->c, &cmd, &status.failure) < 0)
		end(s, &status);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)domlet_command_exec(&cmd, &status.failure);
	end(s, &status);
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

static int open_stream(int *read_end, int *write_end, int ours)
{
	int r = open_pipe(read_end, write_end, ours);

	if (r == 0) /* where it is refused the pipe stays as it is */
		(void)fcntl(*read_end, F_SETPIPE_SZ, STREAM_PIPE_SIZE);
	return r;
}

/* One that is no pipe is the guest's /dev/null until the process has its own. */
static int open_standard(const struct order *s, int which, int *ours, int *childs)
{
	int r;

	if (s->p->stdio[which] != DOMLET_STDIO_PIPE) {
		*childs = open("/dev/null", O_RDWR | O_CLOEXEC);
		return *childs < 0 ? -errno : 0;
	}
	r = which == 0 ? open_stream(childs, ours, 1) : open_stream(ours, childs, 0);
	return r < 0 ? r : fchown(*childs, s->p->uid, s->p->gid) < 0 ? -errno : 0;
}

static int open_files(struct domlet_spawn *p, struct order *s)
{
	int r = open_pipe(&p->status_fd, &s->status, 0);

	if (r == 0)
		r = open_pipe(&s->go, &p->go_fd, 1);
	if (r < 0 || s->p->terminal)
		return r; /* a terminal is opened by the process itself */
	r = open_standard(s, 0, &p->in_fd, &s->in);
	if (r == 0)
		r = open_standard(s, 1, &p->out_fd, &s->out);
	if (r == 0)
		r = open_standard(s, 2, &p->err_fd, &s->err);
	return r;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void domlet_spawn_init(struct domlet_spawn *p)
{
	*p = (struct domlet_spawn){
		.status_fd = -1, .go_fd = -1, .in_fd = -1, .out_fd = -1, .err_fd = -1, .slave_fd = -1
	};
}

void domlet_spawn_close(struct domlet_spawn *p)
{
	int *const all[] = { &p->status_fd, &p->go_fd, &p->in_fd, &p->out_fd, &p->err_fd, &p->slave_fd };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		close_one(all[i]);
}

int domlet_spawn_ready(struct domlet_spawn *p, const struct domlet_spawn_status *status, struct domlet_failure *failure)
{
	if (!p->terminal)
		return 0;
	p->in_fd = domlet_terminal_fetch(p->pid, status->terminal_fd);
	p->out_fd = p->in_fd < 0 ? p->in_fd : fcntl(p->in_fd, F_DUPFD_CLOEXEC, 3);
	if (p->out_fd >= 0) {
		p->slave_fd = ioctl(p->in_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
		return 0;
	}
	return domlet_failure_set(failure, EIO, "can't fetch the process's terminal: %s",
				  domlet_failure_name(-p->in_fd));
}

static pid_t clone_child(const struct order *s)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	if (s->pidfd < 0)
		args.flags = (s->c->namespaces & ~DOMLET_NAMESPACES_LATER) | CLONE_NEWNS;
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

static int start_child(struct domlet_spawn *p, struct order *s)
{
	int there = s->join ? s->join->fd[DOMLET_JOIN_PID] : s->pidfd;
	bool elsewhere = there >= 0 && (s->c->namespaces | s->c->joined) & CLONE_NEWPID;
	int own = elsewhere ? open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC) : -1, r = 0;

	if (elsewhere)
		r = own < 0 ? -errno : in_pid_namespace_of(there);
	if (r == 0)
		p->pid = clone_child(s);
	if (r == 0 && p->pid == 0)
		child(s);
	if (r == 0 && p->pid < 0)
		r = -errno;
	if (own >= 0) {
		(void)in_pid_namespace_of(own);
		close(own);
	}
	return r;
}

static int spawn(struct domlet_spawn *p, struct order *s, struct domlet_failure *failure)
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
			(void)domlet_failure_set(failure, -r, "can't clone the container's process: %s",
						 domlet_failure_name(-r));
	}
	close_one(&s->status);
	close_one(&s->go);
	close_one(&s->in);
	close_one(&s->out);
	close_one(&s->err);
	if (r < 0)
		domlet_spawn_close(p);
	return r;
}

int domlet_spawn_create(struct domlet_spawn *p, const struct domlet_container_config *c, uint32_t number,
			const struct domlet_namespaces *join, int cgroup_fd, struct domlet_failure *failure)
{
	struct order s = { .p = &c->process, .c = c, .number = number, .join = join, .cgroup_fd = cgroup_fd, .pidfd = -1 };

	return spawn(p, &s, failure);
}

int domlet_spawn_exec(struct domlet_spawn *p, const struct domlet_process_config *pc,
		      const struct domlet_container_config *c, int pidfd, int cgroup_fd, struct domlet_failure *failure)
{
	struct order s = { .p = pc, .c = c, .cgroup_fd = cgroup_fd, .pidfd = pidfd };

	return spawn(p, &s, failure);
}
