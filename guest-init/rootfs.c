// SPDX-License-Identifier: GPL-2.0-or-later
#include "rootfs.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define DEVICE_WAIT_MS 10000
#define DEVICE_POLL_MS 2

static const struct {
	const char *name;
	unsigned long set, clear;
} flags_known[] = {
	{ "ro", MS_RDONLY, 0 }, { "rw", 0, MS_RDONLY }, { "nosuid", MS_NOSUID, 0 }, { "suid", 0, MS_NOSUID },
	{ "nodev", MS_NODEV, 0 }, { "dev", 0, MS_NODEV }, { "noexec", MS_NOEXEC, 0 }, { "exec", 0, MS_NOEXEC },
	{ "relatime", MS_RELATIME, 0 }, { "norelatime", 0, MS_RELATIME }, { "strictatime", MS_STRICTATIME, 0 },
	{ "noatime", MS_NOATIME, 0 }, { "nodiratime", MS_NODIRATIME, 0 }, { "sync", MS_SYNCHRONOUS, 0 },
	{ "rprivate", 0, 0 }, { "private", 0, 0 }, { "rslave", 0, 0 }, { "rshared", 0, 0 }, { "rbind", 0, 0 },
	{ "bind", 0, 0 }, { "defaults", 0, 0 },
};

static int split_options(const struct domlet_strings *options, unsigned long *flags, char *data, size_t len)
{
	size_t used = 0, k;

	*flags = 0;
	data[0] = '\0';
	for (uint32_t i = 0; i < options->count; i++) {
		const char *o = options->item[i];

		for (k = 0; k < sizeof flags_known / sizeof flags_known[0] && strcmp(o, flags_known[k].name) != 0; k++)
			;
		if (k < sizeof flags_known / sizeof flags_known[0]) {
			*flags = (*flags | flags_known[k].set) & ~flags_known[k].clear;
			continue;
		}
		if (used + strlen(o) + 2 > len)
			return -E2BIG;
		used += (size_t)sprintf(data + used, "%s%s", used ? "," : "", o);
	}
	return 0;
}

/* Opens PATH below the directory ROOT_FD as the container would see it: no
 * symbolic link leads out. */
static int open_inside(int root_fd, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .mode = flags & O_CREAT ? 0644 : 0,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how);
}

/* Makes the missing parents and PATH itself (a directory, or a file), and
 * opens it O_PATH. */
static int make_target(int root_fd, const char *path, bool directory)
{
	char part[4096];
	size_t len = strlen(path);
	int target;

	if (len >= sizeof part)
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		int parent, fd;
		char *slash;

		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		fd = open_inside(root_fd, part, O_PATH);
		if (fd >= 0) {
			close(fd);
			continue;
		}
		slash = strrchr(part, '/');
		if (!slash || !slash[1])
			continue;
		*slash = '\0';
		parent = open_inside(root_fd, part[0] ? part : "/", O_PATH | O_DIRECTORY);
		if (parent < 0)
			return -errno;
		if (path[i] == '/' || directory)
			(void)mkdirat(parent, slash + 1, 0755);
		else
			(void)mknodat(parent, slash + 1, S_IFREG | 0644, 0);
		close(parent);
	}
	target = open_inside(root_fd, path, O_PATH);
	return target < 0 ? -errno : target;
}

static int mount_at(int root_fd, const char *source, const char *destination, bool directory, const char *type,
		    unsigned long flags, const char *data)
{
	char target[32];
	int fd = make_target(root_fd, destination, directory), r = 0;

	if (fd < 0)
		return fd;
	(void)snprintf(target, sizeof target, "/proc/self/fd/%d", fd);
	if (mount(source, target, type, flags, data) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int bind_over(int root_fd, const char *source, const char *destination, bool directory, bool read_only)
{
	int fd, r = mount_at(root_fd, source, destination, directory, NULL, MS_BIND, NULL);
	char target[32];

	if (r == 0 && read_only) {
		fd = open_inside(root_fd, destination, O_PATH); /* now the mount's own root */
		(void)snprintf(target, sizeof target, "/proc/self/fd/%d", fd);
		if (fd < 0 || mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
			r = -errno;
		if (fd >= 0)
			close(fd);
	}
	return r;
}

static int wait_for_device(const char *path)
{
	struct stat st;

	for (int ms = 0; ms < DEVICE_WAIT_MS; ms += DEVICE_POLL_MS) {
		if (stat(path, &st) == 0 && S_ISBLK(st.st_mode))
			return 0;
		nanosleep(&(struct timespec){ .tv_nsec = DEVICE_POLL_MS * 1000000L }, NULL);
	}
	return -ETIMEDOUT;
}

static int mount_root(const struct domlet_container_config *c, const char *dir, struct domlet_failure *failure)
{
	char lower[256], scratch[256], options[1024], upper[300], work[300];
	const char *base = c->root.overlay ? lower : dir;
	bool directory = c->root.via == DOMLET_ROOT_DIRECTORY;
	int r = directory ? 0 : wait_for_device(c->root.device);

	if (r < 0)
		return domlet_failure_set(failure, -r, "the root file system's device %s did not appear in %d s",
					  c->root.device, DEVICE_WAIT_MS / 1000);
	(void)snprintf(lower, sizeof lower, "%s.lower", dir);
	(void)snprintf(scratch, sizeof scratch, "%s.scratch", dir);
	(void)mkdir(dir, 0755);
	(void)mkdir(lower, 0755);
	(void)mkdir(scratch, 0755);
	r = directory ? mount(c->root.device, base, NULL, MS_BIND | MS_REC, NULL) :
			mount(c->root.device, base, c->root.type, MS_RDONLY, NULL);
	if (r < 0)
		return domlet_failure_set(failure, errno, "can't mount the root file system (%s on %s): %s",
					  directory ? "a directory" : c->root.type, c->root.device, domlet_failure_name(errno));
	if (!c->root.overlay)
		return 0;
	(void)snprintf(upper, sizeof upper, "%s/upper", scratch);
	(void)snprintf(work, sizeof work, "%s/work", scratch);
	(void)snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work);
	if (mount("tmpfs", scratch, "tmpfs", 0, "mode=0755") < 0 || mkdir(upper, 0755) < 0 || mkdir(work, 0755) < 0 ||
	    mount("overlay", dir, "overlay", 0, options) < 0)
		return domlet_failure_set(failure, errno, "can't make the root file system writable: %s",
					  domlet_failure_name(errno));
	return 0;
}

static int mount_one(int root_fd, const struct domlet_mount_config *m, struct domlet_failure *failure)
{
	unsigned long flags;
	char data[4096];
	const char *type = m->type ? m->type : "";
	int r;

	if (m->via == DOMLET_MOUNT_SKIP)
		return 0;
	if (m->via == DOMLET_MOUNT_COPY) {
		char file[64];
		int fd;

		(void)snprintf(file, sizeof file, "/run/copied-XXXXXX");
		fd = mkostemp(file, O_CLOEXEC);
		if (fd < 0 || write(fd, m->content, m->content_len) != (ssize_t)m->content_len ||
		    fchmod(fd, m->mode & 0777) < 0)
			return domlet_failure_set(failure, errno, "can't copy the file for %s", m->destination);
		close(fd);
		r = bind_over(root_fd, file, m->destination, false, false);
		(void)unlink(file);
	} else {
		r = split_options(&m->options, &flags, data, sizeof data);
		if (strcmp(type, "cgroup") == 0)
			type = "cgroup2", data[0] = '\0';
		if (r == 0)
			r = mount_at(root_fd, m->source ? m->source : type, m->destination, true, type, flags, data);
	}
	return r < 0 ? domlet_failure_set(failure, -r, "can't mount %s on %s in the guest: %s", type, m->destination,
					  domlet_failure_name(-r)) : 0;
}

static void default_devices(int root_fd)
{
	static const struct { const char *path; unsigned int major, minor; } nodes[] = {
		{ "/dev/null", 1, 3 }, { "/dev/zero", 1, 5 }, { "/dev/full", 1, 7 }, { "/dev/random", 1, 8 },
		{ "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 } };
	static const char *const links[][2] = { { "/proc/self/fd", "fd" }, { "/proc/self/fd/0", "stdin" },
		{ "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" }, { "pts/ptmx", "ptmx" } };
	int dev = make_target(root_fd, "/dev", true);

	if (dev < 0)
		return;
	for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
		if (mknodat(dev, nodes[i].path + 5, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) == 0)
			(void)!fchmodat(dev, nodes[i].path + 5, 0666, 0);
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		(void)!symlinkat(links[i][0], dev, links[i][1]);
	close(dev);
}

static int hide_paths(int root_fd, const struct domlet_container_config *c, struct domlet_failure *failure)
{
	for (uint32_t i = 0; i < c->masked.count + c->read_only.count; i++) {
		bool masked = i < c->masked.count;
		const char *path = masked ? c->masked.item[i] : c->read_only.item[i - c->masked.count];
		char source[32];
		struct stat st;
		int fd = open_inside(root_fd, path, O_PATH), r;

		if (fd < 0)
			continue; /* what isn't there needs no hiding */
		(void)snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
		if (fstat(fd, &st) < 0)
			r = -errno;
		else if (masked && S_ISDIR(st.st_mode))
			r = mount("tmpfs", source, "tmpfs", MS_RDONLY, "size=0,nr_inodes=1") < 0 ? -errno : 0;
		else if (masked)
			r = bind_over(root_fd, "/dev/null", path, false, false);
		else
			r = bind_over(root_fd, source, path, S_ISDIR(st.st_mode), true);
		close(fd);
		if (r < 0)
			return domlet_failure_set(failure, -r, "can't hide %s from the container: %s", path,
						  domlet_failure_name(-r));
	}
	return 0;
}

int domlet_rootfs_enter(const struct domlet_container_config *c, const char *dir, struct domlet_failure *failure)
{
	int root_fd, r;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return domlet_failure_set(failure, errno, "can't make mounts private: %s", domlet_failure_name(errno));
	r = mount_root(c, dir, failure);
	if (r < 0)
		return r;
	root_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (uint32_t i = 0; r == 0 && i < c->mount_count; i++)
		r = mount_one(root_fd, &c->mounts[i], failure);
	if (r == 0)
		default_devices(root_fd);
	if (r == 0)
		r = hide_paths(root_fd, c, failure);
	close(root_fd);
	if (r < 0)
		return r;
	/* The initramfs can't be pivoted away from: move over it, as switch_root does. */
	if (chdir(dir) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return domlet_failure_set(failure, errno, "can't enter the root file system: %s",
					  domlet_failure_name(errno));
	if (c->root.readonly && mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return domlet_failure_set(failure, errno, "can't make the root file system read-only: %s",
					  domlet_failure_name(errno));
	return 0;
}
