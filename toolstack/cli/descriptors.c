// SPDX-License-Identifier: GPL-2.0-or-later
#include "descriptors.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../base/cleanup.h"

int domlet_cli_send_descriptors(int fd, const char *text, size_t len, const int *fds, size_t count)
{
	union {
		char bytes[CMSG_SPACE(DOMLET_DESCRIPTORS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes };
	struct cmsghdr *c;

	if (count > DOMLET_DESCRIPTORS_MAX)
		return -E2BIG;
	msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	return sendmsg(fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void domlet_cli_stdio_kinds(const struct domlet_cli *cli, const char *kinds[3])
{
	struct stat st;

	for (int i = 0; i < 3; i++) {
		kinds[i] = NULL;
		if (cli->closed[i])
			kinds[i] = "closed";
		else if (fstat(i, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
			kinds[i] = "null";
	}
}

int domlet_cli_memory_file(const char *text, size_t len)
{
	cleanup_close int fd = memfd_create("domlet", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0)
		return -EIO;
	return take_fd(&fd);
}
