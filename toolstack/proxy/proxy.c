// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* A monitor that is gone took its domain's streams along: as if killed. */
#define STATUS_MONITOR_LOST 137

static void forward(int signals, int fd)
{
	struct signalfd_siginfo si;
	char text[64];

	if (read(signals, &si, sizeof si) != (ssize_t)sizeof si)
		return;
	if (si.ssi_signo == SIGCHLD || si.ssi_signo == SIGPIPE || si.ssi_signo == SIGWINCH)
		return;
	(void)snprintf(text, sizeof text, "{\"verb\":\"signal\",\"signo\":%u}", si.ssi_signo);
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

_Noreturn void domlet_proxy_main(int fd, const char *name)
{
	struct pollfd fds[2];
	char text[128];
	unsigned int status;
	sigset_t all;
	ssize_t n;

	(void)setsid();
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	fd = dup2(fd, 3);
	(void)close_range(0, 2, 0);
	(void)close_range(4, ~0u, 0);
	fds[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = signalfd(-1, &all, SFD_CLOEXEC), .events = POLLIN };
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			forward(fds[1].fd, fd);
		if (!fds[0].revents)
			continue;
		n = recv(fd, text, sizeof text - 1, 0);
		if (n <= 0)
			_exit(STATUS_MONITOR_LOST);
		text[n] = '\0';
		if (sscanf(text, "{\"exit\":%u}", &status) == 1)
			_exit((int)(status & 255));
	}
}
