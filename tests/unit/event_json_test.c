// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What `events` prints, byte by byte: the first text is what Debian's runc 1.1.5 printed of a container whose cgroup had
 * no controller, the second one what it makes of these numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../toolstack/cli/event_json.h"

#define CPUSET                                                                                                                  \
	"\"cpuset\":{\"cpu_exclusive\":0,\"mem_hardwall\":0,\"mem_exclusive\":0,\"memory_migrate\":0,\"memory_spread_page\":0," \
	"\"memory_spread_slab\":0,\"memory_pressure\":0,\"sched_load_balance\":0,\"sched_relax_domain_level\":0}"

static void expect(const struct domlet_figures *f, const char *text)
{
	char *got = domlet_event_json_stats("c1", f);

	assert_string_equal(got, text);
	free(got);
}

static void what_is_not_counted_is_0(void **state)
{
	struct domlet_figures f;

	(void)state;
	domlet_figures_init(&f);
	f.of[DOMLET_FIGURE_CPU_USAGE_US] = 54138;
	f.of[DOMLET_FIGURE_CPU_SYSTEM_US] = 36092;
	f.of[DOMLET_FIGURE_CPU_USER_US] = 18046;
	f.of[DOMLET_FIGURE_PIDS] = 1;
	f.of[DOMLET_FIGURE_HUGE_2M] = 0;
	f.of[DOMLET_FIGURE_HUGE_2M_FAILED] = 0;
	expect(&f,
	       "{\"type\":\"stats\",\"id\":\"c1\",\"data\":{\"cpu\":{\"usage\":{\"total\":54138000,\"kernel\":36092000,\"user\":18046000},\"throttling\":{}}," CPUSET
	       ",\"memory\":{\"usage\":{\"limit\":0,\"failcnt\":0},\"swap\":{\"limit\":0,\"failcnt\":0},\"kernel\":{\"limit\":0,\"failcnt\":0},\"kernelTCP\":{\"limit\":0,\"failcnt\":0}},"
	       "\"pids\":{\"current\":1},\"blkio\":{},\"hugetlb\":{\"2MB\":{\"failcnt\":0}},\"intel_rdt\":{},\"network_interfaces\":null}}");
}

static void what_is_counted_is_told(void **state)
{
	struct domlet_figures f;

	(void)state;
	domlet_figures_init(&f);
	f.of[DOMLET_FIGURE_CPU_USAGE_US] = 3;
	f.of[DOMLET_FIGURE_CPU_SYSTEM_US] = 2;
	f.of[DOMLET_FIGURE_CPU_USER_US] = 1;
	f.of[DOMLET_FIGURE_CPU_PERIODS] = 4;
	f.of[DOMLET_FIGURE_CPU_THROTTLED] = 5;
	f.of[DOMLET_FIGURE_CPU_THROTTLED_US] = 6;
	f.of[DOMLET_FIGURE_MEMORY] = 7000;
	f.of[DOMLET_FIGURE_MEMORY_MAX] = 8000;
	f.of[DOMLET_FIGURE_SWAP] = 10;
	f.of[DOMLET_FIGURE_SWAP_MAX] = 100;
	f.of[DOMLET_FIGURE_PIDS] = 9;
	f.of[DOMLET_FIGURE_PIDS_MAX] = 11;
	f.memory[DOMLET_FIGURE_MEMORY_anon] = 12;
	f.memory[DOMLET_FIGURE_MEMORY_file] = 13;
	f.memory[DOMLET_FIGURE_MEMORY_pgfault] = 0;
	f.devices[0] = (struct domlet_figure_device){ 202, 0, 4096, 0, 1, 0 };
	expect(&f,
	       "{\"type\":\"stats\",\"id\":\"c1\",\"data\":{\"cpu\":{\"usage\":{\"total\":3000,\"kernel\":2000,\"user\":1000},"
	       "\"throttling\":{\"periods\":4,\"throttledPeriods\":5,\"throttledTime\":6000}}," CPUSET
	       ",\"memory\":{\"cache\":13,\"usage\":{\"limit\":8000,\"usage\":7000,\"failcnt\":0},\"swap\":{\"limit\":8100,\"usage\":7010,\"failcnt\":0},"
	       "\"kernel\":{\"limit\":0,\"failcnt\":0},\"kernelTCP\":{\"limit\":0,\"failcnt\":0},\"raw\":{\"anon\":12,\"file\":13,\"pgfault\":0}},"
	       "\"pids\":{\"current\":9,\"limit\":11},\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":202,\"op\":\"Read\",\"value\":4096},{\"major\":202,\"op\":\"Write\"}],"
	       "\"ioServicedRecursive\":[{\"major\":202,\"op\":\"Read\",\"value\":1},{\"major\":202,\"op\":\"Write\"}]},\"hugetlb\":{},\"intel_rdt\":{},\"network_interfaces\":null}}");
	f.of[DOMLET_FIGURE_MEMORY_MAX] = f.of[DOMLET_FIGURE_SWAP_MAX] = DOMLET_FIGURE_NONE;
	f.of[DOMLET_FIGURE_PIDS_MAX] = DOMLET_FIGURE_NONE;
	f.devices[0].major = DOMLET_FIGURE_NONE;
	expect(&f,
	       "{\"type\":\"stats\",\"id\":\"c1\",\"data\":{\"cpu\":{\"usage\":{\"total\":3000,\"kernel\":2000,\"user\":1000},"
	       "\"throttling\":{\"periods\":4,\"throttledPeriods\":5,\"throttledTime\":6000}}," CPUSET
	       ",\"memory\":{\"cache\":13,\"usage\":{\"limit\":18446744073709551615,\"usage\":7000,\"failcnt\":0},\"swap\":{\"limit\":18446744073709551615,\"usage\":7010,\"failcnt\":0},"
	       "\"kernel\":{\"limit\":0,\"failcnt\":0},\"kernelTCP\":{\"limit\":0,\"failcnt\":0},\"raw\":{\"anon\":12,\"file\":13,\"pgfault\":0}},"
	       "\"pids\":{\"current\":9},\"blkio\":{},\"hugetlb\":{},\"intel_rdt\":{},\"network_interfaces\":null}}");
}

static void a_kill_has_no_data(void **state)
{
	char *got = domlet_event_json_oom("c1");

	(void)state;
	assert_string_equal(got, "{\"type\":\"oom\",\"id\":\"c1\"}");
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_not_counted_is_0),
					    cmocka_unit_test(what_is_counted_is_told),
					    cmocka_unit_test(a_kill_has_no_data) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
