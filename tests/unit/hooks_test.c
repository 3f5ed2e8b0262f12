/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of a hook that fails. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../toolstack/cli/hooks.h"

/* The sentence about a hook that prints TEXT and ends with 3. */
static void said_of(const char *text, char *sentence, size_t len)
{
	struct domlet_state st = { .id = "c1", .status = DOMLET_STATUS_CREATING };
	struct domlet_error err = { 0 };

	assert_true(asprintf(&st.hooks, "{\"prestart\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"echo '%s' >&2; exit 3\"]}]}", text) > 0);
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
	static const char *const texts[] = { "No such file or directory", "Permission denied", "Operation not permitted", "Not a directory" };
	char sentence[1024], quoted[64];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		(void)snprintf(quoted, sizeof quoted, "x: %s.", texts[i]);
		said_of(quoted, sentence, sizeof sentence);
		assert_non_null(strstr(sentence, "ended with status 3: x: "));
		assert_null(strcasestr(sentence, texts[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_output_is_quoted),
		cmocka_unit_test(words_for_a_missing_command_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
