/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/file.h"
#include "../base/interrupt.h"
#include "fingerprint.h"
#include "mkfs.h"
#include "origin.h"

/* How often the image of a tree is tried that changes meanwhile. */
#define ATTEMPTS_MAX 3

#define IMAGE_SUFFIX ".erofs"
#define PARTIAL_SUFFIX ".part"
/* The end of the name of an image that is one container's alone; the rest is random. */
#define OWN_SUFFIX ".own.erofs"

struct job {
	const char *rootfs, *cache_dir;
	int tree_fd;   /* the root file system without what is mounted below */
	bool detached; /* TREE_FD is a mount of its own */
	struct domlet_origin origin;
	struct timespec fresh; /* files changed after this are hashed with their contents */
	bool made;             /* there is a new image in the cache */
	struct domlet_error *err;
};

static int open_tree_of(struct job *job)
{
	job->tree_fd = open_tree(AT_FDCWD, job->rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	job->detached = job->tree_fd >= 0;
	/* Without the right to mount (tests): the walk refuses what is mounted below. */
	if (!job->detached && (errno == EPERM || errno == EINVAL || errno == ENOSYS))
		job->tree_fd = open(job->rootfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (job->tree_fd < 0)
		return domlet_error_set(job->err, errno, "the root file system %s can't be read: %s", job->rootfs,
					domlet_strerror(errno));
	return 0;
}

static char *cache_path(const struct job *job, const uint8_t print[32], const char *suffix)
{
	char hex[65], *path = NULL;

	for (unsigned int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", print[i]);
	return asprintf(&path, "%s/%s%s", job->cache_dir, hex, suffix) < 0 ? NULL : path;
}

/* Takes the image from the cache, if it is there: one may have been trimmed while we waited.
 * Trimming goes by the time of last use, which is set, and the lock says that the image is
 * in use. */
static bool use_cached(const char *image, int *lock)
{
	cleanup_close int fd = open(image, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat mine, there;

	if (fd < 0 || flock(fd, LOCK_SH) < 0 || utimensat(AT_FDCWD, image, NULL, 0) < 0 || fstat(fd, &mine) < 0 ||
	    stat(image, &there) < 0 || mine.st_ino != there.st_ino || mine.st_dev != there.st_dev)
		return false;
	*lock = take_fd(&fd);
	return true;
}

/* Opens and locks PARTIAL. A caller who has waited may find that the file was finished, and
 * renamed or removed, in the meantime: then it isn't the file at that path. */
static int lock_partial(const char *partial, int *locked_fd)
{
	for (;;) {
		cleanup_close int fd = open(partial, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		struct stat mine, there;

		if (fd < 0)
			return -errno;
		/* The lock is asked for again and again: nobody can be woken from flock(). */
		while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno != EWOULDBLOCK && errno != EINTR)
				return -errno;
			if (domlet_interrupt_check(NULL) < 0)
				return -EINTR;
			(void)usleep(DOMLET_INTERRUPT_LOOK_MS * 1000);
		}
		if (fstat(fd, &mine) < 0)
			return -errno;
		if (stat(partial, &there) == 0 && there.st_ino == mine.st_ino && there.st_dev == mine.st_dev) {
			*locked_fd = take_fd(&fd);
			return 0;
		}
	}
}

static int fingerprint(const struct job *job, uint8_t print[32])
{
	return domlet_fingerprint(job->tree_fd, job->rootfs, job->origin.id, &job->fresh, print, job->err);
}

static int fill(const struct job *job, int fd, const char *partial, const char *image, const uint8_t print[32])
{
	uint8_t after[32];
	int r = domlet_mkfs_erofs(job->rootfs, job->detached, partial, job->err);

	/* A tree whose times tell nothing has no fingerprint. */
	if (r == 0 && job->origin.trusted)
		r = fingerprint(job, after);
	if (r < 0)
		return r;
	if (job->origin.trusted && memcmp(print, after, sizeof(after)) != 0)
		return -EAGAIN;
	/* A name in the cache promises a whole image, after a power cut too. */
	if (fdatasync(fd) < 0 || fchmod(fd, 0400) < 0 || rename(partial, image) < 0)
		return domlet_error_set(job->err, errno, "the image %s can't be written: %s", image,
					domlet_strerror(errno));
	return 0;
}

static int make(struct job *job, const char *image, const uint8_t print[32])
{
	cleanup_free char *partial = cache_path(job, print, PARTIAL_SUFFIX);
	cleanup_close int fd = -1;
	int r = partial ? lock_partial(partial, &fd) : -ENOMEM;

	if (r < 0)
		return domlet_error_set(job->err, -r, "the image %s can't be made: %s", image, domlet_strerror(-r));
	if (access(image, F_OK) < 0)
		r = fill(job, fd, partial, image, print);
	else
		r = 1; /* another caller has made the image while we waited */
	job->made = r == 0;
	if (r != 0)
		unlink(partial);
	return r < 0 ? r : 0;
}

static int prepare_once(struct job *job, struct domlet_image *image)
{
	uint8_t print[32];
	cleanup_free char *path = NULL;
	int r = fingerprint(job, print);

	if (r < 0)
		return r;
	path = cache_path(job, print, IMAGE_SUFFIX);
	if (!path)
		return domlet_error_set(job->err, ENOMEM, "an image of %s can't be made: out of memory", job->rootfs);
	if (!use_cached(path, &image->lock)) {
		r = make(job, path, print);
		if (r < 0)
			return r;
		if (!use_cached(path, &image->lock))
			return -EAGAIN; /* the image is trimmed already */
	}
	image->path = take_ptr(path);
	return 0;
}

/* The lock goes from the unfinished image to the finished one, so that at no
 * time another may take it for left over. */
static int prepare_own(struct job *job, struct domlet_image *image)
{
	uint8_t name[32];
	cleanup_free char *partial = NULL, *path = NULL;
	cleanup_close int fd = -1;
	int r = getrandom(name, sizeof(name), 0) == (ssize_t)sizeof(name) ? 0 : -EIO;

	partial = r < 0 ? NULL : cache_path(job, name, PARTIAL_SUFFIX);
	path = r < 0 ? NULL : cache_path(job, name, OWN_SUFFIX);
	r = partial && path ? lock_partial(partial, &fd) : -ENOMEM;
	if (r < 0)
		return domlet_error_set(job->err, -r, "an image of %s can't be made in %s: %s", job->rootfs,
					job->cache_dir, domlet_strerror(-r));
	r = fill(job, fd, partial, path, name);
	if (r < 0) {
		unlink(partial);
		return r;
	}
	job->made = true;
	image->lock = take_fd(&fd);
	image->path = take_ptr(path);
	return 0;
}

int domlet_image_prepare(const char *rootfs, const char *cache_dir, unsigned long long cache_max,
			 struct domlet_image *image, struct domlet_error *err)
{
	struct domlet_error ignored;
	struct job job = { .rootfs = rootfs, .cache_dir = cache_dir, .tree_fd = -1, .err = err };
	int r = domlet_file_mkdir_parents(cache_dir, 0700, err);

	*image = (struct domlet_image){ .lock = -1 };
	if (r == 0)
		r = open_tree_of(&job);
	if (r < 0)
		return r;
	domlet_origin_look(rootfs, &job.origin);
	(void)clock_gettime(CLOCK_REALTIME, &job.fresh);
	job.fresh.tv_sec -= DOMLET_FINGERPRINT_GRAIN_S;
	r = job.origin.trusted ? -EAGAIN : prepare_own(&job, image);
	for (int i = 0; i < ATTEMPTS_MAX && r == -EAGAIN; i++)
		r = prepare_once(&job, image);
	close(job.tree_fd);
	if (r == -EAGAIN)
		return domlet_error_set(err, EBUSY,
					"an image of %s can't be made: something keeps changing files in it", rootfs);
	if (r == 0 && job.made)
		(void)domlet_image_trim(cache_dir, cache_max, &ignored);
	return r;
}

struct cached {
	char *name;
	struct timespec used;
	unsigned long long bytes;
};

static int by_use(const void *a, const void *b)
{
	const struct timespec *x = &((const struct cached *)a)->used, *y = &((const struct cached *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);

	return len == 64 + suffix_len && strcmp(name + 64, suffix) == 0;
}

/* Removes what a crash has left: a partial image, or one that was one container's alone,
 * whose lock nobody holds. */
static void remove_abandoned(int dir_fd, const char *name)
{
	cleanup_close int fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(dir_fd, name, 0);
}

static int collect(DIR *dir, struct cached **list, size_t *count)
{
	struct dirent *entry;
	size_t room = 0;

	while ((entry = readdir(dir))) {
		struct stat st;

		if (has_suffix(entry->d_name, PARTIAL_SUFFIX) || has_suffix(entry->d_name, OWN_SUFFIX))
			remove_abandoned(dirfd(dir), entry->d_name);
		if (!has_suffix(entry->d_name, IMAGE_SUFFIX) ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (*count == room) {
			struct cached *more = reallocarray(*list, room ? 2 * room : 64, sizeof(*more));

			if (!more)
				return -ENOMEM;
			*list = more;
			room = room ? 2 * room : 64;
		}
		(*list)[*count] = (struct cached){
			.name = strdup(entry->d_name),
			.used = st.st_mtim,
			.bytes = (unsigned long long)st.st_blocks * 512,
		};
		if (!(*list)[*count].name)
			return -ENOMEM;
		++*count;
	}
	return 0;
}

/* Removes an image. 1: it is gone. 0: it is in use. */
static int remove_unused(int dir_fd, const char *name)
{
	cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 0 : -errno;
	return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT ? -errno : 1;
}

static int remove_oldest(int dir_fd, struct cached *list, size_t count, unsigned long long max_bytes)
{
	unsigned long long total = 0;

	for (size_t i = 0; i < count; i++)
		total += list[i].bytes;
	if (count > 1)
		qsort(list, count, sizeof(*list), by_use);
	for (size_t i = 0; i < count && total > max_bytes; i++) {
		int r = remove_unused(dir_fd, list[i].name);

		if (r < 0)
			return r;
		if (r > 0)
			total -= list[i].bytes;
	}
	return 0;
}

void domlet_image_forget(const char *path)
{
	const char *name = path ? strrchr(path, '/') : NULL;

	if (name && has_suffix(name + 1, OWN_SUFFIX))
		(void)unlink(path);
}

int domlet_image_trim(const char *cache_dir, unsigned long long max_bytes, struct domlet_error *err)
{
	cleanup_closedir DIR *dir = opendir(cache_dir);
	struct cached *list = NULL;
	size_t count = 0;
	int r;

	if (!dir && errno == ENOENT)
		return 0; /* no image was ever made */
	r = dir ? collect(dir, &list, &count) : -errno;
	if (dir && r == 0)
		r = remove_oldest(dirfd(dir), list, count, max_bytes);
	for (size_t i = 0; i < count; i++)
		free(list[i].name);
	free(list);
	if (r < 0)
		return domlet_error_set(err, -r, "the image cache %s can't be trimmed: %s", cache_dir,
					domlet_strerror(-r));
	return 0;
}
