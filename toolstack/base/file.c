/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

static int read_all(int fd, size_t max, char **data, size_t *len)
{
	size_t size = 4096, used = 0;
	cleanup_free char *buf = malloc(size + 1);

	if (!buf)
		return -ENOMEM;
	for (;;) {
		ssize_t n;

		if (used == size) {
			char *more;

			size *= 2;
			more = realloc(buf, size + 1);
			if (!more)
				return -ENOMEM;
			buf = more;
		}
		n = read(fd, buf + used, size - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
		/* st_size is no proof: the file may be growing. */
		if (used > max)
			return -EFBIG;
	}
	buf[used] = '\0';
	*data = take_ptr(buf);
	*len = used;
	return 0;
}

/* A FIFO that nobody has opened for writing yet isn't at its end. */
static int await_writer(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return fcntl(fd, F_SETFL, 0) < 0 ? -errno : 0;
}

static int read_file(const char *path, size_t max, bool or_pipe, char **data, size_t *len, struct domlet_error *err)
{
	/* O_NONBLOCK: what may not be a FIFO must be refused below, not waited for. */
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return domlet_error_set(err, errno, "%s can't be read: %s", path, domlet_strerror(errno));
	if (!S_ISREG(st.st_mode) && !(or_pipe && S_ISFIFO(st.st_mode)))
		return domlet_error_set(err, EINVAL, "%s can't be read: it is not a regular file%s", path,
					or_pipe ? " or a pipe" : "");
	r = S_ISFIFO(st.st_mode) ? await_writer(fd) : 0;
	if (r == 0)
		r = st.st_size > 0 && (uintmax_t)st.st_size > max ? -EFBIG : read_all(fd, max, data, len);
	if (r == -EFBIG)
		return domlet_error_set(err, EFBIG, "%s is too large: it may have %zu bytes at most", path, max);
	if (r < 0)
		return domlet_error_set(err, -r, "%s can't be read: %s", path, domlet_strerror(-r));
	return 0;
}

int domlet_file_read(const char *path, size_t max, char **data, size_t *len, struct domlet_error *err)
{
	return read_file(path, max, false, data, len, err);
}

int domlet_file_read_or_pipe(const char *path, size_t max, char **data, size_t *len, struct domlet_error *err)
{
	return read_file(path, max, true, data, len, err);
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_temporary(const char *tmp, int fd, const char *path, const void *data, size_t len, mode_t mode)
{
	int r = write_all(fd, data, len);

	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(tmp);
	return r;
}

int domlet_file_write(const char *path, const void *data, size_t len, mode_t mode, struct domlet_error *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	cleanup_free char *tmp = NULL;
	cleanup_close int fd = -1;
	int r;

	if (asprintf(&tmp, "%.*s.%s.XXXXXX", (int)(name - path), path, name) < 0) {
		tmp = NULL;
		return domlet_error_set(err, ENOMEM, "%s can't be written: out of memory", path);
	}
	fd = mkostemp(tmp, O_CLOEXEC);
	r = fd < 0 ? -errno : write_temporary(tmp, fd, path, data, len, mode);
	if (r < 0)
		return domlet_error_set(err, -r, "%s can't be written: %s", path, domlet_strerror(-r));
	return 0;
}

int domlet_file_mkdir_parents(const char *path, mode_t mode, struct domlet_error *err)
{
	cleanup_free char *copy = strdup(path);
	struct stat st;

	if (!copy)
		return domlet_error_set(err, ENOMEM, "%s can't be made: out of memory", path);
	for (char *p = copy; *p != '\0';) {
		char *end = p + strspn(p, "/");
		char held;

		end += strcspn(end, "/");
		held = *end;
		*end = '\0';
		if (copy[0] != '\0' && mkdir(copy, mode) < 0 && errno != EEXIST) {
			int code = errno;

			/* A read-only file system is no matter when the directory is there. */
			if (stat(copy, &st) < 0)
				return domlet_error_set(err, code, "the directory %s can't be made: %s", copy,
							domlet_strerror(code));
		}
		*end = held;
		p = end;
	}
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return domlet_error_set(err, ENOTDIR, "%s can't be used: it is no directory", path);
	return 0;
}

void domlet_file_close_others(const int *keep, size_t count)
{
	for (unsigned int from = STDERR_FILENO + 1;;) {
		unsigned int next = UINT_MAX;

		for (size_t i = 0; i < count; i++)
			if (keep[i] >= (int)from && (unsigned int)keep[i] < next)
				next = (unsigned int)keep[i];
		if (next > from)
			(void)close_range(from, next == UINT_MAX ? next : next - 1, 0);
		if (next == UINT_MAX)
			return;
		from = next + 1;
	}
}
