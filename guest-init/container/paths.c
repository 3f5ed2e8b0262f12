// SPDX-License-Identifier: GPL-2.0-or-later
#include "paths.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As many as the kernel follows (MAXSYMLINKS). */
#define LINKS_MAX 40u

static int open_in(int root_fd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
	};
	long fd;

	/* EAGAIN: a rename elsewhere made the kernel unsure. */
	do {
		fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return fd < 0 ? -errno : (int)fd;
}

int domlet_path_open_for(int root_fd, const char *path, int flags)
{
	return open_in(root_fd, path, (uint64_t)flags, 0);
}

int domlet_path_open(int root_fd, const char *path)
{
	return open_in(root_fd, path, O_PATH, 0);
}

struct walk {
	int root_fd;
	enum domlet_path_kind kind;
	struct domlet_path *at;  /* how far it has come: no component of the name is a link */
	char left[2 * PATH_MAX]; /* what is still to go */
	uint32_t links;
	bool ended; /* at a NODE's last component */
};

static int move_to(struct walk *w, int fd)
{
	if (fd < 0)
		return fd;
	close(w->at->fd);
	w->at->fd = fd;
	return 0;
}

static int expect_directory(const struct walk *w)
{
	struct stat st;

	if (fstat(w->at->fd, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int go_up(struct walk *w)
{
	char *slash = strrchr(w->at->name, '/');
	int rc = expect_directory(w);

	if (rc < 0)
		return rc;
	if (slash)
		*slash = '\0'; /* nothing is above the root */
	return move_to(w, open_in(w->root_fd, w->at->name[0] ? w->at->name : "/", O_PATH, RESOLVE_NO_SYMLINKS));
}

/* What a link says comes before what is left. NAME is its own. */
static int follow(struct walk *w, int link_fd, const char *name)
{
	char text[PATH_MAX];
	ssize_t len = readlinkat(link_fd, "", text, sizeof(text));
	size_t left_len = strlen(w->left);
	int fd = open_in(w->root_fd, name, O_PATH, 0);

	if (fd >= 0)
		close(fd);
	if (fd == -ELOOP) /* one of /proc's own, whose text is no path; or too many */
		return fd;
	if (len <= 0)
		return len < 0 ? -errno : -ENOENT;
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if ((size_t)len == sizeof(text) || (size_t)len + 1 + left_len >= sizeof(w->left))
		return -ENAMETOOLONG;
	memmove(w->left + len + 1, w->left, left_len + 1);
	memcpy(w->left, text, (size_t)len);
	w->left[len] = '/';
	if (text[0] != '/')
		return 0;
	w->at->name[0] = '\0';
	return move_to(w, open_in(w->root_fd, "/", O_PATH, 0));
}

static int make(const struct walk *w, const char *name, bool is_last)
{
	int fd;

	if (!is_last || w->kind == DOMLET_PATH_DIRECTORY)
		return mkdirat(w->at->fd, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
	fd = openat(w->at->fd, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

/* A component that is a name: into what has it, which is made if it is missing. */
static int go_down(struct walk *w, const char *component, bool is_last)
{
	const uint64_t flags = O_PATH | O_NOFOLLOW; /* with these a link is opened itself */
	char name[PATH_MAX];
	struct stat st;
	int fd, rc = 0;

	if ((size_t)snprintf(name, sizeof(name), "%s/%s", w->at->name, component) >= sizeof(name))
		return -ENAMETOOLONG;
	fd = open_in(w->root_fd, name, flags, RESOLVE_NO_SYMLINKS);
	w->at->made = fd == -ENOENT;
	w->ended = is_last && w->kind == DOMLET_PATH_NODE;
	if (w->at->made && !w->ended) {
		rc = make(w, component, is_last);
		fd = rc < 0 ? rc : open_in(w->root_fd, name, flags, RESOLVE_NO_SYMLINKS);
	}
	if (fd < 0 && !(w->at->made && w->ended))
		return fd;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode)) {
		w->ended = false;
		rc = follow(w, fd, name);
		close(fd);
		return rc;
	}
	strcpy(w->at->name, name); /* of the same size */
	if (!w->ended)
		return move_to(w, fd);
	if (fd >= 0)
		close(fd);
	return expect_directory(w);
}

/* Each step begins at the root again, so that nothing leads out of it. */
static int walk(struct walk *w)
{
	char component[NAME_MAX + 1];
	int rc = 0;

	while (rc == 0 && !w->ended) {
		size_t start = strspn(w->left, "/"), len = strcspn(w->left + start, "/"), next = start + len;

		if (len == 0)
			break;
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(component, w->left + start, len);
		component[len] = '\0';
		next += strspn(w->left + next, "/");
		memmove(w->left, w->left + next, strlen(w->left + next) + 1);
		if (strcmp(component, ".") == 0)
			rc = expect_directory(w);
		else if (strcmp(component, "..") == 0)
			rc = go_up(w);
		else
			rc = go_down(w, component, w->left[0] == '\0');
	}
	if (rc == 0 && w->kind == DOMLET_PATH_NODE && !w->ended)
		rc = -EISDIR; /* "/" or a path that ends in ".." */
	return rc;
}

/* A file where a directory should be, or the other way round, is the container's
 * own mistake: docker asks about it when it reads these words. */
const char *domlet_path_reason(int code)
{
	return code == ENOTDIR || code == EISDIR ? "not a directory" : domlet_failure_name(code);
}

int domlet_path_make(int root_fd, const char *path, enum domlet_path_kind kind, struct domlet_path *out,
		     struct domlet_failure *failure)
{
	struct walk w = { .root_fd = root_fd, .kind = kind, .at = out };
	size_t len = strlen(path);
	int rc = len < PATH_MAX ? 0 : -ENAMETOOLONG;

	out->made = false;
	out->name[0] = '\0';
	out->fd = rc < 0 ? -1 : open_in(root_fd, "/", O_PATH, 0);
	if (out->fd >= 0) {
		memcpy(w.left, path, len + 1);
		rc = walk(&w);
	} else if (rc == 0) {
		rc = out->fd;
	}
	if (rc == 0 && !out->name[0])
		strcpy(out->name, "/");
	if (rc == 0)
		return 0;
	if (out->fd >= 0)
		close(out->fd);
	return domlet_failure_set(failure, -rc, "can't create %s in the container: %s", path, domlet_path_reason(-rc));
}
