// SPDX-License-Identifier: GPL-2.0-or-later
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "../base/file.h"
#include "../dom0/cgroup.h"

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
	domlet_file_close_others((const int[]){ spec->first, log.fd }, 2);
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
