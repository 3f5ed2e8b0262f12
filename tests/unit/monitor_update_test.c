// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A container's limits change: its domain has the room first, its record says so afterwards, and what is refused leaves
 * all as it was.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/state/state.h"
#include "monitor_run.h"

#define BUILT_KIB 65536u

static void ask(int fd, const char *text, char *answer, size_t len)
{
	assert_true(send(fd, text, strlen(text), 0) > 0);
	receive(fd, answer, len);
}

/* OTHERS begins with a comma. */
static void update(int fd, const char *was, const char *limits, const char *resources, const char *others, char *answer,
		   size_t len)
{
	char text[400];

	(void)snprintf(text, sizeof text,
		       "{\"verb\":\"update\",\"was\":\"%s\",\"limits\":\"%s\",\"resources\":\"%s\"%s}", was, limits,
		       resources, others);
	ask(fd, text, answer, len);
}

static void expect_recorded(const char *limits)
{
	struct domlet_state st = { 0 };
	struct domlet_error err;

	assert_int_equal(domlet_state_load(root, "c1", &st, &err), 0);
	assert_string_equal(st.limits ? st.limits : "", limits);
	assert_int_equal(st.status, DOMLET_STATUS_RUNNING);
	domlet_state_free(&st);
}

static void begin_growing(struct run *r)
{
	detached = may_grow = true;
	begin_started(r, RING_FAKE_SLEEPS);
}

static void the_domain_grows_and_shrinks(void **state)
{
	char answer[1200];
	struct run r;

	(void)state;
	begin_growing(&r);
	update(r.caller, "", "1", "{}", ",\"memory\":200000,\"vcpus\":1,\"weight\":512,\"cap\":50", answer,
	       sizeof answer);
	assert_true(good(answer));
	expect_recorded("1");
	update(r.caller, "1", "2", "{}", ",\"memory\":300000,\"vcpus\":1", answer, sizeof answer);
	assert_true(good(answer));
	expect_recorded("2");
	end_by(&r, SIGTERM);
	assert_true(seen->xen.target_kib >= 300000);
	assert_true(seen->xen.memory_kib >= 300000); /* its guest has taken it */
	assert_int_equal(seen->xen.weight, 512);
	assert_int_equal(seen->xen.cap, 50);

	begin_growing(&r);
	update(r.caller, "", "1", "{}", ",\"memory\":200000,\"vcpus\":1", answer, sizeof answer);
	assert_true(good(answer));
	update(r.caller, "1", "2", "{}", ",\"memory\":50000,\"vcpus\":1", answer, sizeof answer);
	assert_true(good(answer));
	ask(r.caller, "{}", answer, sizeof answer); /* it has looked since */
	end_by(&r, SIGTERM);
	assert_true(seen->xen.target_kib < BUILT_KIB);
}

static void what_is_refused_changes_nothing(void **state)
{
	char answer[1200];
	struct run r;

	(void)state;
	begin_growing(&r);
	update(r.caller, "other", "1", "{}", "", answer, sizeof answer);
	assert_non_null(strstr(answer, "try again"));
	update(r.caller, "", "1", "refuse", ",\"memory\":200000,\"vcpus\":1,\"weight\":512", answer, sizeof answer);
	assert_non_null(strstr(answer, "rejecting memory limit 5: the container uses 6"));
	update(r.caller, "", "1", "{}", ",\"memory\":65536,\"vcpus\":2", answer, sizeof answer);
	assert_non_null(strstr(answer, "would need 2 processors, and can have 1"));
	expect_recorded("");
	ask(r.caller, "{\"verb\":\"update\",\"was\":\"\"}", answer, sizeof answer);
	assert_non_null(strstr(answer, "an update needs limits before and after, and resources"));
	ask(r.caller, "{}", answer, sizeof answer);
	end_by(&r, SIGTERM);
	assert_uint_in_range(seen->xen.target_kib, BUILT_KIB, 200000 - 1); /* with what describes the pages that it had */
	assert_int_equal(seen->xen.weight, 0);
}

static void what_the_template_or_xen_does_not_give_is_refused(void **state)
{
	char answer[1200];
	struct run r;

	(void)state;
	detached = true;
	may_grow = false;
	begin_started(&r, RING_FAKE_SLEEPS);
	update(r.caller, "", "1", "{}", ",\"memory\":200000,\"vcpus\":1", answer, sizeof answer);
	assert_non_null(strstr(answer, "domlet_max_memory in t.cfg"));
	update(r.caller, "", "1", "{}", ",\"memory\":60000,\"vcpus\":1", answer, sizeof answer); /* less can be had */
	assert_true(good(answer));
	end_by(&r, SIGTERM);

	targets_refused = 1;
	begin_started(&r, RING_FAKE_SLEEPS);
	update(r.caller, "", "1", "{}", ",\"memory\":200000,\"vcpus\":1", answer, sizeof answer);
	assert_non_null(strstr(answer, "can't change the domain's size"));
	expect_recorded("");
	update(r.caller, "", "1", "{}", ",\"memory\":200000,\"vcpus\":1", answer, sizeof answer);
	assert_true(good(answer));
	targets_refused = 0;
	end_by(&r, SIGTERM);
}

/* Whoever comes meanwhile is to try again. */
static void one_is_under_way_at_a_time(void **state)
{
	static const char never[] =
		"{\"verb\":\"update\",\"was\":\"\",\"limits\":\"1\",\"resources\":\"never\",\"memory\":65536,\"vcpus\":1}";
	char answer[1200];
	struct run r;
	int other;

	(void)state;
	begin_growing(&r);
	other = connect_to_monitor();
	be_about(other, 0, 1);
	assert_true(send(other, never, strlen(never), 0) > 0);
	ask(other, "{}", answer, sizeof answer); /* which is answered at once */
	update(r.caller, "", "2", "{}", "", answer, sizeof answer);
	assert_non_null(strstr(answer, "try again"));
	assert_int_equal(kill(r.pid, SIGTERM), 0);
	finish(&r);
	receive(other, answer, sizeof answer); /* it is told of the end, or sees it */
	assert_true(!answer[0] || strstr(answer, "container not running"));
	close(other);
}

static void a_paused_one_is_not_updated(void **state)
{
	char answer[1200];
	struct run r;

	(void)state;
	begin_growing(&r);
	ask(r.caller, "{\"verb\":\"pause\"}", answer, sizeof answer);
	assert_true(good(answer));
	update(r.caller, "", "1", "{}", "", answer, sizeof answer);
	assert_non_null(strstr(answer, "is paused"));
	ask(r.caller, "{\"verb\":\"resume\"}", answer, sizeof answer);
	assert_true(good(answer));
	end_by(&r, SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_domain_grows_and_shrinks, tear_down_attached),
		cmocka_unit_test_teardown(what_is_refused_changes_nothing, tear_down_attached),
		cmocka_unit_test_teardown(what_the_template_or_xen_does_not_give_is_refused, tear_down_attached),
		cmocka_unit_test_teardown(one_is_under_way_at_a_time, tear_down_attached),
		cmocka_unit_test_teardown(a_paused_one_is_not_updated, tear_down_attached),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down_all);
}
