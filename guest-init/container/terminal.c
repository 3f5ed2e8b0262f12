// SPDX-License-Identifier: GPL-2.0-or-later
#include "terminal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <termios.h>
#include <unistd.h>

static int fail(struct domlet_failure *failure, const char *what)
{
	int code = errno ? errno : EIO;

	return domlet_failure_set(failure, code, "can't %s the container's terminal: %s", what,
				  domlet_failure_name(code));
}

int domlet_terminal_open(const struct domlet_process_config *p, bool console, struct domlet_failure *failure)
{
	struct winsize ws = { .ws_row = p->rows, .ws_col = p->cols };
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	unsigned int number;
	char name[32];

	if (master < 0 || unlockpt(master) < 0 || ioctl(master, TIOCGPTN, &number) < 0)
		return fail(failure, "make");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || fchown(slave, p->uid, (gid_t)-1) < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return fail(failure, "open");
	(void)ioctl(master, TIOCSWINSZ, &ws);
	(void)snprintf(name, sizeof name, "/dev/pts/%u", number);
	if (console && mount(name, "/dev/console", NULL, MS_BIND, NULL) < 0)
		return fail(failure, "bind to /dev/console");
	if (dup2(slave, 0) < 0 || dup2(slave, 1) < 0 || dup2(slave, 2) < 0)
		return fail(failure, "use");
	return master;
}

int domlet_terminal_fetch(pid_t pid, int fd)
{
	int process = pidfd_open(pid, 0), own;

	if (process < 0)
		return -errno;
	own = pidfd_getfd(process, fd, 0);
	if (own < 0 || fcntl(own, F_SETFL, O_NONBLOCK) < 0) {
		int code = errno;

		if (own >= 0)
			close(own);
		close(process);
		return -code;
	}
	close(process);
	return own;
}
