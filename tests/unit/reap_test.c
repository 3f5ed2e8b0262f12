/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cleaning up while others make, end or clean up the same container. Xen is
 * this file's own: it is slow, or fails. Cgroups are directories, monitors and
 * commands are children.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/cli/ask.h"
#include "../../toolstack/cli/reap.h"
#include "../../toolstack/xen/xen.h"

#define OLD "11111111-1111-1111-1111-111111111111"
#define NEW "22222222-2222-2222-2222-222222222222"

static char top[64], root[80], cgroup[80], monitor_cgroup[80];
static struct domlet_cli cli = { .root = root, .log = { .fd = -1, .system = "/nowhere" } };

static struct {                   /* by all processes, in shared memory */
	int destroys, fail, hold; /* HOLD: Xen answers when it is 0 again */
	char uuid[37];            /* of the last */
} * xen;

int domlet_xen_destroy_uuid(const char *uuid, uint32_t domid, struct domlet_error *err)
{
	__atomic_add_fetch(&xen->destroys, 1, __ATOMIC_SEQ_CST);
	(void)snprintf(xen->uuid, sizeof xen->uuid, "%s", uuid);
	(void)domid;
	while (__atomic_load_n(&xen->hold, __ATOMIC_SEQ_CST))
		(void)usleep(10000);
	return xen->fail ? domlet_error_set(err, EIO, "Xen is out of order") : 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(xen, 0, sizeof *xen);
	(void)snprintf(top, sizeof top, "/tmp/domlet-test-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	(void)snprintf(root, sizeof root, "%s/root", top);
	(void)snprintf(cgroup, sizeof cgroup, "%s/cgroup", top);
	(void)snprintf(monitor_cgroup, sizeof monitor_cgroup, "%s/monitor", top);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", top);
	return system(command);
}

static bool exists(const char *path)
{
	struct stat info;

	return lstat(path, &info) == 0;
}

static void ms(unsigned int n)
{
	(void)usleep(n * 1000);
}

/* What a command has made of a container when it forks the monitor. */
static void make(struct domlet_state *st, const char *uuid)
{
	struct domlet_error err;

	if (domlet_state_create(root, "c1", st, &err) < 0)
		fail_msg("%s", err.text);
	(void)snprintf(st->uuid, sizeof st->uuid, "%s", uuid);
	st->cgroup = strdup(cgroup);
	st->monitor_cgroup = strdup(monitor_cgroup);
	assert_int_equal(domlet_state_save(st, &err), 0);
	assert_int_equal(mkdir(cgroup, 0700), 0);
	(void)mkdir(monitor_cgroup, 0700);
}

static void load(struct domlet_state *st)
{
	struct domlet_error err;

	if (domlet_state_load(root, "c1", st, &err) < 0)
		fail_msg("%s", err.text);
}

/* A monitor that was killed when its container had this status. */
static void leave(enum domlet_status status, const char *uuid)
{
	struct domlet_error err;
	struct domlet_state st;

	make(&st, uuid);
	st.monitor.start_ticks++; /* nobody's */
	st.domid = 7;
	st.status = status;
	assert_int_equal(domlet_state_save(&st, &err), 0);
	domlet_state_free(&st);
}

static void wait_for_record(struct domlet_state *st)
{
	int i = 0;

	while (domlet_state_load(root, "c1", st, NULL) < 0) {
		assert_true(i++ < 500);
		ms(10);
	}
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* `create`, which takes its time before it has a cgroup and a domain, and is killed then. */
static pid_t slow_creator(void)
{
	pid_t pid = fork();
	struct domlet_error err;
	struct domlet_state st;

	if (pid != 0)
		return pid;
	if (domlet_state_create(root, "c1", &st, &err) < 0)
		_exit(1);
	ms(1000);
	st.cgroup = strdup(cgroup);
	(void)strcpy(st.uuid, OLD);
	(void)mkdir(cgroup, 0700);
	(void)domlet_state_save(&st, &err);
	_exit(0);
}

static void a_delete_sees_what_a_creator_made_meanwhile(void **state)
{
	struct domlet_error err;
	struct domlet_state st;
	pid_t pid = slow_creator();

	(void)state;
	wait_for_record(&st);
	assert_string_equal(st.uuid, "");
	assert_int_equal(domlet_cli_remove(&st, true, &err), 1);
	assert_false(exists(cgroup));
	assert_string_equal(xen->uuid, OLD);
	domlet_state_free(&st);
	assert_int_equal(domlet_state_load(root, "c1", &st, &err), -ENOENT);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_living_creator_keeps_its_record(void **state)
{
	struct domlet_error err;
	struct domlet_state st;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		make(&st, OLD);
		pause();
	}
	wait_for_record(&st);
	assert_int_equal(domlet_cli_remove(&st, true, &err), -EBUSY);
	assert_non_null(strstr(err.text, "still being created by process"));
	assert_int_equal(xen->destroys, 0);
	end(pid);
	assert_int_equal(domlet_cli_remove(&st, true, &err), 1);
	domlet_state_free(&st);
	assert_false(exists(cgroup));
}

static void the_creator_itself_may_give_up(void **state)
{
	struct domlet_error err;
	struct domlet_state st;

	(void)state;
	make(&st, OLD);
	assert_int_equal(domlet_cli_remove(&st, true, &err), 1);
	assert_false(exists(cgroup));
	assert_int_equal(xen->destroys, 0); /* it had none built */
	domlet_state_free(&st);
}

/* A retry of `create` comes while a slower command cleans up after the same monitor. */
static void two_reapers(enum domlet_status status)
{
	struct domlet_state st;
	struct domlet_error err;
	pid_t pid;

	leave(status, OLD);
	xen->hold = 1;
	pid = fork();
	if (pid == 0) {
		(void)domlet_cli_reap_all(&cli);
		_exit(0);
	}
	while (!__atomic_load_n(&xen->destroys, __ATOMIC_SEQ_CST))
		ms(10);
	(void)domlet_cli_reap_all(&cli); /* the reaper of another command doesn't wait */
	load(&st);
	assert_int_equal(st.status, status);
	__atomic_store_n(&xen->hold, 0, __ATOMIC_SEQ_CST);
	domlet_cli_reap(&cli, "c1");
	if (status != DOMLET_STATUS_CREATING)
		assert_int_equal(domlet_cli_remove(&st, true, &err), 1);
	domlet_state_free(&st);
	make(&st, NEW);
	domlet_state_free(&st);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	load(&st);
	assert_string_equal(st.uuid, NEW);
	assert_int_equal(st.status, DOMLET_STATUS_CREATING);
	domlet_state_free(&st);
	assert_true(exists(cgroup));
}

static void two_reapers_of_an_unfinished_one(void **state)
{
	(void)state;
	two_reapers(DOMLET_STATUS_CREATING);
	assert_int_equal(xen->destroys, 1);
}

static void two_reapers_of_a_running_one(void **state)
{
	(void)state;
	two_reapers(DOMLET_STATUS_RUNNING);
}

/* The life cycle says "stopped" first and destroys then. */
static void a_stopped_containers_domain_is_destroyed(void **state)
{
	struct domlet_error err;
	struct domlet_state st;

	(void)state;
	leave(DOMLET_STATUS_STOPPED, OLD);
	load(&st);
	st.exit_code = 3;
	assert_int_equal(domlet_state_save(&st, &err), 0);
	domlet_state_free(&st);
	xen->fail = 1;
	(void)domlet_cli_reap_all(&cli);
	assert_int_equal(xen->destroys, 1);
	load(&st);
	assert_int_equal(st.domid, 7); /* so the next command tries again */
	domlet_state_free(&st);
	xen->fail = 0;
	(void)domlet_cli_reap_all(&cli);
	assert_int_equal(xen->destroys, 2);
	assert_string_equal(xen->uuid, OLD);
	load(&st);
	assert_int_equal(st.domid, DOMLET_DOMID_NONE);
	assert_int_equal(st.status, DOMLET_STATUS_STOPPED);
	assert_int_equal(st.exit_code, 3);
	(void)domlet_cli_reap_all(&cli);
	assert_int_equal(domlet_cli_remove(&st, false, &err), 1);
	assert_int_equal(xen->destroys, 2); /* nothing is left that Xen could be asked for */
	domlet_state_free(&st);
}

static void a_running_one_stays_so_until_its_domain_is_destroyed(void **state)
{
	struct domlet_state st;

	(void)state;
	leave(DOMLET_STATUS_RUNNING, OLD);
	xen->fail = 1;
	(void)domlet_cli_reap_all(&cli);
	load(&st);
	assert_int_equal(st.status, DOMLET_STATUS_RUNNING);
	assert_int_equal(domlet_state_status(&st), DOMLET_STATUS_STOPPED); /* as callers see it */
	domlet_state_free(&st);
	xen->fail = 0;
	(void)domlet_cli_reap_all(&cli);
	load(&st);
	assert_int_equal(st.status, DOMLET_STATUS_STOPPED);
	assert_int_equal(st.domid, DOMLET_DOMID_NONE);
	assert_int_equal(st.exit_code, 137);
	domlet_state_free(&st);
	assert_false(exists(monitor_cgroup));
}

/* It is not told as done before it can be written down. */
static void a_record_that_cant_be_written_is_left_to_the_next(void **state)
{
	struct rlimit before, none;
	struct domlet_state st;

	(void)state;
	leave(DOMLET_STATUS_RUNNING, OLD);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = (struct rlimit){ .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	(void)domlet_cli_reap_all(&cli);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	load(&st);
	assert_int_equal(st.status, DOMLET_STATUS_RUNNING);
	domlet_state_free(&st);
	(void)domlet_cli_reap_all(&cli);
	load(&st);
	assert_int_equal(st.status, DOMLET_STATUS_STOPPED);
	domlet_state_free(&st);
	assert_int_equal(xen->destroys, 2);
}

/* A monitor of a running container, which takes one request if it is WILLING. */
static pid_t monitor(bool willing)
{
	pid_t pid = fork();
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0), fd;
	struct domlet_error err;
	struct domlet_state st;
	char text[100] = "";

	if (pid != 0) {
		close(listener);
		return pid;
	}
	make(&st, OLD);
	st.proxy = st.monitor;
	st.domid = 7;
	st.status = DOMLET_STATUS_RUNNING;
	(void)domlet_state_save(&st, &err);
	ms(300); /* it doesn't listen at once */
	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/c1/monitor.sock", root);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 0) < 0)
		_exit(1);
	if (!willing)
		(void)raise(SIGSTOP);
	fd = accept(listener, NULL, NULL);
	_exit(recv(fd, text, sizeof text - 1, 0) > 0 && strcmp(text, "{\"verb\":\"destroy\"}") == 0 ? 42 : 2);
}

static void wait_until_it_runs(struct domlet_state *st)
{
	wait_for_record(st);
	for (int i = 0; i < 500 && st->status != DOMLET_STATUS_RUNNING; i++) {
		domlet_state_free(st);
		ms(10);
		load(st);
	}
}

static void a_monitor_ends_by_itself(void **state)
{
	pid_t pid = monitor(true);
	struct domlet_error err;
	struct domlet_state st;
	int status;

	(void)state;
	wait_until_it_runs(&st);
	assert_int_equal(domlet_cli_remove(&st, true, &err), 1);
	domlet_state_free(&st);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	assert_false(exists(cgroup));
}

static void a_monitor_that_hangs_is_killed(void **state)
{
	pid_t pid = monitor(false);
	struct domlet_error err;
	struct domlet_state st;
	int status;

	(void)state;
	wait_until_it_runs(&st);
	(void)alarm(20); /* for the test, which may hang */
	assert_int_equal(domlet_cli_remove(&st, true, &err), 1);
	(void)alarm(0);
	domlet_state_free(&st);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_string_equal(xen->uuid, OLD);
	assert_false(exists(cgroup) || exists(monitor_cgroup));
}

static void a_monitor_that_hangs_is_not_asked_for_ever(void **state)
{
	pid_t pid = monitor(false);
	struct domlet_error err;
	struct domlet_state st;
	int r;

	(void)state;
	wait_until_it_runs(&st);
	(void)alarm(20);
	while ((r = domlet_cli_ask(&st, "{}", 1, &err)) == -ESRCH)
		ms(10);
	(void)alarm(0);
	assert_int_equal(r, -ETIMEDOUT);
	assert_non_null(strstr(err.text, "does not answer"));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(domlet_cli_remove(&st, true, &err), 1);
	domlet_state_free(&st);
}

/* The record is of one before, whose id it has. */
static void a_namesakes_monitor_is_not_asked(void **state)
{
	pid_t pid = monitor(true);
	struct domlet_error err;
	struct domlet_state st;
	char path[128];
	int status;

	(void)state;
	wait_until_it_runs(&st);
	(void)snprintf(path, sizeof path, "%s/c1/monitor.sock", root);
	while (!exists(path))
		ms(10);
	ms(50);
	st.monitor.pid = getpid();
	assert_int_equal(domlet_cli_ask(&st, "{\"verb\":\"destroy\"}", 1, &err), -ESRCH);
	assert_string_equal(err.text, "container not running");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2); /* it heard nothing */
	domlet_state_free(&st);
	load(&st);
	assert_int_equal(domlet_cli_remove(&st, true, &err), 1);
	domlet_state_free(&st);
}

/* `run`, back from its container's end, finds a namesake. */
static void another_container_is_left_alone(void **state)
{
	struct domlet_error err;
	struct domlet_state old, new;

	(void)state;
	leave(DOMLET_STATUS_RUNNING, OLD);
	load(&old);
	assert_int_equal(domlet_state_remove(&old, &err), 0);
	assert_int_equal(rmdir(cgroup), 0);
	assert_int_equal(domlet_cli_remove(&old, true, &err), 0);
	make(&new, NEW);
	assert_int_equal(domlet_cli_remove(&old, true, &err), 0);
	assert_int_equal(xen->destroys, 0);
	assert_true(exists(cgroup));
	/* One that somebody else has just begun has no uuid yet. */
	new.uuid[0] = '\0';
	assert_int_equal(domlet_pid_of(getppid(), &new.monitor), 0);
	assert_int_equal(domlet_state_save(&new, &err), 0);
	assert_int_equal(domlet_cli_remove(&old, true, &err), 0);
	domlet_state_free(&old);
	domlet_state_free(&new);
	load(&new);
	domlet_state_free(&new);
}

/* It was only created when `delete` looked first. */
static void one_that_runs_meanwhile_is_refused(void **state)
{
	struct domlet_error err;
	struct domlet_state st, now;

	(void)state;
	make(&st, OLD);
	load(&now);
	now.status = DOMLET_STATUS_RUNNING;
	assert_int_equal(domlet_pid_of(getppid(), &now.proxy), 0);
	now.monitor = now.proxy;
	assert_int_equal(domlet_state_save(&now, &err), 0);
	assert_int_equal(domlet_cli_remove(&st, false, &err), -EBUSY);
	assert_string_equal(err.text, "cannot delete container c1 that is not stopped: running");
	domlet_state_free(&st);
	domlet_state_free(&now);
}

/* Another one like c1, of which nobody but the record is left. */
static void leave_another(const char *id)
{
	struct domlet_error err;
	struct domlet_state st;

	assert_int_equal(domlet_state_create(root, id, &st, &err), 0);
	(void)strcpy(st.uuid, NEW);
	st.monitor.start_ticks++;
	st.domid = 8;
	st.status = DOMLET_STATUS_RUNNING;
	assert_int_equal(domlet_state_save(&st, &err), 0);
	domlet_state_free(&st);
}

/* Of c2, healthy: it answers one request. */
static pid_t neighbour(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int ready[2], listener = socket(AF_UNIX, SOCK_SEQPACKET, 0), fd;
	struct domlet_error err;
	struct domlet_state st;
	char text[100];
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		(void)alarm(60);
		if (domlet_state_create(root, "c2", &st, &err) < 0)
			_exit(1);
		st.proxy = st.monitor;
		st.status = DOMLET_STATUS_RUNNING;
		(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/c2/monitor.sock", root);
		if (domlet_state_save(&st, &err) < 0 || bind(listener, (struct sockaddr *)&a, sizeof a) < 0 ||
		    listen(listener, 1) < 0 || write(ready[1], "r", 1) != 1)
			_exit(1);
		fd = accept(listener, NULL, NULL);
		if (recv(fd, text, sizeof text, 0) <= 0 || send(fd, "{\"code\":0}", 10, 0) != 10)
			_exit(1);
		pause();
	}
	close(listener);
	close(ready[1]);
	assert_int_equal(read(ready[0], text, 1), 1);
	close(ready[0]);
	return pid;
}

/* `domlet kill c2`, in a session of its own and with a pipe for its output,
 * until nobody holds that any more. */
static int kill_neighbour(pid_t *caller)
{
	char *argv[] = { (char *)"kill", (char *)"c2", (char *)"9", NULL };
	int out[2], status = -1;
	char c;

	assert_int_equal(pipe(out), 0);
	*caller = fork();
	if (*caller == 0) {
		(void)setsid();
		(void)dup2(out[1], 1);
		(void)dup2(out[1], 2);
		optind = 0;
		_exit(domlet_verb_kill.run(&cli, 3, argv));
	}
	close(out[1]);
	assert_int_equal(read(out[0], &c, 1), 0);
	close(out[0]);
	assert_int_equal(waitpid(*caller, &status, 0), *caller);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Until there is no reaper. */
static void reaped(void)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY);

	(void)alarm(30);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	(void)alarm(0);
	close(fd);
}

static void others_are_reaped_afterwards_and_nobody_waits(void **state)
{
	struct timespec before, after;
	pid_t pid, caller;
	struct domlet_state st;

	(void)state;
	leave(DOMLET_STATUS_RUNNING, OLD);
	pid = neighbour();
	xen->hold = 1; /* a domain that is slow to go */
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	(void)alarm(30);
	assert_int_equal(kill_neighbour(&caller), 0);
	(void)alarm(0);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 < 2000);
	(void)kill(-caller, SIGKILL); /* as an engine might, or a service manager */
	for (int i = 0; !__atomic_load_n(&xen->destroys, __ATOMIC_SEQ_CST) && i < 500; i++)
		ms(10);
	load(&st);
	assert_int_equal(st.status, DOMLET_STATUS_RUNNING);
	domlet_state_free(&st);
	__atomic_store_n(&xen->hold, 0, __ATOMIC_SEQ_CST);
	reaped();
	load(&st);
	assert_int_equal(st.status, DOMLET_STATUS_STOPPED);
	assert_string_equal(xen->uuid, OLD);
	domlet_state_free(&st);
	end(pid);
}

static void there_is_one_reaper(void **state)
{
	(void)state;
	leave(DOMLET_STATUS_RUNNING, OLD);
	leave_another("c2");
	xen->hold = 1;
	for (int i = 0; i < 20; i++)
		domlet_cli_reap_others(&cli);
	ms(300);
	assert_int_equal(__atomic_load_n(&xen->destroys, __ATOMIC_SEQ_CST), 1); /* a second one would be at c2 */
	__atomic_store_n(&xen->hold, 0, __ATOMIC_SEQ_CST);
	reaped();
	assert_int_equal(xen->destroys, 2);
	domlet_cli_reap_others(&cli);
	reaped();
	assert_int_equal(xen->destroys, 2); /* nothing is left */
}

/* `create` needs the id of one that was never finished, and nothing else. */
static void only_the_wanted_one_is_reaped_first(void **state)
{
	struct domlet_error err;
	struct domlet_state st;

	(void)state;
	leave(DOMLET_STATUS_CREATING, OLD);
	leave_another("c2");
	domlet_cli_reap(&cli, "c1");
	assert_int_equal(xen->destroys, 1);
	assert_string_equal(xen->uuid, OLD);
	make(&st, NEW);
	domlet_state_free(&st);
	domlet_cli_reap(&cli, "none");
	assert_int_equal(xen->destroys, 1);
	assert_int_equal(domlet_state_load(root, "c2", &st, &err), 0);
	assert_int_equal(st.status, DOMLET_STATUS_RUNNING);
	domlet_state_free(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_delete_sees_what_a_creator_made_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_living_creator_keeps_its_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_creator_itself_may_give_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_reapers_of_an_unfinished_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_reapers_of_a_running_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stopped_containers_domain_is_destroyed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_running_one_stays_so_until_its_domain_is_destroyed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_are_reaped_afterwards_and_nobody_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(there_is_one_reaper, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_the_wanted_one_is_reaped_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_record_that_cant_be_written_is_left_to_the_next, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_monitor_ends_by_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_monitor_that_hangs_is_not_asked_for_ever, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_monitor_that_hangs_is_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_namesakes_monitor_is_not_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_container_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_runs_meanwhile_is_refused, set_up, tear_down),
	};

	xen = mmap(NULL, sizeof *xen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return xen == MAP_FAILED ? 1 : cmocka_run_group_tests_name("reap", tests, NULL, NULL);
}
