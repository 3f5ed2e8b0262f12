// SPDX-License-Identifier: GPL-2.0-or-later
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "../dom0/cgroup.h"

/* Closes all descriptors from 3 on but the COUNT of KEEP (below 0: none). */
static void close_others(const int *keep, size_t count)
{
	for (unsigned int from = 3;;) {
		unsigned int next = UINT_MAX;

		for (size_t i = 0; i < count; i++)
			if (keep[i] >= (int)from && (unsigned int)keep[i] < next)
				next = (unsigned int)keep[i];
		if (next > from)
			(void)close_range(from, next == UINT_MAX ? next : next - 1, 0);
		if (next == UINT_MAX)
			return;
		from = next + 1;
	}
}

static _Noreturn void be_monitor(struct domlet_monitor_spec *spec, bool speaks, bool foreground)
{
	int null = open("/dev/null", O_RDWR);
	struct domlet_log log = *spec->log;
	struct domlet_error err;
	sigset_t none;

	log.background = !speaks || !foreground;
	spec->log = &log;
	(void)setsid();
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < (speaks ? 2 : 3); i++)
		(void)dup2(null, i);
	if (speaks)
		domlet_log_unblock_stderr(&log);
	if (domlet_cgroup_enter(spec->record->monitor_cgroup, &err) < 0)
		domlet_log_notice(&log, "%s: the monitor of domain %s stays in its caller's", err.text,
				  spec->record->name);
	close_others((const int[]){ spec->first, log.fd }, 2);
	(void)domlet_pid_of(getpid(), &spec->record->monitor);
	_exit(domlet_monitor_main(spec));
}

pid_t domlet_monitor_spawn(struct domlet_monitor_spec *spec, bool speaks, bool foreground, struct domlet_error *err)
{
	pid_t monitor = fork();

	if (monitor == 0)
		be_monitor(spec, speaks, foreground);
	if (monitor < 0)
		return domlet_error_set(err, errno, "can't fork the monitor: %s", domlet_strerror(errno));
	(void)domlet_pid_of(monitor, &spec->record->monitor);
	return monitor;
}
