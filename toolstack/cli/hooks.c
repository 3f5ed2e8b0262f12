// SPDX-License-Identifier: GPL-2.0-or-later
#include "hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/interrupt.h"
#include "descriptors.h"

#define OUTPUT_SHOWN 512

struct hook {
	const char *path;
	char **args, **env; /* env NULL: our environment */
	int timeout_ms;     /* -1: there is none */
	pid_t join;         /* whose namespaces the hook runs in; 0: it runs where we are */
	const char *cwd;
	bool interruptible; /* by a signal that is held (base/interrupt.h) */
};

static char **strings(struct json_object *array, size_t *count)
{
	size_t n = json_object_array_length(array);
	char **list = calloc(n + 1, sizeof *list);

	for (size_t i = 0; list && i < n; i++)
		list[i] = (char *)(uintptr_t)json_object_get_string(json_object_array_get_idx(array, i));
	*count = n;
	return list;
}

static int state_on_stdin(const struct domlet_state *st, const char *status, pid_t pid)
{
	cleanup_free char *text = domlet_state_json(st);
	struct json_object *o = text ? json_tokener_parse(text) : NULL;
	const char *s;
	int fd;

	if (!o)
		return -ENOMEM;
	json_object_object_add(o, "status", json_object_new_string(status));
	json_object_object_add(o, "pid", json_object_new_int(pid));
	s = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	fd = domlet_cli_memory_file(s, strlen(s));
	json_object_put(o);
	return fd;
}

/* The number of process PID in its own pid namespace. */
static pid_t pid_inside(pid_t pid)
{
	char path[64], line[256];
	cleanup_fclose FILE *f = NULL;

	(void)snprintf(path, sizeof path, "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "NSpid:", 6) == 0)
			return (pid_t)strtol(strrchr(line, '\t') + 1, NULL, 10);
	return pid;
}

/* Returns in a child that is in the namespaces of PID: only a child is in the pid namespace,
 * too. The parent waits, and ends as the child does. */
static void enter_namespaces(pid_t pid)
{
	const int spaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWPID;
	int target = pidfd_open(pid, 0), status;
	pid_t child = target < 0 || setns(target, spaces) < 0 ? -1 : fork();

	if (child < 0) {
		dprintf(2, "can't enter the container's namespaces: %s", domlet_strerror(errno));
		_exit(126);
	}
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		return;
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			_exit(126);
	if (WIFSIGNALED(status))
		(void)raise(WTERMSIG(status));
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static _Noreturn void be_hook(const struct hook *h, pid_t parent, int in, int out)
{
	sigset_t none;

	/* A hook does not outlive who waits for it; what the hook has started may. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	(void)dup2(in, 0);
	(void)dup2(out, 1);
	(void)dup2(out, 2);
	/* A command that is killed while we run must not seem to live by our copies of its
	 * sockets. */
	(void)close_range(3, ~0u, 0);
	if (h->join)
		enter_namespaces(h->join);
	if (h->cwd && chdir(h->cwd) < 0) {
		dprintf(2, "its working directory %s can't be entered: %s", h->cwd, domlet_strerror(errno));
		_exit(126);
	}
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* four are held while a container is made */
	execve(h->path, h->args, h->env ? h->env : environ);
	dprintf(2, "can't be run: %s", domlet_strerror(errno));
	_exit(127);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Reads what the hook has printed, for a sentence; a hook that daemonises may keep the
 * file. */
static void read_output(int fd, char *text, size_t len)
{
	ssize_t n = pread(fd, text, len - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

/* Waits until the hook PID has ended with *STATUS. -ETIMEDOUT, -EINTR: the hook was killed.
 * Where there is no descriptor to wait for, the hook is looked at again and again. */
static int wait_hook(const struct hook *h, pid_t pid, int *status)
{
	cleanup_close int pidfd = pidfd_open(pid, 0);
	const uint64_t end_ms = now_ms() + (h->timeout_ms > 0 ? (uint64_t)h->timeout_ms : 0);
	int r = 0;

	for (;;) {
		pid_t ended = waitpid(pid, status, r < 0 ? 0 : WNOHANG);

		if (ended == pid)
			return r;
		if (ended < 0 && errno != EINTR)
			return -errno;
		if (r < 0)
			continue;
		if (h->timeout_ms >= 0 && now_ms() >= end_ms)
			r = -ETIMEDOUT;
		else if (h->interruptible && domlet_interrupt_check(NULL) < 0)
			r = -EINTR;
		if (r < 0)
			(void)kill(pid, SIGKILL);
		else
			(void)poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, pidfd >= 0,
				   DOMLET_INTERRUPT_LOOK_MS);
	}
}

static int run_hook(const struct hook *h, int number, const char *kind, int in, struct domlet_error *err)
{
	cleanup_close int out = memfd_create("output", MFD_CLOEXEC);
	char said[OUTPUT_SHOWN];
	pid_t parent = getpid(), pid;
	int status = 0, r;

	pid = out < 0 ? -1 : fork();
	if (pid == 0)
		be_hook(h, parent, in, out);
	if (pid < 0)
		return domlet_error_set(err, errno, "error running hook #%d: can't fork for the %s hook %s: %s", number,
					kind, h->path, domlet_strerror(errno));
	r = wait_hook(h, pid, &status);
	if (r == -EINTR)
		return domlet_interrupt_check(err);
	if (r == -ETIMEDOUT)
		return domlet_error_set(err, ETIMEDOUT,
					"error running hook #%d: the %s hook %s did not end within its timeout of %d s",
					number, kind, h->path, h->timeout_ms / 1000);
	if (r < 0)
		return domlet_error_set(err, -r, "error running hook #%d: the %s hook %s can't be waited for: %s",
					number, kind, h->path, domlet_strerror(-r));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	read_output(out, said, sizeof said);
	domlet_error_reword(said);
	return domlet_error_set(err, ECHILD, "error running hook #%d: the %s hook %s ended with %s %d%s%s", number,
				kind, h->path, WIFSIGNALED(status) ? "signal" : "status",
				WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), said[0] ? ": " : "", said);
}

static int run_one(const struct domlet_state *st, struct json_object *o, int number, const char *kind,
		   const char *status, pid_t pid, bool inside, bool interruptible, struct domlet_error *err)
{
	struct json_object *args = NULL, *env = NULL, *timeout = NULL, *path = NULL;
	struct hook h = { .timeout_ms = -1,
			  .join = inside ? pid : 0,
			  .cwd = inside ? st->rootfs : st->bundle,
			  .interruptible = interruptible };
	cleanup_close int in = state_on_stdin(st, status, inside ? pid_inside(pid) : pid);
	size_t n = 0, ignored;
	int64_t s;
	int r;

	(void)json_object_object_get_ex(o, "args", &args);
	(void)json_object_object_get_ex(o, "env", &env);
	if (json_object_object_get_ex(o, "timeout", &timeout) && (s = json_object_get_int64(timeout)) > 0)
		h.timeout_ms = s < INT32_MAX / 1000 ? (int)s * 1000 : -1;
	(void)json_object_object_get_ex(o, "path", &path);
	h.path = json_object_get_string(path);
	h.args = args ? strings(args, &n) : NULL;
	if (n == 0) {
		free(h.args);
		h.args = calloc(2, sizeof *h.args);
		if (h.args)
			h.args[0] = (char *)(uintptr_t)h.path;
	}
	h.env = env ? strings(env, &ignored) : NULL;
	if (in < 0 || !h.path || !h.args || (env && !h.env))
		r = domlet_error_set(err, ENOMEM, "error running hook #%d: the %s hook can't be prepared", number, kind);
	else
		r = run_hook(&h, number, kind, in, err);
	free(h.args);
	free(h.env);
	return r;
}

static struct json_object *hooks_of(const struct domlet_state *st, const char *kind, struct json_object **all)
{
	struct json_object *list = NULL;

	*all = st->hooks ? json_tokener_parse(st->hooks) : NULL;
	return *all && json_object_object_get_ex(*all, kind, &list) && json_object_is_type(list, json_type_array) ?
		       list :
		       NULL;
}

int domlet_cli_hooks(const struct domlet_state *st, const char *kind, const char *status, pid_t pid, bool inside,
		     struct domlet_error *err)
{
	struct json_object *all, *list = hooks_of(st, kind, &all);
	size_t n = list ? json_object_array_length(list) : 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = run_one(st, json_object_array_get_idx(list, i), (int)i, kind, status, pid, inside, true, err);
	json_object_put(all);
	return r;
}

void domlet_cli_hooks_warn(struct domlet_cli *cli, const struct domlet_state *st, const char *kind, const char *status,
			   pid_t pid)
{
	struct json_object *all, *list = hooks_of(st, kind, &all);
	size_t n = list ? json_object_array_length(list) : 0;
	struct domlet_error err;

	for (size_t i = 0; i < n; i++)
		if (run_one(st, json_object_array_get_idx(list, i), (int)i, kind, status, pid, false, false, &err) < 0)
			domlet_log_notice(&cli->log, "%s", err.text);
	json_object_put(all);
}
