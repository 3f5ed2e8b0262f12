/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/error.h"
#include "../base/file.h"
#include "place.h"
#include "record.h"

/* Annotations may fill a whole configuration; JSON escapes at most triple. */
#define RECORD_MAX (4u * DOMLET_CONFIG_MAX)

void domlet_state_path(const struct domlet_state *st, const char *name, char *buf, size_t len)
{
	snprintf(buf, len, "%s/%s/%s", st->root, st->id, name);
}

/* The container ID of ROOT, of which nothing is known yet. */
static int set_place(struct domlet_state *st, const char *root, const char *id, struct domlet_error *err)
{
	int r;

	*st = (struct domlet_state){ 0 };
	r = domlet_place_root(root, id, st->root, sizeof(st->root), err);
	if (r == 0)
		strcpy(st->id, id);
	return r;
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

	snprintf(path, sizeof(path), "%s/%s/%s", st->root, dir, DOMLET_PLACE_RECORD);
	if (!text)
		return domlet_error_set(err, ENOMEM, "%s can't be written: out of memory", path);
	return domlet_file_write(path, text, strlen(text), 0600, err);
}

/* The directory gets its name when its record is in it: one without a record
 * might be another runtime's, so nobody could clean up after a killed creator. */
static int make_place(struct domlet_state *st, struct domlet_error *err)
{
	char limbo[DOMLET_PLACE_LIMBO_MAX];
	int r = domlet_place_make(st->root, st->id, &st->monitor, limbo, err);

	if (r < 0)
		return r;
	r = write_record(st, limbo, err);
	if (r == 0)
		r = domlet_place_settle(st->root, limbo, st->id, err);
	if (r < 0)
		(void)domlet_place_remove(st->root, limbo, NULL);
	return r;
}

int domlet_state_create(const char *root, const char *id, struct domlet_state *st, struct domlet_error *err)
{
	int r;

	*st = (struct domlet_state){ 0 };
	if (!domlet_place_is_inside(id))
		return domlet_error_set(err, EINVAL, "invalid container ID format: \"%s\"", id);
	r = domlet_file_mkdir_parents(root, 0711, err);
	if (r == 0)
		r = set_place(st, root, id, err);
	if (r < 0)
		return r;
	set_created_now(st);
	r = domlet_pid_of(getpid(), &st->monitor); /* until there is a monitor */
	if (r < 0)
		return domlet_error_set(err, -r, "/proc can't be read: %s", domlet_strerror(-r));
	return make_place(st, err);
}

void domlet_state_sweep(const char *root)
{
	domlet_place_sweep(root);
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

	*st = (struct domlet_state){ 0 };
	if (!domlet_place_is_inside(id))
		return domlet_error_set(err, ENOENT, "container does not exist: %s", id);
	r = set_place(st, root, id, err);
	if (r < 0)
		return r;
	domlet_state_path(st, DOMLET_PLACE_RECORD, path, sizeof(path));
	r = domlet_file_read(path, RECORD_MAX, &text, &len, err);
	if (r == -ENOENT || r == -ENOTDIR)
		return domlet_error_set(err, ENOENT, "container does not exist: %s", id);
	if (r == 0)
		r = domlet_record_parse(text, len, path, st, err);
	if (r < 0)
		domlet_state_free(st);
	return r;
}

int domlet_state_remove(const struct domlet_state *st, struct domlet_error *err)
{
	return domlet_place_remove(st->root, st->id, err);
}

/* *LOADED is what domlet_state_load() returned under the lock. */
static int lock_and_load(const char *root, const char *id, int timeout_ms, struct domlet_state *st, int *loaded,
			 struct domlet_error *err)
{
	char path[PATH_MAX];
	int fd, r;

	*st = (struct domlet_state){ 0 };
	if (!domlet_place_is_inside(id))
		return domlet_error_set(err, ENOENT, "container does not exist: %s", id);
	for (;;) {
		r = set_place(st, root, id, err);
		if (r < 0)
			return r;
		snprintf(path, sizeof(path), "%s/%s", st->root, id);
		fd = domlet_place_lock(path, id, timeout_ms, err);
		if (fd < 0)
			return fd;
		*loaded = domlet_state_load(root, id, st, err);
		/* The path is looked at last: what is there now was there when it was read. */
		if (domlet_place_is_at(fd, path))
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

int domlet_state_each(const char *root, int (*cb)(struct domlet_state *st, void *arg), void *arg,
		      struct domlet_error *err)
{
	struct dirent **entries = NULL;
	int n = scandir(root, &entries, domlet_place_may_be, alphasort);
	int r = 0;

	if (n < 0 && errno == ENOENT)
		return 0; /* nothing was ever created */
	if (n < 0)
		return domlet_error_set(err, errno, "the state directory %s can't be read: %s", root,
					domlet_strerror(errno));
	for (int i = 0; i < n; i++) {
		struct domlet_state st;

		/* An entry may not be ours, be just removed, or be damaged: the others
		 * must still be listed. */
		if (r == 0 && domlet_state_load(root, entries[i]->d_name, &st, NULL) == 0) {
			r = cb(&st, arg);
			domlet_state_free(&st);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}
