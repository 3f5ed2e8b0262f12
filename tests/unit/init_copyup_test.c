// SPDX-License-Identifier: GPL-2.0-or-later
/* What a tmpfs takes over from the directory below it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../guest-init/container/copyup.h"

static char top[] = "/tmp/domlet-copyup-XXXXXX";
static int from, to;

static int setup(void **state)
{
	(void)state;
	strcpy(strrchr(top, '-'), "-XXXXXX");
	umask(0);
	if (!mkdtemp(top) || chdir(top) < 0 || mkdir("from", 0755) < 0 || mkdir("to", 0755) < 0)
		return -1;
	from = open("from", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	to = open("to", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return from < 0 || to < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	close(from);
	close(to);
	snprintf(command, sizeof command, "rm -rf %s", top);
	return chdir("/") < 0 ? -1 : system(command);
}

static void put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static struct stat look(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static void all_kinds_come_with_their_attributes(void **state)
{
	const struct timespec times[2] = { { -5, 7 }, { 1000, 999999999 } };
	char target[16] = "";
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	put("from/file", "content", 0600);
	assert_int_equal(chown("from/file", 3, 4), 0);
	assert_int_equal(chmod("from/file", 06751), 0);
	assert_int_equal(utimensat(AT_FDCWD, "from/file", times, 0), 0);
	assert_int_equal(mkdir("from/dir", 01777), 0);
	put("from/dir/below", "x", 0);
	assert_int_equal(symlink("/etc/shadow", "from/link"), 0);
	assert_int_equal(lchown("from/link", 5, 6), 0);
	assert_int_equal(mkfifo("from/fifo", 0622), 0);
	assert_int_equal(mknod("from/null", S_IFCHR | 0640, makedev(1, 3)), 0);

	assert_int_equal(domlet_copyup(from, to), 0);

	st = look("to/file");
	assert_int_equal(st.st_mode, S_IFREG | 06751);
	assert_int_equal(st.st_uid, 3);
	assert_int_equal(st.st_gid, 4);
	assert_int_equal(st.st_size, 7);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	assert_int_equal(st.st_mtim.tv_nsec, 999999999);
	assert_int_equal(st.st_atim.tv_sec, -5);
	assert_int_equal(look("to/dir").st_mode, S_IFDIR | 01777);
	assert_int_equal(look("to/dir/below").st_mode, S_IFREG);
	assert_int_equal(readlink("to/link", target, sizeof target), 11);
	assert_string_equal(target, "/etc/shadow");
	assert_int_equal(look("to/link").st_uid, 5);
	assert_int_equal(look("to/fifo").st_mode, S_IFIFO | 0622);
	st = look("to/null");
	assert_int_equal(st.st_mode, S_IFCHR | 0640);
	assert_int_equal(st.st_rdev, makedev(1, 3));
}

static void sockets_stay_behind(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "from/socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	close(fd);
	put("from/z", "", 0600);
	assert_int_equal(domlet_copyup(from, to), 0);
	assert_int_equal(access("to/socket", F_OK), -1);
	assert_int_equal(access("to/z", F_OK), 0);
}

static void what_is_nested_too_deep_is_refused(void **state)
{
	char command[160];

	(void)state;
	snprintf(command, sizeof command, "cd %s/from && for i in $(seq 300); do mkdir d && cd d || exit 1; done", top);
	assert_int_equal(system(command), 0);
	assert_int_equal(domlet_copyup(from, to), -ELOOP);
}

static void what_is_there_already_is_an_error(void **state)
{
	(void)state;
	put("from/a", "", 0600);
	assert_int_equal(symlink("/nowhere", "to/a"), 0);
	assert_int_equal(domlet_copyup(from, to), -EEXIST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_kinds_come_with_their_attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(sockets_stay_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_nested_too_deep_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_there_already_is_an_error, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
