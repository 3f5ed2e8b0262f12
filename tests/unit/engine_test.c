/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../toolstack/cli/engine_text.h"

#define OWN "/usr/bin/domlet"

/* Edits and compares; WANTED may be NULL. */
static void edit(enum domlet_engine_kind kind, const char *old, const char *program, const char *wanted)
{
	struct domlet_error err;
	char *new;

	assert_int_equal(domlet_engine_text_edit(kind, old, program, &new, &err), 0);
	if (wanted)
		assert_string_equal(new, wanted);
	else
		assert_null(new);
	free(new);
}

static void refused(enum domlet_engine_kind kind, const char *old, const char *program, const char *why)
{
	struct domlet_error err;
	char *new;

	assert_true(domlet_engine_text_edit(kind, old, program, &new, &err) < 0);
	assert_null(new);
	assert_non_null(strstr(err.text, why));
}

static void docker_keeps_everything_else(void **state)
{
	const char *before = "{\"big\":123456789012345678,\"ratio\":0.10,\"runtimes\":{\"kata\":{\"path\":\"/a/b\"}},\"live-restore\":true}";
	const char *with = "{\n  \"big\": 123456789012345678,\n  \"ratio\": 0.10,\n  \"runtimes\": {\n    \"kata\": {\n      \"path\": \"/a/b\"\n    },\n"
			   "    \"domlet\": {\n      \"path\": \"/usr/bin/domlet\"\n    }\n  },\n  \"live-restore\": true\n}\n";

	(void)state;
	edit(DOMLET_ENGINE_DOCKER, before, OWN, with);
	edit(DOMLET_ENGINE_DOCKER, with, OWN, with);
	edit(DOMLET_ENGINE_DOCKER, with, NULL,
	     "{\n  \"big\": 123456789012345678,\n  \"ratio\": 0.10,\n  \"runtimes\": {\n    \"kata\": {\n      \"path\": \"/a/b\"\n    }\n  },\n  \"live-restore\": true\n}\n");
}

static void docker_without_a_file(void **state)
{
	const char *with = "{\n  \"runtimes\": {\n    \"domlet\": {\n      \"path\": \"/usr/bin/domlet\"\n    }\n  }\n}\n";

	(void)state;
	edit(DOMLET_ENGINE_DOCKER, NULL, OWN, with);
	edit(DOMLET_ENGINE_DOCKER, with, NULL, NULL);
	edit(DOMLET_ENGINE_DOCKER, NULL, NULL, NULL);
}

static void docker_keeps_the_arguments_and_moves_the_path(void **state)
{
	(void)state;
	edit(DOMLET_ENGINE_DOCKER, "{\"runtimes\":{\"domlet\":{\"path\":\"/old\",\"runtimeArgs\":[\"--debug\"]}}}", OWN,
	     "{\n  \"runtimes\": {\n    \"domlet\": {\n      \"path\": \"/usr/bin/domlet\",\n      \"runtimeArgs\": [\n        \"--debug\"\n      ]\n    }\n  }\n}\n");
}

static void docker_refuses_what_it_cannot_parse(void **state)
{
	(void)state;
	refused(DOMLET_ENGINE_DOCKER, "", OWN, "no JSON");
	refused(DOMLET_ENGINE_DOCKER, "{\"a\": 1,}", OWN, "no JSON");
	refused(DOMLET_ENGINE_DOCKER, "{} x", OWN, "no JSON");
	refused(DOMLET_ENGINE_DOCKER, "// c\n{}", OWN, "no JSON");
	refused(DOMLET_ENGINE_DOCKER, "[]", OWN, "no JSON object");
	refused(DOMLET_ENGINE_DOCKER, "{\"runtimes\": []}", OWN, "\"runtimes\"");
	refused(DOMLET_ENGINE_DOCKER, "{\"runtimes\": {\"domlet\": 1}}", OWN, "\"domlet\"");
	refused(DOMLET_ENGINE_DOCKER, "{\"default-runtime\": \"domlet\", \"runtimes\": {\"domlet\": {}}}", NULL, "choose another first");
	refused(DOMLET_ENGINE_DOCKER, NULL, "/a\"b", "own path");
}

static void toml_block_comes_and_goes(void **state)
{
	static const char *const files[] = { "version = 2\n[a]\nb = 1\n", "version = 2\n\n[a]\n\n", "a\n" };
	struct domlet_error err;
	char program[64], *with, *again;

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		assert_int_equal(domlet_engine_text_edit(DOMLET_ENGINE_CONTAINERD, files[i], OWN, &with, &err), 0);
		assert_memory_equal(with, files[i], strlen(files[i]));
		assert_non_null(strstr(with, "\n  BinaryName = \"/usr/bin/domlet\"\n"));
		assert_true(domlet_engine_text_find(DOMLET_ENGINE_CONTAINERD, with, program, sizeof program));
		assert_string_equal(program, OWN);
		edit(DOMLET_ENGINE_CONTAINERD, with, OWN, with);
		edit(DOMLET_ENGINE_CONTAINERD, with, NULL, files[i]);
		assert_int_equal(domlet_engine_text_edit(DOMLET_ENGINE_CONTAINERD, with, "/other", &again, &err), 0);
		assert_non_null(strstr(again, "\"/other\""));
		assert_null(strstr(again, OWN));
		free(again);
		free(with);
	}
}

static void toml_without_a_file(void **state)
{
	static const enum domlet_engine_kind kinds[] = { DOMLET_ENGINE_PODMAN, DOMLET_ENGINE_CONTAINERD };
	struct domlet_error err;
	char program[64], *with;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(domlet_engine_text_edit(kinds[i], NULL, OWN, &with, &err), 0);
		assert_true(domlet_engine_text_find(kinds[i], with, program, sizeof program));
		assert_string_equal(program, OWN);
		edit(kinds[i], with, NULL, NULL);
		edit(kinds[i], NULL, NULL, NULL);
		free(with);
	}
}

static void toml_without_a_block_stays_as_it_is(void **state)
{
	char program[64];

	(void)state;
	edit(DOMLET_ENGINE_CONTAINERD, "version = 2\n", NULL, "version = 2\n");
	edit(DOMLET_ENGINE_CONTAINERD, "x", NULL, "x");
	assert_false(domlet_engine_text_find(DOMLET_ENGINE_CONTAINERD, "version = 2\n", program, sizeof program));
	assert_false(domlet_engine_text_find(DOMLET_ENGINE_DOCKER, "{\"runtimes\":{\"runc\":{}}}", program, sizeof program));
}

static void a_damaged_block_is_refused(void **state)
{
	struct domlet_error err;
	char *with;

	(void)state;
	assert_int_equal(domlet_engine_text_edit(DOMLET_ENGINE_CONTAINERD, NULL, OWN, &with, &err), 0);
	*strstr(with, "# domlet: end") = '\0';
	refused(DOMLET_ENGINE_CONTAINERD, with, OWN, "damaged");
	refused(DOMLET_ENGINE_CONTAINERD, with, NULL, "damaged");
	free(with);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(docker_keeps_everything_else),
		cmocka_unit_test(docker_without_a_file),
		cmocka_unit_test(docker_keeps_the_arguments_and_moves_the_path),
		cmocka_unit_test(docker_refuses_what_it_cannot_parse),
		cmocka_unit_test(toml_block_comes_and_goes),
		cmocka_unit_test(toml_without_a_file),
		cmocka_unit_test(toml_without_a_block_stays_as_it_is),
		cmocka_unit_test(a_damaged_block_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
