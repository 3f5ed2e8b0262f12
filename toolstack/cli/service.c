// SPDX-License-Identifier: GPL-2.0-or-later
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "descriptors.h"

#ifndef BARRIER_MS /* a test's patience ends earlier */
#define BARRIER_MS 5000
#endif

int domlet_cli_refuse_sockets(struct domlet_error *err)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

	/* The variables are inherited by processes that they are not for. */
	if (!pid || !fds || atoi(pid) != getpid() || atoi(fds) <= 0)
		return 0;
	return domlet_error_set(
		err, ENOTSUP,
		"LISTEN_FDS hands over %d sockets, and none can enter a guest: start the service without socket activation",
		atoi(fds));
}

/* Returns a socket, or -1; errno says why. */
static int connect_to(const char *path)
{
	const struct timeval patience = { .tv_sec = BARRIER_MS / 1000, .tv_usec = BARRIER_MS % 1000 * 1000 };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof to.sun_path) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	memcpy(to.sun_path, path, len);
	if (path[0] == '@') /* a name that is no file's */
		to.sun_path[0] = '\0';
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
	    connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		return -1;
	return take_fd(&fd);
}

/* Waits until all that was written to FD before has been read. A manager looks up who wrote
 * a message, which is in vain when the writer has ended. So the manager gets the end of a
 * pipe, and closes that when it has read everything before it (sd_notify_barrier(3)). */
static void wait_until_read(int fd)
{
	cleanup_close int ours = -1;
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	ours = ends[0];
	r = domlet_cli_send_descriptors(fd, "BARRIER=1", 9, &ends[1], 1);
	close(ends[1]);
	if (r == 0)
		(void)poll(&(struct pollfd){ .fd = ours }, 1, BARRIER_MS);
}

void domlet_cli_say_ready(struct domlet_cli *cli, pid_t main_pid)
{
	const char *path = getenv("NOTIFY_SOCKET");
	cleanup_close int fd = -1;
	char text[48] = "READY=1\n";

	if (!path || !path[0])
		return;
	if (main_pid)
		(void)snprintf(text, sizeof text, "READY=1\nMAINPID=%d\n", main_pid);
	fd = connect_to(path);
	if (fd < 0 || send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		domlet_log_notice(&cli->log,
				  "the service manager can't be told at NOTIFY_SOCKET=%.108s that the container runs: %s",
				  path, domlet_strerror(errno));
	else if (main_pid)
		wait_until_read(fd);
}
