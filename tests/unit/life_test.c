// SPDX-License-Identifier: GPL-2.0-or-later
/* Readable traces are in tests/golden/life/; here are all orders of events, or as many as can be tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../toolstack/core/life.h"

/* What was asked for and what was done, for all containers together but for what each has once. */
struct tally {
	unsigned int builds, cancels, unpauses, detaches, destroys, finishes;
	unsigned int arrivals, creates_answered, exits;
	unsigned int starts, starts_answered, pauses, pauses_answered, resumes, resumes_answered, deletes,
		deletes_answered;
};

static bool asks_the_guest(enum domlet_life_action_type a)
{
	return a == DOMLET_ACT_SEND_CREATE || a == DOMLET_ACT_SEND_START || a == DOMLET_ACT_SEND_FREEZE ||
	       a == DOMLET_ACT_SEND_THAW || a == DOMLET_ACT_KILL || a == DOMLET_ACT_SEND_DELETE || a == DOMLET_ACT_SYNC;
}

static void count(struct tally *t, enum domlet_life_action_type a)
{
	t->builds += a == DOMLET_ACT_BUILD;
	t->cancels += a == DOMLET_ACT_CANCEL_BUILD;
	t->unpauses += a == DOMLET_ACT_UNPAUSE;
	t->detaches += a == DOMLET_ACT_DETACH;
	t->destroys += a == DOMLET_ACT_DESTROY;
	t->finishes += a == DOMLET_ACT_FINISH;
	t->creates_answered += a == DOMLET_ACT_ANSWER_CREATE;
	t->starts_answered += a == DOMLET_ACT_ANSWER_START;
	t->pauses_answered += a == DOMLET_ACT_ANSWER_PAUSE;
	t->resumes_answered += a == DOMLET_ACT_ANSWER_RESUME;
	t->deletes_answered += a == DOMLET_ACT_ANSWER_DELETE;
	t->exits += a == DOMLET_ACT_REPORT_EXIT;
}

/* Which questions the step has taken: those that it may answer at once, too. */
static void count_questions(struct tally *t, const struct domlet_container_life *was, bool over,
			    const struct domlet_life_event *ev)
{
	if (over || ev->type < DOMLET_EV_ARRIVE)
		return;
	t->arrivals += ev->type == DOMLET_EV_ARRIVE && was->state == DOMLET_CONTAINER_NONE;
	t->deletes += ev->type == DOMLET_EV_DELETE && was->state != DOMLET_CONTAINER_NONE && !was->delete_pending;
}

static void feed(struct domlet_life *life, enum domlet_life_event_type type, uint32_t container, uint32_t code,
		 struct tally *t)
{
	struct domlet_life_event ev = { type, container, code };
	struct domlet_life before = *life;
	struct domlet_container_life *was = &before.container[container], *is = &life->container[container];
	struct domlet_life_actions out;
	bool attached;

	domlet_life_step(life, &ev, &out);
	count_questions(t, was, before.domain.finished, &ev);
	t->starts += is->start_pending && !was->start_pending;
	t->pauses += is->pause_pending && !was->pause_pending;
	t->resumes += is->resume_pending && !was->resume_pending;
	attached = before.domain.state >= DOMLET_DOMAIN_ATTACHED && before.domain.state <= DOMLET_DOMAIN_PAUSED;
	for (size_t i = 0; i < out.len; i++) {
		enum domlet_life_action_type a = out.act[i].type;

		assert_int_equal(t->finishes, 0);
		assert_true(out.act[i].container < DOMLET_CONTAINER_MAX);
		attached = attached && a != DOMLET_ACT_DETACH;
		if (asks_the_guest(a))
			assert_true(attached);
		if (a == DOMLET_ACT_UNPAUSE)
			assert_int_equal(life->domain.state, DOMLET_DOMAIN_BOOTING);
		count(t, a);
	}
	assert_true(t->builds <= 1 && t->cancels <= 1 && t->unpauses <= 1);
	assert_true(t->detaches <= 1 && t->destroys <= 1);
	assert_true(t->creates_answered <= t->arrivals && t->exits <= t->arrivals);
	assert_true(t->starts_answered <= t->starts && t->pauses_answered <= t->pauses);
	assert_true(t->resumes_answered <= t->resumes && t->deletes_answered <= t->deletes);
}

/* `domlet delete --force` of all, and what libxl says then. */
static void end(struct domlet_life *life, struct tally *t)
{
	feed(life, DOMLET_EV_DESTROY, 0, 0, t);
	feed(life, DOMLET_EV_BUILT, 0, 0, t);
	feed(life, DOMLET_EV_DESTROYED, 0, 0, t);
	feed(life, DOMLET_EV_DESTROY, 0, 0, t); /* of output that was owed */
}

static void assert_ended(const struct domlet_life *life, const struct tally *t)
{
	assert_int_equal(life->domain.state, DOMLET_DOMAIN_GONE);
	assert_int_equal(t->finishes, 1);
	assert_int_equal(t->creates_answered, t->arrivals);
	assert_int_equal(t->exits, t->arrivals);
	assert_int_equal(t->starts_answered, t->starts);
	assert_int_equal(t->pauses_answered, t->pauses);
	assert_int_equal(t->resumes_answered, t->resumes);
	assert_int_equal(t->deletes_answered, t->deletes);
}

/* Any order of events, of several containers: each question is answered once,
 * the domain is destroyed at most once, and the end always comes when asked for. */
static void test_any_order(void **state)
{
	static const enum domlet_life_event_type boot[] = { DOMLET_EV_LAUNCH, DOMLET_EV_BUILT, DOMLET_EV_UNPAUSED,
							    DOMLET_EV_RING_READY, DOMLET_EV_HELLO };

	(void)state;
	for (uint32_t seed = 1; seed <= 30000; seed++) {
		struct domlet_life life = { 0 };
		struct tally t = { 0 };
		uint32_t x = seed * 2654435761u, several = seed % 4 + 1, among = seed % 3 ? DOMLET_EV_COUNT : 0;

		for (size_t i = 0; seed % 5 && i < sizeof boot / sizeof boot[0]; i++)
			feed(&life, boot[i], 0, 0, &t);
		for (int i = 0; i < 100; i++) {
			enum domlet_life_event_type type;

			x = x * 1664525u + 1013904223u;
			/* A third of the seeds keep the domain, so that the containers get far. */
			type = (enum domlet_life_event_type)(
				among ? (x >> 16) % among :
					DOMLET_EV_ARRIVE + (x >> 16) % (DOMLET_EV_COUNT - DOMLET_EV_ARRIVE));
			x = x * 1664525u + 1013904223u;
			feed(&life, type, (x >> 16) % several, x >> 24 & 1, &t);
		}
		end(&life, &t);
		assert_ended(&life, &t);
	}
}

/* All orders of events, of one container and of two: each state that can be
 * reached is tried with each event, and with an end. */
#define STATES_MAX (1u << 17)
#define TABLE (1u << 18)
#define KEY_LEN 20u

struct seen {
	struct domlet_life life;
	struct tally tally;
};

static void put(uint8_t *key, const struct domlet_container_life *c)
{
	bool bits[] = { c->keeps,          c->published,
			c->failed,         c->killed,
			c->doomed,         c->cut,
			c->held,           c->start_pending,
			c->pause_pending,  c->create_answered,
			c->resume_pending, c->delete_pending,
			c->exit_known,     c->exit_reported,
			c->output_waits };

	*key = (uint8_t)c->state;
	for (size_t i = 0; i < sizeof bits; i++)
		key[1 + i / 8] = (uint8_t)(key[1 + i / 8] | bits[i] << i % 8);
}

static void key_of(const struct domlet_life *life, uint8_t key[KEY_LEN])
{
	const struct domlet_domain_life *d = &life->domain;
	bool bits[] = { d->doomed, d->unpausing, d->unpaused, d->greeted, d->syncing, d->resuming, d->finished };

	memset(key, 0, KEY_LEN);
	key[0] = (uint8_t)d->state;
	for (size_t i = 0; i < sizeof bits; i++)
		key[1] = (uint8_t)(key[1] | bits[i] << i);
	put(key + 2, &life->container[0]);
	put(key + 5, &life->container[1]);
}

/* True the first time. */
static bool is_new(uint8_t (*table)[KEY_LEN], const struct domlet_life *life)
{
	uint8_t key[KEY_LEN];
	uint32_t at = 2166136261u;

	key_of(life, key);
	key[KEY_LEN - 1] = 1; /* the place is taken */
	for (size_t i = 0; i < KEY_LEN; i++)
		at = (at ^ key[i]) * 16777619u;
	for (at %= TABLE; table[at][KEY_LEN - 1]; at = (at + 1) % TABLE)
		if (memcmp(table[at], key, KEY_LEN) == 0)
			return false;
	memcpy(table[at], key, KEY_LEN);
	return true;
}

static size_t try_all(uint32_t containers)
{
	uint8_t(*table)[KEY_LEN] = calloc(TABLE, KEY_LEN);
	struct seen *seen = calloc(STATES_MAX, sizeof *seen);
	size_t len = 1;

	assert_true(table && seen);
	(void)is_new(table, &seen[0].life);
	for (size_t i = 0; i < len; i++) {
		struct seen last = seen[i];

		end(&last.life, &last.tally);
		assert_ended(&last.life, &last.tally);
		for (uint32_t e = 0; e < DOMLET_EV_COUNT * containers * 2; e++) {
			enum domlet_life_event_type type = (enum domlet_life_event_type)(e / containers / 2);
			struct seen next = seen[i];

			if (type < DOMLET_EV_ARRIVE && e % (containers * 2)) /* it has no container */
				continue;
			feed(&next.life, type, e / 2 % containers, e % 2, &next.tally);
			if (!is_new(table, &next.life))
				continue;
			assert_true(len < STATES_MAX);
			seen[len++] = next;
		}
	}
	free(table);
	free(seen);
	return len;
}

static void test_all_orders(void **state)
{
	size_t one = try_all(1), two = try_all(2);

	(void)state;
	print_message("%zu states of one container, %zu of two\n", one, two);
	assert_true(one > 100 && two > one);
}

static void test_every_number_has_its_life(void **state)
{
	struct domlet_life_event wrong = { DOMLET_EV_ARRIVE, DOMLET_CONTAINER_MAX, 1 };
	struct domlet_life life = { 0 };
	struct domlet_life_actions out;
	struct tally t = { 0 };

	(void)state;
	domlet_life_step(&life, &wrong, &out);
	assert_int_equal(out.len, 0);
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		feed(&life, DOMLET_EV_ARRIVE, i, 1, &t);
	feed(&life, DOMLET_EV_LAUNCH, 0, 0, &t);
	feed(&life, DOMLET_EV_BUILT, 0, 0, &t);
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		assert_int_equal(t.unpauses, 0);
		feed(&life, DOMLET_EV_PUBLISHED, i, 0, &t);
	}
	assert_int_equal(t.unpauses, 1);
	feed(&life, DOMLET_EV_RING_READY, 0, 0, &t);
	feed(&life, DOMLET_EV_HELLO, 0, 0, &t);
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		feed(&life, DOMLET_EV_CREATED, i, 0, &t);
		feed(&life, DOMLET_EV_START, i, 0, &t);
		feed(&life, DOMLET_EV_DELETE, i, 0, &t);
	}
	assert_int_equal(t.creates_answered, DOMLET_CONTAINER_MAX);
	feed(&life, DOMLET_EV_VANISHED, 0, 0, &t); /* the most actions of one step */
	assert_ended(&life, &t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_all_orders),
		cmocka_unit_test(test_every_number_has_its_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
