// SPDX-License-Identifier: GPL-2.0-or-later
#include "hypervisor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libxl.h>

int standin_connect(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/run/standin/hypervisor" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* "ok TEXT": TEXT is left in ANSWER. */
static int ask(int fd, char answer[static STANDIN_ANSWER_LEN], const char *format, va_list ap)
{
	size_t len = 0;
	char line[512];
	ssize_t n;
	int count = vsnprintf(line, sizeof line, format, ap);

	if (fd < 0 || count < 0 || (size_t)count >= sizeof line || send(fd, line, (size_t)count, MSG_NOSIGNAL) != count)
		return ERROR_FAIL;
	do {
		n = recv(fd, answer + len, STANDIN_ANSWER_LEN - 1 - len, 0);
		if (n <= 0)
			return ERROR_FAIL;
		len += (size_t)n;
	} while (answer[len - 1] != '\n');
	answer[len - 1] = '\0';
	if (strncmp(answer, "ok ", 3) == 0) {
		memmove(answer, answer + 3, len - 3);
		return 0;
	}
	return strcmp(answer, "no ESRCH") == 0 ? ERROR_DOMAIN_NOTFOUND : ERROR_FAIL;
}

int standin_hypercall(char answer[static STANDIN_ANSWER_LEN], const char *format, ...)
{
	int rc, fd = standin_connect();
	va_list ap;

	va_start(ap, format);
	rc = ask(fd, answer, format, ap);
	va_end(ap);
	close(fd);
	return rc;
}
