// SPDX-License-Identifier: GPL-2.0-or-later
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "../base/error.h"

#ifndef PROC_ROOT /* a test has one of its own */
#define PROC_ROOT "/proc"
#endif

static bool has_route(pid_t pid)
{
	char path[64], line[256];
	cleanup_fclose FILE *routes = NULL;
	bool found = false;

	(void)snprintf(path, sizeof path, PROC_ROOT "/%d/net/route", pid);
	routes = fopen(path, "re");
	for (int i = 0; routes && fgets(line, sizeof line, routes); i++)
		found = found || i > 0; /* the first line is a heading */
	return found;
}

static bool has_ipv6_address(pid_t pid)
{
	char path[64], line[256], name[33];
	cleanup_fclose FILE *addresses = NULL;
	bool found = false;

	(void)snprintf(path, sizeof path, PROC_ROOT "/%d/net/if_inet6", pid);
	addresses = fopen(path, "re");
	while (addresses && fgets(line, sizeof line, addresses))
		found = found || (sscanf(line, "%*s %*s %*s %*s %*s %32s", name) == 1 && strcmp(name, "lo") != 0);
	return found;
}

/* A network that the guest has no device for would be missed without a word. */
int domlet_netns_refuse_network(pid_t pid, const char *id, struct domlet_error *err)
{
	return has_route(pid) || has_ipv6_address(pid) ?
		       domlet_error_set(
			       err, ENOTSUP,
			       "container %s has a network in dom0, which guests can't be connected to yet: use --network none",
			       id) :
		       0;
}

int domlet_netns_open(pid_t pid)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof path, PROC_ROOT "/%d/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int domlet_netns_socket(int namespace, int family, int type, int protocol)
{
	cleanup_close int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd;

	if (own < 0 || setns(namespace, CLONE_NEWNET) < 0)
		return -errno;
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		fd = -errno;
	if (setns(own, CLONE_NEWNET) < 0)
		abort(); /* whatever comes next would be done in the wrong place */
	return fd;
}
