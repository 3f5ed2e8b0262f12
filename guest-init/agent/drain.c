// SPDX-License-Identifier: GPL-2.0-or-later
#include "drain.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* What one pipe gets before it is the next one's turn: epoll moves who was told of to the end of its list. */
#define SHARE 16384u

static bool open_both(struct domlet_drain *d)
{
	d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	d->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->epoll_fd >= 0 && d->timer_fd >= 0)
		return true;
	if (d->epoll_fd >= 0)
		close(d->epoll_fd);
	if (d->timer_fd >= 0)
		close(d->timer_fd);
	return false;
}

void domlet_drain_take(struct domlet_drain *d, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (!d->open)
		d->open = open_both(d);
	if (d->open && d->count < DOMLET_DRAIN_MAX && epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0)
		d->count++;
	else
		close(fd);
}

int domlet_drain_fd(const struct domlet_drain *d)
{
	if (d->pauses)
		return d->timer_fd;
	return d->count ? d->epoll_fd : -1;
}

/* How many bytes; 0: none now, or it is closed. */
static size_t read_one(struct domlet_drain *d, int fd, size_t len)
{
	static uint8_t nowhere[SHARE];
	ssize_t got = read(fd, nowhere, len < sizeof nowhere ? len : sizeof nowhere);

	if (got > 0)
		return (size_t)got;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	/* By itself close() takes it out of the set only when no child that was
	 * just made has a copy, and then its number would be another's. */
	(void)epoll_ctl(d->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	close(fd);
	d->count--;
	return 0;
}

static void pause_for_a_while(struct domlet_drain *d)
{
	const struct itimerspec after = { .it_value.tv_nsec = DOMLET_DRAIN_PAUSE_MS * 1000000L };

	d->pauses = d->count && timerfd_settime(d->timer_fd, 0, &after, NULL) == 0;
}

void domlet_drain_read(struct domlet_drain *d)
{
	size_t left = DOMLET_DRAIN_BYTES;
	uint64_t ends;
	struct epoll_event ev;
	bool told = false;

	if (d->pauses && read(d->timer_fd, &ends, sizeof ends) < 0 && errno == EAGAIN)
		return;
	d->pauses = false;
	for (int i = 0; left && i < DOMLET_DRAIN_MAX && epoll_wait(d->epoll_fd, &ev, 1, 0) == 1; i++) {
		told = true;
		left -= read_one(d, ev.data.fd, left);
	}
	if (told) /* else the next one is waited for without a timer, which would wake us for ever */
		pause_for_a_while(d);
}
