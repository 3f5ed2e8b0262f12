// SPDX-License-Identifier: GPL-2.0-or-later
#include "drain.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX 16

void domlet_drain_take(struct domlet_drain *d, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (!d->open) {
		d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
		d->open = d->epoll_fd >= 0;
	}
	if (d->open && d->count < DOMLET_DRAIN_MAX && epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0)
		d->count++;
	else
		close(fd);
}

int domlet_drain_fd(const struct domlet_drain *d)
{
	return d->count ? d->epoll_fd : -1;
}

void domlet_drain_read(struct domlet_drain *d)
{
	static uint8_t nowhere[65536];
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(d->epoll_fd, events, EVENTS_MAX, 0);

	for (int i = 0; i < n; i++) {
		ssize_t got = read(events[i].data.fd, nowhere, sizeof nowhere);

		if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
			continue;
		/* By itself close() takes it out of the set only when no child that was
		 * just made has a copy, and then its number would be another's. */
		(void)epoll_ctl(d->epoll_fd, EPOLL_CTL_DEL, events[i].data.fd, NULL);
		close(events[i].data.fd);
		d->count--;
	}
}
