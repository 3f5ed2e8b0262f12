// SPDX-License-Identifier: GPL-2.0-or-later
#include "door.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "../container/copies.h"
#include "agent.h"

/* Connections that wait for a number, or for the ring. */
#define QUEUE_LEN 64
/* The resolver's, which else all would wait for that talk to sockets for long. */
#define RESERVED 16u
/* What those that have ended have said is waited for. */
#define LEAVE_S 2

static bool may_call(const struct agent *a)
{
	return a->forward.connection_count < DOMLET_FORWARD_CONNECTION_MAX - RESERVED && domlet_link_has_room(&a->link);
}

/* At PATH, with M's owner and mode, which it has before anybody could connect. -errno. */
static int listen_at(const char *path, const struct domlet_mount_config *m)
{
	struct sockaddr_un here = { .sun_family = AF_UNIX };
	int type = m->datagrams ? SOCK_DGRAM : SOCK_STREAM, on = 1, code;
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	(void)snprintf(here.sun_path, sizeof here.sun_path, "%s", path);
	if (bind(fd, (const struct sockaddr *)&here, sizeof here) == 0 && chown(path, m->uid, m->gid) == 0 &&
	    chmod(path, m->mode) == 0 &&
	    (m->datagrams ? setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) : listen(fd, QUEUE_LEN)) == 0)
		return fd;
	code = errno;
	close(fd);
	return -code;
}

int domlet_door_open(struct agent *a, const struct guest_container *c, struct domlet_failure *failure)
{
	uint32_t *count = &a->doors.count[c->number];

	for (uint32_t i = 0; i < c->config.mount_count; i++) {
		const struct domlet_mount_config *m = &c->config.mounts[i];
		int fd;

		if (m->via != DOMLET_MOUNT_SOCKET)
			continue;
		fd = *count < DOMLET_SOCKET_MAX ? listen_at(domlet_copies_path(c->number, i).text, m) : -E2BIG;
		if (fd < 0)
			return domlet_failure_set(failure, -fd, "can't listen in the place of the socket %s: %s",
						  m->destination, domlet_failure_name(-fd));
		a->doors.of[c->number][(*count)++] =
			(struct domlet_door){ .fd = fd, .socket = m->socket, .datagrams = m->datagrams };
	}
	return 0;
}

/* Of more than DOMLET_FORWARD_GROUP_MAX none are told. */
static uint32_t groups_of(int fd, gid_t groups[DOMLET_FORWARD_GROUP_MAX])
{
	socklen_t len = DOMLET_FORWARD_GROUP_MAX * sizeof *groups;
	uint32_t count;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return 0;
	count = len / (uint32_t)sizeof *groups;
	for (uint32_t i = 0; i < count; i++)
		groups[i] = htole32(groups[i]);
	return count;
}

static void call(struct agent *a, uint32_t container, const struct domlet_door *door, int fd)
{
	gid_t groups[DOMLET_FORWARD_GROUP_MAX];
	struct ucred who = { .uid = UINT32_MAX, .gid = UINT32_MAX }; /* nobody, whom the host refuses */
	socklen_t len = sizeof who;
	struct domlet_msg_connect m = { .container = container,
					.service = DOMLET_FORWARD_SOCKET,
					.socket = door->socket };

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	m.uid = who.uid;
	m.gid = who.gid;
	m.groups.ptr = (const uint8_t *)groups;
	m.groups.len = groups_of(fd, groups) * (uint32_t)sizeof *groups;
	domlet_forward_call(a, NULL, fd, &m);
}

static void take_callers(struct agent *a, uint32_t container, struct domlet_door *door)
{
	while (door->called && may_call(a)) {
		int fd = accept4(door->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			call(a, container, door, fd);
		else
			door->called = errno == EINTR || errno == ECONNABORTED;
	}
}

/* Who has sent MSG, by the kernel's word. */
static void read_sender(struct msghdr *msg, struct domlet_msg_datagram *m)
{
	struct ucred who;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS || c->cmsg_len < CMSG_LEN(sizeof who))
			continue;
		memcpy(&who, CMSG_DATA(c), sizeof who);
		m->uid = who.uid;
		m->gid = who.gid;
	}
}

static bool may_tell(const struct agent *a)
{
	return a->forward.datagram_count < DOMLET_SOCKET_DATAGRAMS && domlet_forward_may_ask(a);
}

static void take_datagrams(struct agent *a, uint32_t container, struct domlet_door *door)
{
	static uint8_t text[DOMLET_SOCKET_DATAGRAM_MAX];

	while (door->called && may_tell(a)) {
		/* For descriptors that come along there is no room: the kernel closes them. */
		union {
			struct cmsghdr align;
			char room[CMSG_SPACE(sizeof(struct ucred))];
		} control;
		struct iovec part = { text, sizeof text };
		struct msghdr msg = {
			.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
		};
		struct domlet_msg_datagram m = { .container = container,
						 .socket = door->socket,
						 .uid = UINT32_MAX, /* nobody, whom the host refuses */
						 .gid = UINT32_MAX };
		ssize_t n = recvmsg(door->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (n < 0) {
			door->called = errno == EINTR;
			continue;
		}
		read_sender(&msg, &m);
		if (msg.msg_flags & MSG_TRUNC) /* half of it would be something else */
			continue;
		m.datagram = (struct domlet_slice){ text, (uint32_t)n };
		domlet_forward_tell(a, &m);
	}
}

/* True when nobody waits at any of them. */
static bool take_calls(struct agent *a, uint32_t container)
{
	bool none = true;

	for (uint32_t i = 0; i < a->doors.count[container]; i++) {
		struct domlet_door *door = &a->doors.of[container][i];

		if (door->datagrams)
			take_datagrams(a, container, door);
		else
			take_callers(a, container, door);
		none = none && !door->called;
	}
	return none;
}

/* The end */

static void close_doors(struct agent *a, uint32_t container)
{
	for (uint32_t i = 0; i < a->doors.count[container]; i++)
		close(a->doors.of[container][i].fd);
	a->doors.count[container] = 0;
}

static void stop_waiting(struct domlet_doors *d, uint32_t container)
{
	if (!(d->leaving & 1u << container))
		return;
	d->leaving &= ~(1u << container);
	if (!d->leaving && d->timer_fd >= 0)
		close(d->timer_fd);
}

/* One that leaves later has as much time, and they who left before as well. */
static void wait_for(struct domlet_doors *d, uint32_t container)
{
	const struct itimerspec end = { .it_value = { .tv_sec = LEAVE_S } };

	if (!d->leaving)
		d->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->timer_fd >= 0 && timerfd_settime(d->timer_fd, 0, &end, NULL) == 0)
		d->leaving |= 1u << container;
}

static void go_on_leaving(struct agent *a, uint32_t container)
{
	if (take_calls(a, container))
		close_doors(a, container);
	domlet_forward_leave(a, container);
	if (!a->doors.count[container] && !domlet_forward_owes(a, container))
		stop_waiting(&a->doors, container);
}

void domlet_door_leave(struct agent *a, const struct guest_container *c)
{
	for (uint32_t i = 0; i < a->doors.count[c->number]; i++)
		a->doors.of[c->number][i].called = true;
	if (a->doors.count[c->number]) {
		wait_for(&a->doors, c->number);
		go_on_leaving(a, c->number);
	}
}

bool domlet_door_owes(const struct agent *a, const struct guest_container *c)
{
	return a->doors.leaving & 1u << c->number;
}

void domlet_door_close(struct agent *a, const struct guest_container *c)
{
	close_doors(a, c->number);
	domlet_forward_cut(a, c->number);
	stop_waiting(&a->doors, c->number);
}

/* All of them */

void domlet_door_move(struct agent *a)
{
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		if (a->doors.leaving & 1u << i)
			go_on_leaving(a, i);
		else if (a->doors.count[i])
			(void)take_calls(a, i);
	}
}

void domlet_door_poll(struct agent *a, struct pollfd *fds, nfds_t *n)
{
	struct domlet_doors *d = &a->doors;
	bool may[] = { [false] = may_call(a), [true] = may_tell(a) };

	d->timer_at = d->leaving ? *n : 0;
	if (d->leaving)
		fds[(*n)++] = (struct pollfd){ .fd = d->timer_fd, .events = POLLIN };
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		for (uint32_t k = 0; k < d->count[i]; k++) {
			bool polled = may[d->of[i][k].datagrams];

			d->of[i][k].at = polled ? *n : 0;
			if (polled)
				fds[(*n)++] = (struct pollfd){ .fd = d->of[i][k].fd, .events = POLLIN };
		}
}

static void give_up_waiting(struct agent *a)
{
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (a->doors.leaving & 1u << i) {
			close_doors(a, i);
			domlet_forward_cut(a, i);
			stop_waiting(&a->doors, i);
		}
}

void domlet_door_polled(struct agent *a, const struct pollfd *fds)
{
	struct domlet_doors *d = &a->doors;

	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		for (uint32_t k = 0; k < d->count[i]; k++)
			if (d->of[i][k].at && fds[d->of[i][k].at].revents)
				d->of[i][k].called = true;
	if (d->timer_at && fds[d->timer_at].revents)
		give_up_waiting(a);
}
