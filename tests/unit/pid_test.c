/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a process lives, by its number and its start, also where it can't be
 * looked at.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../toolstack/dom0/pid.h"

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)alarm(30); /* a test that fails leaves it behind */
		pause();
		_exit(0);
	}
	return pid;
}

static long ms_since(const struct timespec *before)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - before->tv_sec) * 1000 + (now.tv_nsec - before->tv_nsec) / 1000000;
}

static void a_process_is_known_by_its_start(void **state)
{
	pid_t pid = sleeper();
	struct domlet_pid p = { 0 };
	siginfo_t info;

	(void)state;
	assert_int_equal(domlet_pid_look(&p), 0);
	assert_int_equal(domlet_pid_of(pid, &p), 0);
	assert_int_equal(p.pid, pid);
	assert_int_equal(domlet_pid_look(&p), 1);
	assert_true(domlet_pid_may_live(&p));
	p.start_ticks++; /* the number went to somebody else, who is not killed */
	assert_int_equal(domlet_pid_look(&p), 0);
	assert_int_equal(domlet_pid_kill(&p), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	p.start_ticks--;
	assert_int_equal(domlet_pid_kill(&p), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(domlet_pid_look(&p), 0); /* a zombie */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(domlet_pid_look(&p), 0);
	assert_false(domlet_pid_may_live(&p));
}

static void who_is_not_there_has_no_start(void **state)
{
	pid_t pid = fork();
	struct domlet_pid p = { .pid = 7 };

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(domlet_pid_of(pid, &p), -ESRCH);
	assert_int_equal(domlet_pid_of(0, &p), -EINVAL);
	assert_int_equal(p.pid, 7);
}

static void an_end_is_waited_for(void **state)
{
	struct timespec before;
	struct domlet_pid p;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		(void)usleep(300000);
		_exit(0);
	}
	assert_int_equal(domlet_pid_of(pid, &p), 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	domlet_pid_wait(&p, 50);
	assert_true(ms_since(&before) >= 50);
	assert_int_equal(domlet_pid_look(&p), 1);
	domlet_pid_wait(&p, 60000);
	assert_int_equal(domlet_pid_look(&p), 0);
	assert_true(ms_since(&before) < 30000);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Until *RESTORE is set again no descriptor can be opened. */
static void take_descriptors(struct rlimit *restore)
{
	assert_int_equal(getrlimit(RLIMIT_NOFILE, restore), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 0, restore->rlim_max }), 0);
}

static void who_can_not_be_looked_at_may_live(void **state)
{
	int look, killed, end = -1;
	struct timespec before;
	struct rlimit limit;
	struct domlet_pid p;
	pid_t pid = sleeper();
	bool may_live;
	long waited_ms;

	(void)state;
	assert_int_equal(domlet_pid_of(pid, &p), 0);
	take_descriptors(&limit);
	look = domlet_pid_look(&p);
	may_live = domlet_pid_may_live(&p);
	killed = domlet_pid_kill(&p); /* nor is it killed: it may be another's pid by now */
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	domlet_pid_wait(&p, 200);
	waited_ms = ms_since(&before);
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(look, -EMFILE);
	assert_true(may_live);
	assert_int_equal(killed, -EMFILE);
	assert_true(waited_ms >= 150);
	assert_int_equal(waitpid(pid, &end, WNOHANG), 0);
	assert_int_equal(domlet_pid_look(&p), 1);
	assert_int_equal(domlet_pid_kill(&p), 0);
	assert_int_equal(waitpid(pid, &end, 0), pid);
}

static void who_is_gone_is_known_to_be(void **state)
{
	struct rlimit limit;
	struct domlet_pid p;
	pid_t pid = sleeper();
	int look, killed;

	(void)state;
	assert_int_equal(domlet_pid_of(pid, &p), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	take_descriptors(&limit);
	look = domlet_pid_look(&p);
	killed = domlet_pid_kill(&p);
	domlet_pid_wait(&p, 60000);
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(look, 0);
	assert_int_equal(killed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_known_by_its_start),
		cmocka_unit_test(who_is_not_there_has_no_start),
		cmocka_unit_test(an_end_is_waited_for),
		cmocka_unit_test(who_can_not_be_looked_at_may_live),
		cmocka_unit_test(who_is_gone_is_known_to_be),
	};

	return cmocka_run_group_tests_name("pid", tests, NULL, NULL);
}
