// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The share in this machine's kernel: what both sides see of each other, locks between two guests and here, and how
 * many requests it takes. Needs root and /dev/fuse.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "share_mount.h"

#define VALID_US 1200000 /* after which the guest asks again */

static struct share_tree t;

static const char *at(const char *tail)
{
	return share_tree_at(&t, tail);
}

static int make(const char *name, int flags)
{
	return open(name, flags | O_CREAT | O_CLOEXEC, 0644);
}

static void put(const char *name, const char *text)
{
	int fd = make(name, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* What one side does, the other one sees. */

static void host_changes_are_seen(void **state)
{
	char text[32] = "";
	struct stat st;
	int fd;

	(void)state;
	put(at("a/seen"), "one");
	assert_int_equal(stat(at("mnt/0/seen"), &st), 0);
	fd = open(at("mnt/0/seen"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof text), 3);
	put(at("a/seen"), "two, and longer");
	usleep(VALID_US);
	assert_int_equal(pread(fd, text, sizeof text, 0), 15);
	assert_memory_equal(text, "two, and longer", 15);
	put(at("a/new"), "replaced");
	assert_int_equal(rename(at("a/new"), at("a/seen")), 0);
	usleep(VALID_US);
	assert_int_equal(stat(at("mnt/0/seen"), &st), 0);
	assert_int_equal(st.st_size, 8);
	assert_int_equal(pread(fd, text, sizeof text, 0), 15); /* the old one is open, whole */
	close(fd);
	assert_int_equal(unlink(at("a/seen")), 0);
	usleep(VALID_US);
	assert_int_equal(stat(at("mnt/0/seen"), &st), -1);
	assert_int_equal(errno, ENOENT);
	/* What is written here is there at once. */
	put(at("mnt/0/there"), "from the guest");
	assert_int_equal(stat(at("a/there"), &st), 0);
	assert_int_equal(st.st_size, 14);
}

/* The share finds another directory where the guest believes an old one, and the guest's kernel looks again at once. */
static void replaced_directory_is_the_new_one(void **state)
{
	struct stat old, new;

	(void)state;
	assert_int_equal(mkdir(at("a/swap"), 0755), 0);
	assert_int_equal(mkdir(at("a/other"), 0755), 0);
	put(at("a/other/new"), "new");
	assert_int_equal(stat(at("mnt/0/swap"), &old), 0);
	assert_int_equal(renameat2(AT_FDCWD, at("a/swap"), AT_FDCWD, at("a/other"), RENAME_EXCHANGE), 0);
	assert_int_equal(stat(at("mnt/0/swap/new"), &new), 0);
	assert_int_equal(stat(at("mnt/0/swap"), &new), 0);
	assert_int_not_equal(old.st_ino, new.st_ino);
}

static void names_added_while_listed(void **state)
{
	char name[32], seen[600] = { 0 };
	unsigned int number, n = 0;
	DIR *d;

	(void)state;
	assert_int_equal(mkdir(at("a/listed"), 0755), 0);
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof name, "a/listed/old%d", i);
		put(at(name), "");
	}
	d = opendir(at("mnt/0/listed"));
	for (const struct dirent *e; (e = readdir(d)); n++) {
		if (sscanf(e->d_name, "old%u", &number) == 1) {
			assert_true(number < 600);
			assert_int_equal(seen[number]++, 0);
		}
		snprintf(name, sizeof name, "a/listed/new%u", n);
		if (n < 300)
			put(at(name), "");
	}
	closedir(d);
	assert_null(memchr(seen, 0, sizeof seen));
}

static void readonly_export(void **state)
{
	(void)state;
	put(at("ro/f"), "x");
	assert_int_equal(open(at("mnt/1/f"), O_WRONLY | O_CLOEXEC), -1);
	assert_int_equal(errno, EROFS);
	assert_int_equal(mkdir(at("mnt/1/d"), 0755), -1);
	assert_int_equal(errno, EROFS);
	assert_int_equal(rename(at("mnt/0/none"), at("mnt/1/none")), -1);
	assert_int_equal(mkdir(at("mnt/x"), 0755), -1);
	assert_int_equal(errno, EROFS);
}

/* The guest's kernel tells some ends a little later. */
static bool soon(bool (*is)(int), int fd)
{
	for (int i = 0; i < 500 && !is(fd); i++)
		usleep(10000);
	return is(fd);
}

static bool is_empty(int fd)
{
	struct statvfs st;

	(void)fd;
	return statvfs(at("mnt/2"), &st) == 0 && st.f_blocks == st.f_bfree;
}

static void df_is_the_sources(void **state)
{
	static char mib[1 << 20];
	struct statvfs st;
	int fd;

	(void)state;
	assert_int_equal(statvfs(at("mnt/2"), &st), 0);
	assert_int_equal(st.f_blocks * st.f_frsize, 8u << 20);
	assert_int_equal(st.f_files, 100);
	fd = make(at("mnt/2/f"), O_WRONLY);
	for (int i = 0; i < 3; i++)
		assert_int_equal(write(fd, mib, sizeof mib), sizeof mib);
	close(fd);
	assert_int_equal(statvfs(at("mnt/2"), &st), 0);
	assert_int_equal((st.f_blocks - st.f_bfree) * st.f_frsize, 3u << 20);
	fd = make(at("mnt/2/full"), O_WRONLY);
	for (int i = 0; i < 5; i++)
		assert_int_equal(write(fd, mib, sizeof mib), sizeof mib);
	assert_int_equal(write(fd, mib, sizeof mib), -1);
	assert_int_equal(errno, ENOSPC);
	close(fd);
	assert_int_equal(unlink(at("tmpfs/f")), 0);
	assert_int_equal(unlink(at("tmpfs/full")), 0);
	usleep(VALID_US);
	assert_int_equal(access(at("mnt/2/f"), F_OK), -1);
	assert_int_equal(access(at("mnt/2/full"), F_OK), -1);
	assert_true(soon(is_empty, -1));
}

/* Locks: "mnt" is one guest, "other" another one. */

static int lock_by(int fd, short type, int how)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10 };

	return fcntl(fd, how, &fl) < 0 ? -errno : 0;
}

static bool can_share(int fd)
{
	return flock(fd, LOCK_SH | LOCK_NB) == 0;
}

static bool can_have(int fd)
{
	return lock_by(fd, F_WRLCK, F_OFD_SETLK) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void locks_hold_everywhere(void **state)
{
	int a, b, host;

	(void)state;
	put(at("a/lock"), "0123456789012345678901234567890");
	a = open(at("mnt/0/lock"), O_RDWR | O_CLOEXEC);
	b = open(at("other/0/lock"), O_RDWR | O_CLOEXEC);
	host = open(at("a/lock"), O_RDWR | O_CLOEXEC);
	assert_true(a >= 0 && b >= 0 && host >= 0);
	assert_int_equal(lock_by(a, F_WRLCK, F_SETLK), 0);
	assert_int_equal(lock_by(b, F_RDLCK, F_SETLK), -EAGAIN);
	assert_int_equal(lock_by(host, F_WRLCK, F_OFD_SETLK), -EAGAIN);
	assert_int_equal(lock_by(a, F_UNLCK, F_SETLK), 0);
	assert_int_equal(lock_by(host, F_WRLCK, F_OFD_SETLK), 0);
	assert_int_equal(lock_by(a, F_WRLCK, F_SETLK), -EAGAIN);
	assert_int_equal(lock_by(host, F_UNLCK, F_OFD_SETLK), 0);
	assert_int_equal(flock(a, LOCK_EX), 0);
	assert_int_equal(flock(b, LOCK_SH | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(flock(host, LOCK_SH | LOCK_NB), -1);
	close(a); /* and with it */
	assert_true(soon(can_share, b));
	assert_int_equal(flock(host, LOCK_SH | LOCK_NB), 0);
	close(b);
	close(host);
}

static void nothing(int number)
{
	(void)number;
}

static void lock_is_waited_for(void **state)
{
	const struct sigaction on_alarm = { .sa_handler = nothing };
	struct stat st;
	int status, host;
	pid_t pid;

	(void)state;
	host = open(at("a/lock"), O_RDWR | O_CLOEXEC);
	assert_int_equal(lock_by(host, F_WRLCK, F_OFD_SETLK), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(at("mnt/0/lock"), O_RDWR | O_CLOEXEC);

		_exit(lock_by(fd, F_WRLCK, F_SETLKW) == 0 && flock(fd, LOCK_EX) == 0 ? 0 : 1);
	}
	usleep(200000);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	assert_int_equal(stat(at("mnt/0/lock"), &st), 0); /* nobody else waits */
	assert_int_equal(lock_by(host, F_UNLCK, F_OFD_SETLK), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* Its end gave both locks back. */
	assert_true(soon(can_have, host));
	/* A signal ends waiting. */
	pid = fork();
	if (pid == 0) {
		int fd = open(at("mnt/0/lock"), O_RDWR | O_CLOEXEC);

		sigaction(SIGALRM, &on_alarm, NULL);
		ualarm(200000, 0);
		_exit(lock_by(fd, F_WRLCK, F_SETLKW) == -EINTR ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(host);
}

static void closing_any_descriptor_unlocks(void **state)
{
	int fd = open(at("mnt/0/lock"), O_RDWR | O_CLOEXEC), again, host = open(at("a/lock"), O_RDWR | O_CLOEXEC);

	(void)state;
	assert_int_equal(lock_by(fd, F_WRLCK, F_SETLK), 0);
	again = open(at("mnt/0/lock"), O_RDWR | O_CLOEXEC);
	close(again); /* as POSIX has it */
	assert_int_equal(lock_by(host, F_WRLCK, F_OFD_SETLK), 0);
	close(fd);
	close(host);
}

/* How many requests it takes. */

static void read_in_order(const char *what, uint32_t most)
{
	static char block[1 << 20];
	int fd;

	share_mount_count_from_here(&t.m);
	fd = open(at("mnt/0/counts/big"), O_RDONLY | O_CLOEXEC);
	while (read(fd, block, sizeof block) > 0)
		;
	close(fd);
	share_mount_print(&t.m, what);
	assert_true(share_mount_counted(&t.m) <= most);
}

static void counts(void **state)
{
	static char block[1 << 20];
	char ahead[64];
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(mkdir(at("mnt/0/counts"), 0755), 0);
	usleep(VALID_US);
	assert_int_equal(stat(at("mnt/0/counts"), &st), 0);
	memset(block, 'x', sizeof block);
	share_mount_count_from_here(&t.m);
	fd = make(at("mnt/0/counts/f"), O_WRONLY);
	assert_int_equal(write(fd, block, 4096), 4096);
	close(fd);
	usleep(20000);
	share_mount_print(&t.m, "create + write 4 KiB");
	assert_true(share_mount_counted(&t.m) <= 8);
	share_mount_count_from_here(&t.m);
	assert_int_equal(stat(at("mnt/0/counts/f"), &st), 0);
	share_mount_print(&t.m, "stat of a file just written");
	for (int i = 0; i < 10; i++) { /* a slow machine may need longer than what is known is valid */
		share_mount_count_from_here(&t.m);
		assert_int_equal(stat(at("mnt/0/counts/f"), &st), 0);
		if (share_mount_counted(&t.m) == 0)
			break;
	}
	share_mount_print(&t.m, "stat of a known file");
	assert_int_equal(share_mount_counted(&t.m), 0);
	share_mount_count_from_here(&t.m);
	fd = open(at("mnt/0/counts/f"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, block, sizeof block), 4096);
	close(fd);
	usleep(20000);
	share_mount_print(&t.m, "open, read, close of 4 KiB");
	assert_true(share_mount_counted(&t.m) <= 5);
	share_mount_count_from_here(&t.m);
	assert_int_equal(unlink(at("mnt/0/counts/f")), 0);
	share_mount_print(&t.m, "unlink");
	assert_true(share_mount_counted(&t.m) <= 3);
	fd = make(at("a/counts/big"), O_WRONLY);
	assert_int_equal(ftruncate(fd, 128 << 20), 0);
	close(fd);
	read_in_order("128 MiB in order, reading ahead 128 KiB", 1200);
	/* As much as the share allows; a mount has less until somebody says so. */
	assert_int_equal(stat(at("mnt"), &st), 0);
	snprintf(ahead, sizeof ahead, "/sys/class/bdi/%u:%u/read_ahead_kb", major(st.st_dev), minor(st.st_dev));
	fd = open(ahead, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "1024", 4) == 4)
		read_in_order("128 MiB in order, reading ahead 1 MiB", 150);
	if (fd >= 0)
		close(fd);
}

static int setup(void **state)
{
	(void)state;
	return share_tree_open(&t);
}

static int teardown(void **state)
{
	(void)state;
	return share_tree_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_changes_are_seen),
		cmocka_unit_test(replaced_directory_is_the_new_one),
		cmocka_unit_test(names_added_while_listed),
		cmocka_unit_test(readonly_export),
		cmocka_unit_test(df_is_the_sources),
		cmocka_unit_test(locks_hold_everywhere),
		cmocka_unit_test(lock_is_waited_for),
		cmocka_unit_test(closing_any_descriptor_unlocks),
		cmocka_unit_test(counts),
	};

	if (!share_mount_possible()) {
		printf("skipped: no root, or no /dev/fuse\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
