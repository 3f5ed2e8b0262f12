// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domlet-init on a socket: its processes, their streams, signals and ends.
 * Without the right to mount, only what needs no container is tested, and the
 * rest is reported as skipped.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../frontend/proto/sha256.h"
#include "guest.h"
#include "requests.h"

static void test_streams(void **state)
{
	size_t len = 3u << 20;
	uint8_t *data = malloc(len);

	(void)state;
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	run(0, 1, "[\"cat\"]");
	monitor_write(&m, domlet_stream_id(1, DOMLET_STREAM_STDIN), data, len, true);
	assert_int_equal(monitor_wait(&m, 1), 0);
	assert_int_equal(m.outputs[domlet_stream_id(1, DOMLET_STREAM_STDOUT)].len, len);
	assert_memory_equal(m.outputs[domlet_stream_id(1, DOMLET_STREAM_STDOUT)].bytes, data, len);
	assert_output(1, DOMLET_STREAM_STDERR, "");
	free(data);
}

static void test_ends(void **state)
{
	(void)state;
	run(0, 1, "[\"sh\", \"-c\", \"echo out; echo err >&2; exit 7\"]");
	assert_int_equal(monitor_wait(&m, 1), 7);
	assert_output(1, DOMLET_STREAM_STDOUT, "out\n");
	assert_output(1, DOMLET_STREAM_STDERR, "err\n");
	assert_int_equal(start(0), EINVAL);
	assert_int_equal(exec_args(0, 2, "[\"true\"]"), ESRCH);
	assert_string_equal(last_text(), "cannot exec in a stopped container");
	assert_int_equal(send_signal(0, 1, SIGKILL, false), ESRCH);
	assert_int_equal(delete_container(0), 0);
	assert_int_equal(delete_container(0), ENOENT);
	/* The numbers are free again. */
	run(0, 1, "[\"sleep\", \"1000\"]");
	assert_int_equal(delete_container(0), EBUSY);
	assert_int_equal(start(0), EBUSY);
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, 1), 137);
	assert_int_equal(m.exits[1].signo, SIGKILL);
}

static void test_create_fails(void **state)
{
	(void)state;
	assert_int_equal(create(0, 1, "[\"nosuch\"]"), ENOENT);
	assert_string_equal(last_text(), "exec: \"nosuch\": executable file not found in $PATH");
	monitor_close_streams(&m, 1);
	assert_int_equal(create(0, 1, "[]"), EINVAL);
	monitor_close_streams(&m, 1);
	run(0, 1, "[\"true\"]");
	assert_int_equal(monitor_wait(&m, 1), 0);
}

/* What is left of a container whose CREATE failed takes no process, and waits for none. */
static void test_exec_after_a_failed_create(void **state)
{
	struct domlet_msg create = { .type = DOMLET_MSG_CREATE }, exec = { .type = DOMLET_MSG_EXEC };
	uint32_t config = domlet_stream_id(1, DOMLET_STREAM_CONFIG), requests[3];
	char *document = document_of("[]", "");
	uint8_t sha256[DOMLET_SHA256_LEN], *span;
	size_t len = strlen(document);

	(void)state;
	domlet_sha256(document, len, sha256);
	create.create.process = 1;
	create.create.source = 1;
	create.create.length = (uint32_t)len;
	create.create.sha256 = (struct domlet_slice){ sha256, DOMLET_SHA256_LEN };
	assert_int_equal(domlet_link_open(&m.link, config), 0);
	/* All at once, so that the guest does nothing between them. */
	requests[0] = monitor_send(&m, &create);
	exec.exec.length = 100;
	exec.exec.process = 3;
	requests[2] = monitor_send(&m, &exec);
	span = domlet_link_reserve(&m.link, config, &len);
	assert_non_null(span);
	assert_int_equal(len, strlen(document));
	memcpy(span, document, len);
	domlet_link_commit(&m.link, len);
	assert_int_equal(domlet_link_send_eof(&m.link, config), 0);
	exec.exec.process = 2;
	exec.exec.process_json = (struct domlet_slice){ (const uint8_t *)"{}", 2 };
	requests[1] = monitor_send(&m, &exec);
	assert_int_equal(monitor_reply(&m, requests[1]), ENOENT);
	assert_int_equal(monitor_reply(&m, requests[2]), ESRCH);
	assert_int_equal(monitor_reply(&m, requests[0]), EINVAL);
	free(document);
}

static void test_exec(void **state)
{
	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	assert_int_equal(exec_args(0, 2, "[\"sh\", \"-c\", \"cat; echo $0 >&2; exit 3\"]"), 0);
	monitor_write(&m, domlet_stream_id(2, DOMLET_STREAM_STDIN), "in", 2, true);
	assert_int_equal(monitor_wait(&m, 2), 3);
	assert_output(2, DOMLET_STREAM_STDOUT, "in");
	assert_output(2, DOMLET_STREAM_STDERR, "sh\n");

	/* The container's namespaces: its first process is 1, and sleeps. */
	assert_int_equal(exec_args(0, 2, "[\"sh\", \"-c\", \"tr '\\\\0' ' ' </proc/1/cmdline; test $$ -gt 1\"]"), 0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	assert_output(2, DOMLET_STREAM_STDOUT, "sleep 1000 ");

	assert_int_equal(
		exec(0, 2,
		     "{" PROCESS
		     ", \"args\": [\"sh\", \"-c\", \"id -u; id -g; pwd; echo $X; ulimit -n; grep -E 'CapEff|NoNewPrivs' /proc/self/status\"],"
		     " \"user\": {\"uid\": 12, \"gid\": 34}, \"cwd\": \"/tmp\", \"env\": [\"PATH=/bin:/usr/bin\", \"X=y\"], \"noNewPrivileges\": true,"
		     " \"rlimits\": [{\"type\": \"RLIMIT_NOFILE\", \"soft\": 77, \"hard\": 88}]}"),
		0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	assert_output(2, DOMLET_STREAM_STDOUT, "12\n34\n/tmp\ny\n77\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n");

	assert_int_equal(exec_args(0, 2, "[\"nosuch\"]"), ENOENT);
	assert_string_equal(last_text(), "exec: \"nosuch\": executable file not found in $PATH");
	assert_int_equal(exec_args(0, 2, "[\"/nosuch\"]"), ENOENT);
	assert_string_equal(last_text(), "exec: \"/nosuch\": stat /nosuch: no such file or directory");
	assert_int_equal(exec_args(0, 2, "[\"/etc/passwd\"]"), EACCES);
	assert_string_equal(last_text(), "exec: \"/etc/passwd\": permission denied");
	assert_int_equal(exec(0, 2, "{\"cwd\": \"/nosuch\", \"args\": [\"true\"]}"), ENOENT);
	assert_string_equal(last_text(),
			    "chdir to cwd (\"/nosuch\") set in config.json failed: no such file or directory");
	assert_int_equal(exec(0, 2, "{\"cwd\": \"/\""), EBADMSG);
	assert_int_equal(exec(0, 2, "{\"cwd\": \"/\", \"args\": [\"true\"], \"dev.domlet.cgroup\": \"x\"}"), ENOENT);
	assert_string_equal(last_text(), "the container has no cgroup \"x\"; its own programs make them");
	assert_int_equal(exec_args(5, 2, "[\"true\"]"), ENOENT);
	assert_int_equal(exec_args(0, DOMLET_PROCESS_MAX, "[\"true\"]"), 0);
	assert_int_equal(monitor_wait(&m, DOMLET_PROCESS_MAX), 0);
}

/* What its object leaves out is the container's, as with runc. */
static void test_exec_inherits(void **state)
{
	static const char look[] =
		"\"args\": [\"sh\", \"-c\", \"grep -E 'Cap(Eff|Bnd)' /proc/self/status; ulimit -n; umask; cat /proc/self/oom_score_adj; chrt -p $$; ionice\"]";
	static const char expected[] = "CapEff:\t0000000000000021\nCapBnd:\t0000000000000021\n77\n0077\n55\n";
	char *process = text_of(
		PROCESS
		", \"args\": [\"sleep\", \"1000\"], \"oomScoreAdj\": 55, \"user\": {\"uid\": 0, \"gid\": 0, \"umask\": 63},"
		" \"capabilities\": {\"bounding\": [%s], \"effective\": [%s], \"permitted\": [%s]}, \"scheduler\": {\"policy\": \"SCHED_BATCH\"},"
		" \"ioPriority\": {\"class\": \"IOPRIO_CLASS_BE\", \"priority\": 6}, \"rlimits\": [{\"type\": \"RLIMIT_NOFILE\", \"soft\": 77, \"hard\": 88}]",
		"\"CAP_CHOWN\", \"CAP_KILL\"", "\"CAP_CHOWN\", \"CAP_KILL\"", "\"CAP_CHOWN\", \"CAP_KILL\"");
	char *json = text_of("{" PROCESS ", %s}", look);
	const struct output *o = &m.outputs[domlet_stream_id(2, DOMLET_STREAM_STDOUT)];

	(void)state;
	assert_int_equal(create_document(0, 1, document_with(process, "", "", "", "")), 0);
	assert_int_equal(start(0), 0);
	assert_int_equal(exec(0, 2, json), 0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	assert_true(o->len > strlen(expected));
	assert_memory_equal(o->bytes, expected, strlen(expected));
	assert_non_null(memmem(o->bytes, o->len, "SCHED_BATCH", strlen("SCHED_BATCH")));
	assert_non_null(memmem(o->bytes, o->len, "best-effort: prio 6\n", strlen("best-effort: prio 6\n")));
	free(json);
	free(process);
}

/* The last of a name counts, for the program and for where it is looked for; HOME stays the image's. */
static void test_variables_twice(void **state)
{
	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	assert_int_equal(
		exec(0, 2,
		     "{\"cwd\": \"/\", \"args\": [\"env\"], \"env\": [\"A=old\", \"PATH=/nosuch\", \"AB=1\", \"HOME=/x\", \"A=new\", \"HOME=\","
		     " \"PATH=/bin:/usr/bin\", \"AB=\", \"B==\"]}"),
		0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	assert_output(2, DOMLET_STREAM_STDOUT, "A=new\nPATH=/bin:/usr/bin\nAB=\nB==\nHOME=/root\n");
	assert_int_equal(
		exec(0, 2, "{\"cwd\": \"/\", \"args\": [\"true\"], \"env\": [\"PATH=/bin:/usr/bin\", \"PATH=/nosuch\"]}"),
		ENOENT);
	assert_int_equal(exec(0, 2, "{\"cwd\": \"/\", \"args\": [\"true\"], \"env\": [\"PATH=/bin\", \"A\"]}"), EINVAL);
	assert_string_equal(last_text(), "invalid environment variable: missing '='");
	assert_int_equal(exec(0, 2, "{\"cwd\": \"/\", \"args\": [\"true\"], \"env\": [\"PATH=/bin\", \"=A\"]}"), EINVAL);
	assert_string_equal(last_text(), "invalid environment variable: name cannot be empty");
}

/* An empty part means the working directory, not the root; commands aren't run from there. */
static void test_empty_parts_of_path(void **state)
{
	static const char *const paths[] = { "", ":/nosuch", "/nosuch:", "/nosuch::/nosuch", ".", "../bin" };

	(void)state;
	run(0, 1, "[\"sh\", \"-c\", \"cp /bin/true /here && cp /bin/true /tmp/there && sleep 1000\"]");
	assert_int_equal(exec_args(0, 2, "[\"sh\", \"-c\", \"until test -x /tmp/there; do sleep 0.01; done\"]"), 0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		char *here = text_of("{\"cwd\": \"/usr\", \"args\": [\"here\"], \"env\": [\"PATH=%s\"]}", paths[i]);
		char *there = text_of("{\"cwd\": \"%s\", \"args\": [\"%s\"], \"env\": [\"PATH=%s\"]}",
				      i == 5 ? "/usr" : "/tmp", i == 5 ? "true" : "there", paths[i]);

		assert_int_equal(exec(0, 2, here), ENOENT);
		assert_int_equal(exec(0, 2, there), i ? EACCES : ENOENT);
		if (i)
			assert_non_null(
				strstr(last_text(), "\": cannot run executable found relative to current directory"));
		free(here);
		free(there);
	}
}

static void test_exec_again_and_again(void **state)
{
	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	for (int i = 0; i < 70; i++) {
		assert_int_equal(exec_args(0, 2, i % 3 ? "[\"echo\", \"again\"]" : "[\"nosuch\"]"), i % 3 ? 0 : ENOENT);
		if (i % 3 == 0)
			continue;
		monitor_write(&m, domlet_stream_id(2, DOMLET_STREAM_STDIN), "unread", 6, i % 2);
		assert_int_equal(monitor_wait(&m, 2), 0);
		assert_output(2, DOMLET_STREAM_STDOUT, "again\n");
	}
}

static void test_exec_by_stream(void **state)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_EXEC };
	uint32_t config = domlet_stream_id(2, DOMLET_STREAM_CONFIG), request;
	char *json = text_of("{" PROCESS ", \"args\": [\"true\"], \"comment\": \"%0300000d\"}", 1);

	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	msg.exec.process = 2;
	msg.exec.length = (uint32_t)strlen(json);
	monitor_open_streams(&m, 2);
	assert_int_equal(domlet_link_open(&m.link, config), 0);
	request = monitor_send(&m, &msg);
	monitor_write(&m, config, json, strlen(json), true);
	assert_int_equal(monitor_reply(&m, request), 0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	free(json);
}

/* A document that doesn't come holds up no DELETE, and one that comes after all is nobody's. */
static void test_delete_while_an_exec_waits(void **state)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_EXEC };
	uint32_t config = domlet_stream_id(2, DOMLET_STREAM_CONFIG), request;

	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	msg.exec.process = 2;
	msg.exec.length = 100;
	monitor_open_streams(&m, 2);
	assert_int_equal(domlet_link_open(&m.link, config), 0);
	request = monitor_send(&m, &msg);
	monitor_write(&m, config, "{", 1, false);
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, 1), 137);
	assert_int_equal(delete_container(0), 0);
	assert_int_equal(monitor_reply(&m, request), ESRCH);
	assert_string_equal(m.replies[request].text, "cannot exec in a stopped container");
	monitor_write(&m, config, "}", 1, true);
	monitor_close_streams(&m, 2);
	run(0, 1, "[\"sleep\", \"1000\"]");
	assert_int_equal(exec_args(0, 2, "[\"echo\", \"again\"]"), 0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	assert_output(2, DOMLET_STREAM_STDOUT, "again\n");
}

static void test_large_configuration(void **state)
{
	char *padding = text_of("%01000000d", 1), *document = document_of("[\"true\"]", padding);
	size_t len = strlen(document);
	uint8_t sha256[DOMLET_SHA256_LEN];

	(void)state;
	domlet_sha256(document, len, sha256);
	assert_int_equal(create_with(0, 1, document, len, sha256), 0);
	assert_int_equal(start(0), 0);
	assert_int_equal(monitor_wait(&m, 1), 0);
	/* Changed on the way, cut short, longer than said, larger than possible. */
	document[50] ^= 1;
	assert_int_equal(create_with(1, 2, document, len, sha256), EBADMSG);
	assert_non_null(strstr(last_text(), "SHA-256"));
	document[50] ^= 1;
	monitor_close_streams(&m, 2);
	assert_int_equal(create_with(1, 2, document, len + 1, sha256), EBADMSG);
	monitor_close_streams(&m, 2);
	assert_int_equal(create_with(1, 2, document, len - 1, sha256), EBADMSG);
	monitor_close_streams(&m, 2);
	assert_int_equal(create_with(1, 2, "x", 50u << 20, sha256), EMSGSIZE);
	monitor_close_streams(&m, 2);
	free(padding);
	free(document);
}

static void test_reader_that_stops(void **state)
{
	uint32_t out = domlet_stream_id(1, DOMLET_STREAM_STDOUT);

	(void)state;
	assert_int_equal(create(0, 1, "[\"cat\", \"/dev/zero\"]"), 0);
	m.stopped[out] = true;
	assert_int_equal(start(0), 0);
	while (m.outputs[out].len < DOMLET_STREAM_WINDOW)
		monitor_turn(&m, 100);
	for (int i = 0; i < 20; i++)
		monitor_turn(&m, 10);
	assert_int_equal(m.outputs[out].len, DOMLET_STREAM_WINDOW);
	/* A blocked stream blocks nothing else. */
	assert_int_equal(exec_args(0, 2, "[\"echo\", \"hi\"]"), 0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	for (int i = 0; i < 20; i++)
		monitor_turn(&m, 10);
	assert_false(m.exits[1].exited); /* its last bytes have not been read */
	m.stopped[out] = false;
	domlet_link_credit(&m.link, out, DOMLET_STREAM_WINDOW);
	assert_int_equal(monitor_wait(&m, 1), 137);
}

static void test_half_close(void **state)
{
	(void)state;
	run(0, 1, "[\"sh\", \"-c\", \"cat; sleep 0.2; echo end\"]");
	monitor_write(&m, domlet_stream_id(1, DOMLET_STREAM_STDIN), "text ", 5, true);
	assert_int_equal(monitor_wait(&m, 1), 0);
	assert_output(1, DOMLET_STREAM_STDOUT, "text end\n");
	run(1, 2, "[\"sh\", \"-c\", \"yes; exit $?\"]"); /* a child: signals can not end the first process */
	assert_int_equal(domlet_link_send_reset(&m.link, domlet_stream_id(2, DOMLET_STREAM_STDOUT)), 0);
	assert_int_equal(monitor_wait(&m, 2), 128 + SIGPIPE);
}

static void await_flag(const bool *flag, const char *what)
{
	for (int i = 0; !*flag; i++) {
		if (i == WAIT_MS / 100)
			fail_msg("no %s", what);
		monitor_turn(&m, 100);
	}
}

/* Each end is passed on when there is one, and not only when the process ends. */
static void test_ends_of_streams(void **state)
{
	uint32_t in = domlet_stream_id(2, DOMLET_STREAM_STDIN);
	static const uint8_t much[200000];

	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	for (int i = 0; i < 2; i++) { /* when nothing is written, and when there is more than a pipe holds */
		assert_int_equal(exec_args(0, 2, "[\"sh\", \"-c\", \"sleep 0.3; exec <&- >&-; exec sleep 1000\"]"), 0);
		if (i)
			monitor_write(&m, in, much, 200000, false);
		await_flag(&m.outputs[in].reset, "reset of an input that nobody can read");
		monitor_eof(&m, 2, DOMLET_STREAM_STDOUT);
		assert_false(m.outputs[domlet_stream_id(2, DOMLET_STREAM_STDERR)].eof);
		assert_false(m.exits[2].exited);
		assert_int_equal(domlet_link_send_eof(&m.link, in), 0); /* which is owed all the same */
		assert_int_equal(send_signal(0, 2, SIGKILL, false), 0);
		assert_int_equal(monitor_wait(&m, 2), 137);
	}
	/* Somebody else has it open still. */
	assert_int_equal(
		exec_args(0, 2, "[\"sh\", \"-c\", \"exec 3<&0; (exec 0<&3 3<&-; cat >&2) & exec <&- 3<&-; wait\"]"), 0);
	monitor_write(&m, in, "here", 4, true);
	assert_int_equal(monitor_wait(&m, 2), 0);
	assert_output(2, DOMLET_STREAM_STDERR, "here");
	assert_false(m.outputs[in].reset);
}

/* A child that goes on in the background holds the pipe, but isn't waited for. */
static void test_held_pipe(void **state)
{
	struct timespec before, after;

	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(exec_args(0, 2, "[\"sh\", \"-c\", \"(yes & sleep 1000 &); printf '%060000d' 1 >&2; exit 4\"]"),
			 0);
	assert_int_equal(monitor_exit(&m, 2), 4);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_int_equal(m.outputs[domlet_stream_id(2, DOMLET_STREAM_STDERR)].len, 60000);
	assert_false(m.outputs[domlet_stream_id(2, DOMLET_STREAM_STDERR)].eof);
	assert_true(after.tv_sec - before.tv_sec < 20);
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, 1), 137);
	assert_int_equal(delete_container(0), 0);
}

static void reset_outputs(uint32_t process)
{
	for (uint32_t k = DOMLET_STREAM_STDOUT; k <= DOMLET_STREAM_STDERR; k++)
		assert_int_equal(domlet_link_send_reset(&m.link, domlet_stream_id(process, k)), 0);
	for (uint32_t k = DOMLET_STREAM_STDOUT; k <= DOMLET_STREAM_STDERR; k++)
		monitor_eof(&m, process, k);
	monitor_close_streams(&m, process);
}

/* Its output goes on as long as there is a reader in dom0; after that it goes
 * nowhere, but who writes it lives, and the number is another's. */
static void test_what_an_exec_leaves_running(void **state)
{
	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	assert_int_equal(exec_args(0, 2,
				   "[\"sh\", \"-c\", \"(sleep 0.5; echo late; until [ -e /tmp/go ]; do sleep 0.1; done;"
				   " yes | head -c 1000000; echo and later; echo alive >/tmp/m) & echo early; exit 4\"]"),
			 0);
	assert_int_equal(monitor_exit(&m, 2), 4);
	await_output(2, "early\nlate\n");
	reset_outputs(2);
	assert_int_equal(
		exec_args(0, 2, "[\"sh\", \"-c\", \">/tmp/go; until [ -e /tmp/m ]; do sleep 0.1; done; cat /tmp/m\"]"),
		0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	assert_output(2, DOMLET_STREAM_STDOUT, "alive\n");
	for (int i = 0; i < 70; i++) {
		assert_int_equal(exec_args(0, 2, "[\"sh\", \"-c\", \"sleep 1000 &\"]"), 0);
		assert_int_equal(monitor_exit(&m, 2), 0);
		reset_outputs(2);
	}
	/* And with all: */
	assert_int_equal(exec_args(0, 2, "[\"sh\", \"-c\", \"yes & exit 5\"]"), 0);
	assert_int_equal(monitor_exit(&m, 2), 5);
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, 1), 137);
	monitor_eof(&m, 2, DOMLET_STREAM_STDOUT);
	assert_int_equal(delete_container(0), 0);
}

static void test_terminal(void **state)
{
	struct domlet_msg size = { .type = DOMLET_MSG_WINSIZE };
	char *text;

	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	assert_int_equal(
		exec(0, 2,
		     "{" PROCESS ", \"terminal\": true, \"consoleSize\": {\"height\": 11, \"width\": 22},"
		     " \"args\": [\"sh\", \"-c\", \"stty -echo; tty; echo ready; read x; stty size; cat; echo end\"]}"),
		0);
	await_output(2, "ready");
	size.winsize.process = 2;
	size.winsize.rows = 33;
	size.winsize.cols = 44;
	assert_int_equal(monitor_ask(&m, &size), 0);
	monitor_write(&m, domlet_stream_id(2, DOMLET_STREAM_STDIN), "go\nline\n", 8, true);
	assert_int_equal(monitor_wait(&m, 2), 0);
	text = text_of("%.*s", (int)m.outputs[domlet_stream_id(2, DOMLET_STREAM_STDOUT)].len,
		       (const char *)m.outputs[domlet_stream_id(2, DOMLET_STREAM_STDOUT)].bytes);
	assert_string_equal(text, "/dev/pts/0\r\nready\r\n33 44\r\nline\r\nend\r\n");
	free(text);
	/* Hanging up: the terminal's session gets SIGHUP. */
	assert_int_equal(exec(0, 2, "{" PROCESS ", \"terminal\": true, \"args\": [\"sleep\", \"1000\"]}"), 0);
	assert_int_equal(domlet_link_send_reset(&m.link, domlet_stream_id(2, DOMLET_STREAM_STDOUT)), 0);
	assert_int_equal(monitor_wait(&m, 2), 128 + SIGHUP);
	/* It ends with its session, whoever has it open still. */
	assert_int_equal(
		exec(0, 2,
		     "{" PROCESS
		     ", \"terminal\": true, \"args\": [\"sh\", \"-c\", \"(trap '' HUP; yes) & (trap '' HUP; sleep 1000) & echo last; exit 4\"]}"),
		0);
	assert_int_equal(monitor_exit(&m, 2), 4);
	assert_true(m.outputs[domlet_stream_id(2, DOMLET_STREAM_STDOUT)].eof);
}

/* The reader may be gone before there is a terminal. */
static void test_terminal_that_hangs_up_early(void **state)
{
	uint32_t request;

	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	request = send_exec(0, 2, "{" PROCESS ", \"terminal\": true, \"args\": [\"sleep\", \"1000\"]}");
	assert_int_equal(domlet_link_send_reset(&m.link, domlet_stream_id(2, DOMLET_STREAM_STDOUT)), 0);
	assert_int_equal(monitor_reply(&m, request), 0);
	assert_int_equal(monitor_wait(&m, 2), 128 + SIGHUP);
}

static void test_terminal_of_the_first(void **state)
{
	char *document = document_with(PROCESS
				       ", \"terminal\": true, \"args\": [\"sh\", \"-c\","
				       "\"stty -echo; tty; echo console >/dev/console; read x; test $x = early\"]",
				       "", "", "", "");

	(void)state;
	assert_int_equal(create_document(0, 1, document), 0);
	monitor_write(&m, domlet_stream_id(1, DOMLET_STREAM_STDIN), "early\n", 6, false);
	assert_int_equal(start(0), 0);
	await_output(1, "/dev/pts/0\r\nconsole\r\n");
	assert_int_equal(monitor_wait(&m, 1), 0);
}

/* A program may close its terminal and open it again. */
static void test_terminal_that_nobody_has_open(void **state)
{
	char *document = document_with(
		PROCESS ", \"terminal\": true, \"args\": [\"sh\", \"-c\", \"exec </dev/null >/dev/null 2>&1;"
			" sleep 0.5; echo again >/dev/console\"]",
		"", "", "", "");

	(void)state;
	assert_int_equal(create_document(0, 1, document), 0);
	assert_int_equal(start(0), 0);
	assert_int_equal(monitor_wait(&m, 1), 0);
	assert_output(1, DOMLET_STREAM_STDOUT, "again\r\n");
}

static void test_sync(void **state)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_SYNC };

	(void)state;
	assert_int_equal(monitor_ask(&m, &msg), 0);
	run(0, 1, "[\"sh\", \"-c\", \"echo x > /tmp/written; exec cat\"]");
	assert_int_equal(monitor_ask(&m, &msg), 0); /* and the container goes on */
	monitor_write(&m, domlet_stream_id(1, DOMLET_STREAM_STDIN), "on\n", 3, true);
	await_output(1, "on\n");
	assert_int_equal(monitor_wait(&m, 1), 0);
}

static void test_signals(void **state)
{
	(void)state;
	run(0, 1, "[\"sh\", \"-c\", \"trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done\"]");
	assert_int_equal(exec_args(0, 2, "[\"sleep\", \"1000\"]"), 0);
	await_output(1, "ready");
	assert_int_equal(send_signal(0, 2, SIGTERM, false), 0);
	assert_int_equal(monitor_wait(&m, 2), 128 + SIGTERM);
	assert_int_equal(send_signal(0, 2, SIGTERM, false), ESRCH);
	assert_int_equal(send_signal(0, 1, 1000, false), EINVAL);
	assert_int_equal(exec_args(0, 2, "[\"sleep\", \"1000\"]"), 0);
	assert_int_equal(send_signal(0, 0, SIGTERM, true), 0);
	assert_int_not_equal(monitor_wait(&m, 2), 0);
	assert_int_equal(monitor_wait(&m, 1), 9);
}

/* The socket as a hostile or broken monitor would use it: nothing but an end,
 * with a sentence, may come of it. */
static void test_garbage(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 12; seed++) {
		uint8_t bytes[4096];
		int status;

		srandom(seed);
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = (uint8_t)random();
		monitor_open(&m);
		for (size_t at = 0, len; seed % 3 && at < 2048; at += DOMLET_FRAME_HEADER_LEN + len) {
			/* Frames that look right, with anything in them. */
			struct domlet_frame f = { .type = (uint8_t)(1 + random() % 6), .epoch = 1 };

			len = f.type == DOMLET_FRAME_MSG || f.type == DOMLET_FRAME_DATA ? 1 + (uint32_t)random() % 200 :
			      f.type == DOMLET_FRAME_CREDIT                             ? 4 :
											  0;
			f.length = (uint32_t)len;
			f.stream = f.type == DOMLET_FRAME_MSG || f.type == DOMLET_FRAME_ACK ? 0 :
											      4 + (uint32_t)random() % 8;
			f.seq = f.type == DOMLET_FRAME_MSG ? (uint32_t)(at + 1) : 0;
			domlet_frame_encode(&f, bytes + at);
			if (f.type == DOMLET_FRAME_MSG && len >= 8) {
				bytes[at + DOMLET_FRAME_HEADER_LEN] = (uint8_t)(2 + random() % 14);
				memset(bytes + at + DOMLET_FRAME_HEADER_LEN + 1, 0, 3);
			}
		}
		assert_int_equal(write(m.fd, bytes, sizeof bytes), sizeof bytes);
		status = monitor_close(&m);
		assert_true(WIFEXITED(status));
		assert_uint_in_range(WEXITSTATUS(status), 0, 1);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_AGENT(test_streams),
		WITH_AGENT(test_ends),
		WITH_AGENT(test_create_fails),
		WITH_AGENT(test_exec_after_a_failed_create),
		WITH_AGENT(test_exec),
		WITH_AGENT(test_exec_inherits),
		WITH_AGENT(test_variables_twice),
		WITH_AGENT(test_empty_parts_of_path),
		WITH_AGENT(test_exec_again_and_again),
		WITH_AGENT(test_exec_by_stream),
		WITH_AGENT(test_delete_while_an_exec_waits),
		WITH_AGENT(test_large_configuration),
		WITH_AGENT(test_reader_that_stops),
		WITH_AGENT(test_half_close),
		WITH_AGENT(test_ends_of_streams),
		WITH_AGENT(test_held_pipe),
		WITH_AGENT(test_what_an_exec_leaves_running),
		WITH_AGENT(test_terminal),
		WITH_AGENT(test_terminal_that_hangs_up_early),
		WITH_AGENT(test_terminal_of_the_first),
		WITH_AGENT(test_terminal_that_nobody_has_open),
		WITH_AGENT(test_signals),
		WITH_AGENT(test_sync),
	};
	const struct CMUnitTest always[] = { cmocka_unit_test(test_garbage) };
	int failed;

	if (!guest_take_arguments(argc, argv))
		return 2;
	failed = cmocka_run_group_tests(always, NULL, NULL);
	if (failed || !guest_may_mount())
		return failed ? 1 : 77;
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
