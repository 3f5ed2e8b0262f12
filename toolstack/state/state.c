/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/error.h"
#include "../base/file.h"
#include "record.h"

#define STATE_FILE "domlet.json"
/* Annotations may fill a whole configuration; JSON escapes at most triple. */
#define STATE_FILE_MAX (4u * DOMLET_CONFIG_MAX)
/* A directory under this name has no container yet, or no longer; pid and start
 * time of who makes or removes it. No id can have a ":". */
#define LIMBO ":%s-%d-%llu"
#define NEW "new"
#define OLD "old"
#define LOCK_RETRY_MS 20

static const char *const status_names[] = {
	[DOMLET_STATUS_CREATING] = "creating", [DOMLET_STATUS_CREATED] = "created", [DOMLET_STATUS_RUNNING] = "running",
	[DOMLET_STATUS_PAUSED] = "paused",     [DOMLET_STATUS_STOPPED] = "stopped",
};

const char *domlet_status_name(enum domlet_status s)
{
	return (size_t)s < sizeof(status_names) / sizeof(status_names[0]) ? status_names[s] : "unknown";
}

void domlet_state_free(struct domlet_state *st)
{
	free(st->bundle);
	free(st->rootfs);
	free(st->annotations);
	free(st->oci_version);
	free(st->cgroup);
	free(st->monitor_cgroup);
	free(st->hooks);
	free(st->image);
	free(st->labels);
	free(st->reason);
	*st = (struct domlet_state){ .domid = DOMLET_DOMID_NONE };
}

void domlet_state_path(const struct domlet_state *st, const char *name, char *buf, size_t len)
{
	snprintf(buf, len, "%s/%s/%s", st->root, st->id, name);
}

/* Whether ID is a name inside ROOT. The verbs check the whole rule
 * (domlet_id_check); this keeps every path below ROOT whoever calls. */
static bool id_stays_inside(const char *id)
{
	return id[0] != '\0' && strlen(id) <= DOMLET_ID_MAX && !strchr(id, '/') && strcmp(id, ".") != 0 &&
	       strcmp(id, "..") != 0;
}

static int set_place(struct domlet_state *st, const char *root, const char *id, struct domlet_error *err)
{
	char real[PATH_MAX];

	*st = (struct domlet_state){ .domid = DOMLET_DOMID_NONE };
	/* Absolute: the proxy and the monitor change their directory. */
	if (!realpath(root, real)) {
		if (errno == ENOENT)
			return domlet_error_set(err, ENOENT, "container does not exist: %s", id);
		return domlet_error_set(err, errno, "the state directory %s can't be used: %s", root,
					domlet_strerror(errno));
	}
	if (strlen(real) >= sizeof(st->root))
		return domlet_error_set(err, ENAMETOOLONG,
					"the state directory %s can't be used: its path is longer than %zu bytes", root,
					sizeof(st->root) - 1);
	strcpy(st->root, real);
	strcpy(st->id, id);
	return 0;
}

static void set_created_now(struct domlet_state *st)
{
	time_t now = time(NULL);
	struct tm tm;

	(void)gmtime_r(&now, &tm);
	(void)strftime(st->created, sizeof(st->created), "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int write_record(const struct domlet_state *st, const char *dir, struct domlet_error *err)
{
	cleanup_free char *text = domlet_record_text(st);
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s", st->root, dir, STATE_FILE);
	if (!text)
		return domlet_error_set(err, ENOMEM, "%s can't be written: out of memory", path);
	return domlet_file_write(path, text, strlen(text), 0600, err);
}

static void name_in_limbo(char *name, size_t len, const char *why, const struct domlet_pid *who)
{
	snprintf(name, len, LIMBO, why, who->pid, (unsigned long long)who->start_ticks);
}

static bool is_in_limbo(const char *name)
{
	return name[0] == LIMBO[0];
}

/* The directory gets its name when its record is in it: one without a record
 * might be another runtime's, so nobody could clean up after a killed creator. */
static int make_place(struct domlet_state *st, struct domlet_error *err)
{
	struct domlet_state unborn = { 0 };
	char from[PATH_MAX], to[PATH_MAX];
	int r;

	snprintf(unborn.root, sizeof(unborn.root), "%s", st->root);
	name_in_limbo(unborn.id, sizeof(unborn.id), NEW, &st->monitor);
	snprintf(from, sizeof(from), "%s/%s", st->root, unborn.id);
	snprintf(to, sizeof(to), "%s/%s", st->root, st->id);
	if (mkdir(from, 0711) < 0)
		return domlet_error_set(err, errno, "the state directory %s can't be made: %s", to,
					domlet_strerror(errno));
	r = write_record(st, unborn.id, err);
	if (r == 0 && renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0)
		r = errno == EEXIST ?
			    domlet_error_set(err, EEXIST, "container with given ID already exists: %s", st->id) :
			    domlet_error_set(err, errno, "the state directory %s can't be made: %s", to,
					     domlet_strerror(errno));
	if (r < 0)
		(void)domlet_state_remove(&unborn, NULL);
	return r;
}

int domlet_state_create(const char *root, const char *id, struct domlet_state *st, struct domlet_error *err)
{
	int r;

	*st = (struct domlet_state){ .domid = DOMLET_DOMID_NONE };
	if (!id_stays_inside(id))
		return domlet_error_set(err, EINVAL, "invalid container ID format: \"%s\"", id);
	r = domlet_file_mkdir_parents(root, 0711, err);
	if (r == 0)
		r = set_place(st, root, id, err);
	if (r < 0)
		return r;
	set_created_now(st);
	r = domlet_pid_of(getpid(), &st->monitor); /* until there is one */
	if (r < 0)
		return domlet_error_set(err, -r, "/proc can't be read: %s", domlet_strerror(-r));
	return make_place(st, err);
}

static int entry_is_in_limbo(const struct dirent *entry)
{
	return is_in_limbo(entry->d_name);
}

void domlet_state_sweep(const char *root)
{
	struct dirent **entries = NULL;
	int n = scandir(root, &entries, entry_is_in_limbo, NULL);

	for (int i = 0; i < n; i++) {
		struct domlet_pid who = { 0 };
		struct domlet_state left;
		unsigned long long ticks;

		if ((sscanf(entries[i]->d_name, ":" NEW "-%d-%llu", &who.pid, &ticks) == 2 ||
		     sscanf(entries[i]->d_name, ":" OLD "-%d-%llu", &who.pid, &ticks) == 2) &&
		    set_place(&left, root, entries[i]->d_name, NULL) == 0) {
			who.start_ticks = ticks;
			if (!domlet_pid_may_live(&who))
				(void)domlet_state_remove(&left, NULL);
		}
		free(entries[i]);
	}
	free(entries);
}

int domlet_state_save(const struct domlet_state *st, struct domlet_error *err)
{
	return write_record(st, st->id, err);
}

int domlet_state_load(const char *root, const char *id, struct domlet_state *st, struct domlet_error *err)
{
	cleanup_free char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int r;

	*st = (struct domlet_state){ .domid = DOMLET_DOMID_NONE };
	if (!id_stays_inside(id))
		return domlet_error_set(err, ENOENT, "container does not exist: %s", id);
	r = set_place(st, root, id, err);
	if (r < 0)
		return r;
	domlet_state_path(st, STATE_FILE, path, sizeof(path));
	r = domlet_file_read(path, STATE_FILE_MAX, &text, &len, err);
	if (r == -ENOENT || r == -ENOTDIR)
		return domlet_error_set(err, ENOENT, "container does not exist: %s", id);
	if (r == 0)
		r = domlet_record_parse(text, len, path, st, err);
	if (r < 0)
		domlet_state_free(st);
	return r;
}

/* Also what a save leaves that was killed: domlet_file_write()'s. */
static bool is_ours(const char *name)
{
	return strcmp(name, STATE_FILE) == 0 || strcmp(name, DOMLET_STATE_SOCKET) == 0 ||
	       strncmp(name, "." STATE_FILE ".", sizeof("." STATE_FILE ".") - 1) == 0;
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

/* ROOT may be shared: what somebody else has put there is his. */
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

/* So that it is never seen without its record, by the name that others might
 * take for another runtime's, or for one that is just being made. */
static void move_to_limbo(const struct domlet_state *st, char *path, size_t len)
{
	struct domlet_pid me;
	char name[64], to[PATH_MAX];

	if (is_in_limbo(st->id) || domlet_pid_of(getpid(), &me) < 0)
		return;
	name_in_limbo(name, sizeof(name), OLD, &me);
	snprintf(to, sizeof(to), "%s/%s", st->root, name);
	if (renameat2(AT_FDCWD, path, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		snprintf(path, len, "%s", to);
}

int domlet_state_remove(const struct domlet_state *st, struct domlet_error *err)
{
	char path[PATH_MAX];
	cleanup_close int fd = -1;
	int r;

	if (!id_stays_inside(st->id) || st->root[0] != '/')
		return domlet_error_set(err, EINVAL, "container does not exist: %s", st->id);
	snprintf(path, sizeof(path), "%s/%s", st->root, st->id);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return domlet_error_set(err, errno, "%s can't be removed: %s", path, domlet_strerror(errno));
	r = refuse_foreign(fd, path, err);
	if (r < 0)
		return r;
	move_to_limbo(st, path, sizeof(path));
	r = remove_entries(fd, path, err);
	if (r < 0)
		return r;
	/* Not empty: somebody has put something there just now. */
	if (rmdir(path) < 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
		return domlet_error_set(err, errno, "%s can't be removed: %s", path, domlet_strerror(errno));
	return 0;
}

/* The lock is on the directory itself: it leaves nothing behind, and goes with
 * whoever held it. */
static int lock_directory(const char *path, const char *id, int timeout_ms, struct domlet_error *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return domlet_error_set(err, ENOENT, "container does not exist: %s", id);
	if (fd < 0)
		return domlet_error_set(err, errno, "%s can't be locked: %s", path, domlet_strerror(errno));
	/* Asked again and again: waiting in flock() would have no end. */
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

/* It may have been removed, and made anew, since it was opened. */
static bool is_at(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_dev == there.st_dev &&
	       ours.st_ino == there.st_ino;
}

/* *LOADED is what domlet_state_load() returned under the lock. */
static int lock_and_load(const char *root, const char *id, int timeout_ms, struct domlet_state *st, int *loaded,
			 struct domlet_error *err)
{
	char path[PATH_MAX];
	int fd, r;

	*st = (struct domlet_state){ .domid = DOMLET_DOMID_NONE };
	if (!id_stays_inside(id))
		return domlet_error_set(err, ENOENT, "container does not exist: %s", id);
	for (;;) {
		r = set_place(st, root, id, err);
		if (r < 0)
			return r;
		snprintf(path, sizeof(path), "%s/%s", st->root, id);
		fd = lock_directory(path, id, timeout_ms, err);
		if (fd < 0)
			return fd;
		*loaded = domlet_state_load(root, id, st, err);
		/* Looked at last: what is there now was there when it was read. */
		if (is_at(fd, path))
			return fd;
		domlet_state_free(st);
		close(fd);
	}
}

int domlet_state_lock(const char *root, const char *id, int timeout_ms, struct domlet_state *st,
		      struct domlet_error *err)
{
	int loaded = 0;
	cleanup_close int fd = lock_and_load(root, id, timeout_ms, st, &loaded, err);

	return fd < 0 ? fd : loaded < 0 ? loaded : take_fd(&fd);
}

int domlet_state_discard(const char *root, const char *id, int timeout_ms, struct domlet_error *err)
{
	struct domlet_state st;
	int loaded = 0, r;
	cleanup_close int fd = lock_and_load(root, id, timeout_ms, &st, &loaded, err);

	if (fd < 0)
		return fd;
	if (loaded == 0) {
		domlet_state_free(&st);
		return domlet_error_set(err, EBUSY, "container %s was made anew meanwhile", id);
	}
	if (loaded == -ENOENT) /* no record: another runtime's, or just removed */
		return 0;
	r = set_place(&st, root, id, err);
	return r < 0 ? r : domlet_state_remove(&st, err);
}

/* Before there is a proxy a container stands or falls with who makes it. */
static const struct domlet_pid *process_of(const struct domlet_state *st)
{
	return st->status == DOMLET_STATUS_CREATING && st->proxy.pid == 0 ? &st->monitor : &st->proxy;
}

int domlet_state_know(const struct domlet_state *st, struct domlet_error *err)
{
	int r = domlet_pid_look(process_of(st));

	return r < 0 ? domlet_error_set(
			       err, -r,
			       "whether container %s still runs can't be found out, as process %d can't be looked at: %s; try again",
			       st->id, process_of(st)->pid, domlet_strerror(-r)) :
		       0;
}

enum domlet_status domlet_state_status(const struct domlet_state *st)
{
	return domlet_pid_may_live(process_of(st)) ? st->status : DOMLET_STATUS_STOPPED;
}

static int may_be_container(const struct dirent *entry)
{
	return !is_in_limbo(entry->d_name) && id_stays_inside(entry->d_name);
}

int domlet_state_each(const char *root, int (*cb)(struct domlet_state *st, void *arg), void *arg,
		      struct domlet_error *err)
{
	struct dirent **entries = NULL;
	int n = scandir(root, &entries, may_be_container, alphasort);
	int r = 0;

	if (n < 0 && errno == ENOENT)
		return 0; /* nothing was ever created */
	if (n < 0)
		return domlet_error_set(err, errno, "the state directory %s can't be read: %s", root,
					domlet_strerror(errno));
	for (int i = 0; i < n; i++) {
		struct domlet_state st;

		/* Not ours, just being made, just removed, or damaged: the
		 * others must still be listed. */
		if (r == 0 && domlet_state_load(root, entries[i]->d_name, &st, NULL) == 0) {
			r = cb(&st, arg);
			domlet_state_free(&st);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}
