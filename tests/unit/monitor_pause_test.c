/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container is paused and goes on: whoever asks gets one answer, the record says
 * so before, and no pause keeps an end away.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/state/state.h"
#include "monitor_run.h"

static enum domlet_status status_in_the_record(void)
{
	struct domlet_error err;
	struct domlet_state st = { 0 };
	enum domlet_status status;

	assert_int_equal(domlet_state_load(root, "c1", &st, &err), 0);
	status = st.status;
	domlet_state_free(&st);
	return status;
}

static void ask(const struct run *r, const char *verb, char *answer, size_t len)
{
	char text[64];

	(void)snprintf(text, sizeof text, "{\"verb\":\"%s\"}", verb);
	assert_true(send(r->caller, text, strlen(text), 0) > 0);
	receive(r->caller, answer, len);
}

/* Whoever has its answer finds it in the record, too. */
static void a_container_is_paused_and_goes_on(void **state)
{
	char answer[1200];
	struct run r;

	(void)state;
	detached = true;
	ring_fake_guest = RING_FAKE_SLEEPS;
	begin(&r, 0);
	ask(&r, "pause", answer, sizeof answer);
	assert_non_null(strstr(answer, "container not running"));
	start(&r);
	ask(&r, "resume", answer, sizeof answer);
	assert_non_null(strstr(answer, "container not paused"));
	for (int i = 0; i < 2; i++) {
		ask(&r, "pause", answer, sizeof answer);
		assert_true(good(answer));
		assert_int_equal(status_in_the_record(), DOMLET_STATUS_PAUSED);
		ask(&r, "pause", answer, sizeof answer);
		assert_non_null(strstr(answer, "container not running"));
		ask(&r, "start", answer, sizeof answer);
		assert_non_null(strstr(answer, "cannot start an already running container"));
		ask(&r, "resume", answer, sizeof answer);
		assert_true(good(answer));
		assert_int_equal(status_in_the_record(), DOMLET_STATUS_RUNNING);
	}
	end_by(&r, SIGTERM);
	assert_int_equal(seen->xen.pauses, 2);
}

static void a_guest_that_can_not_sync_runs_on(void **state)
{
	char answer[1200];
	struct run r;

	(void)state;
	detached = true;
	begin_started(&r, RING_FAKE_COUNTS);
	for (int i = 0; i < 2; i++) {
		ask(&r, "pause", answer, sizeof answer);
		assert_non_null(strstr(answer, "can't write out what is dirty: a disk is ?full"));
		assert_int_equal(status_in_the_record(), DOMLET_STATUS_RUNNING);
	}
	send_signal(r.proxy, SIGUSR1);
	finish(&r);
	assert_int_equal(seen->xen.pauses, 0);
	assert_string_equal(r.reason, ""); /* that was none of its end */
}

/* Until it has answered it is asked for no other; and that answer is none to a later pause. */
static void a_guest_that_syncs_for_ever_runs_on(void **state)
{
	char answer[1200];
	struct run r;

	(void)state;
	detached = true;
	begin_started(&r, RING_FAKE_STALLS);
	ask(&r, "pause", answer, sizeof answer);
	assert_non_null(strstr(answer, "was still pausing the container after 2 s"));
	assert_int_equal(status_in_the_record(), DOMLET_STATUS_RUNNING);
	for (uint32_t i = 0; i < 200; i++) { /* no room is lost by it */
		ask(&r, "pause", answer, sizeof answer);
		assert_non_null(strstr(answer, "it is still at what an earlier pause asked for"));
	}
	send_signal(r.caller, SIGUSR2);
	receive(r.caller, answer, sizeof answer);
	assert_true(good(answer));
	for (int i = 0; i < 100; i++) {
		uv_sleep(10); /* for the late answer */
		ask(&r, "pause", answer, sizeof answer);
		if (good(answer))
			break;
	}
	assert_true(good(answer));
	assert_int_equal(status_in_the_record(), DOMLET_STATUS_PAUSED);
	ask(&r, "resume", answer, sizeof answer);
	assert_true(good(answer));
	end_by(&r, SIGTERM);
	assert_int_equal(seen->xen.pauses, 1);
}

/* A signal that is lost is not said to be sent, and a guest that runs again has time to read. */
static void a_paused_one_is_sent_many_signals(void **state)
{
	char answer[1200];
	struct run r;
	int sent = 0;

	(void)state;
	detached = true;
	begin_started(&r, RING_FAKE_STUBBORN);
	ask(&r, "pause", answer, sizeof answer);
	do {
		send_signal(r.caller, SIGWINCH);
		receive(r.caller, answer, sizeof answer);
	} while (good(answer) && ++sent < 20000);
	assert_uint_in_range(sent, 1000, 19999);
	assert_non_null(strstr(answer, "takes no more signals: try again when it goes on"));
	ask(&r, "resume", answer, sizeof answer);
	assert_true(good(answer));
	send_signal(r.caller, SIGWINCH); /* at once */
	receive(r.caller, answer, sizeof answer);
	for (int i = 0; i < 100 && !good(answer); i++) {
		uv_sleep(10);
		send_signal(r.caller, SIGWINCH);
		receive(r.caller, answer, sizeof answer);
	}
	assert_true(good(answer));
	assert_int_equal(status_in_the_record(), DOMLET_STATUS_RUNNING);
	end_by(&r, SIGKILL);
	assert_string_equal(r.exit, "{\"exit\":137}");
	assert_null(strstr(r.reason, "stopped reading"));
}

/* Told to end while a pause is under way: it is not paused any more. */
static void a_stop_ends_a_pause(void **state)
{
	static const char verb[] = "{\"verb\":\"pause\"}";
	char answer[1200];
	struct run r;

	(void)state;
	detached = true;
	begin_started(&r, RING_FAKE_STALLS); /* SIGTERM ends nothing but its SYNC */
	assert_true(send(r.caller, verb, strlen(verb), 0) > 0);
	uv_sleep(200);
	assert_int_equal(kill(r.pid, SIGTERM), 0);
	receive(r.caller, answer, sizeof answer);
	assert_non_null(strstr(answer, "container not running"));
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
	assert_int_equal(seen->xen.pauses, 0);
	begin_started(&r, RING_FAKE_STUBBORN);
	assert_int_equal(kill(r.pid, SIGTERM), 0);
	uv_sleep(200);
	ask(&r, "pause", answer, sizeof answer);
	assert_non_null(strstr(answer, "container not running"));
	end_by(&r, SIGKILL);
}

/* Its end was in the ring, and is heard while it is paused: it is paused no more, though its output waits. */
static void a_paused_one_has_ended(void **state)
{
	char answer[1200], taken[4096];
	int full[2];
	struct run r;

	(void)state;
	detached = true;
	fill_output(full);
	begin_started(&r, RING_FAKE_GHOST);
	ask(&r, "pause", answer, sizeof answer);
	assert_true(good(answer));
	assert_int_equal(status_in_the_record(), DOMLET_STATUS_PAUSED);
	for (int i = 0; i < 100 && status_in_the_record() == DOMLET_STATUS_PAUSED; i++)
		uv_sleep(20);
	assert_int_equal(status_in_the_record(), DOMLET_STATUS_RUNNING);
	out_file = -1;
	while (read(full[0], taken, sizeof taken) > 0)
		;
	finish(&r);
	close(full[0]);
	close(full[1]);
	assert_string_equal(r.exit, "{\"exit\":3}");
}

static void a_paused_one_is_killed(void **state)
{
	char answer[1200];
	struct run r;

	(void)state;
	detached = true;
	begin_started(&r, RING_FAKE_SLEEPS);
	ask(&r, "pause", answer, sizeof answer);
	assert_true(good(answer));
	end_by(&r, SIGKILL);
	assert_string_equal(r.exit, "{\"exit\":137}");
	assert_false(seen->xen.paused); /* by its guest, not with its domain */
	begin_started(&r, RING_FAKE_SLEEPS);
	ask(&r, "pause", answer, sizeof answer);
	assert_int_equal(kill(r.pid, SIGTERM), 0); /* whose monitor is told to end */
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":143}");
}

/* libxl is asked again, each time. */
static void a_pause_or_a_resume_fails(void **state)
{
	static const char *const verbs[] = { "pause", "resume", "resume" };
	unsigned int refused = 0, k = 0;
	char answer[1200];
	struct run r;

	(void)state;
	detached = true;
	ring_fake_guest = RING_FAKE_SLEEPS;
	do {
		begin(&r, ++k);
		if (good(r.answer))
			start(&r);
		for (size_t i = 0; good(r.started) && i < 3; i++) {
			ask(&r, verbs[i], answer, sizeof answer);
			if (good(answer))
				continue;
			reasoned(answer);
			refused += strstr(answer, i ? "can't resume the domain" : "can't pause the domain") != NULL;
			if (i == 0)
				break;
		}
		if (good(r.started))
			end_sleeper(&r);
		else
			finish(&r);
	} while (seen->failed[0]);
	assert_int_equal(refused, 3); /* the pause, the resume, and its end */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_container_is_paused_and_goes_on, tear_down_attached),
		cmocka_unit_test_teardown(a_guest_that_can_not_sync_runs_on, tear_down_attached),
		cmocka_unit_test_teardown(a_guest_that_syncs_for_ever_runs_on, tear_down_attached),
		cmocka_unit_test_teardown(a_paused_one_is_sent_many_signals, tear_down_attached),
		cmocka_unit_test_teardown(a_stop_ends_a_pause, tear_down_attached),
		cmocka_unit_test_teardown(a_paused_one_has_ended, tear_down_attached),
		cmocka_unit_test_teardown(a_paused_one_is_killed, tear_down_attached),
		cmocka_unit_test_teardown(a_pause_or_a_resume_fails, tear_down_attached),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down_all);
}
