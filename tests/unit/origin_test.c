/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* skip() does not come back, which cmocka.h leaves out. */
void _skip(const char *file, int line) __attribute__((noreturn));

#include "../../toolstack/storage/fingerprint.h"
#include "../../toolstack/storage/image.h"
#include "../../toolstack/storage/origin.h"

static char top[64];

static const char *in_top(const char *name)
{
	static char paths[4][256];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", top, name);
	return path;
}

static void put(const char *name, const char *text)
{
	int fd = open(in_top(name), O_WRONLY | O_CREAT, 0755); /* the same inode */

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int run(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command);
}

/* All that is mounted is, on a tmpfs that goes with the test. */
static int set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/domlet-test-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	if (geteuid() != 0 || mount("none", top, "tmpfs", 0, NULL) < 0)
		return 0;
	for (const char *const *d =
		     (const char *const[]){ "cache", "rootfs", "lower", "lower/l", "upper", "work", "disk", NULL };
	     *d; d++)
		if (mkdir(in_top(*d), 0755) < 0)
			return -1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (const char *const *d = (const char *const[]){ "rootfs", "store/one/merged", "disk", NULL }; *d; d++)
		(void)umount2(in_top(*d), MNT_DETACH);
	(void)umount2(top, MNT_DETACH);
	return rmdir(top);
}

static void need_mounts(void)
{
	if (access(in_top("cache"), F_OK) < 0)
		skip();
}

static bool is_trusted(const char *path)
{
	struct domlet_origin origin;

	domlet_origin_look(path, &origin);
	return origin.trusted;
}

/* An ext4 file system in a file: its maker says what time it was. */
static void mount_disk(const char *options)
{
	need_mounts();
	if (run("truncate -s 8M %s && mke2fs -q -t ext4 %s %s", in_top("disk.img"), options, in_top("disk.img")) != 0 ||
	    run("mount -o loop %s %s 2>/dev/null", in_top("disk.img"), in_top("disk")) != 0)
		skip();
}

static void mount_overlay(const char *lower)
{
	char options[1024];

	need_mounts();
	(void)snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s", lower, in_top("upper"),
		       in_top("work"));
	if (mount("none", in_top("rootfs"), "overlay", 0, options) < 0)
		skip();
}

static void own_file_systems_are_trusted(void **state)
{
	(void)state;
	need_mounts();
	assert_true(is_trusted(in_top("rootfs"))); /* tmpfs */
}

static void others_are_not(void **state)
{
	(void)state;
	need_mounts();
	assert_false(is_trusted("/proc"));
	assert_false(is_trusted(in_top("none")));
	assert_int_equal(mount("none", in_top("rootfs"), "ramfs", 0, NULL), 0);
	assert_false(is_trusted(in_top("rootfs")));
}

static void a_disk_in_a_file_is_not(void **state)
{
	(void)state;
	mount_disk("");
	assert_false(is_trusted(in_top("disk")));
}

static void an_overlay_is_as_its_layers(void **state)
{
	struct domlet_origin one, two;

	(void)state;
	mount_overlay(in_top("lower"));
	assert_true(is_trusted(in_top("rootfs")));
	domlet_origin_look(in_top("rootfs"), &one);
	assert_int_equal(umount2(in_top("rootfs"), 0), 0);
	mount_overlay(in_top("lower"));
	domlet_origin_look(in_top("rootfs"), &two);
	assert_memory_equal(one.id, two.id, sizeof(one.id));
}

static void an_overlay_of_a_disk_in_a_file_is_not(void **state)
{
	char lower[600];

	(void)state;
	mount_disk("");
	(void)snprintf(lower, sizeof(lower), "%s:%s", in_top("lower"), in_top("disk"));
	mount_overlay(lower);
	assert_false(is_trusted(in_top("rootfs")));
}

static void odd_names_of_layers(void **state)
{
	char lower[600];

	(void)state;
	need_mounts();
	assert_int_equal(mkdir(in_top("a b\\c:d"), 0755), 0);
	(void)snprintf(lower, sizeof(lower), "%s/a b\\\\c\\:d", top);
	mount_overlay(lower);
	assert_true(is_trusted(in_top("rootfs")));
}

/* As docker's and podman's storage mounts many of them: STORE/ID/merged, from STORE. */
static void layers_relative_to_the_store(void **state)
{
	int status;

	(void)state;
	need_mounts();
	assert_int_equal(run("mkdir -p %s/store/one/merged %s/store/one/diff %s/store/one/work %s/store/l/a", top, top,
			     top, top),
			 0);
	status = run("cd %s/store && mount -t overlay -o lowerdir=l/a,upperdir=one/diff,workdir=one/work none one/merged",
		     top);
	if (status != 0)
		skip();
	assert_true(is_trusted(in_top("store/one/merged")));
}

static char *prepare(const char *rootfs, int *lock)
{
	struct domlet_error err = { 0 };
	struct domlet_image image;

	if (domlet_image_prepare(rootfs, in_top("cache"), UINT64_MAX, &image, &err) < 0)
		fail_msg("%s", err.text);
	*lock = image.lock;
	return image.path;
}

static void a_tree_of_a_foreign_file_system_is_packed_anew(void **state)
{
	struct domlet_error err = { 0 };
	char *one, *two;
	int lock_one, lock_two;

	(void)state;
	need_mounts();
	assert_int_equal(mount("none", in_top("rootfs"), "ramfs", 0, NULL), 0);
	put("rootfs/program", "one");
	one = prepare(in_top("rootfs"), &lock_one);
	two = prepare(in_top("rootfs"), &lock_two);
	assert_string_not_equal(one, two);
	/* One that is in use stays; one that is left over goes, as does one whose domain is gone. */
	close(lock_one);
	assert_int_equal(domlet_image_trim(in_top("cache"), UINT64_MAX, &err), 0);
	assert_int_equal(access(one, F_OK), -1);
	assert_int_equal(access(two, F_OK), 0);
	domlet_image_forget(two);
	assert_int_equal(access(two, F_OK), -1);
	close(lock_two);
	free(one);
	free(two);
}

static void an_image_for_all_is_not_forgotten(void **state)
{
	int lock;
	char *image;

	(void)state;
	need_mounts();
	put("rootfs/program", "one");
	image = prepare(in_top("rootfs"), &lock);
	domlet_image_forget(image);
	domlet_image_forget(NULL);
	assert_int_equal(access(image, F_OK), 0);
	close(lock);
	free(image);
}

static void take_fingerprint(const char *path, time_t fresh_s, uint8_t print[32])
{
	static const uint8_t origin[32];
	struct domlet_error err = { 0 };
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	if (domlet_fingerprint(fd, path, origin, &(struct timespec){ .tv_sec = fresh_s }, print, &err) < 0)
		fail_msg("%s", err.text);
	close(fd);
}

/* Inodes of 128 bytes have whole seconds. */
static void contents_tell_what_coarse_times_do_not(void **state)
{
	uint8_t one[32], two[32];
	struct stat before, after;

	(void)state;
	mount_disk("-I 128");
	for (int tries = 0; tries < 3; tries++) {
		put("disk/program", "AAAA");
		assert_int_equal(stat(in_top("disk/program"), &before), 0);
		take_fingerprint(in_top("disk"), before.st_ctim.tv_sec - DOMLET_FINGERPRINT_GRAIN_S, one);
		put("disk/program", "BBBB");
		assert_int_equal(stat(in_top("disk/program"), &after), 0);
		take_fingerprint(in_top("disk"), before.st_ctim.tv_sec - DOMLET_FINGERPRINT_GRAIN_S, two);
		assert_memory_not_equal(one, two, sizeof(one));
		if (before.st_ctim.tv_sec == after.st_ctim.tv_sec)
			return; /* it was the contents that told */
	}
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(own_file_systems_are_trusted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_are_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_disk_in_a_file_is_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_overlay_is_as_its_layers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_overlay_of_a_disk_in_a_file_is_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(odd_names_of_layers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(layers_relative_to_the_store, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_tree_of_a_foreign_file_system_is_packed_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_image_for_all_is_not_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(contents_tell_what_coarse_times_do_not, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
