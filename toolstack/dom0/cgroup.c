// SPDX-License-Identifier: GPL-2.0-or-later
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/error.h"
#include "scope.h"

#ifndef CGROUP_ROOT /* a test has one of its own */
#define CGROUP_ROOT "/sys/fs/cgroup"
#endif

/* Of 10 ms each: how long systemd is given for removing a scope that is empty. */
#define SYSTEMD_ROUNDS 300

/* Whether a part of PATH is "..": "a..b" is a name like any other. */
static bool climbs(const char *path)
{
	for (const char *s = path; (s = strstr(s, "/..")) != NULL; s += 3)
		if (s[3] == '/' || s[3] == '\0')
			return true;
	return false;
}

bool domlet_cgroup_is_unit(const char *cgroups_path)
{
	const char *colon = strchr(cgroups_path, ':');

	colon = colon ? strchr(colon + 1, ':') : NULL;
	return colon && !strchr(colon + 1, ':') && !strchr(cgroups_path, '/');
}

/* "a-b.slice" is "/a.slice/a-b.slice", as systemd.slice(5) says: each part of a name
 * is below the one before. -1: SLICE is not the name of a slice. */
static int expand_slice(const char *slice, size_t len, char *path, size_t size)
{
	static const char suffix[] = ".slice";
	const size_t suffix_len = sizeof suffix - 1;
	size_t used = 0;

	path[0] = '\0';
	if (len <= suffix_len || memcmp(slice + len - suffix_len, suffix, suffix_len) != 0)
		return -1;
	len -= suffix_len;
	if (len == 1 && slice[0] == '-') /* the root slice */
		return 0;
	for (size_t end = 0; end <= len; end++) {
		int n;

		if (end < len && slice[end] != '-')
			continue;
		if (end == 0 || slice[end - 1] == '-')
			return -1;
		n = snprintf(path + used, size - used, "/%.*s%s", (int)end, slice, suffix);
		if (n < 0 || (size_t)n >= size - used)
			return -1;
		used += (size_t)n;
	}
	return 0;
}

/* The directory of a unit as runc names it: a scope, unless the name is a slice's. */
static int unit_path(const char *unit, char *path, size_t len, struct domlet_error *err)
{
	const char *prefix = strchr(unit, ':') + 1, *name = strchr(prefix, ':') + 1;
	size_t slice_len = (size_t)(prefix - 1 - unit), name_len = strlen(name);
	bool is_slice = name_len > 6 && strcmp(name + name_len - 6, ".slice") == 0;
	char slice[4096];
	int n;

	if ((slice_len ? expand_slice(unit, slice_len, slice, sizeof slice) :
			 expand_slice("system.slice", 12, slice, sizeof slice)) < 0)
		return domlet_error_set(err, EINVAL,
					"linux.cgroupsPath %.128s can't be used: \"%.*s\" is not the name of a slice",
					unit, (int)(slice_len < 64 ? slice_len : 64), unit);
	if (!name_len)
		return domlet_error_set(err, EINVAL,
					"linux.cgroupsPath %.128s can't be used: there is no name behind the last \":\"",
					unit);
	n = is_slice ?
		    snprintf(path, len, CGROUP_ROOT "%s/%s", slice, name) :
		    snprintf(path, len, CGROUP_ROOT "%s/%.*s-%s.scope", slice, (int)(name - 1 - prefix), prefix, name);
	return n < 0 || (size_t)n >= len ?
		       domlet_error_set(err, EINVAL, "linux.cgroupsPath %.128s can't be used: it is too long", unit) :
		       0;
}

int domlet_cgroup_path(const char *cgroups_path, const char *name, char *path, size_t len, struct domlet_error *err)
{
	int n;

	if (cgroups_path && domlet_cgroup_is_unit(cgroups_path))
		return unit_path(cgroups_path, path, len, err);
	if (!cgroups_path || !cgroups_path[0])
		n = snprintf(path, len, CGROUP_ROOT "/domlet/%s", name);
	else
		n = snprintf(path, len, CGROUP_ROOT "%s%s", cgroups_path[0] == '/' ? "" : "/", cgroups_path);
	/* What is behind the last "/" is the cgroup, and all before it a parent. */
	while (n > 0 && (size_t)n < len && (size_t)n > strlen(CGROUP_ROOT) + 1 && path[n - 1] == '/')
		path[--n] = '\0';
	if (n < 0 || (size_t)n >= len || climbs(path))
		return domlet_error_set(err, EINVAL,
					"linux.cgroupsPath %.128s can't be used: it is too long or has \"..\" in it",
					cgroups_path ? cgroups_path : "");
	return 0;
}

bool domlet_cgroup_exists(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0;
}

/* Gives the children of PARENT the controllers that engines read for their statistics
 * and their watch for OOM. A controller that this kernel or PARENT does not have
 * changes nothing. */
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
	return errno == EEXIST ?
		       0 :
		       domlet_error_set(err, errno, "can't make the cgroup %s: %s", path, domlet_strerror(errno));
}

static bool is_frozen(const char *dir)
{
	char path[4200], state = '0';
	cleanup_close int fd = -1;

	(void)snprintf(path, sizeof path, "%s/cgroup.freeze", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &state, 1) == 1 && state == '1';
}

int domlet_cgroup_refuse_frozen(const char *path, struct domlet_error *err)
{
	char dir[4096];
	char *slash;

	(void)snprintf(dir, sizeof dir, "%s", path);
	for (bool frozen = is_frozen(dir); strlen(dir) > strlen(CGROUP_ROOT); frozen = is_frozen(dir)) {
		if (frozen)
			return domlet_error_set(
				err, EBUSY,
				"container's cgroup unexpectedly frozen: %s: write 0 into its cgroup.freeze, or choose another",
				dir);
		slash = strrchr(dir, '/');
		*slash = '\0';
	}
	return 0;
}

static unsigned int count_lines(const char *path)
{
	cleanup_fclose FILE *f = fopen(path, "re");
	unsigned int n = 0;

	for (int c; f && (c = getc(f)) != EOF;)
		n += c == '\n';
	return n;
}

unsigned int domlet_cgroup_processes(const char *path)
{
	char *const top[] = { (char *)(uintptr_t)path, NULL };
	FTS *tree = fts_open(top, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	unsigned int n = 0;

	for (FTSENT *e; tree && (e = fts_read(tree)) != NULL;)
		if (e->fts_info == FTS_F && strcmp(e->fts_name, "cgroup.procs") == 0)
			n += count_lines(e->fts_path);
	if (tree)
		(void)fts_close(tree);
	return n;
}

/* Moves this process to CGROUP. 0 or -errno. */
static int move_self(const char *cgroup)
{
	char path[4200];
	cleanup_close int fd = -1;

	(void)snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "0", 1) == 1 ? 0 : -errno;
}

void domlet_cgroup_of_monitor(const char *uuid, char *path, size_t len)
{
	if (domlet_scope_systemd())
		(void)snprintf(path, len, CGROUP_ROOT "/domlet.slice/domlet-%s.scope", uuid);
	else
		(void)snprintf(path, len, CGROUP_ROOT "/domlet/%s", uuid);
}

int domlet_cgroup_enter(const char *path, struct domlet_error *err)
{
	int r;

	/* Where systemd doesn't take it, a cgroup that it doesn't know is better than the caller's. */
	if (domlet_scope_is(path) && domlet_cgroup_refuse_frozen(path, err) == 0 &&
	    domlet_scope_enter(path, DOMLET_SCOPE_MONITOR, err) == 0)
		return 0;
	domlet_cgroup_make_parents(path);
	r = domlet_cgroup_make(path, err);
	if (r < 0)
		return r;
	r = domlet_cgroup_refuse_frozen(path, err);
	if (r == 0 && (r = move_self(path)) < 0)
		(void)domlet_error_set(err, -r, "can't enter the cgroup %s: %s", path, domlet_strerror(-r));
	if (r < 0)
		(void)rmdir(path);
	return r;
}

void domlet_cgroup_follow(const char *path)
{
	(void)move_self(path);
}

void domlet_cgroup_leave(const char *path)
{
	if (path && move_self(CGROUP_ROOT) == 0)
		domlet_cgroup_remove(path);
}

static bool is_empty(const char *path)
{
	char events[4200], text[128] = "";
	cleanup_close int fd = -1;

	(void)snprintf(events, sizeof events, "%s/cgroup.events", path);
	fd = open(events, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strstr(text, "populated 0");
}

void domlet_cgroup_remove(const char *path)
{
	/* A scope that systemd has made it removes itself, as soon as that is empty; where others are
	 * faster it doesn't see the end, and takes the scope for active ever after. */
	int patience = path && domlet_scope_is(path) ? SYSTEMD_ROUNDS : 0;

	/* The proxy of an exec was told its end, but nobody here waits for the proxy's. */
	for (int i = 0; path && i < 500; i++) {
		if (patience > 0 && is_empty(path))
			patience--;
		if (patience == 0 ? rmdir(path) == 0 || errno != EBUSY : !domlet_cgroup_exists(path))
			return;
		(void)usleep(10000);
	}
}
