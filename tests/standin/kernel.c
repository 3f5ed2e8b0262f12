// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What domlet-init finds different on the stand-in: it shares this machine's
 * kernel. devtmpfs would be this machine's devices, and what the guest sets of
 * its memory would be this machine's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);

static int hide_memory_settings(void)
{
	static const char *const names[] = { "/xen/vm/overcommit_memory", "/xen/vm/min_free_kbytes" };

	(void)mkdir("/xen/vm", 0755);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		int fd = open(names[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		if (fd < 0 || write(fd, "1000000", 7) != 7)
			return -1;
		close(fd);
	}
	return __real_mount("/xen/vm", "/proc/sys/vm", NULL, MS_BIND, NULL);
}

int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
	bool boots = getpid() == 1 && strcmp(target, "/proc") == 0 && type && strcmp(type, "proc") == 0;

	if (type && strcmp(type, "devtmpfs") == 0 && strcmp(target, "/dev") == 0) {
		errno = EBUSY; /* it is there, as with CONFIG_DEVTMPFS_MOUNT */
		return -1;
	}
	if (__real_mount(source, target, type, flags, data) < 0)
		return -1;
	return boots ? hide_memory_settings() : 0;
}
