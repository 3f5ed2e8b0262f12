// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../toolstack/core/lifecycle.h"

struct tally {
	unsigned answers, reports, finishes, destroys, builds;
};

static void feed(struct domlet_lifecycle *lc, enum domlet_life_event ev, uint32_t code, struct tally *t)
{
	struct domlet_life_actions out;

	domlet_lifecycle_step(lc, ev, code, &out);
	for (size_t i = 0; i < out.len; i++) {
		t->answers += out.act[i] == DOMLET_ACT_ANSWER_CREATE;
		t->reports += out.act[i] == DOMLET_ACT_REPORT_EXIT;
		t->finishes += out.act[i] == DOMLET_ACT_FINISH;
		t->destroys += out.act[i] == DOMLET_ACT_DESTROY;
		t->builds += out.act[i] == DOMLET_ACT_BUILD;
	}
}

static void feed_all(struct domlet_lifecycle *lc, const enum domlet_life_event *way, size_t len, uint32_t code,
		     struct tally *t)
{
	for (size_t i = 0; i < len; i++)
		feed(lc, way[i], code, t);
}

static void test_whole_life(void **state)
{
	static const enum domlet_life_event way[] = { DOMLET_EV_LAUNCH,     DOMLET_EV_BUILT,    DOMLET_EV_UNPAUSED,
						      DOMLET_EV_RING_READY, DOMLET_EV_HELLO,    DOMLET_EV_CREATED,
						      DOMLET_EV_START,      DOMLET_EV_STARTED,  DOMLET_EV_EXITED,
						      DOMLET_EV_DRAINED,    DOMLET_EV_DESTROYED };
	struct domlet_lifecycle lc = { 0 };
	struct tally t = { 0 };

	(void)state;
	feed_all(&lc, way, sizeof way / sizeof *way, 7, &t);
	assert_int_equal(lc.domain, DOMLET_DOMAIN_GONE);
	assert_int_equal(lc.exit_code, 7);
	assert_false(lc.failed);
	assert_int_equal(t.answers, 1);
	assert_int_equal(t.reports, 1);
	assert_int_equal(t.destroys, 1);
	assert_int_equal(t.finishes, 1);
}

/* Any order of events: each question is answered once, the domain is
 * destroyed at most once, and the end always comes when asked for. */
static void test_any_order(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 20000; seed++) {
		struct domlet_lifecycle lc = { 0 };
		struct tally t = { 0 };
		uint32_t x = seed * 2654435761u;

		feed(&lc, DOMLET_EV_LAUNCH, 0, &t);
		for (int i = 0; i < 60; i++) {
			x = x * 1664525u + 1013904223u;
			feed(&lc, (enum domlet_life_event)((x >> 16) % DOMLET_EV_COUNT), x >> 24, &t);
		}
		feed(&lc, DOMLET_EV_DESTROY, 0, &t);
		feed(&lc, DOMLET_EV_BUILT, 0, &t);
		feed(&lc, DOMLET_EV_DESTROYED, 0, &t);
		feed(&lc, DOMLET_EV_DESTROY, 0, &t);
		assert_int_equal(lc.domain, DOMLET_DOMAIN_GONE);
		assert_int_equal(t.answers, 1);
		assert_int_equal(t.reports, 1);
		assert_int_equal(t.finishes, 1);
		assert_int_equal(t.builds, 1);
		assert_true(t.destroys <= 1);
	}
}

static void test_death_while_running(void **state)
{
	static const enum domlet_life_event way[] = { DOMLET_EV_LAUNCH,     DOMLET_EV_BUILT,   DOMLET_EV_UNPAUSED,
						      DOMLET_EV_RING_READY, DOMLET_EV_HELLO,   DOMLET_EV_CREATED,
						      DOMLET_EV_START,      DOMLET_EV_STARTED, DOMLET_EV_VANISHED };
	struct domlet_lifecycle lc = { 0 };
	struct tally t = { 0 };

	(void)state;
	feed_all(&lc, way, sizeof way / sizeof *way, 0, &t);
	assert_int_equal(t.reports, 0); /* output may be left to write */
	feed(&lc, DOMLET_EV_DRAINED, 0, &t);
	assert_int_equal(lc.exit_code, DOMLET_EXIT_KILLED);
	assert_int_equal(t.destroys, 0);
	assert_int_equal(t.reports, 1);
	assert_int_equal(t.finishes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_life),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_death_while_running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
