/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cgroups in the guest, as far as a directory is like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../guest-init/container/cgroup.h"

static char place[64];
static int dir;

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(place, sizeof place, "/tmp/cgroup-test-XXXXXX");
	dir = mkdtemp(place) ? open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return dir < 0 || mkdirat(dir, "a", 0755) < 0 || mkdirat(dir, "a/b", 0755) < 0 ||
			       symlinkat("/etc", dir, "link") < 0 ?
		       -1 :
		       0;
}

static int tear_down(void **state)
{
	static const char *const files[] = { "memory.events",  "memory.max", "memory.swap.max",
					     "memory.current", "cpu.max",    "cpuset.cpus.effective",
					     "a/cpuset.cpus" };

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		(void)unlinkat(dir, files[i], 0);
	return unlinkat(dir, "link", 0) < 0 || unlinkat(dir, "a/b", AT_REMOVEDIR) < 0 ||
			       unlinkat(dir, "a", AT_REMOVEDIR) < 0 || close(dir) < 0 || rmdir(place) < 0 ?
		       -1 :
		       0;
}

static void counts_kills(void **state)
{
	static const char events[] = "low 0\nhigh 7\nmax 12\noom 3\noom_kill 2\noom_group_kill 9\n";
	int fd;

	(void)state;
	assert_int_equal(domlet_cgroup_oom_kills(dir), 0);
	assert_int_equal(domlet_cgroup_oom_kills(-1), 0);
	fd = openat(dir, "memory.events", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, events, strlen(events)), strlen(events));
	close(fd);
	assert_int_equal(domlet_cgroup_oom_kills(dir), 2);
}

static void write_file(const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void expect_file(const char *name, const char *text)
{
	char got[64] = "";
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	assert_true(read(fd, got, sizeof got - 1) > 0);
	assert_string_equal(got, text);
	close(fd);
}

static int update(struct domlet_resources_config *now, const struct domlet_resources_config *asked,
		  struct domlet_failure *failure)
{
	struct domlet_resources_config merged;
	int r = domlet_resources_merge(now, asked, &merged, failure);

	if (r == 0)
		r = domlet_cgroup_update(dir, asked, &merged, failure);
	if (r == 0)
		*now = merged;
	return r;
}

/* In a directory a file keeps the end of what was longer before. */
static void limits_change(void **state)
{
	struct domlet_resources_config now = { .has_memory = true, .memory = 1000, .has_swap = true, .swap = 1500 };
	struct domlet_failure failure = { 0 };

	(void)state;
	write_file("memory.max", "1000");
	write_file("memory.swap.max", "500");
	write_file("memory.current", "1200\n");
	write_file("cpu.max", "max 100000");
	assert_int_equal(
		update(&now, &(struct domlet_resources_config){ .has_memory = true, .memory = 1100 }, &failure), 0);
	expect_file("memory.max", "1100");
	expect_file("memory.swap.max", "400");
	assert_int_equal(update(&now, &(struct domlet_resources_config){ .has_memory = true, .memory = 1600 }, &failure),
			 -EINVAL);
	assert_string_equal(failure.text, "memory+swap limit should be >= memory limit");
	assert_int_equal(update(&now,
				&(struct domlet_resources_config){ .has_memory = true, .memory = 1199, .check = true },
				&failure),
			 -EBUSY);
	assert_string_equal(failure.text, "rejecting memory limit 1199: the container uses 1200");
	assert_int_equal(update(&now, &(struct domlet_resources_config){ .quota_us = 200000 }, &failure), 0);
	assert_int_equal(update(&now, &(struct domlet_resources_config){ .period_us = 200000 }, &failure), 0);
	expect_file("cpu.max", "200000 200000");
	/* There is no pids.max here: what was written before that is written back. */
	assert_int_equal(update(&now,
				&(struct domlet_resources_config){
					.has_memory = true, .memory = 1300, .has_pids = true, .pids = 5 },
				&failure),
			 -ENOENT);
	expect_file("memory.max", "1100");
	expect_file("memory.swap.max", "400");
	assert_int_equal(now.memory, 1100);
}

static void processors_are_the_guest_s(void **state)
{
	static const char *const wrong[] = { "4", "0-4", "3-2", "x", "0,", "0-", "999", "0;1", "-1" };
	struct domlet_resources_config now = { 0 };
	struct domlet_failure failure = { 0 };

	(void)state;
	write_file("cpuset.cpus.effective", "0-2,5\n");
	write_file("a/cpuset.cpus", "");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct domlet_resources_config asked = { .cpus = wrong[i], .mems = "" };
		int below = openat(dir, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		assert_int_equal(domlet_cgroup_update(below, &asked, &now, &failure), -EINVAL);
		close(below);
	}
	for (size_t i = 0; i < 3; i++) {
		static const char *const right[] = { "0", "0-2", "5,0-1" };
		struct domlet_resources_config asked = { .cpus = right[i], .mems = "" };
		int below = openat(dir, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		assert_int_equal(domlet_cgroup_update(below, &asked, &now, &failure), 0);
		close(below);
		expect_file("a/cpuset.cpus", right[i]);
	}
}

/* What doesn't stop is not waited for without end. */
static void waits_until_it_is_frozen(void **state)
{
	(void)state;
	assert_int_equal(domlet_cgroup_freeze(dir, 20), -ENOENT);
	assert_false(domlet_cgroup_is_frozen(-1));
	assert_false(domlet_cgroup_is_frozen(dir));
	write_file("cgroup.freeze", "0");
	write_file("cgroup.events", "populated 1\nunfrozen 1\nfrozen 0\n");
	assert_int_equal(domlet_cgroup_freeze(dir, 20), -ETIMEDOUT);
	assert_true(domlet_cgroup_is_frozen(dir)); /* it has begun */
	assert_int_equal(domlet_cgroup_thaw(dir), 0);
	assert_false(domlet_cgroup_is_frozen(dir));
	write_file("cgroup.events", "populated 1\nfrozen 1\n");
	assert_int_equal(domlet_cgroup_freeze(dir, 20), 0);
	(void)unlinkat(dir, "cgroup.freeze", 0);
	(void)unlinkat(dir, "cgroup.events", 0);
}

/* A path is the caller's, what is there the container's. */
static void finds_one_below(void **state)
{
	static const struct {
		const char *path, *is;
	} good[] = { { "/", "." }, { "a", "a" }, { "/a/b", "a/b" }, { "//a/../a/b/", "a/b" } };
	static const struct {
		const char *path, *text;
		int code;
	} bad[] = {
		{ "c", "the container has no cgroup \"c\"; its own programs make them", ENOENT },
		{ "../..", "can't open the cgroup \"../..\" of the container: EXDEV", EXDEV },
		{ "a/../../x", "can't open the cgroup \"a/../../x\" of the container: EXDEV", EXDEV },
		{ "link", "can't open the cgroup \"link\" of the container: ELOOP", ELOOP },
	};
	struct domlet_failure f;
	struct stat st, is;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		int fd = domlet_cgroup_below(dir, good[i].path, &f);

		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(fstatat(dir, good[i].is, &is, 0), 0);
		assert_int_equal(st.st_ino, is.st_ino);
		close(fd);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(domlet_cgroup_below(dir, bad[i].path, &f), -bad[i].code);
		assert_string_equal(f.text, bad[i].text);
	}
	assert_int_equal(domlet_cgroup_below(-1, "a", &f), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_kills),
		cmocka_unit_test(waits_until_it_is_frozen),
		cmocka_unit_test(finds_one_below),
		cmocka_unit_test(limits_change),
		cmocka_unit_test(processors_are_the_guest_s),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
