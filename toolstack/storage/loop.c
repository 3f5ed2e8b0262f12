/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <linux/loop.h>

#include "../base/cleanup.h"

/* How often a device is tried for: others take devices at the same time. */
#define ATTEMPTS_MAX 64

static int attach_once(int control_fd, const struct loop_config *config, struct domlet_loop *loop)
{
	cleanup_close int fd = -1;
	struct stat st;
	int number = ioctl(control_fd, LOOP_CTL_GET_FREE);

	if (number < 0)
		return -errno;
	snprintf(loop->node, sizeof(loop->node), "/dev/loop%d", number);
	fd = open(loop->node, (config->info.lo_flags & LO_FLAGS_READ_ONLY ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (ioctl(fd, LOOP_CONFIGURE, config) < 0)
		return -errno;
	loop->device = st.st_rdev;
	loop->fd = take_fd(&fd);
	return 0;
}

int domlet_loop_attach(const char *file, bool read_only, const char *tag, struct domlet_loop *loop,
		       struct domlet_error *err)
{
	cleanup_close int control_fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	cleanup_close int file_fd = open(file, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	struct loop_config config = { 0 };
	int r = -EBUSY;

	*loop = (struct domlet_loop){ .fd = -1 };
	if (control_fd < 0)
		return domlet_error_set(err, ENODEV,
					"/dev/loop-control can't be opened: is the module \"loop\" loaded?");
	if (file_fd < 0)
		return domlet_error_set(err, errno, "the image %s can't be opened: %s", file, domlet_strerror(errno));
	config.fd = (uint32_t)file_fd;
	/* The device is freed with its last holder, so that one who is killed leaves none. */
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0);
	/* The kernel only keeps this name; the real one is in sysfs. */
	snprintf((char *)config.info.lo_file_name, sizeof(config.info.lo_file_name), "%s", tag);
	for (int i = 0; i < ATTEMPTS_MAX && r == -EBUSY; i++)
		r = attach_once(control_fd, &config, loop);
	if (r < 0)
		return domlet_error_set(err, -r, "no loop device can be set up for %s: %s", file, domlet_strerror(-r));
	return 0;
}

void domlet_loop_release(struct domlet_loop *loop, bool autoclear)
{
	struct loop_info64 info;

	if (loop->fd < 0)
		return;
	if (!autoclear && ioctl(loop->fd, LOOP_GET_STATUS64, &info) == 0) {
		info.lo_flags &= ~(uint32_t)LO_FLAGS_AUTOCLEAR;
		(void)ioctl(loop->fd, LOOP_SET_STATUS64, &info);
	}
	close(loop->fd);
	loop->fd = -1;
}

int domlet_loop_detach(const char *node, const char *tag, struct domlet_error *err)
{
	cleanup_close int fd = open(node, O_RDONLY | O_CLOEXEC);
	struct loop_info64 info;

	if (fd < 0 && (errno == ENOENT || errno == ENXIO))
		return 0;
	if (fd < 0)
		return domlet_error_set(err, errno, "%s can't be opened: %s", node, domlet_strerror(errno));
	/* ENXIO: the device is free already. Another tag: it was freed, and taken again since. */
	if (ioctl(fd, LOOP_GET_STATUS64, &info) < 0 ||
	    strncmp((const char *)info.lo_file_name, tag, sizeof(info.lo_file_name) - 1) != 0)
		return 0;
	if (ioctl(fd, LOOP_CLR_FD, 0) < 0 && errno != ENXIO)
		return domlet_error_set(err, errno, "%s can't be freed: %s", node, domlet_strerror(errno));
	return 0;
}
