// SPDX-License-Identifier: GPL-2.0-or-later
#include "copyup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Directories below one another: each costs two descriptors while it is copied. */
#define DEPTH_MAX 200u
#define CAPABILITY "security.capability"

static int copy_directory(int from, int to, unsigned int depth);

static int copy_content(int in, int out)
{
	ssize_t n;

	while ((n = sendfile(out, in, NULL, 1u << 20)) > 0 || (n < 0 && errno == EINTR))
		;
	return n < 0 ? -errno : 0;
}

/* After the owner, whose change takes it away. */
static void copy_capability(int in, int out)
{
	char value[64];
	ssize_t n = fgetxattr(in, CAPABILITY, value, sizeof value);

	if (n > 0)
		(void)fsetxattr(out, CAPABILITY, value, (size_t)n, 0);
}

static int copy_attributes(int fd, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0 || futimens(fd, times) < 0)
		return -errno;
	return 0;
}

static int copy_file(int from, int to, const char *name, const struct stat *st)
{
	int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int out = in < 0 ? -1 : openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc = out < 0 ? -errno : copy_content(in, out);

	if (rc == 0)
		rc = copy_attributes(out, st);
	if (rc == 0)
		copy_capability(in, out);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return rc;
}

static int copy_subdirectory(int from, int to, const char *name, const struct stat *st, unsigned int depth)
{
	int in = -1, out = -1;
	int rc = depth == DEPTH_MAX ? -ELOOP : mkdirat(to, name, 0700) < 0 ? -errno : 0;

	if (rc < 0)
		return rc;
	in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	out = in < 0 ? -1 : openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	rc = out < 0 ? -errno : copy_directory(in, out, depth + 1);
	if (rc == 0)
		rc = copy_attributes(out, st);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return rc;
}

/* A link, a FIFO, a device. */
static int copy_node(int from, int to, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	const bool link = S_ISLNK(st->st_mode);
	char target[PATH_MAX];
	ssize_t n;
	int rc;

	if (link) {
		n = readlinkat(from, name, target, sizeof target - 1);
		if (n < 0)
			return -errno;
		target[n] = 0;
		rc = symlinkat(target, to, name);
	} else {
		rc = mknodat(to, name, st->st_mode & (S_IFMT | 0777), st->st_rdev);
	}
	if (rc < 0 || fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!link && fchmodat(to, name, st->st_mode & 07777, 0) < 0) ||
	    utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_one(int from, int to, const char *name, unsigned int depth)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG: return copy_file(from, to, name, &st);
	case S_IFDIR: return copy_subdirectory(from, to, name, &st, depth);
	case S_IFSOCK: return 0; /* nobody listens at a copy */
	default: return copy_node(from, to, name, &st);
	}
}

static int copy_directory(int from, int to, unsigned int depth)
{
	int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = copy_one(from, to, d->d_name, depth);
	if (rc == 0)
		rc = -errno;
	closedir(dir);
	return rc;
}

int domlet_copyup(int from, int to)
{
	return copy_directory(from, to, 0);
}
