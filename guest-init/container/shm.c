// SPDX-License-Identifier: GPL-2.0-or-later
#include "shm.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount_options.h"

struct shm_path {
	char text[sizeof DOMLET_SHM_DIR + 1 + DOMLET_CONFIG_SHARED_MAX];
};

static struct shm_path path_of(const char *name)
{
	struct shm_path path;

	(void)snprintf(path.text, sizeof path.text, DOMLET_SHM_DIR "/%s", name);
	return path;
}

int domlet_shm_make_directory(const char *path, unsigned long flags, const char *options)
{
	int rc;

	(void)mkdir("/run/domlet", 0700);
	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (mount("tmpfs", path, "tmpfs", flags, options) == 0)
		return 0;
	rc = -errno;
	(void)rmdir(path);
	return rc;
}

int domlet_shm_make(const struct domlet_mount_config *m, struct domlet_failure *failure)
{
	const struct shm_path path = path_of(m->shared);
	struct domlet_mount_options options;
	int rc = domlet_mount_options_parse(&m->options, &options, failure);

	if (rc < 0)
		return rc;
	rc = domlet_shm_make_directory(DOMLET_SHM_DIR, MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700");
	if (rc == 0 && mkdir(path.text, 0700) < 0 && errno != EEXIST)
		rc = -errno;
	/* Its flags are each container's own. */
	if (rc == 0 && mount(m->source[0] ? m->source : m->type, path.text, "tmpfs", 0, options.data) < 0) {
		rc = -errno;
		(void)rmdir(path.text);
	}
	return rc < 0 ? domlet_failure_set(failure, -rc, "can't make the tmpfs %s that containers share: %s", m->shared,
					   domlet_failure_name(-rc)) :
			0;
}

void domlet_shm_remove(const char *name)
{
	const struct shm_path path = path_of(name);

	(void)umount2(path.text, MNT_DETACH);
	/* This takes it from every other namespace, as that of a child which was just made. */
	(void)rmdir(path.text);
}

int domlet_shm_open(const char *name)
{
	int fd = open(path_of(name).text, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}
