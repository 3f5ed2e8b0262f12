/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.seccomp -> a program, and what that program does to a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../guest-init/container/filter.h"

static int compile(const char *text, struct domlet_filter *out, struct domlet_failure *f)
{
	struct json_object *json = domlet_read_document(text, strlen(text), f);
	int rc;

	assert_non_null(json);
	rc = domlet_filter_compile(json, out, f);
	json_object_put(json);
	return rc;
}

/* errno of the call in a child under the filter; 0 when it was allowed. */
static int errno_under(const struct domlet_filter *filter, long nr, long arg)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct domlet_failure f;

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || domlet_filter_install(filter, &f) < 0)
			_exit(255);
		/* Not _exit(): before it a sanitizer makes calls of its own, which the filter may refuse. */
		return (int)syscall(SYS_exit_group, syscall(nr, arg, 0, 0) < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void absent_is_no_filter(void **state)
{
	struct domlet_filter filter;
	struct domlet_failure f = { 0 };

	(void)state;
	assert_int_equal(domlet_filter_compile(NULL, &filter, &f), 0);
	assert_null(filter.code);
	assert_int_equal(errno_under(&filter, SYS_getppid, 0), 0);
}

static void rules_reach_the_process(void **state)
{
	struct domlet_filter filter;
	struct domlet_failure f = { 0 };

	(void)state;
	assert_int_equal(
		compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_ARM\"],"
			"\"syscalls\":[{\"names\":[\"getppid\",\"no_such_call\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38},"
			"{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":["
			"{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_EQ\"}]}]}",
			&filter, &f),
		0);
	assert_int_equal(errno_under(&filter, SYS_getppid, 0), ENOSYS);
	assert_int_equal(errno_under(&filter, SYS_getuid, 0), 0);
	assert_int_equal(errno_under(&filter, SYS_personality, 8), EPERM);
	assert_int_equal(errno_under(&filter, SYS_personality, (long)0xffffffff), 0);
	domlet_filter_free(&filter);
}

/* What the kernel would be told, of a call that it need not have. */
static uint32_t answer(const struct domlet_filter *filter, uint32_t arch, uint32_t nr)
{
	const struct seccomp_data data = { .nr = (int)nr, .arch = arch };
	uint32_t a = 0;

	for (uint32_t i = 0; i < filter->len; i++) {
		const struct sock_filter *f = &filter->code[i];
		bool met = false;

		switch (BPF_CLASS(f->code)) {
		case BPF_RET: return f->k;
		case BPF_LD:
			assert_int_equal(f->code, BPF_LD | BPF_W | BPF_ABS);
			memcpy(&a, (const char *)&data + f->k, sizeof a);
			break;
		case BPF_JMP:
			switch (BPF_OP(f->code)) {
			case BPF_JA: i += f->k; continue;
			case BPF_JEQ: met = a == f->k; break;
			case BPF_JGT: met = a > f->k; break;
			case BPF_JGE: met = a >= f->k; break;
			case BPF_JSET: met = (a & f->k) != 0; break;
			default: fail();
			}
			i += met ? f->jt : f->jf;
			break;
		default: fail();
		}
	}
	fail();
	return 0;
}

/* Profiles that only log (Kubernetes' audit.json), or whose rules say what holds anyway; and one rule alone. */
static void few_rules_or_none(void **state)
{
	static const struct {
		const char *name;
		uint32_t answer;
	} actions[] = {
		{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },         { "SCMP_ACT_LOG", SECCOMP_RET_LOG },
		{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO | EPERM }, { "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
		{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
	};
	struct domlet_filter filter;
	struct domlet_failure f = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
		/* None, one that says nothing, and one of mount (165). */
		const char *const rules[] = { "", actions[i].name, "SCMP_ACT_TRAP" };

		for (size_t n = 0; n < 3; n++) {
			char text[256];

			(void)snprintf(
				text, sizeof text,
				"{\"defaultAction\":\"%s\",\"architectures\":[\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"],\"syscalls\":["
				"%s%s%s]}",
				actions[i].name, n ? "{\"names\":[\"mount\"],\"action\":\"" : "", rules[n],
				n ? "\"}" : "");
			assert_int_equal(compile(text, &filter, &f), 0);
			assert_int_equal(answer(&filter, AUDIT_ARCH_X86_64, 0), actions[i].answer);
			assert_int_equal(answer(&filter, AUDIT_ARCH_I386, 1), actions[i].answer);
			assert_int_equal(answer(&filter, AUDIT_ARCH_X86_64, 165),
					 n == 2 ? SECCOMP_RET_TRAP : actions[i].answer);
			domlet_filter_free(&filter);
		}
	}
}

static void later_calls_are_not_there(void **state)
{
	struct domlet_filter filter;
	struct domlet_failure f = { 0 };

	(void)state;
	assert_int_equal(
		compile("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":["
			"{\"names\":[\"exit_group\",\"getuid\",\"close_range\",\"no_such_call\"],\"action\":\"SCMP_ACT_ALLOW\"},"
			"{\"names\":[\"faccessat2\"],\"action\":\"SCMP_ACT_ERRNO\"}]}",
			&filter, &f),
		0);
	assert_int_equal(errno_under(&filter, SYS_getuid, 0), 0);
	assert_int_equal(errno_under(&filter, SYS_getppid, 0), EPERM);
	assert_int_equal(errno_under(&filter, SYS_faccessat2, 0), EPERM);
	assert_int_equal(errno_under(&filter, SYS_faccessat2 + 1, 0), ENOSYS);
	assert_int_equal(errno_under(&filter, 0x3fffffff, 0), ENOSYS);
	domlet_filter_free(&filter);
	/* Who allows by default names what is forbidden, of old and new calls. */
	assert_int_equal(compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
				 "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\"}]}",
				 &filter, &f),
			 0);
	assert_int_equal(errno_under(&filter, SYS_getppid, 0), 0);
	domlet_filter_free(&filter);
}

/* clone3 is 435 in both, faccessat 307 in one and 269 in the other, exit_group 252 and 231. */
static void later_calls_of_32_bits(void **state)
{
	static const uint32_t not_there = SECCOMP_RET_ERRNO | ENOSYS, refused = SECCOMP_RET_ERRNO | EPERM;
	struct domlet_filter filter;
	struct domlet_failure f = { 0 };

	(void)state;
	assert_int_equal(
		compile("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"],\"syscalls\":["
			"{\"names\":[\"exit_group\",\"faccessat\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
			&filter, &f),
		0);
	assert_int_equal(answer(&filter, AUDIT_ARCH_I386, 252), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&filter, AUDIT_ARCH_I386, 269), refused);
	assert_int_equal(answer(&filter, AUDIT_ARCH_I386, 307), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&filter, AUDIT_ARCH_I386, 308), not_there);
	assert_int_equal(answer(&filter, AUDIT_ARCH_I386, 435), not_there);
	assert_int_equal(answer(&filter, AUDIT_ARCH_X86_64, 231), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&filter, AUDIT_ARCH_X86_64, 252), refused);
	assert_int_equal(answer(&filter, AUDIT_ARCH_X86_64, 269), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&filter, AUDIT_ARCH_X86_64, 270), not_there);
	assert_int_equal(answer(&filter, AUDIT_ARCH_X86_64, 435), not_there);
	domlet_filter_free(&filter);
	/* Where a profile doesn't list them they stay what they were. */
	assert_int_equal(compile("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":["
				 "{\"names\":[\"exit_group\",\"faccessat\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
				 &filter, &f),
			 0);
	assert_int_equal(answer(&filter, AUDIT_ARCH_I386, 435), SECCOMP_RET_KILL_THREAD);
	assert_int_equal(answer(&filter, AUDIT_ARCH_X86_64, 435), not_there);
	domlet_filter_free(&filter);
}

/* The engines' way to allow one of several values of an argument. */
static void conditions_on_one_argument_are_alternatives(void **state)
{
	struct domlet_filter filter;
	struct domlet_failure f = { 0 };

	(void)state;
	assert_int_equal(
		compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"personality\"],"
			"\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_EQ\"},"
			"{\"index\":0,\"value\":16,\"op\":\"SCMP_CMP_EQ\"}]}]}",
			&filter, &f),
		0);
	assert_int_equal(errno_under(&filter, SYS_personality, 8), EPERM);
	assert_int_equal(errno_under(&filter, SYS_personality, 16), EPERM);
	assert_int_equal(errno_under(&filter, SYS_personality, (long)0xffffffff), 0);
	domlet_filter_free(&filter);
}

static void refuses_listeners_and_the_unknown(void **state)
{
	struct domlet_filter filter;
	struct domlet_failure f = { 0 };

	(void)state;
	assert_int_equal(compile("{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", &filter, &f), -EINVAL);
	assert_non_null(strstr(f.text, "listener"));
	assert_int_equal(compile("{\"defaultAction\":\"SCMP_ACT_DANCE\"}", &filter, &f), -EINVAL);
	assert_int_equal(compile("{}", &filter, &f), -EINVAL);
	assert_int_equal(compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"X\"]}", &filter, &f), -EINVAL);
	assert_null(filter.code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_is_no_filter),
		cmocka_unit_test(rules_reach_the_process),
		cmocka_unit_test(few_rules_or_none),
		cmocka_unit_test(later_calls_are_not_there),
		cmocka_unit_test(later_calls_of_32_bits),
		cmocka_unit_test(conditions_on_one_argument_are_alternatives),
		cmocka_unit_test(refuses_listeners_and_the_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
