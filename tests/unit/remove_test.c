/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container is removed while others make, run or end it: its creator, its
 * monitor, or a namesake's.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/cli/ask.h"
#include "../../toolstack/dom0/pid.h"
#include "../../toolstack/cli/reap.h"
#include "reap_run.h"

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
	make_domain(OLD, &st.monitor);
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
	assert_int_equal(domlet_cli_remove(&cli, &st, true, &err), 1);
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
	assert_int_equal(domlet_cli_remove(&cli, &st, true, &err), -EBUSY);
	assert_non_null(strstr(err.text, "still being created by process"));
	assert_int_equal(xen->destroys, 0);
	end(pid);
	assert_int_equal(domlet_cli_remove(&cli, &st, true, &err), 1);
	domlet_state_free(&st);
	assert_false(exists(cgroup));
}

static void the_creator_itself_may_give_up(void **state)
{
	struct domlet_error err;
	struct domlet_state st;

	(void)state;
	make(&st, OLD);
	assert_int_equal(domlet_cli_remove(&cli, &st, true, &err), 1);
	assert_false(exists(cgroup));
	assert_int_equal(xen->destroys, 0); /* it had none built */
	assert_false(domlet_domain_record_exists(domains, OLD) || exists(monitor_cgroup));
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
	assert_int_equal(domlet_cli_remove(&cli, &old, true, &err), 0);
	make(&new, NEW);
	assert_int_equal(domlet_cli_remove(&cli, &old, true, &err), 0);
	assert_int_equal(xen->destroys, 0);
	assert_true(exists(cgroup));
	/* It may have come to the same domain. */
	(void)strcpy(old.uuid, NEW);
	new.generation = 2;
	assert_int_equal(domlet_state_save(&new, &err), 0);
	assert_int_equal(domlet_cli_remove(&cli, &old, true, &err), 0);
	/* One that somebody else has just begun has no uuid yet. */
	new.uuid[0] = '\0';
	assert_int_equal(domlet_pid_of(getppid(), &new.monitor), 0);
	assert_int_equal(domlet_state_save(&new, &err), 0);
	assert_int_equal(domlet_cli_remove(&cli, &old, true, &err), 0);
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
	assert_int_equal(domlet_cli_remove(&cli, &st, false, &err), -EBUSY);
	assert_string_equal(err.text, "cannot delete container c1 that is not stopped: running");
	domlet_state_free(&st);
	domlet_state_free(&now);
}

/* What a monitor does when it is to destroy its container. */
enum what { HANGS, ENDS, LETS_GO, REMOVES };

/* Whether FD says which container it is about, and asks to destroy that. */
static bool is_asked_to_destroy(int fd)
{
	char about[100] = "", destroy[100] = "";

	return recv(fd, about, sizeof about - 1, 0) > 0 &&
	       strcmp(about, "{\"verb\":\"about\",\"number\":0,\"generation\":1}") == 0 &&
	       recv(fd, destroy, sizeof destroy - 1, 0) > 0 && strcmp(destroy, "{\"verb\":\"destroy\"}") == 0;
}

/* A monitor of a running container, which takes one request if it doesn't hang. */
static pid_t monitor(enum what what)
{
	pid_t pid = fork();
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct domlet_error err;
	struct domlet_state st;

	if (pid != 0) {
		close(listener);
		return pid;
	}
	make(&st, OLD);
	st.proxy = st.monitor;
	st.status = DOMLET_STATUS_RUNNING;
	(void)domlet_state_save(&st, &err);
	ms(300); /* it doesn't listen at once */
	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/%s/monitor.sock", domains, OLD);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 0) < 0)
		_exit(1);
	if (what == HANGS)
		(void)raise(SIGSTOP);
	if (!is_asked_to_destroy(accept(listener, NULL, NULL)))
		_exit(2);
	if (what == ENDS)
		_exit(42);
	st.status = DOMLET_STATUS_STOPPED;
	st.monitor = st.proxy = (struct domlet_pid){ 0 };
	if ((what == LETS_GO ? domlet_state_save(&st, &err) : domlet_state_remove(&st, &err)) < 0)
		_exit(3);
	pause(); /* its domain lives on */
	_exit(4);
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
	pid_t pid = monitor(ENDS);
	struct domlet_error err;
	struct domlet_state st;
	int status;

	(void)state;
	wait_until_it_runs(&st);
	assert_int_equal(domlet_cli_remove(&cli, &st, true, &err), 1);
	domlet_state_free(&st);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	assert_false(exists(cgroup));
}

static void a_monitor_that_goes_on(enum what what, int removed)
{
	pid_t pid = monitor(what);
	struct domlet_error err;
	struct domlet_state st;

	wait_until_it_runs(&st);
	assert_int_equal(domlet_cli_remove(&cli, &st, true, &err), removed);
	domlet_state_free(&st);
	assert_int_equal(domlet_state_load(root, "c1", &st, &err), -ENOENT);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	end(pid);
	assert_int_equal(xen->destroys, 0);
	assert_true(domlet_domain_record_exists(domains, OLD) && exists(monitor_cgroup));
}

/* Others live in the domain. */
static void a_monitor_lets_a_container_go(void **state)
{
	(void)state;
	a_monitor_that_goes_on(LETS_GO, 1);
	assert_false(exists(cgroup));
}

static void a_monitor_removes_a_container(void **state)
{
	(void)state;
	a_monitor_that_goes_on(REMOVES, 0);
}

/* One that has stopped: nobody is asked about it, or it would take a while. */
static void one_that_was_let_go_is_removed_at_once(void **state)
{
	struct domlet_error err;
	struct domlet_state st;
	pid_t pid = monitor(HANGS);
	int status;

	(void)state;
	wait_until_it_runs(&st);
	st.status = DOMLET_STATUS_STOPPED;
	st.monitor = (struct domlet_pid){ 0 };
	st.proxy = (struct domlet_pid){ 0 };
	assert_int_equal(domlet_state_save(&st, &err), 0);
	(void)alarm(3);
	assert_int_equal(domlet_cli_remove(&cli, &st, false, &err), 1);
	(void)alarm(0);
	domlet_state_free(&st);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	end(pid);
	assert_false(exists(cgroup));
	assert_int_equal(xen->destroys, 0);
	assert_true(domlet_domain_record_exists(domains, OLD));
}

static void a_monitor_that_hangs_is_killed(void **state)
{
	pid_t pid = monitor(HANGS);
	struct domlet_error err;
	struct domlet_state st;
	int status;

	(void)state;
	wait_until_it_runs(&st);
	(void)alarm(20); /* for the test, which may hang */
	assert_int_equal(domlet_cli_remove(&cli, &st, true, &err), 1);
	(void)alarm(0);
	domlet_state_free(&st);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_string_equal(xen->uuid, OLD);
	assert_false(exists(cgroup) || exists(monitor_cgroup) || domlet_domain_record_exists(domains, OLD));
}

static void a_monitor_that_hangs_is_not_asked_for_ever(void **state)
{
	pid_t pid = monitor(HANGS);
	struct domlet_error err;
	struct domlet_state st;
	int r;

	(void)state;
	wait_until_it_runs(&st);
	(void)alarm(20);
	while ((r = domlet_cli_ask(&cli, &st, "{}", 1, &err)) == -ESRCH)
		ms(10);
	(void)alarm(0);
	assert_int_equal(r, -ETIMEDOUT);
	assert_non_null(strstr(err.text, "does not answer"));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(domlet_cli_remove(&cli, &st, true, &err), 1);
	domlet_state_free(&st);
}

/* The record is of one before, whose id it has. */
static void a_namesakes_monitor_is_not_asked(void **state)
{
	pid_t pid = monitor(ENDS);
	struct domlet_error err;
	struct domlet_state st;
	char path[128];
	int status;

	(void)state;
	wait_until_it_runs(&st);
	(void)snprintf(path, sizeof path, "%s/%s/monitor.sock", domains, OLD);
	while (!exists(path))
		ms(10);
	ms(50);
	st.monitor.pid = getpid();
	assert_int_equal(domlet_cli_ask(&cli, &st, "{\"verb\":\"destroy\"}", 1, &err), -ESRCH);
	assert_string_equal(err.text, "container not running");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2); /* it heard nothing */
	domlet_state_free(&st);
	load(&st);
	assert_int_equal(domlet_cli_remove(&cli, &st, true, &err), 1);
	domlet_state_free(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_delete_sees_what_a_creator_made_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_living_creator_keeps_its_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_creator_itself_may_give_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_container_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_runs_meanwhile_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_monitor_ends_by_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_monitor_lets_a_container_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_monitor_removes_a_container, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_was_let_go_is_removed_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_monitor_that_hangs_is_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_monitor_that_hangs_is_not_asked_for_ever, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_namesakes_monitor_is_not_asked, set_up, tear_down),
	};

	return share_xen() ? cmocka_run_group_tests_name("remove", tests, NULL, NULL) : 1;
}
