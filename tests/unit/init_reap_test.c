/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose end is told to be one for want of memory, while the kernel's counter goes on. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../guest-init/agent/process.h"
#include "../../guest-init/agent/table.h"
#include "../../guest-init/container/cgroup.h"

static struct agent a;
static uint64_t counter;
/* Of the second container, which none was killed in. */
#define OTHER_CGROUP 12345

/* The second one of two is killed as soon as it was read. */
uint64_t __wrap_domlet_cgroup_oom_kills(int cgroup_fd);
uint64_t __wrap_domlet_cgroup_oom_kills(int cgroup_fd)
{
	if (cgroup_fd == OTHER_CGROUP)
		return 0;
	return counter < 2 ? counter++ : counter;
}

static struct guest_process *add(uint32_t number, uint32_t container)
{
	struct domlet_failure failure;
	struct guest_process *g = domlet_table_claim(&a, number, &a.containers[container], 0, &failure);

	g->p.pid = fork();
	if (g->p.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_true(g->p.pid > 0);
	return g;
}

static void kill_one(struct guest_process *g)
{
	siginfo_t si;

	assert_int_equal(kill(g->p.pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)g->p.pid, &si, WEXITED | WNOWAIT), 0);
}

static void kill_and_reap(struct guest_process *g)
{
	kill_one(g);
	domlet_process_reap(&a);
	assert_true(g->exited);
}

static void each_kill_is_told(void **state)
{
	struct guest_process *one = add(1, 0), *two = add(2, 0), *three = add(3, 0);

	(void)state;
	a.containers[0] = (struct guest_container){ .used = true, .cgroup_fd = -1, .pidfd = -1 };
	counter = 1;
	kill_and_reap(one);
	assert_true(one->oom);
	kill_and_reap(two);
	assert_true(two->oom);
	kill_and_reap(three); /* by somebody else */
	assert_false(three->oom);
	for (uint32_t number = 1; number <= 3; number++)
		domlet_table_release(&a, domlet_table_process(&a, number));
	assert_null(a.processes);
}

/* A kill in one container says nothing about another one. */
static void each_container_counts_for_itself(void **state)
{
	struct guest_process *one = add(1, 0), *other = add(2, 1);

	(void)state;
	a.containers[0] = (struct guest_container){ .used = true, .cgroup_fd = -1, .pidfd = -1 };
	a.containers[1] = (struct guest_container){ .used = true, .number = 1, .cgroup_fd = OTHER_CGROUP, .pidfd = -1 };
	counter = 1;
	kill_and_reap(other);
	assert_false(other->oom);
	kill_and_reap(one);
	assert_true(one->oom);
	domlet_table_release(&a, one);
	domlet_table_release(&a, other);
}

/* What is asked for after a kill doesn't hide it. */
static void kills_are_told_before_others_begin(void **state)
{
	const struct domlet_msg_exec exec = { .container = 0, .process = 3 };
	const struct domlet_msg_signal signal = { .container = 0, .process = 2, .signo = SIGKILL };
	struct guest_process *one = add(1, 0), *two = add(2, 0);
	siginfo_t si;

	(void)state;
	a.containers[0] = (struct guest_container){ .used = true, .cgroup_fd = -1, .pidfd = -1 };
	counter = 2;
	kill_one(one);
	domlet_process_signal(&a, 0, &signal);
	assert_true(one->exited);
	assert_true(one->oom);
	(void)waitid(P_PID, (id_t)two->p.pid, &si, WEXITED | WNOWAIT);
	domlet_process_reap(&a);
	assert_true(two->exited);
	assert_false(two->oom);
	domlet_table_release(&a, one);
	domlet_table_release(&a, two);
	one = add(1, 0);
	counter++;
	kill_one(one);
	domlet_process_exec(&a, 0, &exec); /* which is refused: it has no document */
	assert_true(one->exited);
	assert_true(one->oom);
	domlet_table_release(&a, one);
	assert_null(a.processes);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_kill_is_told),
					    cmocka_unit_test(each_container_counts_for_itself),
					    cmocka_unit_test(kills_are_told_before_others_begin) };

	return cmocka_run_group_tests_name("init_reap", tests, NULL, NULL);
}
