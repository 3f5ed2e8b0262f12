// SPDX-License-Identifier: GPL-2.0-or-later
#include "mounts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "copies.h"
#include "copyup.h"
#include "live.h"
#include "mount_options.h"
#include "paths.h"
#include "shm.h"

/* Names of descriptors; O_PATH ones can be used by their name alone. */
struct fd_path {
	char text[32];
};

static struct fd_path path_of(int fd)
{
	struct fd_path p;

	snprintf(p.text, sizeof(p.text), "/proc/self/fd/%d", fd);
	return p;
}

/* Changes the flags of the mount that is on top of PATH now. */
static int remount(int root_fd, const char *path, unsigned long flags, unsigned long propagation)
{
	int fd = domlet_path_open(root_fd, path), rc = 0;

	if (fd < 0)
		return fd;
	if (flags && mount(NULL, path_of(fd).text, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
		rc = -errno;
	if (rc == 0 && propagation && mount(NULL, path_of(fd).text, NULL, propagation, NULL) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* What is mounted over a directory has its mode. */
static int set_mode(int root_fd, const char *path, mode_t mode)
{
	int fd = domlet_path_open(root_fd, path), rc = fd < 0 ? fd : 0;

	if (rc == 0 && chmod(path_of(fd).text, mode) < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

/* The filesystem to mount for an OCI type; NULL when the guest has none. */
static const char *guest_type(const char *type)
{
	static const char *const same[] = { "proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup2", "devtmpfs" };
	size_t i;

	for (i = 0; i < sizeof(same) / sizeof(*same); i++)
		if (!strcmp(type, same[i]))
			return type;
	if (!strcmp(type, "cgroup"))
		return "cgroup2";
	return NULL;
}

/* What must be made in it comes after it: read-only is for domlet_mounts_finish(). */
static bool is_filled_later(const struct domlet_mount_config *m)
{
	return m->via == DOMLET_MOUNT_GUEST && (!strcmp(m->type, "tmpfs") || !strcmp(m->destination, "/dev"));
}

/* A hidden root would still be the one that is entered. */
static int find_target(const struct domlet_mount_config *m, enum domlet_path_kind kind,
		       const struct domlet_mount_place *p, struct domlet_path *target, struct domlet_failure *failure)
{
	int rc = domlet_path_make(p->root_fd, m->destination, kind, target, failure);

	if (rc < 0 || strcmp(target->name, "/") != 0)
		return rc;
	close(target->fd);
	return domlet_failure_set(failure, EBUSY,
				  "mount of %s: it leads to the root itself, on which nothing can be mounted",
				  m->destination);
}

/* As with runc: programs trust what they find in /proc and /sys, so these are
 * where their names say. */
static bool must_be_no_link(const char *type)
{
	return !strcmp(type, "proc") || !strcmp(type, "sysfs");
}

static bool is_link(int root_fd, const char *path)
{
	int fd = domlet_path_open_for(root_fd, path, O_PATH | O_NOFOLLOW);
	struct stat st;
	bool is = fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);

	if (fd >= 0)
		close(fd);
	return is;
}

/* The tmpfs that M shares with other containers'. */
static int bind_shared(const struct domlet_mount_config *m, const struct domlet_path *target)
{
	int fd = domlet_shm_open(m->shared);
	int rc = fd < 0 ? fd : mount(path_of(fd).text, path_of(target->fd).text, NULL, MS_BIND, NULL) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

static int mount_type(const char *type, const struct domlet_mount_config *m, const struct domlet_mount_options *o,
		      const struct domlet_mount_place *p, const struct domlet_path *target)
{
	const unsigned long later = is_filled_later(m) ? MS_RDONLY : 0;
	const bool cgroup = !strcmp(type, "cgroup2"), bind = cgroup && p->cgroup;
	const char *source = m->source[0] ? m->source : type;
	struct stat before;
	int rc = fstat(target->fd, &before) < 0 ? -errno : 0;

	if (rc < 0)
		return rc;
	if (m->shared) {
		rc = bind_shared(m, target);
		return rc < 0 ? rc : remount(p->root_fd, target->name, o->flags & ~later, o->propagation);
	}
	if (bind) /* there is no namespace to show its own only */
		rc = mount(p->cgroup, path_of(target->fd).text, NULL, MS_BIND, NULL);
	else
		rc = mount(source, path_of(target->fd).text, type, o->flags & ~later, cgroup ? "" : o->data);
	if (rc < 0)
		return -errno;
	rc = remount(p->root_fd, target->name, bind ? o->flags : 0, o->propagation);
	if (rc == 0 && !target->made && !strstr(o->data, "mode=") && !strcmp(type, "tmpfs"))
		rc = set_mode(p->root_fd, target->name, before.st_mode & 07777);
	return rc;
}

static int copy_up(int root_fd, const char *path, int below)
{
	int fd = domlet_path_open_for(root_fd, path, O_RDONLY | O_DIRECTORY),
	    rc = fd < 0 ? fd : domlet_copyup(below, fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

/* The host has decided that it is the guest's (toolstack/oci/plan-mounts.c):
 * binds that got a type of the guest's keep no word of being binds. */
static int mount_guest(const struct domlet_mount_config *m, const struct domlet_mount_options *o,
		       const struct domlet_mount_place *p, char **at, struct domlet_failure *failure)
{
	const char *type = guest_type(m->type);
	struct domlet_path target;
	int rc, below, copied;

	if (!type)
		return domlet_failure_set(failure, ENODEV, "mount of %s: the guest has no file system %s",
					  m->destination, m->type);
	if (must_be_no_link(type) && is_link(p->root_fd, m->destination))
		return domlet_failure_set(failure, ENOTDIR,
					  "mount of %s: %s must be mounted on a directory, and there is a link",
					  m->destination, type);
	rc = find_target(m, DOMLET_PATH_DIRECTORY, p, &target, failure);
	if (rc < 0)
		return rc;
	/* What it hides is read from this. */
	below = o->copy_up && !target.made ? open(path_of(target.fd).text, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	rc = mount_type(type, m, o, p, &target);
	copied = rc == 0 && below >= 0 ? copy_up(p->root_fd, target.name, below) : 0;
	if (below >= 0)
		close(below);
	/* Its own mount may hide the links that the configuration's path leads through. */
	if (rc == 0 && is_filled_later(m) && o->flags & MS_RDONLY && !(*at = strdup(target.name)))
		rc = -ENOMEM;
	close(target.fd);
	if (rc < 0)
		return domlet_failure_set(failure, -rc, "can't mount %s on %s: %s", type, m->destination,
					  domlet_path_reason(-rc));
	if (copied < 0)
		return domlet_failure_set(failure, -copied,
					  "mount of %s: what is there can't be copied into the tmpfs: %s%s",
					  m->destination, domlet_failure_name(-copied),
					  copied == -ENOSPC ? "; its size= must be larger" : "");
	return 0;
}

static int write_file(const char *path, const struct domlet_mount_config *m)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	uint32_t done = 0;
	int rc = fd < 0 ? -errno : 0;

	while (rc == 0 && done < m->content_len) {
		ssize_t n = write(fd, m->content + done, m->content_len - done);

		if (n >= 0)
			done += (uint32_t)n;
		else if (errno != EINTR)
			rc = -errno;
	}
	if (rc == 0 && fchown(fd, m->uid, m->gid) < 0)
		rc = -errno;
	/* Of the owner and the group a change takes the set-id bits away. */
	if (rc == 0 && fchmod(fd, m->mode) < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int refuse_data(const struct domlet_mount_config *m, const struct domlet_mount_options *o,
		       struct domlet_failure *failure)
{
	return o->data[0] ? domlet_failure_set(failure, EINVAL, "mount of %s: no bind has the options \"%s\"",
					       m->destination, o->data) :
			    0;
}

/* Binds SOURCE, which is WHAT for a sentence, where M says. */
static int bind_at(const char *source, const char *what, enum domlet_path_kind kind,
		   const struct domlet_mount_config *m, const struct domlet_mount_options *o,
		   const struct domlet_mount_place *p, struct domlet_failure *failure)
{
	struct domlet_path target;
	int rc = find_target(m, kind, p, &target, failure);

	if (rc < 0)
		return rc;
	rc = mount(source, path_of(target.fd).text, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
	close(target.fd);
	if (rc == 0)
		rc = remount(p->root_fd, target.name, o->flags, o->propagation);
	return rc < 0 ? domlet_failure_set(failure, -rc, "can't mount %s on %s: %s", what, m->destination,
					   domlet_path_reason(-rc)) :
			0;
}

static int mount_copy(const struct domlet_mount_config *m, const struct domlet_mount_options *o, uint32_t i,
		      const struct domlet_mount_place *p, struct domlet_failure *failure)
{
	const struct domlet_copy_path copy = domlet_copies_path(p->number, i);
	int rc = refuse_data(m, o, failure);

	if (rc < 0)
		return rc;
	rc = write_file(copy.text, m);
	if (rc < 0)
		return domlet_failure_set(failure, -rc, "can't store the content of %s: %s", m->destination,
					  domlet_failure_name(-rc));
	return bind_at(copy.text, "the copied file", DOMLET_PATH_FILE, m, o, p, failure);
}

/* Where process 1 listens already. */
static int mount_socket(const struct domlet_mount_config *m, const struct domlet_mount_options *o, uint32_t i,
			const struct domlet_mount_place *p, struct domlet_failure *failure)
{
	int rc = refuse_data(m, o, failure);

	return rc < 0 ? rc :
			bind_at(domlet_copies_path(p->number, i).text, "the socket", DOMLET_PATH_FILE, m, o, p, failure);
}

static int mount_live(const struct domlet_mount_config *m, const struct domlet_mount_options *o,
		      const struct domlet_mount_place *p, struct domlet_failure *failure)
{
	const struct domlet_live_path source = domlet_live_path(p->number, m->export);
	int rc = refuse_data(m, o, failure);
	struct stat st;

	if (rc < 0)
		return rc;
	if (stat(source.text, &st) < 0)
		return domlet_failure_set(failure, errno, "what dom0 shares for %s can't be reached: %s",
					  m->destination, domlet_failure_name(errno));
	return bind_at(source.text, "what dom0 shares", S_ISDIR(st.st_mode) ? DOMLET_PATH_DIRECTORY : DOMLET_PATH_FILE,
		       m, o, p, failure);
}

int domlet_mounts_apply(const struct domlet_mount_config *m, uint32_t i, const struct domlet_mount_place *p, char **at,
			struct domlet_failure *failure)
{
	struct domlet_mount_options options;
	int rc;

	*at = NULL;
	if (m->via == DOMLET_MOUNT_SKIP)
		return 0;
	rc = domlet_mount_options_parse(&m->options, &options, failure);
	if (rc < 0)
		return rc;
	if (m->via == DOMLET_MOUNT_COPY)
		return mount_copy(m, &options, i, p, failure);
	if (m->via == DOMLET_MOUNT_SOCKET)
		return mount_socket(m, &options, i, p, failure);
	if (m->via == DOMLET_MOUNT_LIVE)
		return mount_live(m, &options, p, failure);
	return mount_guest(m, &options, p, at, failure);
}

int domlet_mounts_finish(const struct domlet_mount_config *m, const char *at, const struct domlet_mount_place *p,
			 struct domlet_failure *failure)
{
	struct domlet_mount_options options;
	int rc = at ? domlet_mount_options_parse(&m->options, &options, failure) : 0;

	if (!at || rc < 0)
		return rc;
	rc = remount(p->root_fd, at, options.flags, 0);
	if (rc < 0)
		return domlet_failure_set(failure, -rc, "can't make %s read-only: %s", m->destination,
					  domlet_failure_name(-rc));
	return 0;
}

static bool is_absent(int rc)
{
	return rc == -ENOENT || rc == -ENOTDIR;
}

int domlet_mounts_mask(int root_fd, const char *path, struct domlet_failure *failure)
{
	int fd = domlet_path_open(root_fd, path), rc = 0;
	struct stat st;

	if (is_absent(fd))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		rc = fd < 0 ? fd : -errno;
	else if (S_ISDIR(st.st_mode))
		rc = mount("tmpfs", path_of(fd).text, "tmpfs", MS_RDONLY, "size=0,nr_inodes=1") < 0 ? -errno : 0;
	else
		rc = mount("/dev/null", path_of(fd).text, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		return domlet_failure_set(failure, -rc, "can't mask %s: %s", path, domlet_failure_name(-rc));
	return 0;
}

/* Flags that a remount must name again to keep. */
static unsigned long kept_flags(const struct statfs *fs)
{
	static const struct {
		long has; /* ST_* of statfs */
		unsigned long keep;
	} flags[] = {
		{ 2, MS_NOSUID },      { 4, MS_NODEV },          { 8, MS_NOEXEC },
		{ 0x400, MS_NOATIME }, { 0x800, MS_NODIRATIME }, { 0x1000, MS_RELATIME },
	};
	unsigned long out = 0;
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (fs->f_flags & flags[i].has)
			out |= flags[i].keep;
	return out;
}

int domlet_mounts_make_readonly(int root_fd, const char *path, struct domlet_failure *failure)
{
	int fd = domlet_path_open(root_fd, path), rc;
	struct statfs fs;

	if (is_absent(fd))
		return 0;
	rc = fd < 0 ? fd : 0;
	if (rc == 0 && fstatfs(fd, &fs) < 0)
		rc = -errno;
	if (rc == 0 && mount(path_of(fd).text, path_of(fd).text, NULL, MS_BIND | MS_REC, NULL) < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		rc = remount(root_fd, path, MS_RDONLY | kept_flags(&fs), 0);
	if (rc < 0)
		return domlet_failure_set(failure, -rc, "can't make %s read-only: %s", path, domlet_failure_name(-rc));
	return 0;
}
