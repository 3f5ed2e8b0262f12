/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which network namespace has a network that a container would miss. The files
 * of /proc/PID/net are below the working directory.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/dom0/netns.h"

#define HEADING "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
#define LO "00000000000000000000000000000001 01 80 10 80       lo\n"

static char top[] = "/tmp/netns-test-XXXXXX";
static struct domlet_error err;

static int set_up(void **state)
{
	(void)state;
	(void)strcpy(top + sizeof top - 7, "XXXXXX");
	return mkdtemp(top) && chdir(top) == 0 && mkdir("proc", 0755) == 0 && mkdir("proc/7", 0755) == 0 &&
			       mkdir("proc/7/net", 0755) == 0 ?
		       0 :
		       -1;
}

static int tear_down(void **state)
{
	(void)state;
	(void)unlink("proc/7/net/route");
	(void)unlink("proc/7/net/if_inet6");
	return rmdir("proc/7/net") < 0 || rmdir("proc/7") < 0 || rmdir("proc") < 0 || chdir("/") < 0 || rmdir(top) < 0 ?
		       -1 :
		       0;
}

/* NULL: the file is not there, as in a kernel without that protocol. */
static int refuse(const char *routes, const char *addresses)
{
	const char *const texts[][2] = { { "proc/7/net/route", routes }, { "proc/7/net/if_inet6", addresses } };

	for (size_t i = 0; i < 2; i++) {
		FILE *f;

		(void)unlink(texts[i][0]);
		if (!texts[i][1])
			continue;
		f = fopen(texts[i][0], "we");
		assert_non_null(f);
		assert_true(fputs(texts[i][1], f) >= 0);
		assert_int_equal(fclose(f), 0);
	}
	return domlet_netns_refuse_network(7, "c1", &err);
}

static void a_loopback_alone_is_none(void **state)
{
	(void)state;
	assert_int_equal(refuse(HEADING, LO), 0);
	assert_int_equal(refuse(HEADING, ""), 0);
	assert_int_equal(refuse(NULL, NULL), 0);
}

static void a_route_is_one(void **state)
{
	(void)state;
	assert_int_equal(refuse(HEADING "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", LO), -ENOTSUP);
	assert_string_equal(
		err.text,
		"container c1 has a network in dom0, which guests can't be connected to yet: use --network none");
}

static void an_ipv6_address_is_one(void **state)
{
	(void)state;
	assert_int_equal(refuse(HEADING, LO "fe80000000000000004211fffeac0002 02 40 20 80     eth0\n"), -ENOTSUP);
	assert_int_equal(refuse(NULL, "fe80000000000000004211fffeac0002 02 40 20 80     eth0\n"), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_loopback_alone_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_route_is_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_ipv6_address_is_one, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("netns", tests, NULL, NULL);
}
