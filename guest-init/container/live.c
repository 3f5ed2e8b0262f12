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

bool domlet_live_wanted(const struct domlet_container_config *c)
{
	bool wanted = c->root.via == DOMLET_ROOT_LIVE;

	for (uint32_t i = 0; i < c->mount_count; i++)
		wanted = wanted || c->mounts[i].via == DOMLET_MOUNT_LIVE;
	return wanted;
}

/* Without an export: where the file system itself is. */
static struct domlet_live_path place_of(uint32_t number)
{
	struct domlet_live_path path;

	(void)snprintf(path.text, sizeof path.text, DOMLET_LIVE_DIR "/%" PRIu32, number);
	return path;
}

struct domlet_live_path domlet_live_path(uint32_t number, uint32_t export)
{
	struct domlet_live_path path;

	(void)snprintf(path.text, sizeof path.text, DOMLET_LIVE_DIR "/%" PRIu32 "/%" PRIu32, number, export);
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

int domlet_live_mount(uint32_t number, struct domlet_failure *failure)
{
	const struct domlet_live_path path = place_of(number);
	int fuse = open_fuse();
	int rc = fuse < 0 ? fuse : domlet_shm_make_directory(DOMLET_LIVE_DIR, 0, "mode=0700");

	if (rc == 0)
		rc = mount_fuse(path.text, fuse);
	if (rc == 0)
		return fuse;
	if (fuse >= 0)
		close(fuse);
	return domlet_failure_set(failure, -rc, "can't mount what dom0 shares with the container (FUSE): %s",
				  domlet_failure_name(-rc));
}

dev_t domlet_live_device(uint32_t number)
{
	struct statx stx;

	if (statx(AT_FDCWD, place_of(number).text, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &stx) < 0)
		return 0;
	return makedev(stx.stx_dev_major, stx.stx_dev_minor);
}

int domlet_live_sync(uint32_t number)
{
	int fd = open(place_of(number).text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || syncfs(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

void domlet_live_unmount(uint32_t number)
{
	const struct domlet_live_path path = place_of(number);

	(void)umount2(path.text, MNT_DETACH);
	(void)rmdir(path.text);
}
