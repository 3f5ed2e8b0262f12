// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The monitor and domlet-init together, without a hypervisor: libxl and
 * xenstore are fakes, and the ring's bytes go over a socket. Without the right
 * to mount all is skipped.
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
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../frontend/proto/limits.h"
#include "../unit/monitor_run.h"
#include "guest.h"

/* Over the ring, as the agent has no xenstore. */
#define PADDING (2 * (int)DOMLET_CONFIG_XENSTORE_MAX)

static pid_t agent;

/* R's answer says whether that went well. */
static void create(struct run *r, const char *args, int padding)
{
	char *digits = text_of("%0*d", padding, 1), *text = document_of(args, digits);

	document_len = strlen(text);
	assert_true(document_len > DOMLET_CONFIG_XENSTORE_MAX && document_len < sizeof document);
	memcpy(document, text, document_len);
	free(digits);
	free(text);
	agent = guest_spawn(&ring_fake_socket);
	assert_true(agent > 0);
	begin(r, 0);
	close(ring_fake_socket); /* the monitor has it */
}

static void run(struct run *r, const char *args)
{
	create(r, args, PADDING);
	assert_string_equal(r->answer, "{ \"code\": 0 }");
	start(r);
	assert_string_equal(r->started, "{ \"code\": 0 }");
}

static int end_of_agent(void)
{
	int status;

	assert_int_equal(waitpid(agent, &status, 0), agent);
	return status;
}

/* The container ends as EXPECTED, and then its agent, as the monitor has gone;
 * for a sanitizer that would be another status. */
static void expect_end(struct run *r, const char *expected)
{
	int status;

	finish(r);
	assert_string_equal(r->exit, expected);
	status = end_of_agent();
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

/* Who reads its input is told that there is no more. */
static void end_input(struct run *r)
{
	close(r->in);
	r->in = -1;
}

/* Its input and output are pipes, whose other ends are *IN and *OUT; what the command is told is R's last. */
static int ask_agent_for_exec(struct run *r, const char *args, int padding, int *in, int *out)
{
	char *json = text_of("{" PROCESS ", \"args\": %s, \"comment\": \"%0*d\"}", args, padding, 1);
	int input[2], output[2], proxy;

	assert_int_equal(pipe(input) | pipe(output), 0);
	proxy = ask_for_exec_with(r->caller, json, strlen(json), input[0], output[1]);
	close(input[0]);
	close(output[1]);
	*in = input[1];
	*out = output[0];
	free(json);
	receive(r->caller, r->last, sizeof r->last);
	return proxy;
}

static void await_text(int fd, const char *text)
{
	char got[64] = "";

	for (size_t len = 0; !strstr(got, text);) {
		ssize_t n = read(fd, got + len, sizeof got - 1 - len);

		if (n <= 0)
			fail_msg("\"%s\" is not \"%s\"", got, text);
		len += (size_t)n;
	}
}

static void streams_and_status(void **state)
{
	struct run r;

	(void)state;
	create(&r, "[\"sh\", \"-c\", \"read x; echo out $x; echo err >&2; exit 7\"]", PADDING);
	assert_string_equal(r.answer, "{ \"code\": 0 }");
	assert_int_equal(write(r.in, "early\n", 6), 6);
	start(&r);
	assert_string_equal(r.started, "{ \"code\": 0 }");
	expect_end(&r, "{\"exit\":7}");
	assert_string_equal(r.output, "out early\n");
	assert_string_equal(r.errors, "err\n");
	assert_string_equal(r.last, "");
}

static uint8_t pattern(size_t at)
{
	return (uint8_t)(at * 7 + at / 251);
}

/* Far more than rings, windows and pipes hold, in both directions at once. */
static void much_goes_through(void **state)
{
	static uint8_t bytes[4u << 20];
	size_t len = 0;
	struct run r;
	pid_t writer;
	ssize_t n;

	(void)state;
	run(&r, "[\"cat\"]");
	writer = fork();
	if (writer == 0) {
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = pattern(i);
		_exit(write(r.in, bytes, sizeof bytes) == (ssize_t)sizeof bytes ? 0 : 1);
	}
	end_input(&r);
	while (len < sizeof bytes && (n = read(r.out, bytes + len, sizeof bytes - len)) > 0)
		len += (size_t)n;
	assert_int_equal(len, sizeof bytes);
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != pattern(i))
			fail_msg("byte %zu is another one", i);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	expect_end(&r, "{\"exit\":0}");
	assert_string_equal(r.output, "");
	assert_string_equal(r.errors, "");
}

/* Who is at the other ends need not wait for the process's end. */
static void ends_of_streams(void **state)
{
	struct run r;

	(void)state;
	run(&r, "[\"sh\", \"-c\", \"read x; echo last; exec <&- >&- 2>&-; sleep 1000\"]");
	while (write(r.in, "y\n", 2) == 2) /* SIGPIPE is ignored here */
		;
	assert_int_equal(errno, EPIPE);
	assert_int_equal(read_to_the_end(r.out), 5);
	assert_int_equal(read_to_the_end(r.err), 0);
	wait_unread(r.proxy);
	send_signal(r.proxy, SIGKILL);
	receive(r.proxy, r.exit, sizeof r.exit);
	expect_end(&r, "{\"exit\":137}");
}

static void a_command_that_is_missing(void **state)
{
	struct run r;

	(void)state;
	create(&r, "[\"nosuch\"]", PADDING);
	assert_string_equal(r.answer,
			    "{ \"code\": 2, \"text\": \"exec: \\\"nosuch\\\": executable file not found in $PATH\" }");
	expect_end(&r, "{\"exit\":137}");
}

static void a_large_configuration(void **state)
{
	struct run r;

	(void)state;
	create(&r, "[\"echo\", \"made\"]", 5000000);
	assert_string_equal(r.answer, "{ \"code\": 0 }");
	start(&r);
	expect_end(&r, "{\"exit\":0}");
	assert_string_equal(r.output, "made\n");
}

static void further_processes(void **state)
{
	static const int paddings[] = { 1, 20000, 700000 }; /* in the message, and over the ring */
	int proxy, in, out;
	struct run r;

	(void)state;
	run(&r, "[\"cat\"]");
	for (size_t i = 0; i < sizeof paddings / sizeof paddings[0]; i++) {
		proxy = ask_agent_for_exec(&r, "[\"sh\", \"-c\", \"cat >&2; exit 3\"]", paddings[i], &in, &out);
		assert_string_equal(r.last, "{ \"code\": 0 }");
		assert_int_equal(write(in, "in\n", 3), 3);
		close(in);
		expect_exit(proxy, "{\"exit\":3}");
		await_text(out, "in\n");
		close(out);
		close(proxy);
		proxy = ask_agent_for_exec(&r, "[\"/nosuch\"]", paddings[i], &in, &out);
		assert_string_equal(
			r.last,
			"{ \"code\": 2, \"text\": \"exec: \\\"\\/nosuch\\\": stat \\/nosuch: no such file or directory\" }");
		expect_exit(proxy, "{\"exit\":255}");
		assert_int_equal(read_to_the_end(out), 0);
		close(in);
		close(out);
		close(proxy);
	}
	end_input(&r);
	expect_end(&r, "{\"exit\":0}");
}

/* Its status comes with its end, its output to the last writer's. */
static void what_an_exec_leaves_running(void **state)
{
	int proxy, in, out;
	struct run r;

	(void)state;
	run(&r, "[\"cat\"]");
	proxy = ask_agent_for_exec(&r, "[\"sh\", \"-c\", \"(sleep 1; echo late) & echo early; exit 3\"]", 1, &in, &out);
	assert_string_equal(r.last, "{ \"code\": 0 }");
	expect_exit(proxy, "{\"exit\":3}");
	await_text(out, "early\n");
	wait_unread(out);
	await_text(out, "late\n");
	assert_int_equal(read_to_the_end(out), 0);
	close(in);
	close(out);
	close(proxy);
	end_input(&r);
	expect_end(&r, "{\"exit\":0}");
}

/* Nobody reads as fast as that; and yet the process itself has ended. */
static void what_an_exec_leaves_writing_for_ever(void **state)
{
	char some[4096];
	int proxy, in, out;
	struct run r;

	(void)state;
	run(&r, "[\"cat\"]");
	proxy = ask_agent_for_exec(&r, "[\"sh\", \"-c\", \"yes & sleep 0.3; exit 3\"]", 1, &in, &out);
	assert_string_equal(r.last, "{ \"code\": 0 }");
	for (int i = 0; i < 4000 && poll(&(struct pollfd){ .fd = proxy, .events = POLLIN }, 1, 2) == 0; i++)
		assert_true(read(out, some, sizeof some) > 0);
	assert_int_equal(poll(&(struct pollfd){ .fd = proxy, .events = POLLIN }, 1, 0), 1);
	expect_exit(proxy, "{\"exit\":3}");
	close(in);
	close(out);
	close(proxy);
	end_input(&r);
	expect_end(&r, "{\"exit\":0}");
}

/* As the command makes it. */
static void make_terminal(int *master, int *slave)
{
	struct termios raw;
	char name[64];

	*master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(*master >= 0 && grantpt(*master) == 0 && unlockpt(*master) == 0);
	assert_int_equal(ptsname_r(*master, name, sizeof name), 0);
	*slave = open(name, O_RDWR | O_NOCTTY);
	assert_true(*slave >= 0 && tcgetattr(*slave, &raw) == 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(*slave, TCSANOW, &raw), 0);
}

static int ask_agent_for_terminal(struct run *r, const char *command, int *master)
{
	char *json = text_of("{" PROCESS ", \"terminal\": true, \"args\": [\"sh\", \"-c\", \"%s\"]}", command);
	int slave, proxy;

	make_terminal(master, &slave);
	proxy = ask_for_exec_with(r->caller, json, strlen(json), slave, slave);
	close(slave);
	free(json);
	receive(r->caller, r->last, sizeof r->last);
	assert_string_equal(r->last, "{ \"code\": 0 }");
	return proxy;
}

/* Keys and output; and when the engine's end is closed, the guest's terminal
 * hangs up: its program gets SIGHUP, and reads to an end if it ignores that,
 * even one that takes ^D for a byte like others. */
static void terminals(void **state)
{
	static const struct {
		const char *command, *exit;
	} ends[] = {
		/* Its reads may fail before the kernel sends the signal. */
		{ "echo ready; read x; echo got:$x; read x; sleep 100", "{\"exit\":129}" },
		{ "trap '' HUP; stty raw -echo; echo ready; head -c3; cat >/dev/null; exit 7", "{\"exit\":7}" },
		{ "trap 'exit 5' HUP; echo ready; head -n1; while :; do read x; done", "{\"exit\":5}" },
	};
	int proxy, master;
	struct run r;

	(void)state;
	run(&r, "[\"cat\"]");
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		proxy = ask_agent_for_terminal(&r, ends[i].command, &master);
		await_text(master, "ready");
		assert_int_equal(write(master, "ab\r", 3), 3);
		await_text(master, "ab");
		wait_unread(proxy);
		close(master);
		expect_exit(proxy, ends[i].exit);
		close(proxy);
	}
	end_input(&r);
	expect_end(&r, "{\"exit\":0}");
}

static void signals(void **state)
{
	int proxy, in, out;
	struct run r;

	(void)state;
	run(&r, "[\"sh\", \"-c\", \"trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done\"]");
	await_text(r.out, "ready\n");
	proxy = ask_agent_for_exec(&r, "[\"sleep\", \"1000\"]", 1, &in, &out);
	send_signal(proxy, SIGTERM);
	expect_exit(proxy, "{\"exit\":143}");
	close(in);
	close(out);
	close(proxy);
	send_signal(r.proxy, SIGTERM);
	receive(r.proxy, r.exit, sizeof r.exit); /* the answer to the signal */
	expect_end(&r, "{\"exit\":9}");
}

/* A reader that stops holds up its stream and nothing else, not even the end. */
static void a_kill_with_output_unread(void **state)
{
	int proxy, in, out;
	struct run r;

	(void)state;
	run(&r, "[\"cat\", \"/dev/zero\"]");
	wait_unread(r.proxy);
	proxy = ask_agent_for_exec(&r, "[\"echo\", \"there\"]", 1, &in, &out);
	expect_exit(proxy, "{\"exit\":0}");
	await_text(out, "there\n");
	close(in);
	close(out);
	close(proxy);
	send_signal(r.proxy, SIGKILL);
	receive(r.proxy, r.exit, sizeof r.exit);
	expect_end(&r, "{\"exit\":137}");
}

static unsigned long ticks_of(pid_t pid)
{
	unsigned long user = 0, kernel = 0;
	char path[32];
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel), 2);
	(void)fclose(f);
	return user + kernel;
}

/* The program has ended, and its output waits for a reader. The input was closed
 * with it, and nothing spins. */
static void input_that_nobody_takes(void **state)
{
	unsigned long before;
	struct run r;

	(void)state;
	run(&r, "[\"head\", \"-c\", \"100000\", \"/dev/zero\"]");
	wait_unread(r.proxy);
	assert_int_equal(write(r.in, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	before = ticks_of(r.pid);
	wait_unread(r.proxy);
	assert_true(ticks_of(r.pid) - before < 15); /* in 300 ms; 30 when it spins */
	assert_int_equal(read_to_the_end(r.out), 100000);
	expect_end(&r, "{\"exit\":0}");
}

static void a_killed_container(void **state)
{
	struct run r;

	(void)state;
	run(&r, "[\"sleep\", \"1000\"]");
	send_signal(r.proxy, SIGKILL);
	receive(r.proxy, r.exit, sizeof r.exit);
	expect_end(&r, "{\"exit\":137}");
	assert_string_equal(r.last, "");
}

static void kill_agent(void)
{
	int status;

	assert_int_equal(kill(agent, SIGKILL), 0);
	status = end_of_agent();
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* As a kernel's panic ends a domain whose process 1 was killed. What ran there
 * here sees the end of its input. */
static void the_agent_is_killed(void **state)
{
	int proxy, in, out;
	struct run r;

	(void)state;
	run(&r, "[\"sh\", \"-c\", \"echo before; cat\"]");
	await_text(r.out, "before\n");
	proxy = ask_agent_for_exec(&r, "[\"cat\"]", 1, &in, &out);
	kill_agent();
	expect_exit(proxy, "{\"exit\":137}");
	assert_int_equal(read_to_the_end(out), 0);
	close(in);
	close(out);
	close(proxy);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
	assert_non_null(strstr(r.last, "the domain of container c1 shut down (reason 0) while running the container"));
}

static void the_agent_is_killed_before_the_start(void **state)
{
	struct run r;

	(void)state;
	create(&r, "[\"true\"]", PADDING);
	assert_string_equal(r.answer, "{ \"code\": 0 }");
	kill_agent();
	start(&r);
	finish(&r);
	assert_string_equal(r.exit, "{\"exit\":137}");
	assert_non_null(strstr(r.started, "the domain of container c1 shut down (reason 0) while "));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_and_status),
		cmocka_unit_test(much_goes_through),
		cmocka_unit_test(ends_of_streams),
		cmocka_unit_test(a_command_that_is_missing),
		cmocka_unit_test(a_large_configuration),
		cmocka_unit_test(further_processes),
		cmocka_unit_test(what_an_exec_leaves_running),
		cmocka_unit_test(what_an_exec_leaves_writing_for_ever),
		cmocka_unit_test(terminals),
		cmocka_unit_test(signals),
		cmocka_unit_test(a_kill_with_output_unread),
		cmocka_unit_test(input_that_nobody_takes),
		cmocka_unit_test(a_killed_container),
		cmocka_unit_test(the_agent_is_killed),
		cmocka_unit_test(the_agent_is_killed_before_the_start),
	};

	if (!guest_take_arguments(argc, argv))
		return 2;
	if (!guest_may_mount())
		return 77;
	ring_fake_guest = RING_FAKE_AGENT;
	return cmocka_run_group_tests(tests, set_up, tear_down_all) ? 1 : 0;
}
