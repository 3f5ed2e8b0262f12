// SPDX-License-Identifier: GPL-2.0-or-later
#include "hooks.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* How much of what a failed hook has written goes into the sentence. */
#define OUTPUT_MAX 400

/* Files, not pipes: whatever the hook reads and writes, nobody waits. */
static int state_file(const struct domlet_container_config *c)
{
	const char *text;
	int fd = memfd_create("state", MFD_CLOEXEC);

	json_object_object_add(c->state, "status", json_object_new_string("created"));
	json_object_object_add(c->state, "pid", json_object_new_int(getpid()));
	text = json_object_to_json_string_ext(c->state, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || lseek(fd, 0, SEEK_SET) != 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static _Noreturn void execute(const struct domlet_hook_config *h, const struct domlet_command *cmd, int in, int out)
{
	char *name[] = { (char *)h->path, NULL };
	struct domlet_failure ignored;
	sigset_t signals;

	sigemptyset(&signals);
	(void)sigprocmask(SIG_SETMASK, &signals, NULL);
	if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2 &&
	    domlet_filter_install(&cmd->filter, &ignored) == 0)
		execve(h->path, h->args.count ? h->args.item : name, h->env.count ? h->env.item : cmd->env);
	_exit(127);
}

static int wait_for(pid_t pid, int timeout_s, int *status)
{
	struct pollfd p = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int r = 0;

	if (timeout_s > 0 && poll(&p, 1, timeout_s * 1000) == 0) {
		(void)kill(pid, SIGKILL);
		r = -ETIMEDOUT;
	}
	close(p.fd);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int run(const struct domlet_container_config *c, const struct domlet_command *cmd, uint32_t i,
	       struct domlet_failure *failure)
{
	const struct domlet_hook_config *h = &c->hooks[i];
	int in = state_file(c), out = memfd_create("output", MFD_CLOEXEC), status = 0, r = 0;
	char output[OUTPUT_MAX + 1] = "";
	ssize_t n;
	pid_t pid = in < 0 || out < 0 ? -1 : fork();

	if (pid == 0)
		execute(h, cmd, in, out);
	if (pid < 0)
		r = domlet_failure_set(failure, errno, "error running hook #%u: can't start %s: %s", i, h->path,
				       domlet_failure_name(errno));
	else if (wait_for(pid, h->timeout_s, &status) < 0)
		r = domlet_failure_set(failure, ETIMEDOUT, "error running hook #%u: %s did not end within %d s", i,
				       h->path, h->timeout_s);
	n = out >= 0 ? pread(out, output, OUTPUT_MAX, 0) : 0;
	output[n > 0 ? n : 0] = '\0';
	if (r == 0 && WIFSIGNALED(status))
		r = domlet_failure_set(failure, EIO, "error running hook #%u: %s was ended by signal %d: %s", i,
				       h->path, WTERMSIG(status), output);
	else if (r == 0 && status)
		r = domlet_failure_set(failure, EIO, "error running hook #%u: %s: exit status %d: %s", i, h->path,
				       WEXITSTATUS(status), output);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return r;
}

int domlet_hooks_run(const struct domlet_container_config *c, const struct domlet_command *cmd,
		     struct domlet_failure *failure)
{
	int r = 0;

	for (uint32_t i = 0; i < c->hook_count && r == 0; i++)
		r = run(c, cmd, i, failure);
	return r;
}
