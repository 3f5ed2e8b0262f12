// SPDX-License-Identifier: GPL-2.0-or-later
#include "net-space.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SKIP 77

void demand(bool is, const char *what)
{
	if (is)
		return;
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(EXIT_FAILURE);
}

void skip(const char *why)
{
	printf("%s: skipped: %s\n", program_invocation_short_name, why);
	exit(SKIP);
}

void need_namespaces(void)
{
	if (geteuid() != 0)
		skip("it takes root");
	if (system("command -v ip >/dev/null") != 0)
		skip("there is no ip");
}

void run(const char *command)
{
	demand(system(command) == 0, command);
}

int open_namespace(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

int new_namespace(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		skip("no network namespace can be made");
	return open_namespace();
}

void enter(int namespace)
{
	demand(setns(namespace, CLONE_NEWNET) == 0, "can't go back to a namespace");
}
