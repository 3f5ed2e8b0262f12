/* SPDX-License-Identifier: GPL-2.0-or-later */
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/base/file.h"
#include "../../toolstack/dom0/pid.h"
#include "../../toolstack/state/state.h"

static char top[64], root[128];

static int set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/domlet-test-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(root, sizeof(root), "%s/run/domlet", top);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void fill(struct domlet_state *st)
{
	st->bundle = strdup("/bundle \"x\"");
	st->rootfs = strdup("/bundle/rootfs");
	st->annotations = strdup("{\"a\":\"b\"}");
	st->oci_version = strdup("1.0.2-dev");
	st->image = strdup("/var/cache/i");
	st->reason = strdup("why");
	st->labels = strdup("{\"p\":\"q\"}");
	st->cgroup_kept = true;
	st->number = 7;
	st->generation = UINT64_C(0xffffffffffff);
	strcpy(st->uuid, "12345678-1234-1234-1234-123456789012");
	strcpy(st->type, "pvh");
	st->status = DOMLET_STATUS_RUNNING;
	st->exit_code = 137;
	st->proxy.pid = getpid();
	st->proxy.start_ticks = UINT64_C(0xfffffffffffffff);
}

static void round_trip(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_state st, back;
	struct stat info;
	char path[5000];

	(void)state;
	assert_int_equal(domlet_state_create(root, "c1", &st, &err), 0);
	assert_string_equal(st.uuid, "");
	assert_int_equal(st.generation, 0);
	assert_int_equal(st.status, DOMLET_STATUS_CREATING);
	assert_int_equal(stat(root, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0711);
	fill(&st);
	assert_int_equal(domlet_state_save(&st, &err), 0);
	assert_int_equal(domlet_state_load(root, "c1", &back, &err), 0);
	assert_string_equal(back.root, st.root);
	assert_string_equal(back.id, "c1");
	assert_string_equal(back.bundle, st.bundle);
	assert_string_equal(back.annotations, st.annotations);
	assert_null(back.cgroup);
	assert_true(back.cgroup_kept);
	assert_string_equal(back.image, st.image);
	assert_string_equal(back.reason, "why");
	assert_string_equal(back.labels, "{\"p\":\"q\"}");
	assert_int_equal(back.number, 7);
	assert_true(back.generation == st.generation);
	assert_string_equal(back.uuid, st.uuid);
	assert_string_equal(back.created, st.created);
	assert_int_equal(back.status, DOMLET_STATUS_RUNNING);
	assert_int_equal(back.exit_code, 137);
	assert_true(back.proxy.start_ticks == st.proxy.start_ticks);
	domlet_state_free(&back);
	domlet_state_path(&st, "monitor.sock", path, sizeof(path));
	assert_int_equal(domlet_file_write(path, "", 0, 0600, &err), 0);
	assert_int_equal(domlet_state_remove(&st, &err), 0);
	assert_int_equal(domlet_state_remove(&st, &err), 0);
	assert_int_equal(domlet_state_load(root, "c1", &back, &err), -ENOENT);
	domlet_state_free(&back);
	domlet_state_free(&st);
}

static void wanted_sentences(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_state st, other;
	char path[160];

	(void)state;
	assert_int_equal(domlet_state_load(root, "none", &other, &err), -ENOENT);
	assert_non_null(strstr(err.text, "container does not exist"));
	assert_int_equal(domlet_state_create(root, "c1", &st, &err), 0);
	/* From its first moment on a command can tell whose it is. */
	assert_int_equal(domlet_state_load(root, "c1", &other, &err), 0);
	assert_int_equal(other.monitor.pid, getpid());
	assert_int_equal(domlet_pid_look(&other.monitor), 1);
	domlet_state_free(&other);
	assert_int_equal(domlet_state_create(root, "c1", &other, &err), -EEXIST);
	assert_non_null(strstr(err.text, "container with given ID already exists"));
	assert_int_equal(domlet_state_create(root, "../x", &other, &err), -EINVAL);
	assert_int_equal(domlet_state_create(root, "..", &other, &err), -EINVAL);
	assert_int_equal(domlet_state_create(root, "", &other, &err), -EINVAL);
	assert_int_equal(domlet_state_load(root, "../domlet", &other, &err), -ENOENT);
	domlet_state_free(&st);
	/* Another runtime is just making one of that name. */
	snprintf(path, sizeof(path), "%s/c2", root);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(domlet_state_create(root, "c2", &st, &err), -EEXIST);
	domlet_state_free(&st);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(domlet_state_create(root, "c2", &st, &err), 0);
	domlet_state_free(&st);
}

/* What an older domlet wrote has no reason in it, nor labels. */
static void a_record_without_a_reason(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_state st, back;
	char path[5000], *text, *at;
	size_t len;

	(void)state;
	assert_int_equal(domlet_state_create(root, "c1", &st, &err), 0);
	fill(&st);
	assert_int_equal(domlet_state_save(&st, &err), 0);
	domlet_state_path(&st, "domlet.json", path, sizeof(path));
	assert_int_equal(domlet_file_read(path, 2000, &text, &len, &err), 0);
	at = strstr(text, ",\"reason\":\"why\"");
	assert_non_null(at);
	memcpy(at, "}", 2);
	assert_int_equal(domlet_file_write(path, text, strlen(text), 0600, &err), 0);
	free(text);
	assert_int_equal(domlet_state_load(root, "c1", &back, &err), 0);
	assert_null(back.reason);
	assert_null(back.labels);
	assert_string_equal(back.uuid, st.uuid);
	domlet_state_free(&back);
	assert_int_equal(domlet_state_remove(&st, &err), 0);
	domlet_state_free(&st);
}

static void damaged_records(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"null",
		"{}",
		"{\"version\":1}",
		"{\"version\":\"1\"}",
		"{\"version\":2}",
		"{\"version\":1,\"status\":\"odd\"}",
		"{\"version\":1,\"status\":\"running\",\"bundle\":7}",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	};
	static const struct {
		const char *from, *to;
	} edits[] = {
		{ "\"number\":7", "\"number\":4294967296" },  { "\"number\":7", "\"number\":-1" },
		{ "\"number\":7", "\"number\":\"7\"" },       { "\"generation\":", "\"generation\":-1,\"x\":" },
		{ "\"type\":\"pvh\"", "\"type\":\"pvhh\"" },  { "\"type\":\"pvh\"", "\"type\":null" },
		{ "/bundle/rootfs", "/bundle\\u0000rootfs" }, { "\"cgroupKept\":true", "\"cgroupKept\":1" },
		{ "\"exitCode\"", "\"exitcode\"" },           { "\"monitorPid\":", "\"monitorPid\":2147483648,\"x\":" },
	};
	struct domlet_error err = { 0 };
	struct domlet_state st, back;
	char path[5000], *text, edited[2000];
	size_t len;

	(void)state;
	assert_int_equal(domlet_state_create(root, "c1", &st, &err), 0);
	domlet_state_path(&st, "domlet.json", path, sizeof(path));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(domlet_file_write(path, bad[i], strlen(bad[i]), 0600, &err), 0);
		assert_true(domlet_state_load(root, "c1", &back, &err) < 0);
		assert_non_null(strstr(err.text, path));
	}
	fill(&st);
	assert_int_equal(domlet_state_save(&st, &err), 0);
	assert_int_equal(domlet_file_read(path, 2000, &text, &len, &err), 0);
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		char *at = strstr(text, edits[i].from);

		assert_non_null(at);
		snprintf(edited, sizeof(edited), "%.*s%s%s", (int)(at - text), text, edits[i].to,
			 at + strlen(edits[i].from));
		assert_int_equal(domlet_file_write(path, edited, strlen(edited), 0600, &err), 0);
		assert_int_equal(domlet_state_load(root, "c1", &back, &err), -EUCLEAN);
	}
	/* Cut off anywhere: never taken for whole. */
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(domlet_file_write(path, text, cut, 0600, &err), 0);
		assert_true(domlet_state_load(root, "c1", &back, &err) < 0);
	}
	free(text);
	domlet_state_free(&st);
}

static void status_follows_the_proxy(void **state)
{
	struct domlet_state st = { .status = DOMLET_STATUS_RUNNING };
	siginfo_t info;
	pid_t pid;

	(void)state;
	assert_int_equal(domlet_state_status(&st), DOMLET_STATUS_STOPPED);
	st.status = DOMLET_STATUS_CREATING;
	assert_int_equal(domlet_pid_of(getpid(), &st.monitor), 0);
	assert_int_equal(domlet_state_status(&st), DOMLET_STATUS_CREATING);
	st.monitor.start_ticks++; /* who was making it was killed */
	assert_int_equal(domlet_state_status(&st), DOMLET_STATUS_STOPPED);
	st.status = DOMLET_STATUS_PAUSED;
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(domlet_pid_of(pid, &st.proxy), 0);
	assert_int_equal(domlet_state_status(&st), DOMLET_STATUS_PAUSED);
	st.proxy.start_ticks++; /* the pid went to somebody else */
	assert_int_equal(domlet_state_status(&st), DOMLET_STATUS_STOPPED);
	st.proxy.start_ticks--;
	st.status = DOMLET_STATUS_STOPPED;
	assert_int_equal(domlet_state_status(&st), DOMLET_STATUS_STOPPED);
	st.status = DOMLET_STATUS_RUNNING;
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	/* A zombie now. */
	assert_int_equal(domlet_state_status(&st), DOMLET_STATUS_STOPPED);
	waitpid(pid, NULL, 0);
	assert_int_equal(domlet_state_status(&st), DOMLET_STATUS_STOPPED);
}

/* Until *RESTORE is set again no descriptor can be opened. */
static void take_descriptors(struct rlimit *restore)
{
	assert_int_equal(getrlimit(RLIMIT_NOFILE, restore), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 0, restore->rlim_max }), 0);
}

static void who_can_not_be_looked_at_is_not_dead(void **state)
{
	struct domlet_state st = { .status = DOMLET_STATUS_RUNNING };
	struct domlet_error err = { 0 };
	int status, dead_status, known;
	struct rlimit limit;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		(void)alarm(30); /* a test that fails leaves it behind */
		pause();
		_exit(0);
	}
	assert_int_equal(domlet_pid_of(pid, &st.proxy), 0);
	take_descriptors(&limit);
	status = domlet_state_status(&st);
	known = domlet_state_know(&st, &err);
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(known, -EMFILE);
	assert_non_null(strstr(err.text, "still runs can't be found out"));
	assert_int_equal(domlet_state_know(&st, &err), 0);
	assert_int_equal(status, DOMLET_STATUS_RUNNING);
	assert_int_equal(domlet_pid_kill(&st.proxy), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* Who is gone is known to be, whatever is missing. */
	take_descriptors(&limit);
	dead_status = domlet_state_status(&st);
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(dead_status, DOMLET_STATUS_STOPPED);
}

static void state_json(void **state)
{
	struct domlet_state st = { .id = "c1", .status = DOMLET_STATUS_CREATED, .created = "2026-01-02T03:04:05Z" };
	struct json_object *obj, *value, *a;
	char *text;

	(void)state;
	st.annotations = strdup("{\"a\":\"b\"}");
	st.bundle = strdup("/b");
	domlet_pid_of(getpid(), &st.proxy);
	text = domlet_state_json(&st);
	obj = json_tokener_parse(text);
	assert_non_null(obj);
	free(text);
	assert_true(json_object_object_get_ex(obj, "status", &value));
	assert_string_equal(json_object_get_string(value), "created");
	assert_true(json_object_object_get_ex(obj, "pid", &value));
	assert_int_equal(json_object_get_int(value), getpid());
	assert_true(json_object_object_get_ex(obj, "annotations", &value));
	assert_true(json_object_object_get_ex(value, "a", &a));
	assert_false(json_object_object_get_ex(obj, "notApplied", &value));
	json_object_put(obj);
	st.labels = strdup("{\"process.apparmorProfile\":\"docker-default\"}");
	st.proxy.start_ticks++;
	text = domlet_state_json(&st);
	obj = json_tokener_parse(text);
	free(text);
	assert_true(json_object_object_get_ex(obj, "status", &value));
	assert_string_equal(json_object_get_string(value), "stopped");
	assert_true(json_object_object_get_ex(obj, "notApplied", &value));
	assert_true(json_object_object_get_ex(value, "process.apparmorProfile", &a));
	assert_string_equal(json_object_get_string(a), "docker-default");
	assert_true(json_object_object_get_ex(obj, "pid", &value));
	assert_int_equal(json_object_get_int(value), 0);
	json_object_put(obj);
	domlet_state_free(&st);
}

static int collect(struct domlet_state *st, void *arg)
{
	strcat(arg, st->id);
	strcat(arg, " ");
	return strcmp(st->id, "stop") == 0 ? 42 : 0;
}

static void each_is_sorted_and_skips_foreign(void **state)
{
	static const char *const ids[] = { "b", "a", "..new-1-99", ".hidden" };
	struct domlet_error err = { 0 };
	char seen[256] = "", path[300];
	struct domlet_state st;

	(void)state;
	assert_int_equal(domlet_state_each(root, collect, seen, &err), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(domlet_state_create(root, ids[i], &st, &err), 0);
		assert_int_equal(domlet_state_save(&st, &err), 0);
		domlet_state_free(&st);
	}
	/* Another runtime's, and a file. */
	snprintf(path, sizeof(path), "%s/runc-one", root);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/file", root);
	assert_int_equal(domlet_file_write(path, "", 0, 0600, &err), 0);
	domlet_state_sweep(root); /* takes no container for something that is just being made */
	assert_int_equal(domlet_state_each(root, collect, seen, &err), 0);
	assert_string_equal(seen, "..new-1-99 .hidden a b ");
	assert_int_equal(domlet_state_create(root, "stop", &st, &err), 0);
	assert_int_equal(domlet_state_save(&st, &err), 0);
	domlet_state_free(&st);
	assert_int_equal(domlet_state_create(root, "z", &st, &err), 0);
	assert_int_equal(domlet_state_save(&st, &err), 0);
	domlet_state_free(&st);
	seen[0] = '\0';
	assert_int_equal(domlet_state_each(root, collect, seen, &err), 42);
	assert_string_equal(seen, "..new-1-99 .hidden a b stop ");
}

static void killed_creators_leave_nothing(void **state)
{
	struct domlet_pid me;
	struct domlet_error err = { 0 };
	struct domlet_state st;
	char mine[300], dead[300], file[400];
	struct stat info;

	(void)state;
	assert_int_equal(domlet_state_create(root, "c1", &st, &err), 0);
	domlet_state_free(&st);
	assert_int_equal(domlet_pid_of(getpid(), &me), 0);
	snprintf(mine, sizeof(mine), "%s/:new-%d-%llu", root, me.pid, (unsigned long long)me.start_ticks);
	snprintf(dead, sizeof(dead), "%s/:new-%d-%llu", root, me.pid, (unsigned long long)me.start_ticks + 1);
	assert_int_equal(mkdir(mine, 0711), 0);
	assert_int_equal(mkdir(dead, 0711), 0);
	snprintf(file, sizeof(file), "%s/.domlet.json.Xq3fZz", dead);
	assert_int_equal(domlet_file_write(file, "{", 1, 0600, &err), 0);
	domlet_state_sweep(root);
	assert_int_equal(stat(mine, &info), 0);
	assert_int_equal(stat(dead, &info), -1);
	/* Who removed a container was killed at that. */
	snprintf(dead, sizeof(dead), "%s/:old-%d-%llu", root, me.pid, (unsigned long long)me.start_ticks + 1);
	snprintf(file, sizeof(file), "%s/domlet.json", dead);
	assert_int_equal(mkdir(dead, 0711), 0);
	assert_int_equal(domlet_file_write(file, "{", 1, 0600, &err), 0);
	domlet_state_sweep(root);
	assert_int_equal(stat(dead, &info), -1);
	assert_int_equal(domlet_state_load(root, "c1", &st, &err), 0);
	domlet_state_free(&st);
}

static void a_damaged_record_can_be_discarded(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_state st;
	char path[5000];

	(void)state;
	assert_int_equal(domlet_state_create(root, "c1", &st, &err), 0);
	domlet_state_path(&st, "domlet.json", path, sizeof(path));
	assert_int_equal(domlet_file_write(path, "{", 1, 0600, &err), 0);
	assert_int_equal(domlet_state_discard(root, "c1", 0, &err), 0);
	assert_int_equal(domlet_state_discard(root, "c1", 0, &err), -ENOENT);
	assert_int_equal(domlet_state_create(root, "c1", &st, &err), 0);
	/* Another has made it anew since it was found damaged. */
	assert_int_equal(domlet_state_discard(root, "c1", 0, &err), -EBUSY);
}

/* A process that has the lock, and does WHAT with the directory 300 ms after
 * the end of *GO was closed. */
static pid_t holder(void (*what)(void), int *go)
{
	struct domlet_error err = { 0 };
	struct domlet_state st;
	int ready[2], wait[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(wait), 0);
	pid = fork();
	if (pid == 0) {
		close(wait[1]);
		if (domlet_state_lock(root, "c1", 0, &st, &err) < 0 || write(ready[1], "r", 1) != 1 ||
		    read(wait[0], &c, 1) != 0)
			_exit(1);
		usleep(300000);
		what();
		_exit(0);
	}
	close(ready[1]);
	close(wait[0]);
	*go = wait[1];
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void do_nothing(void)
{
}

static void remove_it(void)
{
	(void)tear_down(NULL);
}

static void make_it_anew(void)
{
	struct domlet_error err;
	struct domlet_state st;
	char other[200], from[220], to[220];

	/* In one step: whoever comes late sees it whole, too. */
	(void)snprintf(other, sizeof other, "%s-other", root);
	(void)snprintf(from, sizeof from, "%s/c1", other);
	(void)snprintf(to, sizeof to, "%s/c1", root);
	if (domlet_state_create(other, "c1", &st, &err) < 0)
		return;
	strcpy(st.uuid, "new");
	(void)domlet_state_save(&st, &err);
	(void)renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE);
}

static void one_has_the_lock(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_state st, back;
	int status, fd, go;
	pid_t pid;

	(void)state;
	assert_int_equal(domlet_state_lock(root, "c1", 1000, &back, &err), -ENOENT);
	assert_int_equal(domlet_state_create(root, "c1", &st, &err), 0);
	pid = holder(do_nothing, &go);
	assert_int_equal(domlet_state_lock(root, "c1", 0, &back, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "still cleaning up container c1"));
	assert_int_equal(domlet_state_lock(root, "c1", 40, &back, &err), -ETIMEDOUT);
	close(go);
	fd = domlet_state_lock(root, "c1", 10000, &back, &err); /* until it ends */
	assert_true(fd >= 0);
	assert_string_equal(back.id, "c1");
	domlet_state_free(&back);
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* What comes after the wait is what is there then. */
	pid = holder(make_it_anew, &go);
	close(go);
	fd = domlet_state_lock(root, "c1", 10000, &back, &err);
	assert_true(fd >= 0);
	assert_string_equal(back.uuid, "new");
	domlet_state_free(&back);
	close(fd);
	waitpid(pid, &status, 0);
	pid = holder(remove_it, &go);
	close(go);
	assert_int_equal(domlet_state_lock(root, "c1", 10000, &back, &err), -ENOENT);
	waitpid(pid, &status, 0);
	domlet_state_free(&st);
}

static void remove_leaves_what_is_foreign(void **state)
{
	struct domlet_error err = { 0 };
	struct domlet_state st, back;
	char path[5000], file[5000];

	(void)state;
	assert_int_equal(domlet_state_create(root, "c1", &st, &err), 0);
	assert_int_equal(domlet_state_save(&st, &err), 0);
	domlet_state_path(&st, "foreign", path, sizeof(path));
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(domlet_state_remove(&st, &err), -EEXIST);
	assert_non_null(strstr(err.text, "foreign"));
	assert_int_equal(rmdir(path), 0);
	/* A file is nobody's to unlink either. */
	domlet_state_path(&st, "state.json", file, sizeof(file));
	assert_int_equal(domlet_file_write(file, "{}", 2, 0600, &err), 0);
	assert_int_equal(domlet_state_remove(&st, &err), -EEXIST);
	assert_non_null(strstr(err.text, "state.json in it is not one of domlet's files"));
	assert_int_equal(access(file, F_OK), 0);
	assert_int_equal(domlet_state_load(root, "c1", &back, &err), 0); /* so that delete can be repeated */
	domlet_state_free(&back);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(domlet_state_remove(&st, &err), 0);
	assert_int_equal(domlet_state_load(root, "c1", &back, &err), -ENOENT);
	domlet_state_free(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wanted_sentences, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_record_without_a_reason, set_up, tear_down),
		cmocka_unit_test_setup_teardown(damaged_records, set_up, tear_down),
		cmocka_unit_test_setup_teardown(killed_creators_leave_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_damaged_record_can_be_discarded, set_up, tear_down),
		cmocka_unit_test(status_follows_the_proxy),
		cmocka_unit_test(who_can_not_be_looked_at_is_not_dead),
		cmocka_unit_test(state_json),
		cmocka_unit_test_setup_teardown(each_is_sorted_and_skips_foreign, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_has_the_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(remove_leaves_what_is_foreign, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
