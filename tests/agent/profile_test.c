// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A seccomp profile is the container's: domlet-init itself needs no call but
 * execve to be in it. With the program that is shipped, as sanitizers make
 * calls of their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest.h"
#include "requests.h"

static char *probe; /* the program as base64 */

static const char *const users[] = { "",
				     ", \"user\": {\"uid\": 7, \"gid\": 8, \"umask\": 63, \"additionalGids\": [9]}" };
static const char *const privileges[] = { "", ", \"noNewPrivileges\": true" };

static char *read_base64(const char *path)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	FILE *file = fopen(path, "re");
	unsigned char three[3];
	char *text = NULL;
	size_t size, n;
	FILE *out = open_memstream(&text, &size);

	if (!file || !out)
		abort();
	while ((n = fread(three, 1, sizeof three, file)) > 0) {
		uint32_t bits = (uint32_t)three[0] << 16 | (n > 1 ? (uint32_t)three[1] << 8 : 0) |
				(n > 2 ? three[2] : 0);

		for (unsigned int i = 0; i < 4; i++)
			(void)fputc(i <= n ? digits[bits >> (18 - 6 * i) & 63] : '=', out);
	}
	fclose(file);
	fclose(out);
	return text;
}

/* PROCESS: without its arguments. */
static char *process_of(const char *args, const char *user, const char *privilege)
{
	return text_of(PROCESS "%s%s, \"args\": %s", user, privilege, args);
}

/* /probe is there. SECCOMP: the object; HOOKS: of startContainer. */
static char *document_under(const char *seccomp, const char *process, const char *hooks)
{
	char *linux_ = text_of(", \"seccomp\": %s", seccomp),
	     *oci = text_of(", \"hooks\": {\"startContainer\": [%s]}", hooks);
	char *plan = text_of(", {\"via\": \"copy\", \"mode\": 493, \"content\": \"%s\"}", probe);
	char *document = document_with(process, ", {\"destination\": \"/probe\", \"type\": \"bind\"}", plan, oci,
				       linux_);

	free(linux_);
	free(oci);
	free(plan);
	return document;
}

static void expect_probe(uint32_t process)
{
	assert_int_equal(monitor_wait(&m, process), 0);
	assert_output(process, DOMLET_STREAM_STDOUT, "started");
}

/* The first process and a hook before it, with every user, with and without new privileges. */
static void expect_starts_under(const char *seccomp)
{
	for (size_t i = 0; i < 4; i++) {
		char *process = process_of("[\"/probe\"]", users[i & 1], privileges[i >> 1]);
		int code = create_document(0, 1, document_under(seccomp, process, "{\"path\": \"/probe\"}"));

		if (code == 0)
			code = start(0);
		if (code)
			print_message("%s%s under %s\n", users[i & 1], privileges[i >> 1], seccomp);
		assert_string_equal(last_text(), "");
		assert_int_equal(code, 0);
		expect_probe(1);
		assert_int_equal(delete_container(0), 0);
		free(process);
	}
}

/* Not even exit is asked for by anybody but the program. */
static void test_allow_lists(void **state)
{
	static const char *const defaults[] = { "SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
						"SCMP_ACT_TRAP" };

	(void)state;
	for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
		char *seccomp = text_of(
			"{\"defaultAction\": \"%s\", \"architectures\": [\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_X86\", \"SCMP_ARCH_X32\"],"
			" \"syscalls\": [{\"names\": [\"execve\", \"write\", \"exit\"], \"action\": \"SCMP_ACT_ALLOW\"}]}",
			defaults[i]);

		expect_starts_under(seccomp);
		free(seccomp);
	}
}

/* Whatever domlet-init calls may be refused, in a way that nobody survives. */
static void test_refused_calls(void **state)
{
	static const char *const calls[] = {
		"umask",
		"setresuid",
		"setresgid",
		"setuid",
		"setgid",
		"setgroups",
		"faccessat2",
		"faccessat",
		"access",
		"chdir",
		"getcwd",
		"prctl",
		"capset",
		"capget",
		"openat2",
		"openat",
		"open",
		"newfstatat",
		"fstat",
		"stat",
		"statx",
		"readahead",
		"read",
		"close",
		"close_range",
		"fcntl",
		"dup2",
		"dup3",
		"rt_sigprocmask",
		"rt_sigaction",
		"memfd_create",
		"lseek",
		"clone",
		"clone3",
		"fork",
		"vfork",
		"pidfd_open",
		"poll",
		"ppoll",
		"wait4",
		"getpid",
		"mmap",
		"munmap",
		"brk",
		"mprotect",
		"seccomp",
		"personality",
		"ioctl",
		"setsid",
		"setrlimit",
		"prlimit64",
		"pread64",
		"futex",
		"getrandom",
		"gettid",
		"exit_group",
		"ioprio_set",
		"sched_setattr",
		"execveat",
		"pipe2",
		"sendmsg",
		"rseq",
		"set_robust_list",
		"arch_prctl",
	};

	(void)state;
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		char *seccomp = text_of("{\"defaultAction\": \"SCMP_ACT_ALLOW\","
					" \"syscalls\": [{\"names\": [\"%s\"], \"action\": \"SCMP_ACT_KILL_PROCESS\"}]}",
					calls[i]);

		expect_starts_under(seccomp);
		free(seccomp);
	}
}

static void test_execs(void **state)
{
	char *process = process_of("[\"sleep\", \"1000\"]", "", ""), *seccomp;

	(void)state;
	/* sleep is the first process, so its own calls are allowed: what domlet-init makes beyond these isn't. */
	seccomp = text_of(
		"{\"defaultAction\": \"SCMP_ACT_KILL_PROCESS\", \"syscalls\": [{\"action\": \"SCMP_ACT_ALLOW\", \"names\": [\"execve\", \"write\","
		" \"exit\", \"exit_group\", \"brk\", \"mmap\", \"munmap\", \"mprotect\", \"access\", \"openat\", \"read\", \"pread64\", \"close\", \"fstat\","
		" \"newfstatat\", \"arch_prctl\", \"set_tid_address\", \"set_robust_list\", \"rseq\", \"prlimit64\", \"getrandom\", \"futex\","
		" \"clock_nanosleep\", \"nanosleep\"]}]}");
	assert_int_equal(create_document(0, 1, document_under(seccomp, process, "")), 0);
	assert_int_equal(start(0), 0);
	for (size_t i = 0; i < 4; i++) {
		char *further = process_of("[\"/probe\"]", users[i & 1], privileges[i >> 1]),
		     *json = text_of("{%s}", further);

		assert_int_equal(exec(0, 2, json), 0);
		expect_probe(2);
		free(further);
		free(json);
	}
	free(seccomp);
	free(process);
}

#define SETS(caps) \
	", \"capabilities\": {\"bounding\": [" caps "], \"effective\": [" caps "], \"permitted\": [" caps "]}"
#define ALLOW \
	"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"swapon\"], \"action\": \"SCMP_ACT_ERRNO\"}]}"

/* What it takes to install a filter goes no further than that. */
static void test_privileges_are_as_asked(void **state)
{
	static const struct {
		const char *asked, *status;
	} cases[] = {
		{ SETS("\"CAP_CHOWN\", \"CAP_KILL\""),
		  "CapInh:\t0000000000000000\nCapPrm:\t0000000000000021\nCapEff:\t0000000000000021\n"
		  "CapBnd:\t0000000000000021\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\n" },
		{ SETS("\"CAP_CHOWN\", \"CAP_KILL\"") ", \"user\": {\"uid\": 7, \"gid\": 8}",
		  "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
		  "CapEff:\t0000000000000000\nCapBnd:\t0000000000000021\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\n" },
		{ ", \"user\": {\"uid\": 7, \"gid\": 8}, \"capabilities\": {\"bounding\": [\"CAP_CHOWN\", \"CAP_SYS_ADMIN\"], \"permitted\": [\"CAP_CHOWN\"],"
		  " \"effective\": [\"CAP_CHOWN\"], \"inheritable\": [\"CAP_CHOWN\"], \"ambient\": [\"CAP_CHOWN\"]}",
		  "CapInh:\t0000000000000001\nCapPrm:\t0000000000000001\nCapEff:\t0000000000000001\n"
		  "CapBnd:\t0000000000200001\nCapAmb:\t0000000000000001\nNoNewPrivs:\t0\n" },
		{ SETS("\"CAP_CHOWN\"") ", \"noNewPrivileges\": true",
		  "CapInh:\t0000000000000000\nCapPrm:\t0000000000000001\nCapEff:\t0000000000000001\n"
		  "CapBnd:\t0000000000000001\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n" },
	};
	static const char look[] = "grep -E '^(Cap|NoNew)' /proc/self/status; grep Seccomp: /proc/self/status";

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *args = text_of("[\"sh\", \"-c\", \"cat /tmp/hooked; %s\"]", look),
		     *process = process_of(args, cases[i].asked, "");
		char *hook = text_of("{\"path\": \"/bin/sh\", \"args\": [\"sh\", \"-c\", \"(%s) >/tmp/hooked\"]}", look);
		char *expected = text_of("%sSeccomp:\t2\n%sSeccomp:\t2\n", cases[i].status, cases[i].status);

		expect_output(document_under(ALLOW, process, hook), expected);
		assert_int_equal(delete_container(0), 0);
		free(args);
		free(process);
		free(hook);
		free(expected);
	}
}

/* Its own error, or the word that the caller knows from runc. */
static void test_execve_refused(void **state)
{
	char *process = process_of("[\"/probe\"]", "", ""), *document;

	(void)state;
	document = document_under(
		"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"execve\"], \"action\": \"SCMP_ACT_ERRNO\"}]}",
		process, "");
	assert_int_equal(create_document(0, 1, document), 0);
	assert_int_not_equal(start(0), 0);
	assert_string_equal(last_text(), "exec: \"/probe\": operation not permitted");
	assert_int_equal(monitor_wait(&m, 1), 127);
	free(process);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_AGENT(test_allow_lists),    WITH_AGENT(test_refused_calls),
		WITH_AGENT(test_execs),          WITH_AGENT(test_privileges_are_as_asked),
		WITH_AGENT(test_execve_refused),
	};

	if (argc != 3 || !guest_take_arguments(2, argv))
		return 2;
	if (!guest_may_mount())
		return 77;
	probe = read_base64(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
