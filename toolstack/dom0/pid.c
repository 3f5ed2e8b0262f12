/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pid.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "../base/cleanup.h"

#define LOOK_MS 20

/* The state letter and the start time of PID (proc_pid_stat(5): fields 3 and 22). The
 * command in field 2 may hold spaces and brackets: the field ends at the last ')'. */
static int read_stat(pid_t pid, char *letter, uint64_t *start_ticks)
{
	char path[64], text[1024];
	cleanup_close int fd = -1;
	const char *p;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p || p[1] != ' ' || p[2] == '\0')
		return -EPROTO;
	*letter = p[2];
	p += 2;
	for (int field = 3; field < 22; field++) {
		p = strchr(p, ' ');
		if (!p)
			return -EPROTO;
		p++;
	}
	*start_ticks = strtoull(p, NULL, 10);
	return 0;
}

/* kill(2) needs neither a descriptor nor memory of its own, so a process that
 * is gone is known to be so whatever this one lacks. */
static bool is_gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

int domlet_pid_look(const struct domlet_pid *p)
{
	uint64_t start_ticks;
	char letter;
	int r;

	if (p->pid <= 0 || is_gone(p->pid))
		return 0;
	r = read_stat(p->pid, &letter, &start_ticks);
	if (r < 0) /* P may have ended just now; or there is no /proc */
		return is_gone(p->pid) ? 0 : r;
	return letter != 'Z' && letter != 'X' && letter != 'x' && start_ticks == p->start_ticks;
}

bool domlet_pid_may_live(const struct domlet_pid *p)
{
	return domlet_pid_look(p) != 0;
}

/* Without a descriptor P can't be waited for, only looked at again and again. */
static void wait_by_looking(const struct domlet_pid *p, int timeout_ms)
{
	for (int ms = 0; ms < timeout_ms && domlet_pid_may_live(p); ms += LOOK_MS)
		(void)usleep(LOOK_MS * 1000);
}

void domlet_pid_wait(const struct domlet_pid *p, int timeout_ms)
{
	cleanup_close int fd = p->pid > 0 ? pidfd_open(p->pid, 0) : -1;

	/* P is looked at after the descriptor was opened, so that is not a later process's. */
	if (fd >= 0 && domlet_pid_look(p) == 1)
		(void)poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, timeout_ms);
	else
		wait_by_looking(p, timeout_ms);
}

int domlet_pid_kill(const struct domlet_pid *p)
{
	cleanup_close int fd = p->pid > 0 ? pidfd_open(p->pid, 0) : -1;
	int r = fd < 0 && p->pid > 0 ? -errno : 0;

	if (r == 0)
		r = domlet_pid_look(p);
	if (r == 1 && pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0)
		r = -errno;
	return r < 0 && domlet_pid_may_live(p) ? r : 0;
}

int domlet_pid_of(pid_t pid, struct domlet_pid *p)
{
	struct domlet_pid found = { .pid = pid };
	char letter;
	int r = pid > 0 ? read_stat(pid, &letter, &found.start_ticks) : -EINVAL;

	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	*p = found;
	return 0;
}
