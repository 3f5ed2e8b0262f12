// SPDX-License-Identifier: GPL-2.0-or-later
#include "rootfs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "copies.h"
#include "live.h"
#include "mounts.h"
#include "paths.h"
#include "shm.h"

#define SCRATCH_DIR "/run/domlet"

/* A block device appears when blkfront has shaken hands with the backend. */
enum { DEVICE_WAIT_MS = 10000, DEVICE_POLL_MS = 2 };

struct scratch {
	char dir[48], lower[64], upper[64], work[64], root[64];
};

static int make_scratch(struct scratch *s, uint32_t number, struct domlet_failure *failure)
{
	(void)mkdir(SCRATCH_DIR, 0700);
	snprintf(s->dir, sizeof(s->dir), SCRATCH_DIR "/%" PRIu32, number);
	snprintf(s->lower, sizeof(s->lower), "%s/lower", s->dir);
	snprintf(s->upper, sizeof(s->upper), "%s/upper", s->dir);
	snprintf(s->work, sizeof(s->work), "%s/work", s->dir);
	snprintf(s->root, sizeof(s->root), "%s/root", s->dir);
	/* Nothing the container mounts may reach PID 1's namespace. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return domlet_failure_set(failure, errno, "can't separate the container's mounts: %s",
					  domlet_failure_name(errno));
	if ((mkdir(s->dir, 0700) < 0 && errno != EEXIST) || mount("tmpfs", s->dir, "tmpfs", 0, "mode=0755") < 0 ||
	    mkdir(s->lower, 0755) < 0 || mkdir(s->upper, 0755) < 0 || mkdir(s->work, 0755) < 0 ||
	    mkdir(s->root, 0755) < 0)
		return domlet_failure_set(failure, errno, "can't prepare the container's root: %s",
					  domlet_failure_name(errno));
	return 0;
}

/* The node alone says little: the kernel makes it before the disk can be opened. */
static bool opens(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	bool is_disk = fd >= 0 && fstat(fd, &st) == 0 && S_ISBLK(st.st_mode);

	if (fd >= 0)
		close(fd);
	return is_disk;
}

static int wait_for_device(const char *path, struct domlet_failure *failure)
{
	const struct timespec pause = { .tv_nsec = DEVICE_POLL_MS * 1000000L };

	for (int waited = 0; !opens(path); waited += DEVICE_POLL_MS) {
		if (waited >= DEVICE_WAIT_MS)
			return domlet_failure_set(failure, ENODEV, "the root disk %s did not appear within %d s", path,
						  DEVICE_WAIT_MS / 1000);
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

/* What dom0 shares is one file system, below which others may be. */
static int mount_live(const struct domlet_root_config *r, uint32_t number, const char *target,
		      struct domlet_failure *failure)
{
	if (mount(domlet_live_path(number, r->export).text, target, NULL, MS_BIND, NULL) == 0)
		return 0;
	return domlet_failure_set(failure, errno, "can't have the root file system that dom0 shares: %s",
				  domlet_failure_name(errno));
}

static int mount_base(const struct domlet_root_config *r, uint32_t number, const char *target,
		      struct domlet_failure *failure)
{
	/* Under an overlay, and erofs ever, the base is never written. */
	bool readonly = r->overlay || r->readonly || !strcmp(r->type, "erofs");
	int rc;

	if (r->via == DOMLET_ROOT_DIRECTORY) {
		if (mount(r->device, target, NULL, MS_BIND | MS_REC, NULL) < 0)
			return domlet_failure_set(failure, errno, "can't use directory %s as root: %s", r->device,
						  domlet_failure_name(errno));
		return 0;
	}
	if (r->via == DOMLET_ROOT_LIVE)
		return mount_live(r, number, target, failure);
	rc = wait_for_device(r->device, failure);
	if (rc < 0)
		return rc;
	if (mount(r->device, target, r->type, readonly ? MS_RDONLY : 0, NULL) < 0)
		return domlet_failure_set(failure, errno, "can't mount the root disk %s as %s: %s", r->device, r->type,
					  domlet_failure_name(errno));
	return 0;
}

static int mount_root(const struct domlet_root_config *r, uint32_t number, const struct scratch *s,
		      struct domlet_failure *failure)
{
	char data[256];
	struct stat st;
	int rc;

	if (!r->overlay)
		return mount_base(r, number, s->root, failure);
	rc = mount_base(r, number, s->lower, failure);
	if (rc < 0)
		return rc;
	/* The merged root shows the upper directory's own mode and owner. */
	if (stat(s->lower, &st) == 0) {
		(void)chmod(s->upper, st.st_mode & 07777);
		(void)!chown(s->upper, st.st_uid, st.st_gid);
	}
	snprintf(data, sizeof(data), "lowerdir=%s,upperdir=%s,workdir=%s", s->lower, s->upper, s->work);
	if (mount("overlay", s->root, "overlay", 0, data) < 0)
		return domlet_failure_set(failure, errno, "can't lay a writable layer over the root: %s",
					  domlet_failure_name(errno));
	return 0;
}

/* What is there already stays as it is. */
static int make_node(int root_fd, const struct domlet_device_config *d, struct domlet_failure *failure)
{
	struct domlet_path place;
	const char *name;
	int rc = domlet_path_make(root_fd, d->path, DOMLET_PATH_NODE, &place, failure);

	if (rc < 0)
		return rc;
	name = strrchr(place.name, '/') + 1;
	if (place.made) {
		if (mknodat(place.fd, name, d->mode, makedev(d->major, d->minor)) < 0)
			rc = domlet_failure_set(failure, errno, "can't create device %s: %s", d->path,
						domlet_failure_name(errno));
		else if (fchownat(place.fd, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
			rc = domlet_failure_set(failure, errno, "can't set the owner of device %s: %s", d->path,
						domlet_failure_name(errno));
	}
	close(place.fd);
	return rc;
}

/* A privileged container's list names every device of the host. */
static bool guest_has(const struct domlet_device_config *d)
{
	char path[64];

	if (S_ISFIFO(d->mode))
		return true;
	snprintf(path, sizeof(path), "/sys/dev/%s/%" PRIu32 ":%" PRIu32, S_ISBLK(d->mode) ? "block" : "char", d->major,
		 d->minor);
	return access(path, F_OK) == 0;
}

static int make_devices(int root_fd, const struct domlet_container_config *c, struct domlet_failure *failure)
{
	static const struct domlet_device_config standard[] = {
		{ "/dev/null", S_IFCHR | 0666, 1, 3, 0, 0 },    { "/dev/zero", S_IFCHR | 0666, 1, 5, 0, 0 },
		{ "/dev/full", S_IFCHR | 0666, 1, 7, 0, 0 },    { "/dev/random", S_IFCHR | 0666, 1, 8, 0, 0 },
		{ "/dev/urandom", S_IFCHR | 0666, 1, 9, 0, 0 }, { "/dev/tty", S_IFCHR | 0666, 5, 0, 0, 0 },
	};
	uint32_t i;
	int rc = 0;

	/* First, as what it says of a standard one holds. */
	for (i = 0; i < c->device_count && rc == 0; i++)
		if (guest_has(&c->devices[i]))
			rc = make_node(root_fd, &c->devices[i], failure);
	for (i = 0; i < sizeof(standard) / sizeof(*standard) && rc == 0; i++)
		rc = make_node(root_fd, &standard[i], failure);
	return rc;
}

static int make_links(int root_fd, struct domlet_failure *failure)
{
	static const struct {
		const char *name, *to;
	} links[] = {
		{ "ptmx", "pts/ptmx" },          { "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" },
		{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	};
	struct domlet_path dev;
	size_t i;
	int rc = domlet_path_make(root_fd, "/dev", DOMLET_PATH_DIRECTORY, &dev, failure);

	if (rc < 0)
		return rc;
	/* An image's own would be of another devpts, if it is one at all, and one that
	 * linux.devices names belongs there, too. */
	(void)unlinkat(dev.fd, "ptmx", 0);
	for (i = 0; i < sizeof(links) / sizeof(*links) && rc == 0; i++) {
		if (symlinkat(links[i].to, dev.fd, links[i].name) == 0 ||
		    faccessat(dev.fd, links[i].name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		rc = domlet_failure_set(failure, errno, "can't create /dev/%s: %s", links[i].name,
					domlet_failure_name(errno));
	}
	close(dev.fd);
	return rc;
}

/* What has to exist before the root may become read-only. */
static int make_files(int root_fd, const struct domlet_container_config *c, struct domlet_failure *failure)
{
	struct domlet_failure ignored;
	struct domlet_path place;
	int rc = make_devices(root_fd, c, failure);

	if (rc == 0)
		rc = make_links(root_fd, failure);
	if (rc == 0 && c->process.terminal) {
		rc = domlet_path_make(root_fd, "/dev/console", DOMLET_PATH_FILE, &place, failure);
		if (rc == 0)
			close(place.fd);
	}
	/* If it can't be made, chdir says so in the engines' words. */
	if (rc == 0 && domlet_path_make(root_fd, c->process.cwd, DOMLET_PATH_DIRECTORY, &place, &ignored) == 0)
		close(place.fd);
	return rc;
}

static int restrict_paths(int root_fd, const struct domlet_container_config *c, struct domlet_failure *failure)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < c->read_only.count && rc == 0; i++)
		rc = domlet_mounts_make_readonly(root_fd, c->read_only.item[i], failure);
	for (i = 0; i < c->masked.count && rc == 0; i++)
		rc = domlet_mounts_mask(root_fd, c->masked.item[i], failure);
	return rc;
}

/* Who makes a user namespace may mount a fresh /proc or /sys, without what is
 * masked here, as long as there is a whole one in its mount namespace, though
 * it can't be reached. The base may hold one; the overlay has the base itself.
 * What other containers share is no business of one that leaves its root. */
static int hide_guest(const struct scratch *s, struct domlet_failure *failure)
{
	const char *const trees[] = { "/proc", "/sys", DOMLET_SHM_DIR, DOMLET_COPIES_DIR, DOMLET_LIVE_DIR, s->lower };

	for (size_t i = 0; i < sizeof trees / sizeof trees[0]; i++)
		if (umount2(trees[i], MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
			return domlet_failure_set(failure, errno, "can't take the guest's %s from the container: %s",
						  trees[i], domlet_failure_name(errno));
	return 0;
}

/* The initramfs can't be pivoted away from: move over it, as switch_root does. */
static int enter(int root_fd, const struct domlet_container_config *c, struct domlet_failure *failure)
{
	if (fchdir(root_fd) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return domlet_failure_set(failure, errno, "can't enter the container's root: %s",
					  domlet_failure_name(errno));
	if (c->root.readonly && mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return domlet_failure_set(failure, errno, "can't make the root read-only: %s",
					  domlet_failure_name(errno));
	if (c->propagation && mount(NULL, "/", NULL, c->propagation, NULL) < 0)
		return domlet_failure_set(failure, errno, "can't set rootfsPropagation: %s", domlet_failure_name(errno));
	return 0;
}

/* The mounts, and what is made in them. */
static int fill(const struct domlet_container_config *c, const struct domlet_mount_place *place,
		struct domlet_failure *failure)
{
	char **at = calloc((size_t)c->mount_count + 1, sizeof *at);
	int rc = at ? 0 : domlet_failure_set(failure, ENOMEM, "no memory for the container's mounts");

	for (uint32_t i = 0; i < c->mount_count && rc == 0; i++)
		rc = domlet_mounts_apply(&c->mounts[i], i, place, &at[i], failure);
	if (rc == 0)
		rc = make_files(place->root_fd, c, failure);
	for (uint32_t i = 0; i < c->mount_count && rc == 0; i++)
		rc = domlet_mounts_finish(&c->mounts[i], at[i], place, failure);
	for (uint32_t i = 0; at && i < c->mount_count; i++)
		free(at[i]);
	free(at);
	return rc;
}

int domlet_rootfs_enter(const struct domlet_container_config *c, uint32_t number, struct domlet_failure *failure)
{
	struct scratch s;
	struct domlet_mount_place place = { .number = number };
	char cgroup[64];
	int rc;

	snprintf(cgroup, sizeof(cgroup), "/sys/fs/cgroup/container-%" PRIu32, number);
	if (!(c->namespaces & CLONE_NEWCGROUP))
		place.cgroup = cgroup;
	rc = make_scratch(&s, number, failure);
	if (rc == 0)
		rc = mount_root(&c->root, number, &s, failure);
	if (rc < 0)
		return rc;
	place.root_fd = open(s.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place.root_fd < 0)
		return domlet_failure_set(failure, errno, "can't open the container's root: %s",
					  domlet_failure_name(errno));
	rc = fill(c, &place, failure);
	if (rc == 0)
		rc = restrict_paths(place.root_fd, c, failure);
	if (rc == 0)
		rc = hide_guest(&s, failure);
	if (rc == 0)
		rc = enter(place.root_fd, c, failure);
	close(place.root_fd);
	return rc;
}
