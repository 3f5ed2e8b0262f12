// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domlet-init on a socket: containers whose root is this machine's own, below
 * a layer that is thrown away. Without the right to mount, only what needs no
 * container is tested, and the rest is reported as skipped.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/wait.h>

#include <cmocka.h>

#include "../../frontend/proto/sha256.h"
#include "monitor.h"

static const char *agent;
static struct monitor m;

#define PROCESS "\"cwd\": \"/\", \"env\": [\"PATH=/bin:/usr/bin\"]"

static char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text_of(const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	assert_true(vasprintf(&text, format, ap) >= 0);
	va_end(ap);
	return text;
}

/* OCI_MORE, LINUX_MORE: further members, each with a comma before it. */
static char *document_with(const char *process, const char *mounts, const char *plans, const char *oci_more,
			   const char *linux_more)
{
	return text_of("{\"oci\": {\"process\": {%s}, \"mounts\": ["
		       "{\"destination\": \"/proc\", \"type\": \"proc\"},"
		       "{\"destination\": \"/dev\", \"type\": \"tmpfs\", \"options\": [\"nosuid\", \"mode=755\"]},"
		       "{\"destination\": \"/dev/pts\", \"type\": \"devpts\", \"options\": [\"newinstance\", \"ptmxmode=0666\"]}%s],"
		       " \"linux\": {\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"mount\"}, {\"type\": \"ipc\"}, {\"type\": \"uts\"}]%s}%s},"
		       " \"plan\": {\"root\": {\"via\": \"directory\", \"device\": \"/\", \"overlay\": true},"
		       " \"state\": {\"ociVersion\": \"1.0.2\", \"id\": \"c1\"},"
		       " \"mounts\": [{\"via\": \"guest\"}, {\"via\": \"guest\"}, {\"via\": \"guest\"}%s]}}",
		       process, mounts, linux_more, oci_more, plans);
}

static char *document_of(const char *args, const char *padding)
{
	char *process = text_of(PROCESS ", \"args\": %s", args), *more = text_of(", \"annotations\": {\"padding\": \"%s\"}", padding);
	char *document = document_with(process, "", "", more, "");

	free(process);
	free(more);
	return document;
}

static int create_with(uint32_t container, uint32_t process, const char *document, size_t len, const uint8_t *sha256)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_CREATE };
	uint32_t config = domlet_stream_id(process, DOMLET_STREAM_CONFIG), request;

	msg.create.container = container;
	msg.create.process = process;
	msg.create.source = 1;
	msg.create.length = (uint32_t)len;
	msg.create.sha256 = (struct domlet_slice){ sha256, DOMLET_SHA256_LEN };
	monitor_open_streams(&m, process);
	assert_int_equal(domlet_link_open(&m.link, config), 0);
	request = monitor_send(&m, &msg);
	monitor_write(&m, config, document, strlen(document), true);
	domlet_link_close(&m.link, config);
	return monitor_reply(&m, request);
}

/* Frees DOCUMENT. */
static int create_document(uint32_t container, uint32_t process, char *document)
{
	uint8_t sha256[DOMLET_SHA256_LEN];
	int r;

	domlet_sha256(document, strlen(document), sha256);
	r = create_with(container, process, document, strlen(document), sha256);
	free(document);
	return r;
}

static int create(uint32_t container, uint32_t process, const char *args)
{
	return create_document(container, process, document_of(args, ""));
}

static int start(uint32_t container)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_START };

	msg.start.container = container;
	return monitor_ask(&m, &msg);
}

static void run(uint32_t container, uint32_t process, const char *args)
{
	assert_int_equal(create(container, process, args), 0);
	assert_int_equal(start(container), 0);
}

static int exec(uint32_t container, uint32_t process, const char *json)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_EXEC };
	int r;

	msg.exec.container = container;
	msg.exec.process = process;
	msg.exec.process_json = (struct domlet_slice){ (const uint8_t *)json, (uint32_t)strlen(json) };
	monitor_open_streams(&m, process);
	r = monitor_ask(&m, &msg);
	if (r)
		monitor_close_streams(&m, process);
	return r;
}

static int exec_args(uint32_t container, uint32_t process, const char *args)
{
	char *json = text_of("{" PROCESS ", \"args\": %s}", args);
	int r = exec(container, process, json);

	free(json);
	return r;
}

static int send_signal(uint32_t container, uint32_t process, int signo, bool all)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_SIGNAL };

	msg.signal.container = container;
	msg.signal.process = process;
	msg.signal.signo = (uint32_t)signo;
	msg.signal.all = all;
	return monitor_ask(&m, &msg);
}

static int delete_container(uint32_t container)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_DELETE };

	msg.delete_.container = container;
	return monitor_ask(&m, &msg);
}

static const char *last_text(void)
{
	return m.replies[m.requests].text;
}

static void assert_output(uint32_t process, enum domlet_stream_kind kind, const char *text)
{
	const struct output *o = &m.outputs[domlet_stream_id(process, kind)];

	char *got = text_of("%.*s", (int)o->len, o->len ? (const char *)o->bytes : "");

	assert_string_equal(got, text);
	assert_true(o->eof);
	free(got);
}

/* Container 0 ends well and has said TEXT, and nothing to complain of. Frees DOCUMENT. */
static void expect_output(char *document, const char *text)
{
	assert_int_equal(create_document(0, 1, document), 0);
	assert_int_equal(start(0), 0);
	assert_int_equal(monitor_wait(&m, 1), 0);
	assert_output(1, DOMLET_STREAM_STDERR, "");
	assert_output(1, DOMLET_STREAM_STDOUT, text);
}

static void await_output(uint32_t process, const char *text)
{
	const struct output *o = &m.outputs[domlet_stream_id(process, DOMLET_STREAM_STDOUT)];

	for (int i = 0; i < WAIT_MS / 100; i++) {
		if (o->len && memmem(o->bytes, o->len, text, strlen(text)))
			return;
		monitor_turn(&m, 100);
	}
	fail_msg("process %u does not write \"%s\"", process, text);
}

static int open_agent(void **state)
{
	(void)state;
	monitor_open(&m, agent);
	return 0;
}

static int close_agent(void **state)
{
	(void)state;
	return monitor_close(&m);
}

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

	assert_int_equal(exec(0, 2, "{" PROCESS ", \"args\": [\"sh\", \"-c\", \"id -u; id -g; pwd; echo $X; ulimit -n; grep -E 'CapEff|NoNewPrivs' /proc/self/status\"],"
			      " \"user\": {\"uid\": 12, \"gid\": 34}, \"cwd\": \"/tmp\", \"env\": [\"PATH=/bin:/usr/bin\", \"X=y\"], \"noNewPrivileges\": true,"
			      " \"rlimits\": [{\"type\": \"RLIMIT_NOFILE\", \"soft\": 77, \"hard\": 88}]}"), 0);
	assert_int_equal(monitor_wait(&m, 2), 0);
	assert_output(2, DOMLET_STREAM_STDOUT, "12\n34\n/tmp\ny\n77\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n");

	assert_int_equal(exec_args(0, 2, "[\"nosuch\"]"), ENOENT);
	assert_string_equal(last_text(), "exec: \"nosuch\": executable file not found in $PATH");
	assert_int_equal(exec_args(0, 2, "[\"/nosuch\"]"), ENOENT);
	assert_string_equal(last_text(), "exec: \"/nosuch\": stat /nosuch: no such file or directory");
	assert_int_equal(exec_args(0, 2, "[\"/etc/passwd\"]"), EACCES);
	assert_string_equal(last_text(), "exec: \"/etc/passwd\": permission denied");
	assert_int_equal(exec(0, 2, "{\"cwd\": \"/nosuch\", \"args\": [\"true\"]}"), ENOENT);
	assert_string_equal(last_text(), "chdir to cwd (\"/nosuch\") set in config.json failed: no such file or directory");
	assert_int_equal(exec(0, 2, "{\"cwd\": \"/\""), EBADMSG);
	assert_int_equal(exec_args(5, 2, "[\"true\"]"), ENOENT);
	assert_int_equal(exec_args(0, DOMLET_PROCESS_MAX, "[\"true\"]"), 0);
	assert_int_equal(monitor_wait(&m, DOMLET_PROCESS_MAX), 0);
}

static void test_exec_again_and_again(void **state)
{
	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	for (int i = 0; i < (int)DOMLET_PROCESS_MAX + 6; i++) {
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

/* A child that goes on in the background holds the pipe, but isn't waited for. */
static void test_held_pipe(void **state)
{
	struct timespec before, after;

	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(exec_args(0, 2, "[\"sh\", \"-c\", \"(yes & sleep 1000 &); printf '%060000d' 1 >&2; exit 4\"]"), 0);
	assert_int_equal(monitor_wait(&m, 2), 4);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_int_equal(m.outputs[domlet_stream_id(2, DOMLET_STREAM_STDERR)].len, 60000);
	assert_true(after.tv_sec - before.tv_sec < 20);
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, 1), 137);
	assert_int_equal(delete_container(0), 0);
}

static void test_terminal(void **state)
{
	struct domlet_msg size = { .type = DOMLET_MSG_WINSIZE };
	char *text;

	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	assert_int_equal(exec(0, 2, "{" PROCESS ", \"terminal\": true, \"consoleSize\": {\"height\": 11, \"width\": 22},"
			      " \"args\": [\"sh\", \"-c\", \"stty -echo; tty; echo ready; read x; stty size; cat; echo end\"]}"), 0);
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
}

static void test_terminal_of_the_first(void **state)
{
	char *document = document_with(PROCESS ", \"terminal\": true, \"args\": [\"sh\", \"-c\","
				       "\"stty -echo; tty; echo console >/dev/console; read x; test $x = early\"]", "", "", "", "");

	(void)state;
	assert_int_equal(create_document(0, 1, document), 0);
	monitor_write(&m, domlet_stream_id(1, DOMLET_STREAM_STDIN), "early\n", 6, false);
	assert_int_equal(start(0), 0);
	await_output(1, "/dev/pts/0\r\nconsole\r\n");
	assert_int_equal(monitor_wait(&m, 1), 0);
}

/* What a configuration says about the container's view. */
static void test_container(void **state)
{
	char *document = document_with(
		"\"cwd\": \"/made/here\", \"env\": [\"PATH=/bin:/usr/bin\"], \"oomScoreAdj\": 55,"
		"\"user\": {\"uid\": 0, \"gid\": 0, \"umask\": 63, \"additionalGids\": [7, 8]},"
		"\"args\": [\"sh\", \"-c\", \"pwd; echo $HOME; hostname; cat /proc/sys/kernel/domainname /proc/sys/kernel/shmmni /proc/self/oom_score_adj;"
		" id -G; umask; cat /copy; (echo x >/copy) 2>/dev/null || echo readonly; stat -c %a /srv /sized /copy; stat -c '%a %t %T %u' /dev/mine;"
		" cat /proc/version | wc -c; ls /proc/irq 2>/dev/null | wc -l; touch /proc/sys/x 2>/dev/null || echo ro; ls -l /dev/fd /dev/ptmx | wc -l;"
		" stat -f -c %b:%S /sized; cat /hooked\"]",
		", {\"destination\": \"/copy\", \"type\": \"bind\", \"options\": [\"rbind\", \"rprivate\", \"ro\"]}"
		", {\"destination\": \"/srv\", \"type\": \"tmpfs\"}"
		", {\"destination\": \"/sized\", \"type\": \"tmpfs\", \"options\": [\"size=64k\", \"mode=1770\", \"noexec\"]}",
		", {\"via\": \"copy\", \"content\": \"Y29weQo=\", \"mode\": 420}, {\"via\": \"guest\"}, {\"via\": \"guest\"}",
		", \"hostname\": \"box\", \"domainname\": \"example\", \"hooks\": {\"startContainer\": [{\"path\": \"/bin/sh\","
		" \"args\": [\"sh\", \"-c\", \"cat >/hooked; echo $A >>/hooked\"], \"env\": [\"PATH=/bin:/usr/bin\", \"A=b\"]}]}",
		", \"maskedPaths\": [\"/proc/version\", \"/proc/irq\", \"/nosuch\"], \"readonlyPaths\": [\"/proc/sys\"],"
		" \"sysctl\": {\"kernel.shmmni\": \"77\"}, \"rootfsPropagation\": \"rslave\","
		" \"devices\": [{\"path\": \"/dev/mine\", \"type\": \"c\", \"major\": 1, \"minor\": 3, \"fileMode\": 384, \"uid\": 5},"
		" {\"path\": \"/dev/nosuch\", \"type\": \"b\", \"major\": 1234, \"minor\": 5}]");

	(void)state;
	expect_output(document,
		      "/made/here\n/root\nbox\nexample\n77\n55\n0 7 8\n0077\ncopy\nreadonly\n755\n1770\n644\n600 1 3 5\n0\n0\nro\n2\n16:4096\n"
		      "{\"ociVersion\":\"1.0.2\",\"id\":\"c1\",\"status\":\"created\",\"pid\":1}b\n");
}

/* A program may close its terminal and open it again. */
static void test_terminal_that_nobody_has_open(void **state)
{
	char *document = document_with(PROCESS ", \"terminal\": true, \"args\": [\"sh\", \"-c\", \"exec </dev/null >/dev/null 2>&1;"
				       " sleep 0.5; echo again >/dev/console\"]", "", "", "", "");

	(void)state;
	assert_int_equal(create_document(0, 1, document), 0);
	assert_int_equal(start(0), 0);
	assert_int_equal(monitor_wait(&m, 1), 0);
	assert_output(1, DOMLET_STREAM_STDOUT, "again\r\n");
}

/* What the container's user can do with what is made for it. */
static void test_made_for_any_user(void **state)
{
	char *document = document_with(
		PROCESS ", \"user\": {\"uid\": 5, \"gid\": 6}, \"args\": [\"sh\", \"-c\", \"echo x >/dev/null; echo x >/dev/mine; cat /secret;"
		" stat -c '%a %u %g' /secret /dev/null /dev/mine; uname -m; stat -c %n /run/*; touch /run/new 2>/dev/null || echo ro; ls /proc/self/fd\"]",
		", {\"destination\": \"/secret\", \"type\": \"bind\"}"
		", {\"destination\": \"/run\", \"type\": \"tmpfs\", \"options\": [\"ro\", \"mode=777\"]}"
		", {\"destination\": \"/run/below\", \"type\": \"tmpfs\"}",
		", {\"via\": \"copy\", \"content\": \"Y29weQo=\", \"mode\": 256, \"uid\": 5, \"gid\": 6}, {\"via\": \"guest\"}, {\"via\": \"guest\"}",
		"", ", \"personality\": {\"domain\": \"LINUX32\"},"
		" \"devices\": [{\"path\": \"/dev/mine\", \"type\": \"c\", \"major\": 1, \"minor\": 3, \"fileMode\": 438}]");

	(void)state;
	expect_output(document,
		      "copy\n400 5 6\n666 0 0\n666 0 0\ni686\n/run/below\nro\n0\n1\n2\n3\n");
}

/* Descriptors of process 1's would be a way out by /proc/self/fd. */
static void test_cwd_stays_inside(void **state)
{
	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	for (int fd = 3; fd < 40; fd++) {
		char *json = text_of("{\"cwd\": \"/proc/self/fd/%d\", \"env\": [\"PATH=/bin:/usr/bin\"], \"args\": [\"true\"]}", fd);

		assert_int_not_equal(exec(0, 2, json), 0);
		assert_int_equal(strncmp(last_text(), "chdir to cwd", strlen("chdir to cwd")), 0);
		free(json);
	}
}

#define CAN_MAP_ROOT ", \"capabilities\": {\"bounding\": [\"CAP_SETFCAP\"], \"effective\": [\"CAP_SETFCAP\"], \"permitted\": [\"CAP_SETFCAP\"]}"

/* Where /proc is masked, nobody gets a fresh one, as the guest's own is out of sight. */
static void test_masks_hold_in_a_user_namespace(void **state)
{
	static const struct { const char *masks; int code; } cases[] = {
		{ "", 0 },
		{ ", \"maskedPaths\": [\"/proc/version\"], \"readonlyPaths\": [\"/proc/sys\"]", 1 },
	};

	(void)state;
	for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *document = document_with(PROCESS CAN_MAP_ROOT ", \"args\": [\"sh\", \"-c\", \"unshare -Urmpf sh -c"
					       " 'mount -t proc proc /proc' || exit 1\"]", "", "", "", cases[i].masks);

		assert_int_equal(create_document(i, i + 1, document), 0);
		assert_int_equal(start(i), 0);
		assert_int_equal(monitor_wait(&m, i + 1), cases[i].code);
	}
}

static void test_refusals(void **state)
{
	static const struct { const char *mounts, *plans, *oci, *linux_, *text; } cases[] = {
		{ "", "", "", ", \"sysctl\": {\"kernel.nosuch\": \"1\"}", "sysctl kernel.nosuch is not known to the guest's kernel" },
		{ ", {\"destination\": \"/x\", \"type\": \"tmpfs\", \"options\": [\"nosuch=1\"]}", ", {\"via\": \"guest\"}", "", "",
		  "can't mount tmpfs on /x: EINVAL" },
		{ ", {\"destination\": \"/x\", \"type\": \"xfs\"}", ", {\"via\": \"guest\"}", "", "",
		  "mount of /x: the guest has no file system xfs" },
		{ ", {\"destination\": \"/x\", \"type\": \"bind\", \"options\": [\"bind\", \"rro\", \"nosuch\"]}",
		  ", {\"via\": \"copy\", \"content\": \"\"}", "", "", "mount of /x: no bind has the options \"nosuch\"" },
		/* docker makes 127 and a question of these. */
		{ ", {\"destination\": \"/etc\", \"type\": \"bind\"}", ", {\"via\": \"copy\", \"content\": \"\"}", "", "",
		  "can't mount the copied file on /etc: not a directory" },
		{ ", {\"destination\": \"/etc/passwd/x\", \"type\": \"bind\"}", ", {\"via\": \"copy\", \"content\": \"\"}", "", "",
		  "can't create /etc/passwd/x in the container: not a directory" },
		{ ", {\"destination\": \"/etc/passwd\", \"type\": \"tmpfs\"}", ", {\"via\": \"guest\"}", "", "",
		  "can't mount tmpfs on /etc/passwd: not a directory" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_not_equal(create_document(0, 1, document_with(PROCESS ", \"args\": [\"true\"]", cases[i].mounts, cases[i].plans,
									 cases[i].oci, cases[i].linux_)), 0);
		assert_string_equal(last_text(), cases[i].text);
		monitor_close_streams(&m, 1);
	}
}

/* The same errno that is not the container's fault has no words that engines look for. */
static void test_root_that_is_none(void **state)
{
	char *document = text_of("{\"oci\": {\"process\": {" PROCESS ", \"args\": [\"true\"]}, \"linux\": {\"namespaces\": [{\"type\": \"pid\"}]}},"
				 " \"plan\": {\"root\": {\"via\": \"directory\", \"device\": \"/etc/passwd\", \"overlay\": true}, \"mounts\": []}}");

	(void)state;
	assert_int_equal(create_document(0, 1, document), ENOTDIR);
	assert_string_equal(last_text(), "can't use directory /etc/passwd as root: ENOTDIR");
	monitor_close_streams(&m, 1);
}

static void test_hook_that_fails(void **state)
{
	static const struct { const char *hook, *text; } cases[] = {
		{ "\"args\": [\"sh\", \"-c\", \"echo why >&2; exit 3\"]", "error running hook #0: /bin/sh: exit status 3: why\n" },
		{ "\"args\": [\"sh\", \"-c\", \"while :; do :; done\"], \"timeout\": 1", "error running hook #0: /bin/sh did not end within 1 s" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *hooks = text_of(", \"hooks\": {\"startContainer\": [{\"path\": \"/bin/sh\", %s}]}", cases[i].hook);

		assert_int_equal(create_document(0, 1, document_with(PROCESS ", \"args\": [\"true\"]", "", "", hooks, "")), 0);
		assert_int_not_equal(start(0), 0);
		assert_string_equal(last_text(), cases[i].text);
		assert_int_equal(monitor_wait(&m, 1), 127);
		assert_int_equal(delete_container(0), 0);
		free(hooks);
	}
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
		monitor_open(&m, agent);
		for (size_t at = 0, len; seed % 3 && at < 2048; at += DOMLET_FRAME_HEADER_LEN + len) {
			/* Frames that look right, with anything in them. */
			struct domlet_frame f = { .type = (uint8_t)(1 + random() % 6), .epoch = 1 };

			len = f.type == DOMLET_FRAME_MSG || f.type == DOMLET_FRAME_DATA ? 1 + (uint32_t)random() % 200 :
					 f.type == DOMLET_FRAME_CREDIT ? 4 : 0;
			f.length = (uint32_t)len;
			f.stream = f.type == DOMLET_FRAME_MSG || f.type == DOMLET_FRAME_ACK ? 0 : 4 + (uint32_t)random() % 8;
			f.seq = f.type == DOMLET_FRAME_MSG ? (uint32_t)(at + 1) : 0;
			domlet_frame_encode(&f, bytes + at);
			if (f.type == DOMLET_FRAME_MSG && len >= 8) {
				bytes[at + DOMLET_FRAME_HEADER_LEN] = (uint8_t)(2 + random() % 11);
				memset(bytes + at + DOMLET_FRAME_HEADER_LEN + 1, 0, 3);
			}
		}
		assert_int_equal(write(m.fd, bytes, sizeof bytes), sizeof bytes);
		status = monitor_close(&m);
		assert_true(WIFEXITED(status));
		assert_in_range(WEXITSTATUS(status), 0, 1);
	}
}

/* In a child, as there is no way back. */
static bool may_mount(void)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(geteuid() == 0 && unshare(CLONE_NEWNS) == 0 ? 0 : 1);
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
#define WITH_AGENT(name) cmocka_unit_test_setup_teardown(name, open_agent, close_agent)
	const struct CMUnitTest tests[] = {
		WITH_AGENT(test_streams), WITH_AGENT(test_ends), WITH_AGENT(test_create_fails), WITH_AGENT(test_exec),
		WITH_AGENT(test_exec_again_and_again), WITH_AGENT(test_exec_by_stream), WITH_AGENT(test_large_configuration),
		WITH_AGENT(test_reader_that_stops), WITH_AGENT(test_half_close), WITH_AGENT(test_held_pipe),
		WITH_AGENT(test_terminal), WITH_AGENT(test_terminal_of_the_first), WITH_AGENT(test_container),
		WITH_AGENT(test_terminal_that_nobody_has_open), WITH_AGENT(test_made_for_any_user),
		WITH_AGENT(test_cwd_stays_inside), WITH_AGENT(test_masks_hold_in_a_user_namespace),
		WITH_AGENT(test_refusals), WITH_AGENT(test_root_that_is_none), WITH_AGENT(test_hook_that_fails),
		WITH_AGENT(test_signals),
	};
	const struct CMUnitTest always[] = { cmocka_unit_test(test_garbage) };
	int failed;

	if (argc != 2)
		return 2;
	agent = argv[1];
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setenv("ASAN_OPTIONS", "exitcode=99:detect_leaks=1", 0);
	failed = cmocka_run_group_tests(always, NULL, NULL);
	if (failed || !may_mount())
		return failed ? 1 : 77;
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
