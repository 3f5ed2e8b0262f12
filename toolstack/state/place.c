// SPDX-License-Identifier: GPL-2.0-or-later
#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/error.h"

/* A name in limbo: the pid and the start time of who makes or removes the directory. No id can
 * have a ":". */
#define LIMBO ":%s-%d-%llu"
#define NEW "new"
#define OLD "old"
#define LOCK_RETRY_MS 20

bool domlet_place_is_inside(const char *id)
{
	return id[0] != '\0' && strlen(id) <= DOMLET_ID_MAX && !strchr(id, '/') && strcmp(id, ".") != 0 &&
	       strcmp(id, "..") != 0;
}

int domlet_place_root(const char *root, const char *id, char *real, size_t len, struct domlet_error *err)
{
	char found[PATH_MAX];

	/* The path is absolute, since the proxy and the monitor change their directory. */
	if (!realpath(root, found)) {
		if (errno == ENOENT)
			return domlet_error_set(err, ENOENT, "container does not exist: %s", id);
		return domlet_error_set(err, errno, "the state directory %s can't be used: %s", root,
					domlet_strerror(errno));
	}
	if (strlen(found) >= len)
		return domlet_error_set(err, ENAMETOOLONG,
					"the state directory %s can't be used: its path is longer than %zu bytes", root,
					len - 1);
	strcpy(real, found);
	return 0;
}

static void name_in_limbo(char *name, const char *why, const struct domlet_pid *who)
{
	snprintf(name, DOMLET_PLACE_LIMBO_MAX, LIMBO, why, who->pid, (unsigned long long)who->start_ticks);
}

bool domlet_place_is_limbo(const char *name)
{
	return name[0] == LIMBO[0];
}

int domlet_place_may_be(const struct dirent *entry)
{
	return !domlet_place_is_limbo(entry->d_name) && domlet_place_is_inside(entry->d_name);
}

bool domlet_place_limbo_of(const char *name, struct domlet_pid *who)
{
	unsigned long long ticks;

	if (sscanf(name, ":" NEW "-%d-%llu", &who->pid, &ticks) != 2 &&
	    sscanf(name, ":" OLD "-%d-%llu", &who->pid, &ticks) != 2)
		return false;
	who->start_ticks = ticks;
	return true;
}

int domlet_place_make(const char *root, const char *id, const struct domlet_pid *who,
		      char limbo[DOMLET_PLACE_LIMBO_MAX], struct domlet_error *err)
{
	char path[PATH_MAX];

	name_in_limbo(limbo, NEW, who);
	snprintf(path, sizeof(path), "%s/%s", root, limbo);
	return mkdir(path, 0711) < 0 ? domlet_error_set(err, errno, "the state directory %s/%s can't be made: %s", root,
							id, domlet_strerror(errno)) :
				       0;
}

int domlet_place_settle(const char *root, const char *limbo, const char *id, struct domlet_error *err)
{
	char from[PATH_MAX], to[PATH_MAX];

	snprintf(from, sizeof(from), "%s/%s", root, limbo);
	snprintf(to, sizeof(to), "%s/%s", root, id);
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	return errno == EEXIST ? domlet_error_set(err, EEXIST, "container with given ID already exists: %s", id) :
				 domlet_error_set(err, errno, "the state directory %s can't be made: %s", to,
						  domlet_strerror(errno));
}

/* Whether NAME is one of domlet's files; among them is what a killed domlet_file_write()
 * leaves. */
static bool is_ours(const char *name)
{
	return strcmp(name, DOMLET_PLACE_RECORD) == 0 || strcmp(name, DOMLET_PLACE_SOCKET) == 0 ||
	       strncmp(name, "." DOMLET_PLACE_RECORD ".", sizeof("." DOMLET_PLACE_RECORD ".") - 1) == 0;
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *list_entries(int dir_fd)
{
	cleanup_close int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir)
		(void)take_fd(&fd);
	return dir;
}

/* Refuses when DIR_FD has something that is not domlet's: ROOT may be shared, and what somebody
 * else has put there is not ours to remove. */
static int refuse_foreign(int dir_fd, const char *path, struct domlet_error *err)
{
	cleanup_closedir DIR *dir = list_entries(dir_fd);
	struct dirent *entry;

	if (!dir)
		return domlet_error_set(err, errno, "%s can't be emptied: %s", path, domlet_strerror(errno));
	while ((entry = readdir(dir)))
		if (!is_dot(entry->d_name) && !is_ours(entry->d_name))
			return domlet_error_set(
				err, EEXIST,
				"%s can't be removed: %s in it is not one of domlet's files: move that away", path,
				entry->d_name);
	return 0;
}

static int remove_entries(int dir_fd, const char *path, struct domlet_error *err)
{
	cleanup_closedir DIR *dir = list_entries(dir_fd);
	struct dirent *entry;

	if (!dir)
		return domlet_error_set(err, errno, "%s can't be emptied: %s", path, domlet_strerror(errno));
	while ((entry = readdir(dir)))
		if (is_ours(entry->d_name) && unlinkat(dir_fd, entry->d_name, 0) < 0 && errno != ENOENT)
			return domlet_error_set(err, errno, "%s/%s can't be removed: %s", path, entry->d_name,
						domlet_strerror(errno));
	return 0;
}

/* Gives the directory ID a name in limbo, so that it is never seen without its record by
 * a name that others might take for another runtime's, or for a container that is just
 * being made. */
static void move_to_limbo(const char *root, const char *id, char *path, size_t len)
{
	struct domlet_pid me;
	char name[DOMLET_PLACE_LIMBO_MAX], to[PATH_MAX];

	if (domlet_place_is_limbo(id) || domlet_pid_of(getpid(), &me) < 0)
		return;
	name_in_limbo(name, OLD, &me);
	snprintf(to, sizeof(to), "%s/%s", root, name);
	if (renameat2(AT_FDCWD, path, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		snprintf(path, len, "%s", to);
}

int domlet_place_remove(const char *root, const char *id, struct domlet_error *err)
{
	char path[PATH_MAX];
	cleanup_close int fd = -1;
	int r;

	if (!domlet_place_is_inside(id) || root[0] != '/')
		return domlet_error_set(err, EINVAL, "container does not exist: %s", id);
	snprintf(path, sizeof(path), "%s/%s", root, id);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return domlet_error_set(err, errno, "%s can't be removed: %s", path, domlet_strerror(errno));
	r = refuse_foreign(fd, path, err);
	if (r < 0)
		return r;
	move_to_limbo(root, id, path, sizeof(path));
	r = remove_entries(fd, path, err);
	if (r < 0)
		return r;
	/* Not empty: somebody has put something there just now. */
	if (rmdir(path) < 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
		return domlet_error_set(err, errno, "%s can't be removed: %s", path, domlet_strerror(errno));
	return 0;
}

static int entry_is_in_limbo(const struct dirent *entry)
{
	return domlet_place_is_limbo(entry->d_name);
}

void domlet_place_sweep(const char *root)
{
	char real[PATH_MAX];
	struct dirent **entries = NULL;
	int n = realpath(root, real) ? scandir(real, &entries, entry_is_in_limbo, NULL) : 0;

	for (int i = 0; i < n; i++) {
		struct domlet_pid who;

		if (domlet_place_limbo_of(entries[i]->d_name, &who) && !domlet_pid_may_live(&who))
			(void)domlet_place_remove(real, entries[i]->d_name, NULL);
		free(entries[i]);
	}
	free(entries);
}

/* The lock is on the directory itself, so that it leaves nothing behind, and ends with
 * whoever held it. */
int domlet_place_lock(const char *path, const char *id, int timeout_ms, struct domlet_error *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return domlet_error_set(err, ENOENT, "container does not exist: %s", id);
	if (fd < 0)
		return domlet_error_set(err, errno, "%s can't be locked: %s", path, domlet_strerror(errno));
	/* The lock is asked for again and again: waiting in flock() would have no end. */
	for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += LOCK_RETRY_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return domlet_error_set(err, errno, "%s can't be locked: %s", path, domlet_strerror(errno));
		if (waited_ms >= timeout_ms)
			return domlet_error_set(
				err, ETIMEDOUT,
				"another command is still cleaning up container %s: try again, or look for a domlet that hangs",
				id);
		(void)usleep(LOCK_RETRY_MS * 1000);
	}
	return take_fd(&fd);
}

bool domlet_place_is_at(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_dev == there.st_dev &&
	       ours.st_ino == there.st_ino;
}
