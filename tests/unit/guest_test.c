/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The half of the monitor that faces the guest, by itself: orders in, events
 * out, with a guest that is a thread.
 */
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
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/guest/guest.h"
#include "../fakes/ring_fake.h"
#include "../fakes/xen_fake.h"

#define EVENTS_MAX 64

static uv_loop_t loop;
static struct domlet_guest guest;
static struct domlet_guest_event events[EVENTS_MAX];
static size_t seen, looked_at;
static bool late;

static void post(void *user, const struct domlet_guest_event *ev)
{
	(void)user;
	assert_true(seen < EVENTS_MAX);
	events[seen++] = *ev;
}

static void on_late(uv_timer_t *t)
{
	(void)t;
	late = true;
}

/* The next event, which is of that type. */
static const struct domlet_guest_event *expect(enum domlet_guest_event_type type)
{
	uv_timer_t limit;

	late = false;
	uv_timer_init(&loop, &limit);
	uv_timer_start(&limit, on_late, 10000, 0);
	while (looked_at == seen && !late)
		(void)uv_run(&loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&limit, NULL);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_true(looked_at < seen);
	assert_int_equal(events[looked_at].type, type);
	return &events[looked_at++];
}

static void expect_answer(uint32_t tag, uint32_t code, bool unheard)
{
	const struct domlet_guest_event *ev = expect(DOMLET_GUEST_ANSWERED);

	assert_int_equal(ev->tag, tag);
	assert_int_equal(ev->code, code);
	assert_int_equal(ev->unheard, unheard);
}

static void expect_of(enum domlet_guest_event_type type, uint32_t process, uint32_t code)
{
	const struct domlet_guest_event *ev = expect(type);

	assert_int_equal(ev->process, process);
	assert_int_equal(ev->code, code);
}

static void expect_silence(void)
{
	uv_sleep(50);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(looked_at, seen);
}

/* A guest whose container was created and started. */
static int set_up(void **state)
{
	const struct domlet_guest_listener listener = { post, NULL };
	const struct domlet_ring_offer offer = { DOMLET_RING_ORDER_DEFAULT, 8, 9, 1 };
	const struct domlet_guest_first first = { .process = 1, .stdio = { -1, -1, -1 } };
	const struct domlet_guest_create create = {
		.tag = 100, .process = 1, .id = "c1", .sha256 = (const uint8_t[32]){ 0 }
	};
	struct domlet_error err;

	(void)state;
	ring_fake_guest = RING_FAKE_RUNS;
	memset(&guest, 0, sizeof guest);
	seen = looked_at = 0;
	uv_loop_init(&loop);
	xen_fake_reset(&loop, 0);
	domlet_guest_open(&guest, &loop, &listener);
	domlet_guest_take_first(&guest, &first);
	assert_int_equal(domlet_guest_attach(&guest, 7, &offer, &err), 0);
	assert_int_equal(expect(DOMLET_GUEST_HELLO)->code, DOMLET_PROTO_VERSION);
	domlet_guest_create(&guest, &create);
	expect_answer(100, 0, false);
	domlet_guest_start(&guest, 101, 0);
	expect_answer(101, 0, false);
	return 0;
}

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	domlet_guest_detach(&guest);
	looked_at = seen = 0;
	for (uint32_t i = guest.processes.top; i >= 1; i--) /* of containers that were not deleted */
		if (domlet_guest_process_find(&guest.processes, i))
			domlet_guest_forget_first(&guest, i);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(guest.processes.top, 0);
	uv_walk(&loop, close_handle, NULL);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	return 0;
}

/* Of which the fake guest does what the letter says. */
static void exec(uint32_t tag, uint32_t process, const char *letter, uint64_t timeout_ms)
{
	struct domlet_guest_exec order = { .tag = tag,
					   .process = process,
					   .object = strdup(letter),
					   .len = 1,
					   .stdio = { -1, -1, -1 },
					   .timeout_ms = timeout_ms };

	domlet_guest_exec(&guest, &order);
}

static void kill_process(uint32_t process, uint32_t signo)
{
	domlet_guest_signal(&guest, &(struct domlet_guest_signal){ .process = process, .signo = signo });
}

static void a_process_runs_and_ends(void **state)
{
	(void)state;
	exec(7, 2, "s", 10000);
	expect_answer(7, 0, false);
	kill_process(2, SIGTERM);
	expect_of(DOMLET_GUEST_EXITED, 2, 143);
	expect_of(DOMLET_GUEST_ENDED, 2, 143);
	expect_of(DOMLET_GUEST_FREED, 2, 0);
	exec(8, 2, "n", 10000); /* with the same number; the guest's code is none of Linux's */
	expect_of(DOMLET_GUEST_ENDED, 2, 255);
	expect_answer(8, EIO, false);
	expect_of(DOMLET_GUEST_FREED, 2, 0);
	expect_silence();
}

static void each_order_that_asks_is_answered_once(void **state)
{
	uint32_t freed;

	(void)state;
	exec(7, 2, "d", 50); /* never, by the guest */
	expect_answer(7, ETIMEDOUT, true);
	expect_of(DOMLET_GUEST_ENDED, 2, 137);
	exec(8, 3, "h", 10000); /* only when it is killed */
	domlet_guest_abandon(&guest, 3);
	expect_answer(8, ECANCELED, true);
	expect_of(DOMLET_GUEST_ENDED, 3, 137);
	expect_of(DOMLET_GUEST_FREED, 3, 0);
	exec(9, 4, "d", 10000);
	expect_silence();
	domlet_guest_detach(&guest);
	expect_answer(9, ECANCELED, true);
	expect_of(DOMLET_GUEST_ENDED, 1, 137); /* the container's, too, whose power has more to say to it */
	expect_of(DOMLET_GUEST_ENDED, 4, 137);
	freed = expect(DOMLET_GUEST_FREED)->process; /* process 2's end was told before */
	freed += expect(DOMLET_GUEST_FREED)->process;
	assert_int_equal(freed, 2 + 4);
	expect_silence();
}

static void exec_in(uint32_t container, uint32_t tag, uint32_t process)
{
	struct domlet_guest_exec order = { .tag = tag,
					   .container = container,
					   .process = process,
					   .object = strdup("s"),
					   .len = 1,
					   .stdio = { -1, -1, -1 },
					   .timeout_ms = 10000 };

	domlet_guest_exec(&guest, &order);
	expect_answer(tag, 0, false);
}

static void create_another(uint32_t tag, uint32_t container, uint32_t process)
{
	const struct domlet_guest_first first = { .container = container, .process = process, .stdio = { -1, -1, -1 } };
	const struct domlet_guest_create create = {
		.tag = tag, .container = container, .process = process, .id = "c2", .sha256 = (const uint8_t[32]){ 0 }
	};

	domlet_guest_take_first(&guest, &first);
	domlet_guest_create(&guest, &create);
}

static void forget_events(void)
{
	assert_int_equal(looked_at, seen);
	looked_at = seen = 0;
}

/* Each with its streams; the highest number, too. */
static void hundreds_of_processes_run(void **state)
{
	(void)state;
	for (uint32_t i = 2; i <= 300; i++) {
		exec_in(0, i, i);
		forget_events();
	}
	exec_in(0, 7, DOMLET_PROCESS_MAX);
	for (uint32_t i = 300; i >= 2; i--) {
		kill_process(i, SIGTERM);
		expect_of(DOMLET_GUEST_EXITED, i, 143);
		expect_of(DOMLET_GUEST_ENDED, i, 143);
		expect_of(DOMLET_GUEST_FREED, i, 0);
		forget_events();
	}
	assert_int_equal(guest.processes.top, DOMLET_PROCESS_MAX);
	kill_process(DOMLET_PROCESS_MAX, SIGTERM);
	expect_of(DOMLET_GUEST_EXITED, DOMLET_PROCESS_MAX, 143);
	expect_of(DOMLET_GUEST_ENDED, DOMLET_PROCESS_MAX, 143);
	expect_of(DOMLET_GUEST_FREED, DOMLET_PROCESS_MAX, 0);
	assert_int_equal(guest.processes.top, 1);
	assert_int_equal(guest.processes.requests.top, 0);
	expect_silence();
}

/* It is said so, and nothing of it stays. */
static void a_process_without_descriptors_is_refused(void **state)
{
	int before = dup(0);
	struct rlimit limit;

	(void)state;
	close(before);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int more = 0; more < 3; more++) {
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)(before + more), limit.rlim_max }),
				 0);
		exec(7, 2, "s", 10000);
		expect_answer(7, EMFILE, false);
		assert_non_null(strstr(events[looked_at - 1].text, "no descriptors left"));
		expect_of(DOMLET_GUEST_ENDED, 2, 255);
		expect_of(DOMLET_GUEST_FREED, 2, 0);
	}
	create_another(8, 1, 3);
	expect_answer(8, EMFILE, false);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(dup(0), before); /* none is lost */
	close(before);
	exec_in(0, 9, 2);
	kill_process(2, SIGTERM);
	expect_of(DOMLET_GUEST_EXITED, 2, 143);
	expect_of(DOMLET_GUEST_ENDED, 2, 143);
	expect_of(DOMLET_GUEST_FREED, 2, 0);
	expect_silence();
}

/* What ends a container, or its processes, is nothing to another one. */
static void containers_end_by_themselves(void **state)
{
	uint32_t freed;

	(void)state;
	create_another(10, 1, 2);
	expect_answer(10, 0, false);
	domlet_guest_start(&guest, 11, 1);
	expect_answer(11, 0, false);
	exec_in(0, 12, 3);
	exec_in(1, 13, 4);
	domlet_guest_drop_further(&guest, 1);
	expect_of(DOMLET_GUEST_ENDED, 4, 137);
	expect_of(DOMLET_GUEST_DROPPED, 4, 0);
	domlet_guest_drop_further(&guest, 1);
	expect_silence(); /* the guest has it still */
	domlet_guest_delete(&guest, 14, 1);
	expect_of(DOMLET_GUEST_EXITED, 2, 137);
	expect_answer(14, 0, false);
	expect_of(DOMLET_GUEST_ENDED, 2, 137);
	freed = expect(DOMLET_GUEST_FREED)->process;
	freed += expect(DOMLET_GUEST_FREED)->process;
	assert_int_equal(freed, 2 + 4);
	exec_in(0, 15, 2); /* with that number */
	kill_process(3, SIGTERM);
	expect_of(DOMLET_GUEST_EXITED, 3, 143);
	expect_of(DOMLET_GUEST_ENDED, 3, 143);
	expect_of(DOMLET_GUEST_FREED, 3, 0);
	ring_fake_guest = RING_FAKE_REFUSES;
	create_another(16, 1, 3);
	expect_answer(16, ENOENT, false);
	expect_of(DOMLET_GUEST_FREED, 3, 0);
	expect_silence();
}

static void take_output(int fd)
{
	char bytes[4096];

	assert_int_equal(read(fd, bytes, sizeof bytes), sizeof bytes);
	for (int i = 0; i < 4; i++)
		(void)uv_run(&loop, UV_RUN_NOWAIT);
}

static void who_takes_output_is_heard_of(void **state)
{
	struct domlet_guest_exec order = {
		.tag = 12, .container = 1, .process = 3, .object = strdup("o"), .len = 1, .timeout_ms = 10000
	};
	int out[2];

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	create_another(10, 1, 2);
	expect_answer(10, 0, false);
	assert_int_equal(pipe(out), 0);
	memcpy(order.stdio, (const int[3]){ -1, out[1], -1 }, sizeof order.stdio);
	domlet_guest_exec(&guest, &order);
	expect_answer(12, 0, false);
	expect_of(DOMLET_GUEST_EXITED, 3, 0);
	take_output(out[0]);
	domlet_guest_watch_output(&guest, 0);
	domlet_guest_watch_output(&guest, 1);
	expect_silence(); /* what was taken before */
	take_output(out[0]);
	assert_int_equal(expect(DOMLET_GUEST_OUTPUT)->code, 1); /* container 0 has none */
	take_output(out[0]);
	expect_silence(); /* it is said once */
	close(out[0]);
	expect_of(DOMLET_GUEST_ENDED, 3, 0);
	expect_of(DOMLET_GUEST_FREED, 3, 0);
}

static void the_same_is_asked_once_at_a_time(void **state)
{
	(void)state;
	domlet_guest_freeze(&guest, 1, 0);
	expect_answer(1, 0, false);
	domlet_guest_thaw(&guest, 2, 0);
	expect_answer(2, 0, false);
	domlet_guest_sleeps(&guest, true);
	xen_fake.paused = true;
	uv_sleep(100);
	for (uint32_t i = 0; i < 300; i++) {
		domlet_guest_freeze(&guest, 1000 + i, 0);
		domlet_guest_thaw(&guest, 2000 + i, 0);
		domlet_guest_delete(&guest, 3000 + i, 0);
		domlet_guest_sync(&guest, 4000 + i);
		for (uint32_t order = 1; i && order <= 4; order++)
			expect_answer(1000 * order + i, EAGAIN, false);
		looked_at = seen = 0;
	}
	domlet_guest_freeze(&guest, 5000, 1); /* of another container */
	expect_silence();
	domlet_guest_detach(&guest);
	for (uint32_t i = 5; i >= 1; i--)
		expect_answer(1000 * i, ECANCELED, true);
	expect_of(DOMLET_GUEST_ENDED, 1, 137);
	xen_fake.paused = false;
}

static void a_container_s_figures_come(void **state)
{
	const struct domlet_guest_event *ev;

	(void)state;
	domlet_guest_stats(&guest, 7, 0, false);
	ev = expect(DOMLET_GUEST_ANSWERED);
	assert_int_equal(ev->tag, 7);
	assert_int_equal(ev->code, 0);
	assert_int_equal(ev->figures.of[DOMLET_FIGURE_CPU_USAGE_US], 1000);
	assert_true(ev->figures.of[DOMLET_FIGURE_MEMORY] == DOMLET_FIGURE_NONE);
	domlet_guest_stats(&guest, 8, 0, true);
	ev = expect(DOMLET_GUEST_ANSWERED);
	assert_int_equal(ev->figures.of[DOMLET_FIGURE_CPU_USAGE_US], 2000);
	expect_of(DOMLET_GUEST_OUT_OF_MEMORY, 0, 0);
	domlet_guest_stats(&guest, 9, 14, false);
	expect_answer(9, EIO, false);
	domlet_guest_stats(&guest, 10, 15, false);
	expect_answer(10, ESRCH, false);
	assert_int_equal(guest.processes.requests.top, 0);
	expect_silence();
}

/* Each ends the link, and with it what was asked. */
static void figures_that_can_not_be_break_it(void **state)
{
	static const char *const reasons[] = { "figures of another length", "figures that were not asked for" };

	for (uint32_t i = 0; i < 2; i++) {
		if (i) {
			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
		}
		domlet_guest_stats(&guest, 7, 12 + i, false);
		assert_string_equal(expect(DOMLET_GUEST_BROKEN)->text, reasons[i]);
		expect_silence();
	}
}

/* What it has left running reads the end of its input, and writes on. */
static void what_a_process_leaves_running_keeps_its_number(void **state)
{
	struct domlet_guest_exec order = {
		.tag = 7, .process = 2, .object = strdup("l"), .len = 1, .stdio = { -1, -1, -1 }, .timeout_ms = 10000
	};
	char lines[16] = "";
	size_t len = 0;
	int out[2];

	(void)state;
	assert_int_equal(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
	order.stdio[1] = out[1];
	domlet_guest_exec(&guest, &order);
	expect_answer(7, 0, false);
	expect_of(DOMLET_GUEST_EXITED, 2, 0);
	expect_of(DOMLET_GUEST_ENDED, 2, 0);
	for (int i = 0; i < 100 && len < 12; i++) {
		ssize_t n;

		uv_sleep(10);
		(void)uv_run(&loop, UV_RUN_NOWAIT);
		n = read(out[0], lines + len, sizeof lines - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	assert_string_equal(lines, "hello\nhello\n");
	expect_silence();
	domlet_guest_drop_further(&guest, 0);
	expect_of(DOMLET_GUEST_DROPPED, 2, 0);
	expect_of(DOMLET_GUEST_FREED, 2, 0); /* as the guest has ended its outputs */
	close(out[0]);
}

/* Of a guest that is paused nobody can expect an answer, nor count the time. */
static void a_deadline_waits_while_the_guest_sleeps(void **state)
{
	(void)state;
	exec(1, 2, "d", 200);
	expect_silence();
	domlet_guest_sleeps(&guest, true);
	xen_fake.paused = true;
	exec(2, 3, "s", 200);
	uv_sleep(300);
	expect_silence();
	xen_fake.paused = false;
	domlet_guest_sleeps(&guest, false);
	expect_answer(2, 0, false);
	expect_answer(1, ETIMEDOUT, true);
	expect_of(DOMLET_GUEST_ENDED, 2, 137);
	kill_process(3, SIGTERM);
	expect_of(DOMLET_GUEST_EXITED, 3, 143);
	expect_of(DOMLET_GUEST_ENDED, 3, 143);
	expect_of(DOMLET_GUEST_FREED, 3, 0);
}

/* Until there is no room; false: the guest was blamed for that. */
static bool fill(void)
{
	for (int i = 0; i < 20000; i++)
		if (!domlet_guest_signal(&guest, &(struct domlet_guest_signal){ .process = 60, .signo = SIGWINCH }))
			return true;
		else if (guest.link.broken)
			return false;
	return false;
}

/* A guest that sleeps is not to blame, nor one that has just woken; one that reads nothing is. */
static void who_sleeps_need_not_read(void **state)
{
	(void)state;
	domlet_guest_sleeps(&guest, true);
	xen_fake.paused = true;
	uv_sleep(100);
	assert_true(fill());
	domlet_guest_sleeps(&guest, false);
	expect_silence();
	assert_true(fill());
	expect_silence();
	xen_fake.paused = false;
	uv_sleep(100);
	expect_silence(); /* its outbox moves */
	uv_sleep(100);
	expect_silence();
	xen_fake.paused = true; /* for no reason that we know */
	uv_sleep(100);
	assert_false(fill());
	expect(DOMLET_GUEST_BROKEN);
}

static void who_wakes_reads_soon(void **state)
{
	(void)state;
	domlet_guest_sleeps(&guest, true);
	xen_fake.paused = true;
	uv_sleep(100);
	assert_true(fill());
	domlet_guest_sleeps(&guest, false);
	domlet_guest_sleeps(&guest, false); /* which prolongs nothing */
	uv_sleep(3100);
	expect_silence();
	domlet_guest_sleeps(&guest, false);
	assert_false(fill());
	expect(DOMLET_GUEST_BROKEN);
}

/* Its readers are told at once; its number stays until the guest has ended it, or the link has. */
static void who_is_dropped_keeps_its_number(void **state)
{
	struct domlet_guest_exec order = {
		.tag = 7, .process = 2, .object = strdup("s"), .len = 1, .stdio = { -1, -1, -1 }, .timeout_ms = 10000
	};
	int out[2];
	char c;

	(void)state;
	assert_int_equal(pipe(out), 0);
	order.stdio[1] = out[1];
	domlet_guest_exec(&guest, &order);
	expect_answer(7, 0, false);
	exec(8, 3, "h", 10000);
	exec(9, 4, "d", 10000);
	domlet_guest_drop_further(&guest, 0);
	assert_int_equal(read(out[0], &c, 1), 0);
	close(out[0]);
	expect_of(DOMLET_GUEST_ENDED, 2, 137);
	expect_of(DOMLET_GUEST_DROPPED, 2, 0);
	for (uint32_t i = 3; i <= 4; i++) {
		expect_answer(5 + i, ECANCELED, true);
		expect_of(DOMLET_GUEST_ENDED, i, 137);
		expect_of(DOMLET_GUEST_DROPPED, i, 0);
	}
	expect_silence();
	kill_process(2, SIGTERM);
	expect_of(DOMLET_GUEST_EXITED, 2, 143);
	expect_of(DOMLET_GUEST_FREED, 2, 0);
	kill_process(3, SIGKILL); /* which then could not be set up */
	expect_of(DOMLET_GUEST_FREED, 3, 0);
	expect_silence();
	domlet_guest_detach(&guest);
	expect_of(DOMLET_GUEST_ENDED, 1, 137);
	expect_of(DOMLET_GUEST_FREED, 4, 0);
	expect_silence();
}

/* Its container ends before it is created: its streams end, and another can have its number. */
static void who_waits_is_forgotten(void **state)
{
	struct domlet_guest_first first = { .container = 1, .process = 2, .stdio = { -1, -1, -1 } };
	int out[2];
	char c;

	(void)state;
	assert_int_equal(pipe(out), 0);
	first.stdio[1] = out[1];
	domlet_guest_take_first(&guest, &first);
	domlet_guest_forget_first(&guest, 2);
	assert_int_equal(read(out[0], &c, 1), 0);
	close(out[0]);
	domlet_guest_forget_first(&guest, 2); /* libuv lets go of it yet */
	expect_of(DOMLET_GUEST_FREED, 2, 0);
	expect_silence();
	domlet_guest_forget_first(&guest, 3); /* for which there was no place */
	expect_of(DOMLET_GUEST_FREED, 3, 0);
	create_another(8, 1, 2);
	expect_answer(8, 0, false);
	domlet_guest_forget_first(&guest, 2); /* the guest has it */
	expect_silence();
	domlet_guest_detach(&guest);
	expect_of(DOMLET_GUEST_ENDED, 1, 137);
	expect_of(DOMLET_GUEST_ENDED, 2, 137);
	expect_silence();
	domlet_guest_forget_first(&guest, 2);
	expect_of(DOMLET_GUEST_FREED, 2, 0);
	expect_silence();
}

static char *create_with_document(uint32_t tag, uint32_t process, bool taken)
{
	struct domlet_guest_create create = { .tag = tag,
					      .container = 1,
					      .process = process,
					      .id = "c2",
					      .sha256 = (const uint8_t[32]){ 0 },
					      .document = calloc(1, 1 << 20),
					      .document_len = 1 << 20 };
	const struct domlet_guest_first first = { .container = 1, .process = process, .stdio = { -1, -1, -1 } };

	assert_non_null(create.document);
	if (taken)
		domlet_guest_take_first(&guest, &first);
	domlet_guest_create(&guest, &create);
	return create.document;
}

/* Whether it is sent, can't be asked for, or has no process. */
static void a_document_is_taken_over(void **state)
{
	char *document;

	(void)state;
	create_with_document(7, 2, false);
	expect_answer(7, EMFILE, false);
	create_with_document(8, 2, true);
	expect_answer(8, EBADMSG, false); /* of another digest */
	expect_of(DOMLET_GUEST_FREED, 2, 0);
	domlet_guest_sleeps(&guest, true);
	xen_fake.paused = true;
	uv_sleep(100);
	document = create_with_document(9, 2, true);
	assert_ptr_equal(guest.processes.by_number[2]->document.owned, document);
	assert_true(fill());
	create_with_document(10, 3, true);
	expect_answer(10, EAGAIN, false);
	expect_of(DOMLET_GUEST_FREED, 3, 0);
	expect_silence();
	domlet_guest_detach(&guest);
	expect_answer(9, ECANCELED, true);
	expect_of(DOMLET_GUEST_ENDED, 1, 137);
	expect_of(DOMLET_GUEST_ENDED, 2, 137);
	xen_fake.paused = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_process_runs_and_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_order_that_asks_is_answered_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_process_leaves_running_keeps_its_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hundreds_of_processes_run, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_process_without_descriptors_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(containers_end_by_themselves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_takes_output_is_heard_of, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_is_dropped_keeps_its_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_waits_is_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_document_is_taken_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_container_s_figures_come, set_up, tear_down),
		cmocka_unit_test_setup_teardown(figures_that_can_not_be_break_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_same_is_asked_once_at_a_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_sleeps_need_not_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_deadline_waits_while_the_guest_sleeps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_wakes_reads_soon, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
