// SPDX-License-Identifier: GPL-2.0-or-later
#include "copies.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "shm.h"

static bool has_place(const struct domlet_mount_config *m)
{
	return m->via == DOMLET_MOUNT_COPY || m->via == DOMLET_MOUNT_SOCKET;
}

int domlet_copies_prepare(const struct domlet_container_config *c, struct domlet_failure *failure)
{
	int rc = 0;

	for (uint32_t i = 0; i < c->mount_count && rc == 0; i++)
		if (has_place(&c->mounts[i]))
			rc = domlet_shm_make_directory(DOMLET_COPIES_DIR, 0, "mode=0755");
	return rc < 0 ? domlet_failure_set(failure, -rc, "can't make the tmpfs of the container's copied files: %s",
					   domlet_failure_name(-rc)) :
			0;
}

struct domlet_copy_path domlet_copies_path(uint32_t number, uint32_t mount)
{
	struct domlet_copy_path path;

	(void)snprintf(path.text, sizeof path.text, DOMLET_COPIES_DIR "/%" PRIu32 "-%" PRIu32, number, mount);
	return path;
}

int domlet_copies_write(uint32_t number, uint32_t mount, const void *content, size_t len)
{
	int fd = open(domlet_copies_path(number, mount).text, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	int rc = fd < 0 ? -errno : 0;

	for (size_t done = 0; rc == 0 && done < len;) {
		ssize_t n = write(fd, (const char *)content + done, len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			rc = -errno;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

void domlet_copies_remove(const struct domlet_container_config *c, uint32_t number)
{
	for (uint32_t i = 0; i < c->mount_count; i++)
		if (has_place(&c->mounts[i]))
			(void)unlink(domlet_copies_path(number, i).text);
}
