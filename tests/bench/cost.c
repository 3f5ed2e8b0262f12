// SPDX-License-Identifier: GPL-2.0-or-later
/* What a channel costs the system that it runs on; needs no other program, as
 * the guest has none. */
#include "channel.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile uint64_t *system_calls; /* shared with the tracing parent */

void bench_cost_read(const struct bench_channel *c, struct bench_cost *cost)
{
	struct rusage u;

	cost->system_calls = system_calls ? *system_calls : 0;
	(void)getrusage(RUSAGE_SELF, &u);
	cost->switches = (uint64_t)(u.ru_nvcsw + u.ru_nivcsw);
	cost->notifications = c->notifications;
}

static _Noreturn void count(pid_t child)
{
	int status;

	(void)waitpid(child, &status, 0);
	(void)ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (bool entering = true;; entering = !entering) {
		(void)ptrace(PTRACE_SYSCALL, child, NULL, NULL);
		if (waitpid(child, &status, 0) < 0 || WIFEXITED(status) || WIFSIGNALED(status))
			exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
		if (entering)
			++*system_calls;
	}
}

void bench_trace(void)
{
	pid_t child;

	system_calls = mmap(NULL, sizeof *system_calls, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child = fork();
	if (child > 0)
		count(child);
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)raise(SIGSTOP);
}
