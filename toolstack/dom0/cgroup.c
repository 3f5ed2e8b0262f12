// SPDX-License-Identifier: GPL-2.0-or-later
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/error.h"

#ifndef CGROUP_ROOT /* a test has one of its own */
#define CGROUP_ROOT "/sys/fs/cgroup"
#endif

/* As in a path: "a..b" is a name like any other. */
static bool climbs(const char *path)
{
	for (const char *s = path; (s = strstr(s, "/..")) != NULL; s += 3)
		if (s[3] == '/' || s[3] == '\0')
			return true;
	return false;
}

int domlet_cgroup_path(const char *cgroups_path, const char *name, char *path, size_t len, struct domlet_error *err)
{
	const char *colon;
	int n;

	if (!cgroups_path || !cgroups_path[0])
		n = snprintf(path, len, CGROUP_ROOT "/domlet/%s", name);
	else if ((colon = strchr(cgroups_path, ':')) != NULL && strchr(colon + 1, ':'))
		n = snprintf(path, len, CGROUP_ROOT "/%.*s/%.*s-%s.scope", (int)(colon - cgroups_path),
			     cgroups_path, (int)(strchr(colon + 1, ':') - colon - 1), colon + 1,
			     strchr(colon + 1, ':') + 1);
	else
		n = snprintf(path, len, CGROUP_ROOT "%s%s", cgroups_path[0] == '/' ? "" : "/", cgroups_path);
	if (n < 0 || (size_t)n >= len || climbs(path))
		return domlet_error_set(err, EINVAL, "linux.cgroupsPath %.128s can't be used: it is too long or has \"..\" in it",
					cgroups_path ? cgroups_path : "");
	return 0;
}

/* Those that callers read: docker's stats, the OOM watchers. A controller that
 * this kernel or the parent does not have changes nothing. */
static void give_controllers(const char *parent)
{
	static const char *const controllers[] = { "+cpu", "+memory", "+pids", "+io" };
	char path[4200];
	cleanup_close int fd = -1;

	(void)snprintf(path, sizeof path, "%s/cgroup.subtree_control", parent);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	for (size_t i = 0; fd >= 0 && i < sizeof controllers / sizeof controllers[0]; i++)
		(void)!write(fd, controllers[i], strlen(controllers[i]));
}

void domlet_cgroup_make_parents(const char *path)
{
	char parent[4096];
	size_t at = strlen(CGROUP_ROOT);

	if (strlen(path) >= sizeof parent)
		return;
	(void)strcpy(parent, path);
	give_controllers(CGROUP_ROOT);
	for (char *s = parent + at + 1; (s = strchr(s, '/')) != NULL; s++) {
		*s = '\0';
		(void)mkdir(parent, 0755);
		give_controllers(parent);
		*s = '/';
	}
}

int domlet_cgroup_make(const char *path, struct domlet_error *err)
{
	if (mkdir(path, 0755) == 0)
		return 1;
	return errno == EEXIST ? 0 : domlet_error_set(err, errno, "can't make the cgroup %s: %s", path, domlet_strerror(errno));
}

void domlet_cgroup_remove(const char *path)
{
	/* An exec's proxy was told its end, but nobody here waits for it. */
	for (int i = 0; path && rmdir(path) < 0 && errno == EBUSY && i < 500; i++)
		(void)usleep(10000);
}
