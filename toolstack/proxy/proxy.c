// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../oci/plan.h"

/* A monitor that is gone took its domain's streams along: as if killed. */
#define STATUS_MONITOR_LOST 137

/* Callers look into the namespaces of this pid. One that this kernel refuses
 * is not worth the container: nothing runs in them. */
static void take_namespaces(uint32_t namespaces)
{
	static const struct { uint32_t ns; int flag; } flags[] = {
		{ DOMLET_NS_NET, CLONE_NEWNET }, { DOMLET_NS_UTS, CLONE_NEWUTS }, { DOMLET_NS_IPC, CLONE_NEWIPC },
		{ DOMLET_NS_CGROUP, CLONE_NEWCGROUP }, { DOMLET_NS_MOUNT, CLONE_NEWNS },
	};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (namespaces & flags[i].ns && unshare(flags[i].flag) == 0 && flags[i].flag == CLONE_NEWNS)
			/* What dom0 unmounts is not to stay mounted here. */
			(void)mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
}

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

/* Leaves only FD 3, the socket, and 4, the terminal or nothing. */
static void keep(int fd, int tty)
{
	int high = fcntl(fd, F_DUPFD, 16), high_tty = tty >= 0 ? fcntl(tty, F_DUPFD, 16) : -1;

	(void)dup2(high, 3);
	if (high_tty >= 0)
		(void)dup2(high_tty, 4);
	(void)close_range(0, 2, 0);
	(void)close_range(high_tty >= 0 ? 5 : 4, ~0u, 0);
}

_Noreturn void domlet_proxy_main(const struct domlet_proxy *p)
{
	struct pollfd fds[2];
	const int fd = 3, tty = p->tty >= 0 ? 4 : -1;
	char text[128];
	unsigned int status;
	sigset_t all;
	ssize_t n;

	(void)setsid();
	(void)prctl(PR_SET_NAME, p->name, 0, 0, 0);
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	keep(p->fd, p->tty);
	if (tty >= 0)
		(void)ioctl(tty, TIOCSCTTY, 0);
	take_namespaces(p->namespaces);
	fds[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = signalfd(-1, &all, SFD_CLOEXEC), .events = POLLIN };
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			forward(fds[1].fd, fd, tty);
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
