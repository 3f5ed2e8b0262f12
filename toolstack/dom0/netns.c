// SPDX-License-Identifier: GPL-2.0-or-later
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/cleanup.h"

int domlet_netns_open(pid_t pid)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* -1: NAMESPACE can't be entered, and nothing has changed. Else the way back, which is to be taken. */
static int enter(int namespace)
{
	int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), code;

	if (own < 0 || setns(namespace, CLONE_NEWNET) == 0)
		return own;
	code = errno;
	close(own);
	errno = code;
	return -1;
}

static void leave(int own)
{
	if (setns(own, CLONE_NEWNET) < 0)
		abort(); /* whatever comes next would be done in the wrong place */
	close(own);
}

int domlet_netns_socket(int namespace, int family, int type, int protocol)
{
	int own = enter(namespace), fd;

	if (own < 0)
		return -errno;
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		fd = -errno;
	leave(own);
	return fd;
}

int domlet_netns_set(int namespace, const char *key, const char *value)
{
	cleanup_close int fd = -1;
	char path[128];
	int own = enter(namespace), r = 0;

	if (own < 0)
		return -errno;
	(void)snprintf(path, sizeof path, "/proc/sys/net/%s", key);
	fd = open(path, O_WRONLY | O_CLOEXEC); /* that of the namespace which opens it */
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		r = -errno;
	leave(own);
	return r;
}
