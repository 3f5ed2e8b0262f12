/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections to sockets by their files, in the name of users. Only root can make them: all others skip that.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/dom0/peer.h"

static char dir[] = "/tmp/domlet-peer-XXXXXX";
static int listener, file;

/* Of TYPE; FILE is its file, by a descriptor alone. */
static int make(int type, mode_t mode)
{
	struct sockaddr_un here = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	(void)snprintf(here.sun_path, sizeof here.sun_path, "%s/socket", dir);
	assert_int_equal(bind(fd, (const struct sockaddr *)&here, sizeof here), 0);
	assert_int_equal(chmod(here.sun_path, mode), 0);
	if (type != SOCK_DGRAM)
		assert_int_equal(listen(fd, 0), 0);
	file = open(here.sun_path, O_PATH | O_CLOEXEC);
	assert_true(file >= 0);
	assert_int_equal(unlink(here.sun_path), 0);
	return fd;
}

static int tear_down(void **state)
{
	(void)state;
	close(listener);
	close(file);
	return 0;
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void expect_ourselves(void)
{
	struct stat st;

	assert_int_equal(geteuid(), 0);
	assert_int_equal(getegid(), 0);
	assert_int_equal(getgroups(0, NULL), 2);
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
	assert_int_equal(stat("/proc/self/fd", &st), 0);
}

static void the_service_sees_the_user(void **state)
{
	const gid_t own[] = { 7, 8 }, groups[] = { 4, 999 };
	struct domlet_peer as = { .uid = 1000, .gid = 1001, .groups = groups, .group_count = 2 };
	struct ucred who;
	gid_t seen[8];
	socklen_t len = sizeof who, seen_len = sizeof seen;
	int fd, end;

	(void)state;
	need_root();
	assert_int_equal(setgroups(2, own), 0);
	listener = make(SOCK_STREAM, 0666);
	fd = domlet_peer_connect(file, SOCK_STREAM, &as);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	expect_ourselves();
	assert_int_equal(domlet_peer_connect(file, SOCK_STREAM, &as), -EAGAIN); /* the queue has room for one */
	end = accept(listener, NULL, NULL);
	assert_int_equal(getsockopt(end, SOL_SOCKET, SO_PEERCRED, &who, &len), 0);
	assert_int_equal(who.uid, 1000);
	assert_int_equal(who.gid, 1001);
	assert_int_equal(who.pid, getpid());
	assert_int_equal(getsockopt(end, SOL_SOCKET, SO_PEERGROUPS, seen, &seen_len), 0);
	assert_int_equal(seen_len, sizeof groups);
	assert_memory_equal(seen, groups, sizeof groups);
	close(end);
	close(fd);
	as.uid = UINT32_MAX;
	assert_int_equal(domlet_peer_connect(file, SOCK_STREAM, &as), -EINVAL);
	as.uid = 0;
	as.gid = UINT32_MAX;
	assert_int_equal(domlet_peer_connect(file, SOCK_STREAM, &as), -EINVAL);
	expect_ourselves();
}

static void the_file_says_who_may(void **state)
{
	const gid_t ours[] = { 0 };
	struct domlet_peer as = { .uid = 1000, .gid = 1000 };
	int fd;

	(void)state;
	need_root();
	listener = make(SOCK_STREAM, 0660);
	assert_int_equal(domlet_peer_connect(file, SOCK_STREAM, &as), -EACCES);
	expect_ourselves();
	as.groups = ours;
	as.group_count = 1;
	fd = domlet_peer_connect(file, SOCK_STREAM, &as);
	assert_true(fd >= 0);
	close(fd);
	close(listener);
	as.uid = as.gid = 0;
	assert_int_equal(domlet_peer_connect(file, SOCK_STREAM, &as), -ECONNREFUSED);
	expect_ourselves();
	listener = -1;
}

static void kinds_are_told_apart(void **state)
{
	static const int kinds[] = { SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET };
	struct domlet_peer as = { 0 };

	(void)state;
	need_root();
	for (int i = 0; i < 3; i++) {
		listener = make(kinds[i], 0600);
		assert_int_equal(domlet_peer_takes_datagrams(file), i == 0);
		if (i != 1)
			assert_int_equal(domlet_peer_connect(file, SOCK_STREAM, &as), -EPROTOTYPE);
		assert_int_equal(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
		assert_int_equal(accept(listener, NULL, NULL), -1); /* nobody has come */
		close(listener);
		assert_false(domlet_peer_takes_datagrams(file));
		close(file);
	}
	listener = file = -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_service_sees_the_user, tear_down),
		cmocka_unit_test_teardown(the_file_says_who_may, tear_down),
		cmocka_unit_test(kinds_are_told_apart),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(dir) < 0 || failed;
}
