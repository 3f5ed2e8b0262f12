// SPDX-License-Identifier: GPL-2.0-or-later
#include "peer.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "../base/cleanup.h"

struct own {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	int group_count;
	int dumpable;
};

/* The C library's functions would change all threads. */
static int set_groups(size_t count, const gid_t *groups)
{
	return (int)syscall(SYS_setgroups, count, groups);
}

static int set_gid(gid_t gid)
{
	return (int)syscall(SYS_setresgid, (gid_t)-1, gid, (gid_t)-1);
}

static int set_uid(uid_t uid)
{
	return (int)syscall(SYS_setresuid, (uid_t)-1, uid, (uid_t)-1);
}

static int remember(struct own *own)
{
	own->uid = geteuid();
	own->gid = getegid();
	own->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	own->group_count = getgroups(0, NULL);
	own->groups = calloc((size_t)(own->group_count < 0 ? 0 : own->group_count) + 1, sizeof *own->groups);
	if (!own->groups)
		return -ENOMEM;
	own->group_count = getgroups(own->group_count, own->groups);
	return own->group_count < 0 ? -errno : 0;
}

/* The user is the last to come and the first to go: it has the right to all this. */
static int become(const struct domlet_peer *as)
{
	return set_groups(as->group_count, as->groups) < 0 || set_gid(as->gid) < 0 || set_uid(as->uid) < 0 ? -errno : 0;
}

static void come_back(const struct own *own)
{
	if (set_uid(own->uid) < 0 || set_gid(own->gid) < 0 || set_groups((size_t)own->group_count, own->groups) < 0)
		abort(); /* whatever comes next would be done by somebody else */
	/* The kernel takes it from whoever becomes another. */
	if (own->dumpable == 1)
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* By the descriptor's name, which is the file itself: nothing that has its path now. */
static int connect_to(int fd, int file)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	(void)snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d", file);
	return connect(fd, (const struct sockaddr *)&to, sizeof to) < 0 ? -errno : 0;
}

int domlet_peer_connect(int file, int type, const struct domlet_peer *as)
{
	struct own own;
	int fd, r;

	if (as->uid == (uid_t)-1 || as->gid == (gid_t)-1) /* "as before", for the kernel */
		return -EINVAL;
	fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = remember(&own);
	if (r == 0) {
		r = become(as);
		if (r == 0)
			r = connect_to(fd, file);
		come_back(&own);
	}
	free(own.groups);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

bool domlet_peer_takes_datagrams(int file)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : connect_to(fd, file);

	return r == 0 || r == -EPERM; /* which is one that takes them from somebody else alone */
}
