// SPDX-License-Identifier: GPL-2.0-or-later
#include "mounts.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned long set, clear;
} flag_options[] = {
	{ "defaults", 0, 0 },
	{ "ro", MS_RDONLY, 0 },
	{ "rw", 0, MS_RDONLY },
	{ "nosuid", MS_NOSUID, 0 },
	{ "suid", 0, MS_NOSUID },
	{ "nodev", MS_NODEV, 0 },
	{ "dev", 0, MS_NODEV },
	{ "noexec", MS_NOEXEC, 0 },
	{ "exec", 0, MS_NOEXEC },
	{ "sync", MS_SYNCHRONOUS, 0 },
	{ "async", 0, MS_SYNCHRONOUS },
	{ "dirsync", MS_DIRSYNC, 0 },
	{ "noatime", MS_NOATIME, 0 },
	{ "atime", 0, MS_NOATIME },
	{ "nodiratime", MS_NODIRATIME, 0 },
	{ "diratime", 0, MS_NODIRATIME },
	{ "relatime", MS_RELATIME, 0 },
	{ "norelatime", 0, MS_RELATIME },
	{ "strictatime", MS_STRICTATIME, 0 },
	{ "nostrictatime", 0, MS_STRICTATIME },
	{ "lazytime", MS_LAZYTIME, 0 },
	{ "nosymfollow", MS_NOSYMFOLLOW, 0 },
	{ "symfollow", 0, MS_NOSYMFOLLOW },
	{ "silent", MS_SILENT, 0 },
	{ "loud", 0, MS_SILENT },
	{ "nofail", 0, 0 },
};

static const struct {
	const char *name;
	unsigned long flags;
} propagations[] = {
	{ "private", MS_PRIVATE },         { "rprivate", MS_PRIVATE | MS_REC },
	{ "shared", MS_SHARED },           { "rshared", MS_SHARED | MS_REC },
	{ "slave", MS_SLAVE },             { "rslave", MS_SLAVE | MS_REC },
	{ "unbindable", MS_UNBINDABLE },   { "runbindable", MS_UNBINDABLE | MS_REC },
};

static bool parse_flag(const char *option, struct domlet_mount_options *out)
{
	for (size_t i = 0; i < sizeof(flag_options) / sizeof(*flag_options); i++) {
		if (strcmp(option, flag_options[i].name) != 0)
			continue;
		out->flags = (out->flags | flag_options[i].set) & ~flag_options[i].clear;
		return true;
	}
	return false;
}

static bool parse_known(const char *option, struct domlet_mount_options *out)
{
	size_t i;

	/* "rro" and the like mean the mounts below as well, of which ours have none. */
	if (parse_flag(option, out) || (option[0] == 'r' && parse_flag(option + 1, out)))
		return true;
	for (i = 0; i < sizeof(propagations) / sizeof(*propagations); i++) {
		if (strcmp(option, propagations[i].name) != 0)
			continue;
		out->propagation = propagations[i].flags;
		return true;
	}
	if (strcmp(option, "tmpcopyup") == 0)
		return out->copy_up = true;
	return !strcmp(option, "bind") || !strcmp(option, "rbind");
}

int domlet_mounts_parse_options(const struct domlet_strings *options, struct domlet_mount_options *out,
				struct domlet_failure *failure)
{
	size_t used = 0;
	uint32_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < options->count; i++) {
		const char *option = options->item[i];
		size_t len = strlen(option);

		if (!len || parse_known(option, out))
			continue;
		if (!strcmp(option, "idmap") || !strcmp(option, "ridmap"))
			return domlet_failure_set(failure, EINVAL, "mount option %s is not possible in the guest", option);
		/* Room for a comma and the NUL. */
		if (len + 2 > sizeof(out->data) - used)
			return domlet_failure_set(failure, EINVAL, "mount options are longer than a page");
		if (used)
			out->data[used++] = ',';
		memcpy(out->data + used, option, len);
		used += len;
	}
	return 0;
}

static int open_in(int root_fd, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* EAGAIN: a rename elsewhere made the kernel unsure. */
	do {
		fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return fd < 0 ? -errno : (int)fd;
}

int domlet_mounts_open(int root_fd, const char *path)
{
	return open_in(root_fd, path, O_PATH);
}

static int create_one(int parent, const char *name, bool is_file)
{
	int fd;

	if (!is_file)
		return mkdirat(parent, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
	fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

/* Walks PATH; each step starts at the root again, so that a symlink on the
 * way is followed as the container will follow it. */
static int create_path(int root_fd, const char *path, bool is_file)
{
	char prefix[4096];
	size_t len = strlen(path), at = 0;
	int parent = open_in(root_fd, "/", O_PATH), next, rc = 0;

	if (parent < 0 || len >= sizeof(prefix)) {
		if (parent >= 0)
			close(parent);
		return parent < 0 ? parent : -ENAMETOOLONG;
	}
	while (rc == 0) {
		size_t start, name_len;
		char name[256];

		while (path[at] == '/')
			at++;
		if (!path[at])
			return parent;
		start = at;
		while (path[at] && path[at] != '/')
			at++;
		name_len = at - start;
		memcpy(prefix, path, at);
		prefix[at] = '\0';
		next = open_in(root_fd, prefix, O_PATH);
		if (next == -ENOENT && name_len < sizeof(name)) {
			memcpy(name, path + start, name_len);
			name[name_len] = '\0';
			rc = create_one(parent, name, is_file && !path[at]);
			next = rc < 0 ? rc : open_in(root_fd, prefix, O_PATH);
		}
		close(parent);
		parent = next;
		rc = next < 0 ? next : 0;
	}
	return rc;
}

/* A file where a directory should be, or the other way round, is the container's
 * own mistake: docker asks about it when it reads these words. */
static const char *reason(int code)
{
	return code == ENOTDIR || code == EISDIR ? "not a directory" : domlet_failure_name(code);
}

int domlet_mounts_create(int root_fd, const char *path, bool is_file, struct domlet_failure *failure)
{
	int fd = domlet_mounts_open(root_fd, path);

	if (fd == -ENOENT)
		fd = create_path(root_fd, path, is_file);
	if (fd < 0)
		return domlet_failure_set(failure, -fd, "can't create %s in the container: %s", path,
					  reason(-fd));
	return fd;
}

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
	int fd = domlet_mounts_open(root_fd, path), rc = 0;

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
	int fd = domlet_mounts_open(root_fd, path), rc = fd < 0 ? fd : 0;

	if (rc == 0 && chmod(path_of(fd).text, mode) < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

static bool is_empty(int root_fd, const char *path)
{
	int fd = open_in(root_fd, path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t entries = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return true;
	}
	while (entries <= 2 && readdir(dir)) /* "." and ".." */
		entries++;
	closedir(dir);
	return entries <= 2;
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

/* The host has decided that it is the guest's (toolstack/oci/plan-mounts.c):
 * binds that got a type of the guest's keep no word of being binds. */
static int mount_guest(const struct domlet_mount_config *m, const struct domlet_mount_options *o,
		       const struct domlet_mount_place *p, struct domlet_failure *failure)
{
	const char *type = guest_type(m->type), *source = type;
	unsigned long flags = o->flags & ~(is_filled_later(m) ? (unsigned long)MS_RDONLY : 0ul);
	bool cgroup = type && !strcmp(type, "cgroup2"), mode_given = strstr(o->data, "mode=");
	struct stat before;
	bool existed;
	int target, rc;

	if (!type)
		return domlet_failure_set(failure, ENODEV, "mount of %s: the guest has no file system %s",
					  m->destination, m->type);
	if (o->copy_up && !is_empty(p->root_fd, m->destination))
		return domlet_failure_set(failure, EINVAL, "mount of %s: tmpcopyup of a directory that is not empty is not possible yet",
					  m->destination);
	target = domlet_mounts_open(p->root_fd, m->destination);
	existed = target >= 0 && fstat(target, &before) == 0;
	if (target < 0)
		target = domlet_mounts_create(p->root_fd, m->destination, false, failure);
	if (target < 0)
		return target;
	if (cgroup && p->cgroup) /* there is no namespace to show its own only */
		rc = mount(p->cgroup, path_of(target).text, NULL, MS_BIND, NULL);
	else
		rc = mount(source, path_of(target).text, type, flags, cgroup ? "" : o->data);
	rc = rc < 0 ? -errno : 0;
	close(target);
	if (rc == 0)
		rc = remount(p->root_fd, m->destination, cgroup && p->cgroup ? o->flags : 0, o->propagation);
	if (rc == 0 && existed && !mode_given && !strcmp(type, "tmpfs"))
		rc = set_mode(p->root_fd, m->destination, before.st_mode & 07777);
	if (rc < 0)
		return domlet_failure_set(failure, -rc, "can't mount %s on %s: %s", type, m->destination,
					  reason(-rc));
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

static int mount_copy(const struct domlet_mount_config *m, const struct domlet_mount_options *o, uint32_t i,
		      const struct domlet_mount_place *p, struct domlet_failure *failure)
{
	char path[128];
	int target, rc;

	if (o->data[0])
		return domlet_failure_set(failure, EINVAL, "mount of %s: no bind has the options \"%s\"", m->destination,
					  o->data);
	snprintf(path, sizeof(path), "%s/copy%u", p->scratch, i);
	rc = write_file(path, m);
	if (rc < 0)
		return domlet_failure_set(failure, -rc, "can't store the content of %s: %s", m->destination,
					  domlet_failure_name(-rc));
	target = domlet_mounts_create(p->root_fd, m->destination, true, failure);
	if (target < 0)
		return target;
	rc = mount(path, path_of(target).text, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
	close(target);
	if (rc == 0)
		rc = remount(p->root_fd, m->destination, o->flags, o->propagation);
	if (rc < 0)
		return domlet_failure_set(failure, -rc, "can't mount the copied file on %s: %s",
					  m->destination, reason(-rc));
	return 0;
}

int domlet_mounts_apply(const struct domlet_mount_config *m, uint32_t i, const struct domlet_mount_place *p,
			struct domlet_failure *failure)
{
	struct domlet_mount_options options;
	int rc;

	if (m->via == DOMLET_MOUNT_SKIP)
		return 0;
	rc = domlet_mounts_parse_options(&m->options, &options, failure);
	if (rc < 0)
		return rc;
	if (m->via == DOMLET_MOUNT_COPY)
		return mount_copy(m, &options, i, p, failure);
	return mount_guest(m, &options, p, failure);
}

int domlet_mounts_finish(const struct domlet_mount_config *m, const struct domlet_mount_place *p,
			 struct domlet_failure *failure)
{
	struct domlet_mount_options options;
	int rc;

	if (!is_filled_later(m))
		return 0;
	rc = domlet_mounts_parse_options(&m->options, &options, failure);
	if (rc < 0 || !(options.flags & MS_RDONLY))
		return rc;
	rc = remount(p->root_fd, m->destination, options.flags, 0);
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
	int fd = domlet_mounts_open(root_fd, path), rc = 0;
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
		{ 2, MS_NOSUID },     { 4, MS_NODEV },         { 8, MS_NOEXEC },
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
	int fd = domlet_mounts_open(root_fd, path), rc;
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
		return domlet_failure_set(failure, -rc, "can't make %s read-only: %s", path,
					  domlet_failure_name(-rc));
	return 0;
}
