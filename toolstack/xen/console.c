/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"

/* xenconsoled feeds its pty again after we have read: wait so long for it,
 * and read no more than a guest could have written in a boot. */
#define REFILL_MS 20
#define READ_MAX (256u * 1024u)

void domlet_xen_console_open(struct domlet_xen *xen)
{
	char path[64];
	unsigned int len = 0;

	if (xen->console_fd >= 0 || xen->domid == NO_DOMID)
		return;
	snprintf(path, sizeof(path), "/local/domain/%u/console/tty", xen->domid);
	cleanup_free char *tty = xs_read(xen->store, XBT_NULL, path, &len);

	if (!tty || strncmp(tty, "/dev/pts/", 9))
		return;
	xen->console_fd = open(tty, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

/* Keeps the last SIZE bytes of all that was appended. */
static size_t keep_last(char *buf, size_t used, size_t size, const char *more, size_t len)
{
	if (len >= size) {
		memcpy(buf, more + (len - size), size);
		return size;
	}
	if (used + len > size) {
		size_t drop = used + len - size;

		memmove(buf, buf + drop, used - drop);
		used -= drop;
	}
	memcpy(buf + used, more, len);
	return used + len;
}

static size_t make_printable(char *buf, size_t len)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)buf[i];

		if (c == '\r' || c == '\0')
			continue;
		buf[out++] = (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t' ? (char)c : '?';
	}
	return out;
}

void domlet_xen_console_tail(struct domlet_xen *xen, char *buf, size_t len)
{
	char chunk[4096];
	size_t used = 0, total = 0;

	if (len == 0)
		return;
	while (xen->console_fd >= 0 && total < READ_MAX) {
		struct pollfd pfd = { .fd = xen->console_fd, .events = POLLIN };
		ssize_t n = read(xen->console_fd, chunk, sizeof(chunk));

		if (n > 0) {
			used = keep_last(buf, used, len - 1, chunk, (size_t)n);
			total += (size_t)n;
			continue;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			break;
		if (poll(&pfd, 1, REFILL_MS) <= 0 || !(pfd.revents & POLLIN))
			break;
	}
	buf[make_printable(buf, used)] = '\0';
	domlet_error_reword(buf);
}

void domlet_xen_console_close(struct domlet_xen *xen)
{
	if (xen->console_fd >= 0)
		close(xen->console_fd);
	xen->console_fd = -1;
}
