// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domlet-init on a socket: several containers in one domain, what each has of
 * its own, what they share, and what is left when one is deleted.
 */
#include <dirent.h>
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
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"
#include "requests.h"

#define SH(script) PROCESS ", \"args\": [\"sh\", \"-c\", \"" script "\"]"
#define SLEEP PROCESS ", \"args\": [\"sleep\", \"1000\"]"
/* JSON's later member counts. */
#define OWN(types) ", \"namespaces\": [{\"type\": \"mount\"}" types "]"
/* After the mounts of the plan. */
#define JOIN(which) "], \"join\": {" which "}, \"end\": ["
#define SHM(options)                                                                                                                  \
	", {\"destination\": \"/dev/shm\", \"type\": \"bind\", \"source\": \"shm\", \"options\": [\"mode=1777\", \"size=1m\"" options \
	"]}"
#define SHARED(name) ", {\"via\": \"guest\", \"type\": \"tmpfs\", \"shared\": \"" name "\"}"

static void create_member(uint32_t container, uint32_t process, const char *text, const char *own, const char *join)
{
	assert_int_equal(create_document(container, process, document_with(text, "", join, "", own)), 0);
	assert_int_equal(start(container), 0);
}

static void refuse_member(uint32_t container, uint32_t process, const char *join, int code, const char *text)
{
	assert_int_equal(create_document(container, process, document_with(SLEEP, "", join, "", OWN(""))), code);
	assert_string_equal(last_text(), text);
	monitor_close_streams(&m, process);
}

static void end_container(uint32_t container, uint32_t process)
{
	assert_int_equal(send_signal(container, process, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, process), 137);
	assert_int_equal(delete_container(container), 0);
}

/* All that a command in CONTAINER says; the caller frees it. */
static char *ask(uint32_t container, const char *script)
{
	const struct output *o = &m.outputs[domlet_stream_id(60, DOMLET_STREAM_STDOUT)];
	char *json = text_of("{" SH("%s; true") "}", script), *text;

	assert_int_equal(exec(container, 60, json), 0);
	free(json);
	assert_int_equal(monitor_wait(&m, 60), 0);
	text = text_of("%.*s", (int)o->len, o->len ? (const char *)o->bytes : "");
	return text;
}

static void expect_said(uint32_t container, const char *script, const char *text)
{
	char *said = ask(container, script);

	assert_string_equal(said, text);
	free(said);
}

static void expect_same(uint32_t one, uint32_t other, const char *script, bool same)
{
	char *a = ask(one, script), *b = ask(other, script);

	if (same)
		assert_string_equal(a, b);
	else
		assert_string_not_equal(a, b);
	free(a);
	free(b);
}

/* Of process 1. */
static size_t count_descriptors(void)
{
	char *path = text_of("/proc/%d/fd", (int)m.pid);
	DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	free(path);
	return n;
}

static size_t count_mounts(void)
{
	char *path = text_of("/proc/%d/mountinfo", (int)m.pid), line[4096];
	FILE *f = fopen(path, "re");
	size_t n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof line, f))
		n++;
	(void)fclose(f);
	free(path);
	return n;
}

/* As many as a domain takes, each for itself; one more is refused, and each can be deleted while the others live. */
static void test_sixteen_at_once(void **state)
{
	size_t descriptors = count_descriptors(), mounts = count_mounts();
	char *document = document_of("[\"true\"]", "");
	struct domlet_msg msg = { .type = DOMLET_MSG_CREATE };

	(void)state;
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
			char *process = text_of(SH("trap 'exit %u' TERM; hostname; while :; do sleep 0.05; done"),
						i + 1);
			char *host = text_of(", \"hostname\": \"box%u\"", i);

			assert_int_equal(create_document(i, i + 1, document_with(process, "", "", host, "")), 0);
			assert_int_equal(start(i), 0);
			free(process);
			free(host);
		}
		msg.create.container = DOMLET_CONTAINER_MAX;
		msg.create.process = 20;
		msg.create.source = 1;
		msg.create.length = (uint32_t)strlen(document);
		msg.create.id = (struct domlet_slice){ (const uint8_t *)"web", 3 };
		assert_int_equal(monitor_ask(&m, &msg), ENOSPC);
		assert_string_equal(last_text(), "the guest has no place for container web: it takes 16");
		for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
			char *said = text_of("box%u\n", i);

			await_output(i + 1, said);
			assert_int_equal(exec_args(i, i + 21, "[\"sh\", \"-c\", \"hostname; cat >&2\"]"), 0);
			free(said);
		}
		for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
			char *said = text_of("box%u\n", i), *told = text_of("for %u", i);

			monitor_write(&m, domlet_stream_id(i + 21, DOMLET_STREAM_STDIN), told, strlen(told), true);
			assert_int_equal(monitor_wait(&m, i + 21), 0);
			assert_output(i + 21, DOMLET_STREAM_STDOUT, said);
			assert_output(i + 21, DOMLET_STREAM_STDERR, told);
			free(said);
			free(told);
		}
		for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
			uint32_t one = (i * 7 + round) % DOMLET_CONTAINER_MAX;

			assert_int_equal(send_signal(one, one + 1, SIGTERM, false), 0);
			assert_int_equal(monitor_wait(&m, one + 1), (int)one + 1);
			assert_int_equal(delete_container(one), 0);
		}
		assert_int_equal(count_descriptors(), descriptors);
		assert_int_equal(count_mounts(), mounts);
	}
	free(document);
}

#define LOOK "readlink /proc/self/ns/ipc /proc/self/ns/uts /proc/self/ns/net /proc/self/ns/pid"
#define ALL_OWN OWN(", {\"type\": \"ipc\"}, {\"type\": \"uts\"}, {\"type\": \"network\"}, {\"type\": \"pid\"}")

/* Each command of a member's, too; and they end with the one whose pid namespace it is. */
static void test_joined_namespaces(void **state)
{
	char *own = text_of("%s", ALL_OWN);

	(void)state;
	assert_int_equal(create_document(0, 1, document_with(SLEEP, "", "", ", \"hostname\": \"pod\"", own)), 0);
	assert_int_equal(start(0), 0);
	create_member(1, 2, SLEEP, OWN(""), JOIN("\"ipc\": 0, \"uts\": 0, \"network\": 0, \"pid\": 0"));
	/* By one that has itself joined it, and some only. */
	create_member(2, 3, SLEEP, OWN(", {\"type\": \"pid\"}"), JOIN("\"ipc\": 1, \"uts\": 0"));
	expect_same(0, 1, LOOK, true);
	expect_same(0, 2, "readlink /proc/self/ns/ipc /proc/self/ns/uts", true);
	expect_same(0, 2, "readlink /proc/self/ns/net", false);
	expect_same(0, 2, "readlink /proc/self/ns/pid", false);
	expect_same(0, 1, "readlink /proc/self/ns/mnt", false);
	expect_said(1, "hostname; tr '\\\\0' ' ' </proc/1/cmdline", "pod\nsleep 1000 ");
	expect_said(2, "hostname; tr '\\\\0' ' ' </proc/1/cmdline", "pod\nsleep 1000 ");
	/* A member comes and goes. */
	end_container(1, 2);
	create_member(1, 2, SH("readlink /proc/self/ns/pid; exit 3"), OWN(""), JOIN("\"pid\": 0"));
	assert_int_equal(monitor_wait(&m, 2), 3);
	assert_int_equal(delete_container(1), 0);
	create_member(1, 2, SLEEP, OWN(""), JOIN("\"pid\": 0"));
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, 1), 137);
	assert_int_equal(monitor_wait(&m, 2), 137);
	refuse_member(3, 4, JOIN("\"pid\": 0"), ESRCH, "container 0, whose pid namespace is to be joined, has stopped");
	assert_int_equal(delete_container(0), 0);
	assert_int_equal(delete_container(1), 0);
	expect_said(2, "hostname", "pod\n");
	end_container(2, 3);
	free(own);
}

/* They are there as long as somebody needs them, and no longer. */
static void test_namespaces_of_the_ended(void **state)
{
	size_t descriptors = count_descriptors();

	(void)state;
	refuse_member(1, 2, JOIN("\"uts\": 0"), ENOENT,
		      "container 0, whose uts namespace is to be joined, does not exist");
	refuse_member(1, 2, JOIN("\"uts\": 1"), ENOENT,
		      "container 1, whose uts namespace is to be joined, does not exist");
	create_member(0, 1, SLEEP, ALL_OWN, "");
	create_member(1, 2, SLEEP, OWN(", {\"type\": \"pid\"}"), JOIN("\"ipc\": 0"));
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, 1), 137);
	create_member(2, 3, SLEEP, OWN(", {\"type\": \"pid\"}"), JOIN("\"ipc\": 0"));
	expect_same(1, 2, "readlink /proc/self/ns/ipc", true);
	end_container(1, 2);
	end_container(2, 3);
	refuse_member(2, 3, JOIN("\"ipc\": 0"), ESRCH, "container 0, whose ipc namespace is to be joined, has stopped");
	assert_int_equal(delete_container(0), 0);
	assert_int_equal(count_descriptors(), descriptors);
}

static void limit_descriptors(size_t count)
{
	struct rlimit limit;

	assert_int_equal(prlimit(m.pid, RLIMIT_NOFILE, NULL, &limit), 0);
	limit.rlim_cur = count ? count : limit.rlim_max;
	assert_int_equal(prlimit(m.pid, RLIMIT_NOFILE, &limit, NULL), 0);
}

/* A container for which process 1 has not all descriptors that it needs is refused: none lacks its namespaces for those
 * that are to join it. */
static void test_descriptors_that_are_not_there(void **state)
{
	size_t descriptors = count_descriptors(), refused = 0;
	bool made = false;

	(void)state;
	for (size_t more = 0; more < 30 && !made; more++) {
		limit_descriptors(descriptors + more);
		made = create_document(0, 1,
				       document_with(PROCESS ", \"terminal\": true, \"args\": [\"sleep\", \"1000\"]",
						     "", "", "", ALL_OWN)) == 0;
		refused += strstr(last_text(), "can't hold the container's namespaces: EMFILE") != NULL;
		limit_descriptors(0);
		if (!made)
			monitor_close_streams(&m, 1);
	}
	assert_true(made);
	assert_int_equal(start(0), 0);
	create_member(1, 2, SLEEP, OWN(""), JOIN("\"pid\": 0, \"ipc\": 0, \"uts\": 0, \"network\": 0"));
	expect_said(0, "echo there", "there\n");
	end_container(1, 2);
	end_container(0, 1);
	assert_true(refused > 0);
	assert_int_equal(count_descriptors(), descriptors);
}

static void test_joins_that_are_none(void **state)
{
	static const struct {
		const char *join, *own;
	} cases[] = {
		{ JOIN("\"ipc\": 16"), OWN("") },
		{ JOIN("\"ipc\": -1"), OWN("") },
		{ JOIN("\"ipc\": \"0\""), OWN("") },
		{ JOIN("\"mount\": 0"), OWN("") },
		{ JOIN("\"pid\": 0"), OWN(", {\"type\": \"pid\"}") },
	};

	(void)state;
	run(0, 1, "[\"sleep\", \"1000\"]");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(create_document(1, 2, document_with(SLEEP, "", cases[i].join, "", cases[i].own)),
				 EINVAL);
		monitor_close_streams(&m, 2);
	}
	end_container(0, 1);
}

static void create_sharing(uint32_t container, uint32_t process, const char *mounts, const char *plans)
{
	assert_int_equal(create_document(container, process, document_with(SLEEP, mounts, plans, "", "")), 0);
	assert_int_equal(start(container), 0);
}

/* Containers that name the same one have one; it ends with the last of them. */
static void test_shared_memory(void **state)
{
	char *path = text_of("/proc/%d/root/run/domlet/shared/fourth", (int)m.pid);
	size_t mounts;

	(void)state;
	create_sharing(0, 1, SHM(", \"nosuid\""), SHARED("pod"));
	mounts = count_mounts();
	create_sharing(1, 2, SHM(", \"ro\""), SHARED("pod"));
	create_sharing(2, 3, SHM(""), SHARED("other"));
	expect_said(
		0,
		"echo hello >/dev/shm/x; stat -c %a /dev/shm; grep -c ^shm /proc/mounts; grep ^shm /proc/mounts | grep -c nosuid",
		"1777\n1\n1\n");
	expect_said(1,
		    "cat /dev/shm/x; (touch /dev/shm/y) 2>/dev/null || echo ro; grep -c ^shm /proc/mounts;"
		    " grep ^shm /proc/mounts | grep -c nosuid || true",
		    "hello\nro\n1\n0\n");
	expect_said(2, "ls /dev/shm; stat -f -c %b:%S /dev/shm; grep -c ^shm /proc/mounts", "256:4096\n1\n");
	end_container(0, 1);
	expect_said(1, "cat /dev/shm/x", "hello\n");
	create_sharing(0, 1, SHM(""), SHARED("pod"));
	expect_said(0, "cat /dev/shm/x; echo more >>/dev/shm/x", "hello\n");
	expect_said(1, "cat /dev/shm/x", "hello\nmore\n");
	end_container(0, 1);
	end_container(1, 2);
	end_container(2, 3);
	/* With the directory for them, that stays. */
	assert_int_equal(count_mounts(), mounts - 1);
	create_sharing(0, 1, SHM(""), SHARED("pod"));
	expect_said(0, "ls -A /dev/shm", "");
	/* A failed one leaves nothing. */
	assert_int_equal(
		create_document(1, 2,
				document_with(PROCESS ", \"args\": [\"nosuch\"]", SHM(""), SHARED("third"), "", "")),
		ENOENT);
	monitor_close_streams(&m, 2);
	assert_int_equal(count_mounts(), mounts);
	assert_int_equal(create_document(1, 2, document_with(SLEEP, SHM(""), SHARED("../x"), "", "")), EINVAL);
	monitor_close_streams(&m, 2);
	/* Nor one whose options no tmpfs takes. */
	assert_int_equal(create_document(1, 2, document_with(SLEEP, SHM(", \"nonsense=1\""), SHARED("fourth"), "", "")),
			 EINVAL);
	monitor_close_streams(&m, 2);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(errno, ENOENT);
	end_container(0, 1);
	free(path);
}

/* No container but those that have it keeps its memory, as one that was made while it was there. */
static void test_shared_memory_is_freed(void **state)
{
	char *path = text_of("/proc/%d/root/run/domlet/shared/pod", (int)m.pid);
	struct pollfd p = { .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .events = POLLIN };
	struct inotify_event event;

	(void)state;
	create_sharing(0, 1, SHM(""), SHARED("pod"));
	create_sharing(1, 2, SHM(""), SHARED("other"));
	run(2, 3, "[\"sleep\", \"1000\"]");
	assert_true(inotify_add_watch(p.fd, path, IN_UNMOUNT) >= 0);
	end_container(0, 1);
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(read(p.fd, &event, sizeof event), sizeof event);
	assert_true(event.mask & IN_UNMOUNT);
	close(p.fd);
	free(path);
}

static char cgroup[256];

/* Where this machine has cgroups of version 2, whatever controllers they have. */
static int open_with_cgroup(void **state)
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
		char *file = text_of("%s/cgroup.procs", roots[i]);

		(void)snprintf(cgroup, sizeof cgroup, "%s/domlet-test-%d", roots[i], (int)getpid());
		if (access(file, W_OK) == 0 && mkdir(cgroup, 0755) == 0)
			guest_use_cgroup(cgroup);
		else
			cgroup[0] = '\0';
		free(file);
		if (cgroup[0])
			break;
	}
	return open_agent(state);
}

static int close_with_cgroup(void **state)
{
	int r = close_agent(state);

	guest_use_cgroup(NULL);
	for (int i = 0; cgroup[0] && rmdir(cgroup) < 0; i++) {
		char *all = text_of("rmdir %s/*/ 2>/dev/null", cgroup);

		(void)!system(all);
		free(all);
		if (i == 100)
			return -1;
		usleep(20000); /* whom it has killed ends by and by */
	}
	return r;
}

static bool has_cgroup(uint32_t container)
{
	char *path = text_of("%s/container-%u", cgroup, container);
	bool has = access(path, F_OK) == 0;

	free(path);
	return has;
}

/* How many that are no zombies, by their argument. */
#define SLEEPERS "cat /proc/[0-9]*/cmdline | tr '\\\\0' '\\\\n' | grep -cx '100[012]'"

/* A member's processes end with its first one, also those that another container's process 1 would reap. */
static void test_cgroups(void **state)
{
	size_t descriptors;

	(void)state;
	if (!cgroup[0])
		skip();
	descriptors = count_descriptors();
	create_member(0, 1, SLEEP, ALL_OWN, "");
	create_member(1, 2, SH("(setsid sleep 1001 &); (setsid sleep 1002 &); read x; exit 4"), OWN(""),
		      JOIN("\"pid\": 0"));
	expect_said(0, "cut -d: -f3 /proc/self/cgroup | tail -n 1", "/container-0\n");
	expect_said(1, "cut -d: -f3 /proc/self/cgroup | tail -n 1", "/container-1\n");
	expect_said(0, "until [ $(" SLEEPERS ") = 3 ]; do sleep 0.1; done; echo three", "three\n");
	monitor_write(&m, domlet_stream_id(2, DOMLET_STREAM_STDIN), "x\n", 2, true);
	assert_int_equal(monitor_wait(&m, 2), 4);
	expect_said(0,
		    "i=0; until [ $(" SLEEPERS ") = 1 ] || [ $i = 50 ]; do i=$((i + 1)); sleep 0.1; done;"
		    " [ $i = 50 ] || echo one",
		    "one\n");
	assert_int_equal(delete_container(1), 0);
	assert_false(has_cgroup(1));
	assert_true(has_cgroup(0));
	expect_said(0, SLEEPERS, "1\n");
	end_container(0, 1);
	assert_false(has_cgroup(0));
	assert_int_equal(count_descriptors(), descriptors);
}

/* Its number is free when the answer is there, whatever its processes were doing. */
static void test_failed_creates(void **state)
{
	size_t descriptors = count_descriptors();

	(void)state;
	if (!cgroup[0])
		skip();
	for (int i = 0; i < 50; i++) {
		assert_int_equal(create(0, 1, "[\"nosuch\"]"), ENOENT);
		assert_string_equal(last_text(), "exec: \"nosuch\": executable file not found in $PATH");
		monitor_close_streams(&m, 1);
		assert_false(has_cgroup(0));
		assert_int_equal(count_descriptors(), descriptors);
	}
	assert_int_equal(create(0, 1, "[]"), EINVAL);
	monitor_close_streams(&m, 1);
	run(0, 1, "[\"true\"]");
	assert_int_equal(monitor_wait(&m, 1), 0);
	assert_int_equal(delete_container(0), 0);
	assert_int_equal(delete_container(0), ENOENT);
}

/* Bytes that container 1's first process has written, once those that are under way are here. */
static size_t count_ticks(void)
{
	size_t *len = &m.outputs[domlet_stream_id(1, DOMLET_STREAM_STDOUT)].len, before;

	do {
		before = *len;
		monitor_turn(&m, 0);
	} while (*len != before);
	for (int i = 0; i < 5; i++)
		monitor_turn(&m, 40);
	return *len;
}

#define TICKS SH("trap 'echo term' TERM; while :; do echo tick; sleep 0.01; done")

static void expect_frozen(bool frozen)
{
	size_t ticks = count_ticks();

	if (frozen)
		assert_int_equal(count_ticks(), ticks);
	else
		assert_true(count_ticks() > ticks);
}

/* One of several runs no more until it is thawed; the others, and what is asked of them, do. */
static void test_frozen(void **state)
{
	size_t descriptors = count_descriptors();

	(void)state;
	if (!cgroup[0])
		skip();
	create_member(0, 1, TICKS, OWN(", {\"type\": \"pid\"}"), "");
	create_member(1, 2, SLEEP, OWN(", {\"type\": \"pid\"}"), "");
	assert_int_equal(exec_args(0, 3, "[\"sleep\", \"1000\"]"), 0);
	expect_frozen(false);
	assert_int_equal(monitor_reply(&m, send_freeze(0)), 0);
	expect_frozen(true);
	expect_said(1, "echo there", "there\n");
	assert_int_equal(exec_args(0, 4, "[\"true\"]"), EBUSY);
	assert_string_equal(last_text(), "cannot exec in a paused container: resume it first");
	assert_int_equal(monitor_reply(&m, send_freeze(0)), 0); /* once more */
	assert_int_equal(send_signal(0, 1, SIGTERM, false), 0);
	expect_frozen(true);
	assert_int_equal(monitor_reply(&m, send_thaw(0)), 0);
	await_output(1, "term");
	expect_frozen(false);
	assert_int_equal(monitor_reply(&m, send_thaw(0)), 0);
	expect_said(0, "echo here", "here\n");
	assert_int_equal(monitor_reply(&m, send_freeze(0)), 0);
	assert_int_equal(send_signal(0, 3, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, 3), 137);
	assert_int_equal(delete_container(0), EBUSY);
	end_container(0, 1);
	assert_false(has_cgroup(0));
	assert_int_equal(monitor_reply(&m, send_thaw(0)), ENOENT);
	assert_int_equal(monitor_reply(&m, send_freeze(0)), ENOENT);
	end_container(1, 2);
	assert_int_equal(count_descriptors(), descriptors);
}

/* What was set up and waits for its start can be frozen, too; and all of one by its cgroup's kill. */
static void test_frozen_before_its_start(void **state)
{
	(void)state;
	if (!cgroup[0])
		skip();
	assert_int_equal(create_document(0, 1, document_with(TICKS, "", "", "", "")), 0);
	assert_int_equal(monitor_reply(&m, send_freeze(0)), 0);
	assert_int_equal(start(0), EBUSY);
	assert_string_equal(last_text(), "cannot start a container in the paused state");
	assert_int_equal(monitor_reply(&m, send_thaw(0)), 0);
	assert_int_equal(start(0), 0);
	expect_frozen(false);
	assert_int_equal(monitor_reply(&m, send_freeze(0)), 0);
	assert_int_equal(send_signal(0, 0, SIGKILL, true), 0);
	assert_int_equal(monitor_wait(&m, 1), 137);
	assert_int_equal(exec_args(0, 4, "[\"true\"]"), ESRCH);
	assert_int_equal(monitor_reply(&m, send_freeze(0)), EINVAL);
	assert_int_equal(delete_container(0), 0);
	assert_false(has_cgroup(0));
}

/* While it is at one it does no other; each is answered, whatever else comes. */
static void test_frozen_while_others_ask(void **state)
{
	uint32_t first, second, thaw;
	int code;

	(void)state;
	if (!cgroup[0])
		skip();
	create_member(0, 1, TICKS, OWN(", {\"type\": \"pid\"}"), "");
	for (int i = 0; i < 20; i++) {
		first = send_freeze(0);
		second = send_freeze(0);
		thaw = send_thaw(0);
		assert_int_equal(monitor_reply(&m, second), EAGAIN);
		assert_int_equal(monitor_reply(&m, thaw), 0);
		code = monitor_reply(&m, first);
		assert_int_equal(code, ECANCELED);
	}
	expect_frozen(false);
	first = send_freeze(0);
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, 1), 137);
	code = monitor_reply(&m, first);
	assert_true(code == 0 || code == ESRCH);
	assert_int_equal(delete_container(0), 0);
}

static int ask_for_stats(uint32_t container)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_STATS };

	msg.stats.container = container;
	msg.stats.watch = 1; /* where the kernel has such, it is another descriptor */
	return monitor_ask(&m, &msg);
}

/* Each has its own. */
static void test_figures(void **state)
{
	size_t descriptors;

	(void)state;
	if (!cgroup[0])
		skip();
	descriptors = count_descriptors();
	assert_int_equal(ask_for_stats(0), ENOENT);
	create_member(
		0, 1,
		SH("(sleep 1001 &); i=0; while [ $i -lt 50000 ]; do i=$((i + 1)); done; echo done; exec sleep 1000"),
		ALL_OWN, "");
	create_member(1, 2, SLEEP, OWN(""), "");
	await_output(1, "done\n");
	assert_int_equal(ask_for_stats(0), 0);
	assert_true(m.figures.of[DOMLET_FIGURE_CPU_USAGE_US] > 10000);
	assert_true(m.figures.of[DOMLET_FIGURE_CPU_USAGE_US] < 600000000);
	assert_int_equal(m.figures.of[DOMLET_FIGURE_PIDS], 2);
	assert_int_equal(ask_for_stats(1), 0);
	assert_int_equal(m.figures.of[DOMLET_FIGURE_PIDS], 1);
	assert_int_equal(ask_for_stats(1), 0);
	end_container(1, 2);
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, 1), 137);
	assert_int_equal(ask_for_stats(0), ESRCH);
	assert_string_equal(last_text(), "container not running");
	assert_int_equal(delete_container(0), 0);
	assert_int_equal(ask_for_stats(DOMLET_CONTAINER_MAX), ENOENT);
	assert_int_equal(count_descriptors(), descriptors);
	assert_int_equal(m.ooms, 0);
}

static uint32_t send_update(uint32_t container, const char *resources)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_UPDATE };

	msg.update.container = container;
	msg.update.resources = (struct domlet_slice){ (const uint8_t *)resources, (uint32_t)strlen(resources) };
	return monitor_send(&m, &msg);
}

static int update(uint32_t container, const char *resources)
{
	return monitor_reply(&m, send_update(container, resources));
}

/* By a file that each cgroup has, whatever controllers there are. */
static void expect_depth(uint32_t container, const char *depth)
{
	char *path = text_of("%s/container-%u/cgroup.max.depth", cgroup, container), text[16] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(read(fd, text, sizeof text - 1) > 0);
	assert_string_equal(text, depth);
	close(fd);
	free(path);
}

#define DEPTH(depth) "{\"unified\": {\"cgroup.max.depth\": \"" depth "\"}}"

static void test_update(void **state)
{
	static const char *const wrong[] = { "",
					     "{",
					     "[]",
					     "{\"memory\": 5}",
					     "{\"memory\": {\"limit\": \"5\"}}",
					     "{\"memory\": {\"limit\": 5, \"swap\": 4}}",
					     "{\"memory\": {\"swap\": 4}}",
					     "{\"cpu\": {\"cpus\": \"all\"}}",
					     "{\"unified\": {\"../cgroup.kill\": \"1\"}}",
					     DEPTH("many") };
	size_t descriptors;

	(void)state;
	if (!cgroup[0])
		skip();
	descriptors = count_descriptors();
	assert_int_equal(update(0, "{}"), ENOENT);
	create_member(0, 1, SLEEP, ALL_OWN, "");
	create_member(1, 2, SLEEP, OWN(""), "");
	assert_int_equal(update(0, "{}"), 0);
	assert_int_equal(update(0, DEPTH("7")), 0);
	expect_depth(0, "7\n");
	expect_depth(1, "16\n");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_not_equal(update(0, wrong[i]), 0);
	assert_string_equal(last_text(), "can't set cgroup.max.depth of the container to many: EINVAL");
	expect_depth(0, "7\n");
	end_container(1, 2);
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, 1), 137);
	assert_int_equal(update(0, "{}"), ESRCH);
	assert_int_equal(delete_container(0), 0);
	assert_int_equal(count_descriptors(), descriptors);
}

/* The second one is refused or comes after the first; and of a container that ends each is answered. */
static void test_updates_at_the_same_time(void **state)
{
	uint32_t first, second;
	int code;

	(void)state;
	if (!cgroup[0])
		skip();
	for (int i = 0; i < 5; i++) {
		create_member(0, 1, SLEEP, ALL_OWN, "");
		first = send_update(0, DEPTH("5"));
		second = send_update(0, DEPTH("6"));
		assert_int_equal(monitor_reply(&m, first), 0);
		code = monitor_reply(&m, second);
		assert_true(code == 0 || code == EAGAIN);
		expect_depth(0, code ? "5\n" : "6\n");
		first = send_update(0, DEPTH("8"));
		assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
		assert_int_equal(monitor_wait(&m, 1), 137);
		code = monitor_reply(&m, first);
		assert_true(code == 0 || code == ESRCH);
		assert_int_equal(delete_container(0), 0);
	}
}

static void test_frozen_without_a_cgroup(void **state)
{
	(void)state;
	assert_int_equal(monitor_reply(&m, send_freeze(0)), ENOENT);
	run(0, 1, "[\"sleep\", \"1000\"]");
	assert_int_equal(monitor_reply(&m, send_freeze(0)), ENOTSUP);
	assert_string_equal(last_text(), "the guest has no cgroup for the container, and can't freeze it");
	assert_int_equal(monitor_reply(&m, send_thaw(0)), 0);
	end_container(0, 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_AGENT(test_sixteen_at_once),
		WITH_AGENT(test_joined_namespaces),
		WITH_AGENT(test_namespaces_of_the_ended),
		WITH_AGENT(test_joins_that_are_none),
		WITH_AGENT(test_descriptors_that_are_not_there),
		WITH_AGENT(test_shared_memory),
		WITH_AGENT(test_shared_memory_is_freed),
		cmocka_unit_test_setup_teardown(test_cgroups, open_with_cgroup, close_with_cgroup),
		cmocka_unit_test_setup_teardown(test_failed_creates, open_with_cgroup, close_with_cgroup),
		cmocka_unit_test_setup_teardown(test_frozen, open_with_cgroup, close_with_cgroup),
		cmocka_unit_test_setup_teardown(test_frozen_before_its_start, open_with_cgroup, close_with_cgroup),
		cmocka_unit_test_setup_teardown(test_frozen_while_others_ask, open_with_cgroup, close_with_cgroup),
		WITH_AGENT(test_frozen_without_a_cgroup),
		cmocka_unit_test_setup_teardown(test_update, open_with_cgroup, close_with_cgroup),
		cmocka_unit_test_setup_teardown(test_updates_at_the_same_time, open_with_cgroup, close_with_cgroup),
		cmocka_unit_test_setup_teardown(test_figures, open_with_cgroup, close_with_cgroup),
	};

	if (!guest_take_arguments(argc, argv))
		return 2;
	if (!guest_may_mount())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
