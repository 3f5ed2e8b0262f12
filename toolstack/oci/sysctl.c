/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sysctl.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "../base/error.h"
#include "member.h"

/* Bytes of a path that fits into the guest's buffer with /proc/sys/ before it and a NUL behind
 * it. */
#define PATH_LEN_MAX 240u

/* A name as a path below /proc/sys. sysctl(8): the first separator tells which of
 * "." and "/" parts the name; with dots, a "/" is the dot of a device's name. */
static bool path_of(const char *name, char path[PATH_LEN_MAX + 1])
{
	size_t len = strlen(name), first = strcspn(name, "./");

	if (len == 0 || len > PATH_LEN_MAX)
		return false;
	memcpy(path, name, len + 1);
	for (char *p = name[first] == '.' ? path : path + len; *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	return true;
}

static bool stays_below(const char *path)
{
	for (;;) {
		size_t len = strcspn(path, "/");

		if (len == 0 || strncmp(path, "..", len) == 0)
			return false; /* "." is a beginning of ".." */
		if (path[len] == '\0')
			return true;
		path += len + 1;
	}
}

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

/* runc's rules (libcontainer/configs/validate of 1.1 to 1.5) for a container with
 * an ipc, a network and a uts namespace and no user namespace. */
static bool is_allowed(const char *path)
{
	static const char *const names[] = {
		"kernel/msgmax", "kernel/msgmnb", "kernel/msgmni",          "kernel/sem",        "kernel/shmall",
		"kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced", "kernel/domainname",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(path, names[i]) == 0)
			return true;
	return begins(path, "fs/mqueue/") || begins(path, "net/");
}

static int check_one(const char *name, const char *file, struct domlet_error *err)
{
	char path[PATH_LEN_MAX + 1];

	if (!path_of(name, path) || !stays_below(path))
		return domlet_error_set(err, EINVAL, "%s: linux.sysctl has \"%.64s\", which is no sysctl's name", file,
					name);
	if (is_allowed(path))
		return 0;
	return domlet_error_set(err, EINVAL, "%s: sysctl \"%s\" is not allowed: %s", file, name,
				strcmp(path, "kernel/hostname") == 0 ?
					"the configuration has a hostname of its own" :
					"only those are that belong to an ipc, network or uts namespace, as with runc");
}

int domlet_sysctl_check(struct json_object *config, const char *path, struct domlet_error *err)
{
	struct json_object *table = domlet_oci_member(domlet_oci_member(config, "linux"), "sysctl");

	if (!table)
		return 0;
	json_object_object_foreach(table, key, value)
	{
		int r = check_one(key, path, err);

		(void)value;
		if (r < 0)
			return r;
	}
	return 0;
}
