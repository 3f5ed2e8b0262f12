// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * await [-u DOMID] FILE TEXT: waits (by inotify, without polling) until TEXT
 * is in FILE, a guest's console log, and prints the time of the day in
 * microseconds. With -u it unpauses the domain first, by one hypercall, and
 * prints how long it took from there.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include <xenctrl.h>

#define LOG_MAX (1u << 20)

static long long now_us(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool contains(const char *file, const char *text)
{
	static char log[LOG_MAX];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, log, sizeof log);

	if (fd >= 0)
		close(fd);
	return n > 0 && memmem(log, (size_t)n, text, strlen(text));
}

static int unpause(const char *domid)
{
	xc_interface *xc = xc_interface_open(NULL, NULL, 0);

	if (!xc || xc_domain_unpause(xc, (uint32_t)strtoul(domid, NULL, 10)) < 0) {
		perror("await: can't unpause the domain");
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	char event[4096];
	const char *domid = NULL;
	long long start;
	int fd;

	if (argc == 5 && strcmp(argv[1], "-u") == 0) {
		domid = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc != 3) {
		(void)fprintf(stderr, "usage: await [-u DOMID] FILE TEXT\n");
		return 2;
	}
	fd = inotify_init1(IN_CLOEXEC);
	if (fd < 0 || inotify_add_watch(fd, argv[1], IN_MODIFY) < 0) {
		perror("await: can't watch the file");
		return 1;
	}
	start = now_us(CLOCK_MONOTONIC);
	if (domid && unpause(domid) < 0)
		return 1;
	while (!contains(argv[1], argv[2]))
		if (read(fd, event, sizeof event) <= 0)
			return 1;
	(void)printf("%lld\n", domid ? now_us(CLOCK_MONOTONIC) - start : now_us(CLOCK_REALTIME));
	return 0;
}
