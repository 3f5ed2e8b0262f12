// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *agent, *cgroup;

bool guest_take_arguments(int argc, char **argv)
{
	agent = argc == 2 ? argv[1] : NULL;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setenv("ASAN_OPTIONS", "exitcode=99:detect_leaks=1", 0);
	return agent != NULL;
}

/* In a child, as there is no way back. */
bool guest_may_mount(void)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(geteuid() == 0 && unshare(CLONE_NEWNS) == 0 ? 0 : 1);
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void guest_use_cgroup(const char *path)
{
	cgroup = path;
}

pid_t guest_spawn(int *fd)
{
	char number[16];
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)fcntl(ends[1], F_SETFD, 0);
		(void)snprintf(number, sizeof number, "%d", ends[1]);
		execl(agent, agent, "--socket", number, cgroup, (char *)NULL);
		_exit(126);
	}
	close(ends[1]);
	*fd = ends[0];
	return pid;
}

char *text_of(const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		abort();
	va_end(ap);
	return text;
}

char *document_in(const char *root, const char *process, const char *mounts, const char *plans, const char *oci_more,
		  const char *linux_more)
{
	return text_of(
		"{\"oci\": {\"process\": {%s}, \"mounts\": ["
		"{\"destination\": \"/proc\", \"type\": \"proc\"},"
		"{\"destination\": \"/dev\", \"type\": \"tmpfs\", \"options\": [\"nosuid\", \"mode=755\"]},"
		"{\"destination\": \"/dev/pts\", \"type\": \"devpts\", \"options\": [\"newinstance\", \"ptmxmode=0666\"]}%s],"
		" \"linux\": {\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"mount\"}, {\"type\": \"ipc\"}, {\"type\": \"uts\"}]%s}%s},"
		" \"plan\": {\"root\": {\"via\": \"directory\", \"device\": \"%s\", \"overlay\": true},"
		" \"state\": {\"ociVersion\": \"1.0.2\", \"id\": \"c1\"},"
		" \"mounts\": [{\"via\": \"guest\"}, {\"via\": \"guest\"}, {\"via\": \"guest\"}%s]}}",
		process, mounts, linux_more, oci_more, root, plans);
}

char *document_with(const char *process, const char *mounts, const char *plans, const char *oci_more,
		    const char *linux_more)
{
	return document_in("/", process, mounts, plans, oci_more, linux_more);
}

char *document_of(const char *args, const char *padding)
{
	char *process = text_of(PROCESS ", \"args\": %s", args),
	     *more = text_of(", \"annotations\": {\"padding\": \"%s\"}", padding);
	char *document = document_with(process, "", "", more, "");

	free(process);
	free(more);
	return document;
}
