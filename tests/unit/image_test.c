/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* skip() does not come back, which cmocka.h leaves out. */
void _skip(const char *file, int line) __attribute__((noreturn));

#include "../../toolstack/base/file.h"
#include "../../toolstack/base/interrupt.h"
#include "../../toolstack/storage/image.h"
#include "../../toolstack/storage/loop.h"
#include "../../toolstack/storage/mkfs.h"

static char top[64], rootfs[128], cache[128];

static const char *in_rootfs(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", rootfs, name);
	return path;
}

static void put(const char *name, const char *text)
{
	struct domlet_error err = { 0 };

	if (domlet_file_write(in_rootfs(name), text, strlen(text), 0644, &err) < 0)
		fail_msg("%s", err.text);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/domlet-test-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", top);
	snprintf(cache, sizeof(cache), "%s/cache/images", top);
	if (mkdir(rootfs, 0755) < 0 || mkdir(in_rootfs("etc"), 0755) < 0)
		return -1;
	put("etc/hostname", "one");
	put("empty", "");
	return symlink("/etc/hostname", in_rootfs("link"));
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static char *prepare(void)
{
	struct domlet_error err = { 0 };
	struct domlet_image image;

	if (domlet_image_prepare(rootfs, cache, UINT64_MAX, &image, &err) < 0)
		fail_msg("%s", err.text);
	assert_non_null(image.path);
	assert_true(image.lock >= 0);
	close(image.lock);
	return image.path;
}

static unsigned int cached_files(void)
{
	DIR *dir = opendir(cache);
	unsigned int n = 0;

	assert_non_null(dir);
	for (struct dirent *e = readdir(dir); e; e = readdir(dir))
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void is_an_erofs_image(void **state)
{
	char *image = prepare();
	uint8_t magic[4];
	int fd = open(image, O_RDONLY);

	(void)state;
	/* EROFS_SUPER_MAGIC_V1 at 1024, little endian. */
	assert_int_equal(pread(fd, magic, sizeof(magic), 1024), sizeof(magic));
	assert_memory_equal(magic, "\xe2\xe1\xf5\xe0", 4);
	close(fd);
	assert_int_equal(cached_files(), 1);
	free(image);
}

static void assert_same_image(bool same, const char *what)
{
	static char *last;
	char *image = prepare();

	if (last && strcmp(what, "start") != 0 && (strcmp(image, last) == 0) != same)
		fail_msg("%s: the image should be %s", what, same ? "the same" : "another");
	free(last);
	last = image;
	if (strcmp(what, "end") == 0) {
		free(last);
		last = NULL;
	}
}

static void changes_are_seen(void **state)
{
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	(void)state;
	assert_same_image(true, "start");
	assert_same_image(true, "nothing changed");
	put("etc/hostname", "two");
	assert_same_image(false, "content");
	assert_int_equal(chmod(in_rootfs("etc/hostname"), 0600), 0);
	assert_same_image(false, "mode");
	assert_int_equal(chmod(in_rootfs("etc"), 0700), 0);
	assert_same_image(false, "mode of a directory");
	assert_int_equal(chmod(rootfs, 0700), 0);
	assert_same_image(false, "mode of the root");
	put("new", "");
	assert_same_image(false, "a new empty file");
	assert_int_equal(unlink(in_rootfs("new")), 0);
	put("newer", "");
	assert_same_image(false, "a name");
	assert_int_equal(unlink(in_rootfs("link")), 0);
	assert_int_equal(symlink("/etc/other", in_rootfs("link")), 0);
	assert_same_image(false, "a link's target");
	assert_int_equal(mkfifo(in_rootfs("fifo"), 0600), 0);
	assert_same_image(false, "a FIFO");
	assert_int_equal(utimensat(AT_FDCWD, in_rootfs("etc/hostname"), old, 0), 0);
	assert_same_image(false, "a file's time");
	/* What engines make anew for each container of one image. */
	assert_int_equal(utimensat(AT_FDCWD, in_rootfs("etc"), old, 0), 0);
	assert_int_equal(unlink(in_rootfs("empty")), 0);
	put("empty", "");
	assert_same_image(true, "times of a directory and of an empty file");
	assert_same_image(true, "end");
}

static void device_numbers_are_seen(void **state)
{
	(void)state;
	if (mknod(in_rootfs("node"), S_IFCHR | 0600, makedev(1, 3)) < 0)
		skip();
	assert_same_image(true, "start");
	assert_int_equal(unlink(in_rootfs("node")), 0);
	assert_int_equal(mknod(in_rootfs("node"), S_IFCHR | 0600, makedev(1, 5)), 0);
	assert_same_image(false, "end");
}

static void stays_on_its_file_system(void **state)
{
	char *before, *with;

	(void)state;
	assert_int_equal(mkdir(in_rootfs("mnt"), 0755), 0);
	before = prepare();
	if (geteuid() != 0 || mount("none", in_rootfs("mnt"), "tmpfs", 0, NULL) < 0) {
		free(before);
		skip();
	}
	put("mnt/inside", "not to be seen");
	with = prepare();
	umount2(in_rootfs("mnt"), MNT_DETACH);
	assert_string_equal(before, with);
	free(before);
	free(with);
}

static void two_callers_make_it_once(void **state)
{
	struct domlet_image image;
	int status;

	(void)state;
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			struct domlet_error err = { 0 };

			_exit(domlet_image_prepare(rootfs, cache, UINT64_MAX, &image, &err) < 0);
		}
	for (int i = 0; i < 4; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(cached_files(), 1);
}

static void full_disk_leaves_nothing(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_image image;
	char big[200000];
	int r;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	put("big", big);
	assert_int_equal(domlet_file_mkdir_parents(cache, 0700, &err), 0);
	if (geteuid() != 0 || mount("none", cache, "tmpfs", 0, "size=64k") < 0)
		skip();
	r = domlet_image_prepare(rootfs, cache, UINT64_MAX, &image, &err);
	if (r < 0)
		assert_int_equal(cached_files(), 0);
	umount2(cache, MNT_DETACH);
	assert_true(r < 0);
	assert_null(image.path);
	assert_non_null(strstr(err.text, rootfs));
	assert_null(strcasestr(err.text, "no such file or directory"));
}

static void bad_rootfs(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_image image;

	(void)state;
	assert_true(domlet_image_prepare(in_rootfs("none"), cache, UINT64_MAX, &image, &err) < 0);
	assert_non_null(strstr(err.text, "none"));
	assert_true(domlet_image_prepare(in_rootfs("empty"), cache, UINT64_MAX, &image, &err) < 0);
	assert_true(domlet_image_prepare(rootfs, in_rootfs("empty"), UINT64_MAX, &image, &err) < 0);
	assert_null(image.path);
}

static void trim_removes_the_oldest(void **state)
{
	struct domlet_error err = { 0 };
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	char path[256], *first, *second;
	struct stat st;

	(void)state;
	assert_int_equal(domlet_image_trim(cache, 0, &err), 0);
	first = prepare();
	put("etc/hostname", "two");
	second = prepare();
	assert_int_equal(utimensat(AT_FDCWD, first, old, 0), 0);
	/* Left by a crash; and a file that isn't ours. */
	snprintf(path, sizeof(path), "%s/%064d.part", cache, 0);
	assert_int_equal(domlet_file_write(path, "", 0, 0600, &err), 0);
	snprintf(path, sizeof(path), "%s/notes", cache);
	assert_int_equal(domlet_file_write(path, "", 0, 0600, &err), 0);
	assert_int_equal(stat(second, &st), 0);
	assert_int_equal(domlet_image_trim(cache, (unsigned long long)st.st_blocks * 512, &err), 0);
	assert_int_equal(access(first, F_OK), -1);
	assert_int_equal(access(second, F_OK), 0);
	assert_int_equal(cached_files(), 2);
	assert_int_equal(domlet_image_trim(cache, 0, &err), 0);
	assert_int_equal(cached_files(), 1);
	free(first);
	free(second);
}

static void a_new_image_pushes_old_ones_out(void **state)
{
	static const char *const contents[] = { "two", "three", "four" };
	struct domlet_error err = { 0 };
	struct domlet_image used, image = { .lock = -1 };
	char *unused = prepare();

	(void)state;
	put("etc/hostname", "in use");
	assert_int_equal(domlet_image_prepare(rootfs, cache, 0, &used, &err), 0);
	assert_int_equal(access(unused, F_OK), -1);
	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		put("etc/hostname", contents[i]);
		assert_int_equal(domlet_image_prepare(rootfs, cache, 0, &image, &err), 0);
		assert_int_equal(cached_files(), 2);
		assert_int_equal(access(used.path, F_OK), 0);
		assert_int_equal(access(image.path, F_OK), 0);
		close(image.lock);
		free(image.path);
	}
	close(used.lock);
	assert_int_equal(domlet_image_trim(cache, 0, &err), 0);
	assert_int_equal(cached_files(), 0);
	free(used.path);
	free(unused);
}

static void mkfs_is_found_by_path(void **state)
{
	struct domlet_error err = { 0 };
	char *before = strdup(getenv("PATH") ?: "/usr/bin:/bin"), path[300], expected[300];

	(void)state;
	snprintf(path, sizeof(path), "relative:/none::%s", rootfs);
	assert_int_equal(setenv("PATH", path, 1), 0);
	assert_true(domlet_mkfs_find(path, sizeof(path))); /* in the usual places */
	snprintf(expected, sizeof(expected), "%s/mkfs.erofs", rootfs);
	assert_string_not_equal(path, expected);
	assert_int_equal(domlet_file_write(expected, "#!/bin/sh\n", 10, 0755, &err), 0);
	assert_true(domlet_mkfs_find(path, sizeof(path)));
	assert_string_equal(path, expected);
	assert_int_equal(unsetenv("PATH"), 0);
	assert_true(domlet_mkfs_find(path, sizeof(path)));
	assert_int_equal(setenv("PATH", before, 1), 0);
	free(before);
}

/* Skips the test where there is no right to loop devices, or no module. */
/* Runs WHAT with SIGTERM held, which comes after 200 ms; its result. */
static int interrupted(int (*what)(struct domlet_error *), struct domlet_error *err)
{
	const struct timespec now = { 0 };
	struct timespec before, after;
	sigset_t mask, term;
	pid_t pid, parent = getpid();
	int r;

	domlet_interrupt_hold(&mask);
	pid = fork();
	if (pid == 0) {
		(void)usleep(200000);
		(void)kill(parent, SIGTERM);
		_exit(0);
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	r = what(err);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	assert_int_equal(sigtimedwait(&term, NULL, &now), SIGTERM); /* it is still there for whoever held it */
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	assert_true(after.tv_sec - before.tv_sec < 5);
	return r;
}

static int try_to_prepare(struct domlet_error *err)
{
	struct domlet_image image;

	return domlet_image_prepare(rootfs, cache, UINT64_MAX, &image, err);
}

/* A program of this test's own in the packer's place. */
static void slow_packer(char *before, size_t len)
{
	char path[300], text[400];
	struct domlet_error err;

	(void)snprintf(before, len, "%s", getenv("PATH") ?: "/usr/bin:/bin");
	(void)snprintf(path, sizeof(path), "%s/mkfs.erofs", top);
	(void)snprintf(text, sizeof(text), "#!/bin/sh\necho $$ >%s/packer\nexec sleep 30\n", top);
	assert_int_equal(domlet_file_write(path, text, strlen(text), 0755, &err), 0);
	assert_int_equal(setenv("PATH", top, 1), 0);
}

static pid_t packer(void)
{
	char path[300];
	int pid = -1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/packer", top);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	(void)fclose(f);
	return pid;
}

static void signals_do_not_wait_for_the_packer(void **state)
{
	struct domlet_error err = { 0 };
	char before[4096];
	int r;

	(void)state;
	slow_packer(before, sizeof(before));
	r = interrupted(try_to_prepare, &err);
	assert_int_equal(setenv("PATH", before, 1), 0);
	assert_int_equal(r, -EINTR);
	assert_string_equal(err.text, "interrupted");
	assert_int_equal(kill(packer(), 0), -1);
	assert_int_equal(cached_files(), 0);
}

static void signals_do_not_wait_for_another_packer(void **state)
{
	struct domlet_error err = { 0 };
	char before[4096];
	pid_t other;
	int r;

	(void)state;
	slow_packer(before, sizeof(before));
	other = fork();
	if (other == 0)
		_exit(try_to_prepare(&err) == 0);
	(void)usleep(200000);
	r = interrupted(try_to_prepare, &err);
	assert_int_equal(setenv("PATH", before, 1), 0);
	assert_int_equal(r, -EINTR);
	/* And a packer doesn't outlive who has it pack. */
	assert_int_equal(kill(packer(), 0), 0);
	assert_int_equal(kill(other, SIGKILL), 0);
	assert_int_equal(waitpid(other, NULL, 0), other);
	for (int i = 0; kill(packer(), 0) == 0 && i < 100; i++)
		(void)usleep(20000);
	assert_int_equal(kill(packer(), 0), -1);
}

static void attach_or_skip(char *image, const char *tag, struct domlet_loop *loop)
{
	struct domlet_error err = { 0 };
	int control = geteuid() == 0 ? open("/dev/loop-control", O_RDWR | O_CLOEXEC) : -1;

	if (control < 0) {
		free(image);
		skip();
	}
	close(control);
	if (domlet_loop_attach(image, true, tag, loop, &err) < 0)
		fail_msg("%s", err.text);
}

static void loop_is_given_back_by_its_owner_only(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_loop loop;
	char *image = prepare();
	int fd;

	(void)state;
	attach_or_skip(image, "backend/vbd/1/2", &loop);
	assert_int_equal(domlet_loop_detach(loop.node, "backend/vbd/1/3", &err), 0);
	domlet_loop_release(&loop, false);
	fd = open(loop.node, O_RDWR);
	assert_int_equal(write(fd, "x", 1), -1); /* read-only */
	close(fd);
	fd = open(loop.node, O_RDONLY);
	assert_true(lseek(fd, 0, SEEK_END) > 0); /* still attached */
	close(fd);
	assert_int_equal(domlet_loop_detach(loop.node, "backend/vbd/1/2", &err), 0);
	assert_int_equal(domlet_loop_detach(loop.node, "backend/vbd/1/2", &err), 0);
	free(image);
}

static void assert_becomes_free(const struct domlet_loop *loop)
{
	char path[64];
	int tries = 0;

	snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", strrchr(loop->node, '/') + 1);
	while (access(path, F_OK) == 0 && tries++ < 1000)
		usleep(1000);
	assert_int_equal(access(path, F_OK), -1);
}

static void loop_frees_itself(void **state)
{
	struct domlet_loop loop;
	char *image = prepare();
	int fd;

	(void)state;
	attach_or_skip(image, "tag", &loop);
	fd = open(loop.node, O_RDONLY); /* as blkback does */
	domlet_loop_release(&loop, true);
	assert_true(lseek(fd, 0, SEEK_END) > 0);
	close(fd);
	assert_becomes_free(&loop);
	free(image);
}

static void loop_of_a_killed_owner_is_free(void **state)
{
	struct domlet_loop loop;
	char *image = prepare();

	(void)state;
	attach_or_skip(image, "tag", &loop);
	close(loop.fd); /* as its end does */
	assert_becomes_free(&loop);
	free(image);
}

static void loop_refusals(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_loop loop;

	(void)state;
	assert_true(domlet_loop_attach(in_rootfs("none"), true, "tag", &loop, &err) < 0);
	assert_int_equal(loop.fd, -1);
	domlet_loop_release(&loop, true);
	assert_int_equal(domlet_loop_detach("/dev/loop-none", "tag", &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_an_erofs_image, set_up, tear_down),
		cmocka_unit_test_setup_teardown(changes_are_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(device_numbers_are_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stays_on_its_file_system, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_callers_make_it_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_disk_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_rootfs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(trim_removes_the_oldest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_new_image_pushes_old_ones_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mkfs_is_found_by_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(signals_do_not_wait_for_the_packer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(signals_do_not_wait_for_another_packer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(loop_is_given_back_by_its_owner_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(loop_frees_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(loop_of_a_killed_owner_is_free, set_up, tear_down),
		cmocka_unit_test_setup_teardown(loop_refusals, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
