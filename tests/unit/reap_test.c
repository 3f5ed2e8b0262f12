/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What killed monitors leave is cleaned up by the next commands, by one at a
 * time, and nobody waits for what is not of his container.
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/cli/reap.h"
#include "reap_run.h"

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
		(void)alarm(60); /* a test that fails leaves it behind */
		(void)domlet_cli_reap_all(&cli);
		_exit(0);
	}
	while (!__atomic_load_n(&xen->destroys, __ATOMIC_SEQ_CST))
		ms(10);
	(void)alarm(20); /* the reaper of another command doesn't wait */
	(void)domlet_cli_reap_all(&cli);
	(void)alarm(0);
	load(&st);
	assert_int_equal(st.status, status);
	__atomic_store_n(&xen->hold, 0, __ATOMIC_SEQ_CST);
	domlet_cli_reap(&cli, "c1");
	if (status != DOMLET_STATUS_CREATING)
		assert_int_equal(domlet_cli_remove(&cli, &st, true, &err), 1);
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

static bool is_recorded(const char *uuid)
{
	return domlet_domain_record_exists(domains, uuid);
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
	assert_true(is_recorded(OLD)); /* so the next command tries again */
	xen->fail = 0;
	(void)domlet_cli_reap_all(&cli);
	assert_int_equal(xen->destroys, 2);
	assert_string_equal(xen->uuid, OLD);
	assert_int_equal(xen->domid, 7);
	assert_false(is_recorded(OLD));
	load(&st);
	assert_int_equal(st.status, DOMLET_STATUS_STOPPED);
	assert_int_equal(st.exit_code, 3);
	(void)domlet_cli_reap_all(&cli);
	assert_int_equal(domlet_cli_remove(&cli, &st, false, &err), 1);
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
	assert_int_equal(st.exit_code, 137);
	domlet_state_free(&st);
	assert_false(is_recorded(OLD) || exists(monitor_cgroup));
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
	assert_int_equal(xen->destroys, 1);
}

/* In that of another root. */
static void leave_in(const char *directory, const char *id, const char *uuid)
{
	struct domlet_error err;
	struct domlet_state st;

	assert_int_equal(domlet_state_create(directory, id, &st, &err), 0);
	(void)strcpy(st.uuid, uuid);
	st.generation = 1;
	nobody(&st.monitor);
	st.status = DOMLET_STATUS_RUNNING;
	assert_int_equal(domlet_state_save(&st, &err), 0);
	domlet_state_free(&st);
}

static void a_domain_of_another_root_is_destroyed(void **state)
{
	struct domlet_cli other = cli;
	struct domlet_pid monitor;
	struct domlet_error err;
	struct domlet_state st;

	(void)state;
	nobody(&monitor);
	make_domain(OLD, &monitor);
	leave_in(other_root, "c1", OLD);
	assert_int_equal(domlet_cli_reap_all(&cli), 1);
	assert_string_equal(xen->uuid, OLD);
	assert_false(is_recorded(OLD) || exists(monitor_cgroup));
	assert_int_equal(domlet_cli_reap_all(&cli), 0);
	/* Whoever comes to that root knows that it is done. */
	other.root = other_root;
	assert_int_equal(domlet_cli_reap_all(&other), 1);
	assert_int_equal(xen->destroys, 1);
	assert_int_equal(domlet_state_load(other_root, "c1", &st, &err), 0);
	assert_int_equal(st.status, DOMLET_STATUS_STOPPED);
	domlet_state_free(&st);
}

/* A command that has just recorded it was killed, or another has removed its containers. */
static void a_domain_without_containers_is_destroyed(void **state)
{
	struct domlet_pid monitor;

	(void)state;
	nobody(&monitor);
	make_domain(OLD, &monitor);
	assert_int_equal(domlet_cli_reap_all(&cli), 1);
	assert_string_equal(xen->uuid, OLD);
	assert_false(is_recorded(OLD));
}

/* Of two containers one has stopped, or its maker was killed. */
static void a_living_domain_is_left_alone(void **state)
{
	struct domlet_error err;
	struct domlet_pid monitor;
	struct domlet_state st;

	(void)state;
	assert_int_equal(domlet_pid_of(getppid(), &monitor), 0);
	make_domain(OLD, &monitor);
	leave_in(root, "c1", OLD);
	load(&st);
	st.status = DOMLET_STATUS_STOPPED;
	st.exit_code = 3;
	st.monitor = (struct domlet_pid){ 0 };
	assert_int_equal(domlet_state_save(&st, &err), 0);
	domlet_state_free(&st);
	domlet_cli_reap(&cli, "c1");
	assert_int_equal(domlet_cli_reap_all(&cli), 0);
	load(&st);
	assert_int_equal(st.exit_code, 3);
	st.status = DOMLET_STATUS_CREATING;
	nobody(&st.monitor);
	assert_int_equal(domlet_state_save(&st, &err), 0);
	domlet_state_free(&st);
	assert_int_equal(domlet_cli_reap_all(&cli), 1);
	assert_int_equal(domlet_state_load(root, "c1", &st, &err), -ENOENT);
	assert_int_equal(xen->destroys, 0);
	assert_true(is_recorded(OLD) && exists(monitor_cgroup));
}

/* Another one like c1, of which nobody but the records is left. */
static void leave_another(const char *id)
{
	struct domlet_pid monitor;

	nobody(&monitor);
	make_domain(OTHER, &monitor);
	leave_in(root, id, OTHER);
}

/* Of c2, healthy: it answers one request, after it was told whom that is about. */
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
		(void)strcpy(st.uuid, OTHER);
		make_domain(OTHER, &st.monitor);
		(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/%s/monitor.sock", domains, OTHER);
		if (domlet_state_save(&st, &err) < 0 || bind(listener, (struct sockaddr *)&a, sizeof a) < 0 ||
		    listen(listener, 1) < 0 || write(ready[1], "r", 1) != 1)
			_exit(1);
		fd = accept(listener, NULL, NULL);
		if (recv(fd, text, sizeof text, 0) <= 0 || recv(fd, text, sizeof text, 0) <= 0 ||
		    send(fd, "{\"code\":0}", 10, 0) != 10)
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
		cmocka_unit_test_setup_teardown(two_reapers_of_an_unfinished_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_reapers_of_a_running_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_stopped_containers_domain_is_destroyed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_running_one_stays_so_until_its_domain_is_destroyed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_record_that_cant_be_written_is_left_to_the_next, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_domain_of_another_root_is_destroyed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_domain_without_containers_is_destroyed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_living_domain_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_are_reaped_afterwards_and_nobody_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(there_is_one_reaper, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_the_wanted_one_is_reaped_first, set_up, tear_down),
	};

	return share_xen() ? cmocka_run_group_tests_name("reap", tests, NULL, NULL) : 1;
}
