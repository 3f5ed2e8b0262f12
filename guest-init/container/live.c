// SPDX-License-Identifier: GPL-2.0-or-later
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "shm.h"

/* What devtmpfs calls it; a machine's own /dev may have none. */
#define FUSE_DEVICE "/dev/fuse"
#define FUSE_MAJOR 10
#define FUSE_MINOR 229

/* In the root of an export's file system is the export, by this name: it may be a file. */
#define EXPORT_NAME "0"

uint32_t domlet_live_count(const struct domlet_container_config *c)
{
	uint32_t count = c->root.via == DOMLET_ROOT_LIVE ? c->root.export + 1 : 0;

	for (uint32_t i = 0; i < c->mount_count; i++)
		if (c->mounts[i].via == DOMLET_MOUNT_LIVE && c->mounts[i].export >= count)
			count = c->mounts[i].export + 1;
	return count;
}

static struct domlet_live_path place_of_container(uint32_t number)
{
	struct domlet_live_path path;

	(void)snprintf(path.text, sizeof path.text, DOMLET_LIVE_DIR "/%" PRIu32, number);
	return path;
}

static struct domlet_live_path place_of(uint32_t number, uint32_t export)
{
	struct domlet_live_path path;

	(void)snprintf(path.text, sizeof path.text, DOMLET_LIVE_DIR "/%" PRIu32 "/%" PRIu32, number, export);
	return path;
}

struct domlet_live_path domlet_live_path(uint32_t number, uint32_t export)
{
	struct domlet_live_path path;

	(void)snprintf(path.text, sizeof path.text, DOMLET_LIVE_DIR "/%" PRIu32 "/%" PRIu32 "/" EXPORT_NAME, number,
		       export);
	return path;
}

static int open_fuse(void)
{
	int fd = open(FUSE_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && mknod(FUSE_DEVICE, S_IFCHR | 0600, makedev(FUSE_MAJOR, FUSE_MINOR)) == 0)
		fd = open(FUSE_DEVICE, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The kernel checks each access by mode and owner: dom0 doesn't know the guest's users. What the flags of the mounts are,
 * the binds say. */
static int mount_fuse(const char *path, int fuse)
{
	char data[128];

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	(void)snprintf(data, sizeof data,
		       "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other,max_read=%u", fuse,
		       DOMLET_SHARE_DATA_MAX);
	return mount("domlet", path, "fuse", 0, data) < 0 ? -errno : 0;
}

int domlet_live_mount(uint32_t number, uint32_t export, struct domlet_failure *failure)
{
	const struct domlet_live_path path = place_of(number, export);
	int fuse = open_fuse();
	int rc = fuse < 0 ? fuse : domlet_shm_make_directory(DOMLET_LIVE_DIR, 0, "mode=0700");

	if (rc == 0 && mkdir(place_of_container(number).text, 0700) < 0 && errno != EEXIST)
		rc = -errno;
	if (rc == 0)
		rc = mount_fuse(path.text, fuse);
	if (rc == 0)
		return fuse;
	if (fuse >= 0)
		close(fuse);
	return domlet_failure_set(failure, -rc, "can't mount what dom0 shares with the container (FUSE): %s",
				  domlet_failure_name(-rc));
}

dev_t domlet_live_device(uint32_t number, uint32_t export)
{
	struct statx stx;

	if (statx(AT_FDCWD, place_of(number, export).text, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &stx) < 0)
		return 0;
	return makedev(stx.stx_dev_major, stx.stx_dev_minor);
}

int domlet_live_sync(uint32_t number)
{
	int rc = 0, fd;

	for (uint32_t export = 0; (fd = open(place_of(number, export).text, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0;
	     export ++) {
		if (syncfs(fd) < 0)
			rc = -errno;
		close(fd);
	}
	return errno == ENOENT ? rc : -errno;
}

void domlet_live_abort(uint32_t number)
{
	bool any = true;

	for (uint32_t export = 0; any; export ++)
		any = umount2(place_of(number, export).text, MNT_FORCE) == 0 || (errno != ENOENT && errno != EINVAL);
}

void domlet_live_unmount(uint32_t number)
{
	bool any = true;

	for (uint32_t export = 0; any; export ++) {
		const struct domlet_live_path path = place_of(number, export);

		(void)umount2(path.text, MNT_FORCE | MNT_DETACH);
		any = rmdir(path.text) == 0;
	}
	(void)rmdir(place_of_container(number).text);
}
