/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of a hook that fails. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* skip() does not come back, which cmocka.h leaves out. */
void _skip(const char *file, int line) __attribute__((noreturn));

#include "../../toolstack/base/interrupt.h"
#include "../../toolstack/cli/hooks.h"

/* The sentence about a hook that prints TEXT and ends with 3. */
static void said_of(const char *text, char *sentence, size_t len)
{
	struct domlet_state st = { .id = "c1", .status = DOMLET_STATUS_CREATING };
	struct domlet_error err = { 0 };

	assert_true(asprintf(&st.hooks,
			     "{\"prestart\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"echo '%s' >&2; exit 3\"]}]}",
			     text) > 0);
	assert_int_equal(domlet_cli_hooks(&st, "prestart", "creating", 1, false, &err), -ECHILD);
	(void)snprintf(sentence, len, "%s", err.text);
	free(st.hooks);
}

static void its_output_is_quoted(void **state)
{
	char sentence[1024];

	(void)state;
	said_of("no luck\\nat all", sentence, sizeof sentence);
	assert_string_equal(sentence, "error running hook #0: the prestart hook /bin/sh ended with status 3: no luck");
}

/* Engines would take the container's command for missing, or for one that may not be run. */
static void words_for_a_missing_command_are_not(void **state)
{
	static const char *const texts[] = { "No such file or directory", "Permission denied",
					     "Operation not permitted", "Not a directory" };
	char sentence[1024], quoted[64];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		(void)snprintf(quoted, sizeof quoted, "x: %s.", texts[i]);
		said_of(quoted, sentence, sizeof sentence);
		assert_non_null(strstr(sentence, "ended with status 3: x: "));
		assert_null(strcasestr(sentence, texts[i]));
	}
}

static void run_in(struct domlet_state *st, const char *script, const char *member, bool inside,
		   struct domlet_error *err)
{
	assert_true(asprintf(&st->hooks, "{\"prestart\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"%s\"]%s}]}",
			     script, member) > 0);
	(void)alarm(60); /* for what may hang */
	(void)domlet_cli_hooks(st, "prestart", "creating", getpid(), inside, err);
	(void)alarm(0);
	free(st->hooks);
}

/* runc's: in the bundle, and of those in the container's namespaces in its root. */
static void they_have_a_working_directory(void **state)
{
	struct domlet_state st = { .id = "c1", .bundle = (char *)"/usr", .rootfs = (char *)"/usr/bin" };
	struct domlet_error err = { 0 };

	(void)state;
	run_in(&st, "pwd; exit 3", "", false, &err);
	assert_non_null(strstr(err.text, "status 3: /usr"));
	assert_null(strstr(err.text, "/usr/bin"));
	st.bundle = (char *)"/nowhere";
	run_in(&st, "exit 0", "", false, &err);
	assert_non_null(strstr(err.text, "status 126: its working directory /nowhere can't be entered"));
	if (geteuid() != 0)
		skip(); /* nobody else may enter namespaces */
	run_in(&st, "pwd; exit 3", "", true, &err);
	assert_non_null(strstr(err.text, "status 3: /usr/bin"));
}

static void no_descriptor_to_wait_by_is_no_hang(void **state)
{
	struct domlet_state st = { .id = "c1" };
	struct domlet_error err = { 0 };
	struct rlimit limit;
	int next = dup(0);

	(void)state;
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	/* For what it reads and what it prints, and no more. */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ (rlim_t)next + 2, limit.rlim_max }), 0);
	run_in(&st, "sleep 0.2; echo seen; exit 3", "", false, &err);
	assert_non_null(strstr(err.text, "status 3: seen"));
	run_in(&st, "sleep 30", ",\"timeout\":1", false, &err);
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	assert_non_null(strstr(err.text, "did not end within its timeout of 1 s"));
}

static void a_signal_that_is_held_does_not_wait_for_one(void **state)
{
	struct domlet_state st = { .id = "c1" };
	struct domlet_error err = { 0 };
	const struct timespec now = { 0 };
	struct timespec before, after;
	sigset_t mask, term;

	(void)state;
	domlet_interrupt_hold(&mask);
	assert_int_equal(raise(SIGTERM), 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	run_in(&st, "sleep 30", "", false, &err);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	assert_int_equal(sigtimedwait(&term, NULL, &now), SIGTERM);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	assert_int_equal(err.code, EINTR);
	assert_string_equal(err.text, "interrupted");
	assert_true(after.tv_sec - before.tv_sec < 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_output_is_quoted),
		cmocka_unit_test(they_have_a_working_directory),
		cmocka_unit_test(no_descriptor_to_wait_by_is_no_hang),
		cmocka_unit_test(a_signal_that_is_held_does_not_wait_for_one),
		cmocka_unit_test(words_for_a_missing_command_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
