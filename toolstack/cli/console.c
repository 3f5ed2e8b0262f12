// SPDX-License-Identifier: GPL-2.0-or-later
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "descriptors.h"

static int send_master(const char *socket_path, int master, const char *name, struct domlet_error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (strlen(socket_path) >= sizeof a.sun_path)
		return domlet_error_set(err, ENAMETOOLONG, "the console socket's path %.200s is longer than %zu bytes",
					socket_path, sizeof a.sun_path - 1);
	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s", socket_path);
	r = fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0 ?
		    -errno :
		    domlet_cli_send_descriptors(fd, name, strlen(name), &master, 1);
	return r < 0 ? domlet_error_set(err, -r, "can't send the terminal to the console socket %s: %s", socket_path,
					domlet_strerror(-r)) :
		       0;
}

int domlet_cli_console(const char *socket_path, uint16_t rows, uint16_t cols, struct domlet_error *err)
{
	cleanup_close int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	cleanup_close int slave = -1;
	struct winsize size = { .ws_row = rows, .ws_col = cols };
	struct termios raw;
	char name[64];
	int rc;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || ptsname_r(master, name, sizeof name) != 0 ||
	    (slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0 || tcgetattr(slave, &raw) < 0)
		return domlet_error_set(err, errno, "can't make a terminal: %s", domlet_strerror(errno));
	cfmakeraw(&raw);
	if (tcsetattr(slave, TCSANOW, &raw) < 0 || (rows && cols && ioctl(slave, TIOCSWINSZ, &size) < 0))
		return domlet_error_set(err, errno, "can't set up the terminal %s: %s", name, domlet_strerror(errno));
	rc = send_master(socket_path, master, name, err);
	return rc < 0 ? rc : take_fd(&slave);
}
