/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole monitor, on a libxl and a xenstore of which one call fails, each
 * in turn, and with a guest that is a thread: whoever waits gets one answer
 * with a reason, the domain is gone, and no state is left but that of a container
 * which was created, saying so.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "../../toolstack/base/file.h"
#include "../../toolstack/state/state.h"
#include "../../toolstack/xen/turn.h"
#include "monitor_run.h"

static void each_call_fails(void **state)
{
	unsigned int k = 0, failures = 0;
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_GOOD;
	do {
		begin(&r, ++k);
		if (good(r.answer))
			start(&r);
		else
			reasoned(r.answer);
		if (r.started[0] && !good(r.started))
			reasoned(r.started);
		finish(&r);
		failures += !good(r.started);
		assert_string_equal(r.exit, good(r.started) ? "{\"exit\":3}" : r.untaken ? "" : "{\"exit\":137}");
		assert_string_equal(r.output, good(r.started) ? "hello\n" : "");
	} while (seen->failed[0]);
	print_message("%u calls, %u failures\n", k - 1, failures);
	assert_true(k > 30 && failures > 23);
	assert_string_equal(r.exit, "{\"exit\":3}");
}

static void one_that_is_kept_leaves_its_state(void **state)
{
	struct run r;

	(void)state;
	kept = true;
	begin_started(&r, RING_FAKE_GOOD);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":3}");
	ring_fake_guest = RING_FAKE_SLEEPS; /* also when its command was killed */
	begin(&r, 0);
	start(&r);
	(void)shutdown(r.caller, SHUT_RDWR);
	finish(&r);
	kept = false;
}

static void each_call_fails_of_a_create(void **state)
{
	detached = true;
	each_call_fails(state);
}

/* The first that the monitor writes and that which says "created" are needed for
 * a create; the others are written later. */
static void each_save_fails_once(void **state)
{
	unsigned int refused = 0;
	struct run r;

	(void)state;
	detached = true;
	full_for = 1;
	ring_fake_guest = RING_FAKE_GOOD;
	for (full_from = 1; full_from <= 5; full_from++) {
		begin(&r, 0);
		if (good(r.answer)) {
			start(&r);
			assert_true(good(r.started));
		} else {
			refused++;
			assert_non_null(strstr(r.answer, "domlet.json can't be written"));
		}
		finish(&r);
		assert_int_equal(good(r.answer), full_from > 2);
		assert_int_equal(r.untaken, full_from == 1);
		assert_string_equal(r.exit, good(r.answer) ? "{\"exit\":3}" : r.untaken ? "" : "{\"exit\":137}");
	}
	assert_int_equal(refused, 2);
}

static void a_record_is_written_when_there_is_room_again(void **state)
{
	struct domlet_error err;
	struct domlet_state st;
	struct run r;

	(void)state;
	detached = true;
	full_from = 3;
	full_for = 3;
	begin_started(&r, RING_FAKE_SLEEPS);
	assert_true(good(r.started));
	for (int i = 0; i < 100; i++) {
		assert_int_equal(domlet_state_load(root, "c1", &st, &err), 0);
		if (st.status == DOMLET_STATUS_RUNNING)
			break;
		domlet_state_free(&st);
		uv_sleep(100);
	}
	assert_int_equal(st.status, DOMLET_STATUS_RUNNING);
	domlet_state_free(&st);
	assert_int_equal(seen->saves, 6);
	for (int i = 0; i < 100 && count_in_log("is written again") == 0; i++)
		uv_sleep(100);
	assert_int_equal(count_in_log("is written again"), 1);
	assert_int_equal(count_in_log("can't be written"), 1); /* not each time */
	end_sleeper(&r);
}

static void the_guest_refuses(void **state)
{
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_REFUSES;
	begin(&r, 0);
	assert_non_null(strstr(r.answer, "exec: \\\"x?\\\": executable file not found in $PATH"));
	assert_null(strstr(r.answer, "last words"));
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
}

static void the_guest_never_gets_as_far_as_a_ring(void **state)
{
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_SILENT;
	begin(&r, 0);
	assert_non_null(strstr(r.answer, "still booting the guest kernel after 2 s (domlet_boot_timeout in t.cfg); "
					 "the guest's last words: Kernel panic"));
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
}

/* Whenever `run` asks for the start, it hears why the container is gone. */
static void the_domain_ends_before_the_start(void **state)
{
	(void)state;
	ring_fake_guest = RING_FAKE_QUITS;
	for (unsigned int pause = 0; pause < 30; pause += 3) {
		struct run r;

		begin(&r, 0);
		uv_sleep(pause);
		if (good(r.answer))
			start(&r);
		finish(&r);
		if (!good(r.answer))
			assert_non_null(strstr(r.answer, "shut down"));
		else if (!good(r.started))
			assert_non_null(strstr(r.started, "shut down"));
		else
			assert_non_null(strstr(r.last, "shut down"));
		assert_null(
			strstr(r.last, "cannot start")); /* the start's answer, when the reason came by itself before */
		assert_string_equal(r.exit, "{\"exit\":137}");
	}
}

static void a_lack_of_memory_is_logged(void **state)
{
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_HUNGRY);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
	assert_int_equal(count_in_log("killed process 1 of container c1 for want of memory"), 1);
}

static void lies_change_nothing(void **state)
{
	unsigned int before = count_in_log("for want of memory");
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_LIES);
	assert_non_null(strstr(r.started, "\"code\": 5, \"text\": \"there is no reason\""));
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
	assert_int_equal(count_in_log("for want of memory"), before);
	detached = true;
	begin_started(&r, RING_FAKE_LIES);
	finish(&r);
	assert_string_equal(r.reason, "there is no reason");
}

static void the_guest_has_another_version(void **state)
{
	char words[64];
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_NEWER;
	begin(&r, 0);
	(void)snprintf(words, sizeof words, "greets in version %u of the ring protocol", DOMLET_PROTO_VERSION + 1);
	assert_non_null(strstr(r.answer, words));
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
}

static void the_guest_breaks_the_protocol(void **state)
{
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_BREAKS);
	finish(&r);
	assert_non_null(strstr(r.last, "broke the ring protocol"));
	assert_string_equal(r.exit, "{\"exit\":137}");
}

static void a_container_in_the_background_says_why_it_ended(void **state)
{
	struct run r;

	(void)state;
	detached = true;
	begin_started(&r, RING_FAKE_BREAKS);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
	assert_non_null(strstr(r.reason, "broke the ring protocol"));
	begin_started(&r, RING_FAKE_HUNGRY);
	finish(&r);
	assert_non_null(strstr(r.reason, "for want of memory"));
	begin_started(&r, RING_FAKE_GOOD);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":3}");
	assert_string_equal(r.reason, "");
}

static void signals_reach_the_guest(void **state)
{
	static const char verb[] = "{\"verb\":\"signal\",\"signo\":15}";
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_SLEEPS);
	assert_true(good(r.started));
	(void)send(r.proxy, verb, strlen(verb), MSG_NOSIGNAL);
	receive(r.proxy, r.exit, sizeof r.exit);
	if (good(r.exit)) /* the answer to the signal comes first */
		finish(&r);
	assert_string_equal(r.exit, "{\"exit\":143}");
}

/* Whatever the packet, the monitor lives on, and no process is signalled. */
static void any_packet_is_survived(void **state)
{
	static const char *const values[] = { "null",       "true",
					      "-1",         "65",
					      "4294967305", "9223372036854775807",
					      "1e300",      "\"\"",
					      "\"9\"",      "\"start\\u0000\"",
					      "[]",         "[9]",
					      "{}",         "{\"verb\":\"destroy\"}" };
	static const char *const packets[] = { "%s",
					       "{\"verb\":%s}",
					       "{\"verb\":\"signal\",\"signo\":%s}",
					       "{\"verb\":\"signal\",\"all\":%s}",
					       "{\"verb\":\"exec\",\"terminal\":%s}",
					       "{\"verb\":\"winsize\",\"rows\":%s,\"cols\":1}",
					       "{\"verb\":\"winsize\",\"rows\":24,\"cols\":%s}",
					       "{\"verb\":\"start\",\"x\":%s}",
					       "{%s",
					       "[%s]",
					       "%s\n{" };
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_SLEEPS);
	for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
		bool unanswered = strstr(packets[i], "winsize") != NULL;

		for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
			char text[200];

			(void)snprintf(text, sizeof text, packets[i], values[k]);
			if (strncmp(text, "{\"verb\":\"destroy\"", 17) == 0) /* the one that is a request */
				continue;
			assert_int_equal(send(r.caller, text, strlen(text), MSG_NOSIGNAL), strlen(text));
			if (unanswered)
				continue;
			receive(r.caller, r.last, sizeof r.last);
			if (!strstr(r.last, "\"code\": 22") && !strstr(r.last, "already running"))
				fail_msg("%s gets %s", text, r.last);
		}
	}
	end_sleeper(&r);
	assert_string_equal(r.exit, "{\"exit\":143}");
}

static void a_large_configuration_is_sent(void **state)
{
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_GOOD;
	document_len = 1000000;
	begin(&r, 0);
	document_len = 0;
	assert_true(good(r.answer)); /* the guest has checked its hash */
	start(&r);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":3}");
}

static void who_kills_again_waits_no_longer(void **state)
{
	struct run r;
	int kills = 0;

	(void)state;
	begin_started(&r, RING_FAKE_STUBBORN);
	do {
		send_signal(r.proxy, SIGKILL);
		receive(r.proxy, r.exit, sizeof r.exit);
	} while (good(r.exit) && ++kills < 20 && poll(&(struct pollfd){ .fd = r.proxy, .events = POLLIN }, 1, 500) == 0);
	assert_uint_in_range(kills, 1, 19); /* 3 s, or some more on a busy machine */
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
}

/* However busy its guest keeps it, a monitor answers; and not only once. */
static void a_guest_that_floods_holds_nobody_up(void **state)
{
	uint64_t longest = 0;
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_FLOODS);
	for (int i = 0; i < 10; i++) {
		uint64_t before;

		uv_sleep(20);
		before = uv_hrtime();
		send_signal(r.caller, 0);
		receive(r.caller, r.last, sizeof r.last);
		assert_true(good(r.last));
		if (uv_hrtime() - before > longest)
			longest = uv_hrtime() - before;
	}
	print_message("answered within %u ms\n", (unsigned int)(longest / 1000000));
	assert_true(longest < 1500000000); /* a turn is 10 ms; others may want the processor, too */
	send_signal(r.proxy, SIGKILL);     /* unheard */
	receive(r.proxy, r.exit, sizeof r.exit);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
}

static void output_outlives_the_domain(void **state)
{
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_DIES);
	assert_true(good(r.started));
	wait_unread(r.proxy);
	assert_int_equal(read_to_the_end(r.out), RING_FAKE_OUTPUT);
	finish(&r);
	assert_non_null(strstr(r.last, "shut down"));
	assert_string_equal(r.exit, "{\"exit\":137}");
}

/* An answer that came in time, but was read when the time was up. */
static void an_answer_is_read_before_it_is_missed(void **state)
{
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_LATE);
	assert_true(good(r.started));
	end_by(&r, SIGTERM);
	assert_string_equal(r.exit, "{\"exit\":143}");
	assert_string_equal(r.last, "");
	assert_string_equal(r.reason, "");
}

/* Though two other ends wait before it is read. */
static void an_exit_status_outlives_the_domain(void **state)
{
	struct run r;

	(void)state;
	begin_started(&r, RING_FAKE_CRASHES);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":3}");
	assert_string_equal(r.output, "hello\n");
}

static void callers_and_proxies_are_lost(void **state)
{
	struct run r;

	(void)state;
	ring_fake_guest = RING_FAKE_SLEEPS;
	for (int which = 0; which < 2; which++) {
		begin(&r, 0);
		start(&r);
		(void)shutdown(which ? r.proxy : r.caller, SHUT_RDWR);
		if (which) { /* then there is nobody to be told */
			receive(r.caller, r.last, sizeof r.last);
			assert_non_null(strstr(r.last, "the proxy of container c1 was killed"));
			(void)snprintf(r.exit, sizeof r.exit, "-");
		}
		finish(&r);
	}
}

static void a_monitor_is_told_to_end(struct run *r, int signo)
{
	assert_int_equal(kill(r->pid, signo), 0);
	finish(r);
}

static void a_monitor_that_is_told_to_end_stops_its_container(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct run r;

	(void)state;
	detached = true;
	for (size_t i = 0; i < 3; i++) {
		begin_started(&r, RING_FAKE_SLEEPS);
		a_monitor_is_told_to_end(&r, signals[i]);
		assert_string_equal(r.exit, "{\"exit\":143}"); /* by SIGTERM, in any case */
		assert_string_equal(r.output, "hello\n");
	}
	begin_started(&r, RING_FAKE_STUBBORN); /* it is killed, and then its domain is */
	a_monitor_is_told_to_end(&r, SIGTERM);
	assert_string_equal(r.exit, "{\"exit\":137}");
	ring_fake_guest = RING_FAKE_SLEEPS;
	begin(&r, 0); /* no program runs yet */
	a_monitor_is_told_to_end(&r, SIGHUP);
	assert_string_equal(r.exit, "{\"exit\":137}");
	assert_non_null(strstr(r.reason, "was told to end by SIGHUP"));
}

/* Its program ends in time, but nobody reads what it wrote. */
static void a_monitor_that_is_told_to_end_waits_for_no_reader(void **state)
{
	int full[2];
	struct run r;

	(void)state;
	detached = true;
	fill_output(full);
	begin_started(&r, RING_FAKE_SLEEPS);
	a_monitor_is_told_to_end(&r, SIGTERM);
	assert_string_equal(r.exit, "{\"exit\":143}");
	out_file = -1;
	close(full[0]);
	close(full[1]);
}

/* Who ends everybody sends SIGTERM to the proxy, too, which forwards it. */
static void one_end_is_one_sigterm(void **state)
{
	struct run r;

	(void)state;
	for (int first = 0; first < 2; first++) {
		begin_started(&r, RING_FAKE_COUNTS);
		if (first)
			send_signal(r.proxy, SIGTERM);
		wait_unread(r.caller);
		assert_int_equal(kill(r.pid, SIGTERM), 0);
		wait_unread(r.caller);
		if (!first)
			send_signal(r.proxy, SIGTERM);
		end_by(&r, SIGUSR1);
		assert_string_equal(r.exit, "{\"exit\":1}");
		begin_started(&r, RING_FAKE_COUNTS); /* but of an engine's own each */
		send_signal(r.proxy, SIGTERM);
		send_signal(r.proxy, SIGTERM);
		end_by(&r, SIGUSR1);
		assert_string_equal(r.exit, "{\"exit\":2}");
	}
}

/* As a full disk is: the program gets SIGPIPE, the monitor nothing. */
static void a_limit_for_files_ends_no_monitor(void **state)
{
	struct rlimit none;
	char file[100];
	struct run r;

	(void)state;
	(void)snprintf(file, sizeof file, "%s/out", top);
	out_file = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	begin_started(&r, RING_FAKE_SLEEPS);
	assert_int_equal(prlimit(r.pid, RLIMIT_FSIZE, NULL, &none), 0);
	none.rlim_cur = 0;
	assert_int_equal(prlimit(r.pid, RLIMIT_FSIZE, &none, NULL), 0);
	close(out_file);
	out_file = -1;
	end_sleeper(&r);
	assert_string_equal(r.exit, "{\"exit\":143}");
}

/* A create is done when it has written the pid file, and says so. */
static void a_killed_create_leaves_nothing(void **state)
{
	struct run r;

	(void)state;
	detached = true;
	ring_fake_guest = RING_FAKE_SLEEPS;
	begin(&r, 0);
	assert_true(good(r.answer));
	(void)shutdown(r.caller, SHUT_RDWR);
	r.answer[0] = '\0'; /* so that finish() expects no record */
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
}

static void a_create_that_is_done_leaves_a_container(void **state)
{
	static const char done[] = "{\"verb\":\"done\"}";
	struct domlet_error err;
	struct domlet_state st;
	struct run r;

	(void)state;
	detached = true;
	ring_fake_guest = RING_FAKE_SLEEPS;
	begin(&r, 0);
	(void)send(r.proxy, done, strlen(done), MSG_NOSIGNAL); /* which isn't the proxy's to say */
	(void)send(r.caller, done, strlen(done), MSG_NOSIGNAL);
	(void)shutdown(r.caller, SHUT_WR);
	wait_unread(r.proxy);
	assert_int_equal(domlet_state_load(root, "c1", &st, &err), 0);
	assert_int_equal(st.status, DOMLET_STATUS_CREATED);
	domlet_state_free(&st);
	end_sleeper(&r);
}

/* Others build or destroy as many domains as may be at a time. */
static void an_end_comes_while_it_waits_to_build(void **state)
{
	const char *device = domlet_xen_turn_file;
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char file[100];
	struct run r;
	int turns;

	(void)state;
	(void)snprintf(file, sizeof file, "%s/turns", top);
	turns = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(fcntl(turns, F_OFD_SETLK, &all), 0);
	domlet_xen_turn_file = file;
	launch(&r, 0);
	(void)shutdown(r.proxy, SHUT_RDWR);
	(void)alarm(20); /* it would wait for two minutes */
	receive(r.caller, r.answer, sizeof r.answer);
	(void)snprintf(r.exit, sizeof r.exit, "-");
	finish(&r);
	(void)alarm(0);
	assert_non_null(strstr(r.answer, "the proxy of container c1 was killed"));
	assert_int_equal(seen->xen.calls > 0 && !seen->xen.domain, 1);
	close(turns);
	domlet_xen_turn_file = device;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_call_fails, tear_down),
		cmocka_unit_test_teardown(each_call_fails_of_a_create, tear_down_attached),
		cmocka_unit_test_teardown(each_save_fails_once, tear_down_attached),
		cmocka_unit_test_teardown(a_record_is_written_when_there_is_room_again, tear_down_attached),
		cmocka_unit_test(the_guest_refuses),
		cmocka_unit_test(the_guest_never_gets_as_far_as_a_ring),
		cmocka_unit_test(the_domain_ends_before_the_start),
		cmocka_unit_test(a_lack_of_memory_is_logged),
		cmocka_unit_test_teardown(lies_change_nothing, tear_down_attached),
		cmocka_unit_test(the_guest_has_another_version),
		cmocka_unit_test(the_guest_breaks_the_protocol),
		cmocka_unit_test_teardown(a_container_in_the_background_says_why_it_ended, tear_down_attached),
		cmocka_unit_test(signals_reach_the_guest),
		cmocka_unit_test(any_packet_is_survived),
		cmocka_unit_test(a_large_configuration_is_sent),
		cmocka_unit_test(who_kills_again_waits_no_longer),
		cmocka_unit_test(a_guest_that_floods_holds_nobody_up),
		cmocka_unit_test(output_outlives_the_domain),
		cmocka_unit_test(an_exit_status_outlives_the_domain),
		cmocka_unit_test(an_answer_is_read_before_it_is_missed),
		cmocka_unit_test(callers_and_proxies_are_lost),
		cmocka_unit_test_teardown(a_monitor_that_is_told_to_end_stops_its_container, tear_down_attached),
		cmocka_unit_test_teardown(a_monitor_that_is_told_to_end_waits_for_no_reader, tear_down_attached),
		cmocka_unit_test_teardown(one_that_is_kept_leaves_its_state, tear_down),
		cmocka_unit_test(one_end_is_one_sigterm),
		cmocka_unit_test(a_limit_for_files_ends_no_monitor),
		cmocka_unit_test_teardown(a_killed_create_leaves_nothing, tear_down_attached),
		cmocka_unit_test_teardown(a_create_that_is_done_leaves_a_container, tear_down_attached),
		cmocka_unit_test_teardown(an_end_comes_while_it_waits_to_build, tear_down),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down_all);
}
