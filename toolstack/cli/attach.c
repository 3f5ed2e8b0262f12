// SPDX-License-Identifier: GPL-2.0-or-later
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/cleanup.h"

static volatile sig_atomic_t proxy_pid;

static void pass_on(int signo)
{
	int saved = errno;

	if (proxy_pid > 0)
		(void)kill(proxy_pid, signo);
	errno = saved;
}

/* Closes our copies of the streams, which the monitor has now: whoever reads or writes
 * their other ends sees when the process has closed them. Standard error stays, for our
 * own sentence. */
static void let_go_of_streams(bool input)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	(void)dup2(null, STDOUT_FILENO);
	if (input)
		(void)dup2(null, STDIN_FILENO);
}

void domlet_cli_attach(struct domlet_attach *a, pid_t proxy, bool terminal)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH };
	struct sigaction sa = { .sa_handler = pass_on, .sa_flags = SA_RESTART };
	struct termios raw;

	*a = (struct domlet_attach){ .proxy = proxy };
	proxy_pid = proxy;
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		(void)sigaction(signals[i], &sa, NULL);
	a->raw = terminal && tcgetattr(STDIN_FILENO, &a->saved) == 0;
	let_go_of_streams(!a->raw);
	if (!a->raw)
		return;
	raw = a->saved;
	cfmakeraw(&raw);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

int domlet_cli_attached_wait(const struct domlet_attach *a)
{
	int status;

	while (waitpid(a->proxy, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	proxy_pid = 0; /* its number may be another's soon */
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void domlet_cli_detach(const struct domlet_attach *a)
{
	if (a->raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &a->saved);
}
