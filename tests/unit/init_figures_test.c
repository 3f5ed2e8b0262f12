// SPDX-License-Identifier: GPL-2.0-or-later
/* Figures of a cgroup, as far as a directory is like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "../../guest-init/agent/figures.h"

static const struct {
	const char *name, *text;
} files[] = {
	{ "cpu.stat",
	  "usage_usec 300\nuser_usec 100\nsystem_usec 200\nnice_usec 9\nnr_periods 4\nnr_throttled 5\nthrottled_usec 6\n" },
	{ "memory.stat", "anon_thp 15\nanon 12\nfile 13\nkernel 14\nnosuch 16\nzswpwb 17\n" },
	{ "memory.current", "7000\n" },
	{ "memory.max", "max\n" },
	{ "memory.events", "low 0\nmax 3\noom 2\noom_kill 18446744073709551614\noom_group_kill 0\n" },
	{ "pids.max", "20\n" },
	{ "io.stat", "7:0\n"
		     "202:16 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=9 dios=8\n"
		     "nonsense\n"
		     "254:1 wios=3 rbytes=5\n" },
	{ "cgroup.procs", "1\n2\n30\n" },
};

static char place[64];
static int dir;

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(place, sizeof place, "/tmp/figures-test-XXXXXX");
	dir = mkdtemp(place) ? open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	for (size_t i = 0; dir >= 0 && i < sizeof files / sizeof files[0]; i++) {
		int fd = openat(dir, files[i].name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		if (write(fd, files[i].text, strlen(files[i].text)) < 0)
			return -1;
		close(fd);
	}
	return dir < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		(void)unlinkat(dir, files[i].name, 0);
	return close(dir) < 0 || rmdir(place) < 0 ? -1 : 0;
}

static void what_is_there_is_read(void **state)
{
	struct domlet_figures f;

	(void)state;
	domlet_figures_read(dir, &f);
	assert_int_equal(f.of[DOMLET_FIGURE_CPU_USAGE_US], 300);
	assert_int_equal(f.of[DOMLET_FIGURE_CPU_USER_US], 100);
	assert_int_equal(f.of[DOMLET_FIGURE_CPU_SYSTEM_US], 200);
	assert_int_equal(f.of[DOMLET_FIGURE_CPU_THROTTLED_US], 6);
	assert_int_equal(f.of[DOMLET_FIGURE_MEMORY], 7000);
	assert_true(f.of[DOMLET_FIGURE_MEMORY_MAX] == DOMLET_FIGURE_NONE);
	assert_true(f.of[DOMLET_FIGURE_SWAP] == DOMLET_FIGURE_NONE);
	assert_true(f.of[DOMLET_FIGURE_OOM_KILLS] == UINT64_MAX - 1);
	assert_int_equal(f.of[DOMLET_FIGURE_PIDS], 3); /* one by one, as there is no pids.current */
	assert_int_equal(f.of[DOMLET_FIGURE_PIDS_MAX], 20);
	assert_true(f.of[DOMLET_FIGURE_HUGE_2M] == DOMLET_FIGURE_NONE);
	assert_int_equal(f.memory[DOMLET_FIGURE_MEMORY_anon], 12);
	assert_int_equal(f.memory[DOMLET_FIGURE_MEMORY_anon_thp], 15);
	assert_int_equal(f.memory[DOMLET_FIGURE_MEMORY_zswpwb], 17);
	assert_true(f.memory[DOMLET_FIGURE_MEMORY_sock] == DOMLET_FIGURE_NONE);
}

static void devices_that_were_used_are_told(void **state)
{
	const struct domlet_figure_device disk = { 202, 16, 4096, 0, 1, 0 }, other = { 254, 1, 5, 0, 0, 3 };
	struct domlet_figures f;

	(void)state;
	domlet_figures_read(dir, &f);
	assert_memory_equal(&f.devices[0], &disk, sizeof disk);
	assert_memory_equal(&f.devices[1], &other, sizeof other);
	assert_true(f.devices[2].major == DOMLET_FIGURE_NONE);
}

static void nothing_is_there(void **state)
{
	struct domlet_figures f, none;
	int empty = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	domlet_figures_init(&none);
	none.of[DOMLET_FIGURE_PIDS] = 0;
	domlet_figures_read(empty, &f);
	assert_memory_equal(&f, &none, sizeof f);
	close(empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_there_is_read),
					    cmocka_unit_test(devices_that_were_used_are_told),
					    cmocka_unit_test(nothing_is_there) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
