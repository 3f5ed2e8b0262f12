// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The engine's side of --console-socket: recvtty SOCKET takes one terminal
 * from SOCKET, of 33 rows and 77 columns (SIGUSR1: 40 and 100), and joins it
 * with its own standard input and output. The end of the input hangs up.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static volatile sig_atomic_t resize;

static void on_usr1(int signo)
{
	(void)signo;
	resize = 1;
}

static int receive(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char name[64];
	struct iovec iov = { .iov_base = name, .iov_len = sizeof name };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
	};
	struct cmsghdr *c;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd = -1, peer;

	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 1) < 0)
		return -1;
	peer = accept(listener, NULL, NULL);
	if (recvmsg(peer, &msg, 0) <= 0 || !(c = CMSG_FIRSTHDR(&msg)) || c->cmsg_len != CMSG_LEN(sizeof fd))
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

/* False at the end of FROM. */
static int copy(int from, int to)
{
	char text[4096];
	ssize_t n = read(from, text, sizeof text);

	return n > 0 && write(to, text, (size_t)n) == n;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_usr1 };
	sigset_t usr1, before; /* it comes while we wait, and at no other time */
	struct winsize size = { .ws_row = 33, .ws_col = 77 };
	int master = argc == 2 ? receive(argv[1]) : -1;

	if (master < 0) {
		perror("recvtty");
		return 1;
	}
	(void)sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &usr1, &before);
	(void)ioctl(master, TIOCSWINSZ, &size);
	for (;;) {
		struct pollfd fds[] = { { .fd = 0, .events = POLLIN }, { .fd = master, .events = POLLIN } };

		(void)ppoll(fds, 2, NULL, &before);
		if (resize) {
			resize = 0;
			size = (struct winsize){ .ws_row = 40, .ws_col = 100 };
			(void)ioctl(master, TIOCSWINSZ, &size);
			continue;
		}
		if (fds[1].revents && !copy(master, 1))
			return 0;
		if (fds[0].revents && !copy(0, master))
			return 0;
	}
}
