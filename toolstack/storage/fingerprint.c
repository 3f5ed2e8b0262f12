/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fingerprint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../../frontend/proto/sha256.h"
#include "../base/cleanup.h"
#include "../base/interrupt.h"
#include "mkfs.h"

/* This is raised when mkfs.erofs is called differently, or other things are hashed: images
 * that were made before must not be found then. */
#define FINGERPRINT_VERSION "domlet image 2"

struct names {
	char **item;
	size_t count, room;
};

struct walk {
	struct domlet_sha256 hash;
	struct names pending; /* directories still to be read, relative to the root */
	dev_t device;
	const struct timespec *fresh;
	int root_fd;
	const char *name;
	struct domlet_error *err;
	/* XATTR_LIST_MAX and XATTR_SIZE_MAX. */
	char list[65536], value[65536];
};

static int names_add(struct names *n, char *owned)
{
	if (n->count == n->room) {
		size_t room = n->room ? 2 * n->room : 64;
		char **more = reallocarray(n->item, room, sizeof(*more));

		if (!more) {
			free(owned);
			return -ENOMEM;
		}
		n->item = more;
		n->room = room;
	}
	n->item[n->count++] = owned;
	return 0;
}

static void names_free(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->item[i]);
	free(n->item);
	*n = (struct names){ 0 };
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int failed(const struct walk *w, const char *path, int code)
{
	return domlet_error_set(w->err, code, "%s/%s can't be put into an image: %s", w->name, path,
				domlet_strerror(code));
}

/* Hashes a field with its length, so that no two trees give the same bytes. */
static void hash_bytes(struct walk *w, const void *data, size_t len)
{
	uint64_t n = len;

	domlet_sha256_update(&w->hash, &n, sizeof(n));
	domlet_sha256_update(&w->hash, data, len);
}

static int hash_xattrs(struct walk *w, int dir_fd, const char *entry)
{
	char path[64 + NAME_MAX];
	ssize_t list_len, value_len;

	/* There is no llistxattrat(). */
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd, entry);
	list_len = llistxattr(path, w->list, sizeof(w->list));
	if (list_len < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *key = w->list; key < w->list + list_len; key += strlen(key) + 1) {
		value_len = lgetxattr(path, key, w->value, sizeof(w->value));
		if (value_len < 0 && errno != ENODATA)
			return -errno;
		hash_bytes(w, key, strlen(key));
		hash_bytes(w, w->value, value_len > 0 ? (size_t)value_len : 0);
	}
	return 0;
}

static void hash_stat(struct walk *w, const struct stat *st)
{
	uint64_t fields[] = { st->st_mode, st->st_uid, st->st_gid };
	bool content = S_ISREG(st->st_mode) && st->st_size > 0;

	hash_bytes(w, fields, sizeof(fields));
	if (content) {
		uint64_t more[] = {
			(uint64_t)st->st_size,        st->st_ino,
			(uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec,
			(uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec,
		};

		hash_bytes(w, more, sizeof(more));
	}
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		uint64_t device[] = { major(st->st_rdev), minor(st->st_rdev) };

		hash_bytes(w, device, sizeof(device));
	}
}

/* Whether the file is so new that its next change may have the same time: then its contents
 * tell. */
static bool is_fresh(const struct walk *w, const struct stat *st)
{
	return S_ISREG(st->st_mode) &&
	       (st->st_ctim.tv_sec > w->fresh->tv_sec ||
		(st->st_ctim.tv_sec == w->fresh->tv_sec && st->st_ctim.tv_nsec >= w->fresh->tv_nsec));
}

static int hash_contents(struct walk *w, int dir_fd, const char *entry)
{
	cleanup_close int fd = openat(dir_fd, entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	uint64_t end = 0;
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0) {
		n = read(fd, w->value, sizeof(w->value));
		if (n > 0)
			hash_bytes(w, w->value, (size_t)n);
	}
	hash_bytes(w, &end, sizeof(end));
	return n < 0 ? -errno : 0;
}

static int hash_entry(struct walk *w, int dir_fd, const char *dir, const char *entry)
{
	cleanup_free char *path = NULL;
	struct stat st;
	int r = 0;

	if (asprintf(&path, "%s%s%s", dir, dir[0] != '\0' ? "/" : "", entry) < 0) {
		path = NULL;
		return failed(w, entry, ENOMEM);
	}
	if (fstatat(dir_fd, entry, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(w, path, errno);
	hash_bytes(w, path, strlen(path));
	hash_stat(w, &st);
	if (S_ISLNK(st.st_mode)) {
		ssize_t n = readlinkat(dir_fd, entry, w->value, sizeof(w->value));

		if (n < 0)
			return failed(w, path, errno);
		hash_bytes(w, w->value, (size_t)n);
	}
	r = hash_xattrs(w, dir_fd, entry);
	if (r == 0 && is_fresh(w, &st))
		r = hash_contents(w, dir_fd, entry);
	if (r < 0)
		return failed(w, path, -r);
	if (!S_ISDIR(st.st_mode))
		return 0;
	/* Only directories are looked at: overlayfs gives files the device of their layer. */
	if (st.st_dev != w->device)
		return domlet_error_set(w->err, EXDEV,
					"%s/%s can't be put into an image: another file system is mounted there",
					w->name, path);
	return names_add(&w->pending, take_ptr(path)) < 0 ? failed(w, entry, ENOMEM) : 0;
}

static int list_directory(struct walk *w, const char *path, DIR *dir, struct names *names)
{
	struct dirent *entry;

	errno = 0;
	while ((entry = readdir(dir))) {
		char *copy;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		copy = strdup(entry->d_name);
		if (!copy || names_add(names, copy) < 0)
			return failed(w, path, ENOMEM);
		errno = 0;
	}
	if (errno != 0)
		return failed(w, path, errno);
	if (names->count > 1)
		qsort(names->item, names->count, sizeof(names->item[0]), by_name);
	return 0;
}

static int hash_directory(struct walk *w, const char *path)
{
	int fd = openat(w->root_fd, path[0] != '\0' ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct names names = { 0 };
	int r;

	if (!dir) {
		int code = errno;

		if (fd >= 0)
			close(fd);
		return failed(w, path, code);
	}
	r = domlet_interrupt_check(w->err);
	if (r == 0)
		r = list_directory(w, path, dir, &names);
	for (size_t i = 0; i < names.count && r == 0; i++)
		r = hash_entry(w, fd, path, names.item[i]);
	names_free(&names);
	return r;
}

static int walk_tree(struct walk *w)
{
	struct stat st;
	int r;

	if (fstat(w->root_fd, &st) < 0)
		return failed(w, "", errno);
	w->device = st.st_dev;
	hash_stat(w, &st);
	r = hash_xattrs(w, w->root_fd, ".");
	if (r < 0)
		return failed(w, "", -r);
	r = hash_directory(w, "");
	/* The directories are on a stack of our own: a tree may be as deep as it likes. */
	while (r == 0 && w->pending.count > 0) {
		cleanup_free char *path = w->pending.item[--w->pending.count];

		r = hash_directory(w, path);
	}
	return r;
}

/* Hashes what mkfs.erofs it is: another one may make other images of the same tree, a
 * version that mends a fault most of all. The program's file tells as much as asking the
 * program for its version, and at once. */
static void hash_packer(struct walk *w)
{
	char program[PATH_MAX];
	struct stat st;

	if (!domlet_mkfs_find(program, sizeof(program)) || stat(program, &st) < 0)
		return;
	hash_bytes(w, program, strlen(program));
	hash_stat(w, &st);
}

int domlet_fingerprint(int root_fd, const char *name, const uint8_t origin[32], const struct timespec *fresh,
		       uint8_t out[32], struct domlet_error *err)
{
	struct walk *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return domlet_error_set(err, ENOMEM, "%s can't be put into an image: out of memory", name);
	w->root_fd = root_fd;
	w->name = name;
	w->fresh = fresh;
	w->err = err;
	domlet_sha256_init(&w->hash);
	hash_bytes(w, FINGERPRINT_VERSION, strlen(FINGERPRINT_VERSION));
	hash_bytes(w, origin, 32);
	hash_packer(w);
	r = walk_tree(w);
	if (r == 0)
		domlet_sha256_final(&w->hash, out);
	names_free(&w->pending);
	free(w);
	return r;
}
