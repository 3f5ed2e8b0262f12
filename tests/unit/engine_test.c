/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../toolstack/cli/engine_text.h"

#define OWN "/usr/bin/domlet"

/* The runtime "domlet" with PROGRAM; NULL takes it out. */
static int change(enum domlet_engine_kind kind, const char *old, const char *program, char **new,
		  struct domlet_error *err)
{
	const struct domlet_engine_runtime runtime = { .name = "domlet", .program = program };

	return domlet_engine_text_edit(kind, old, &runtime, program != NULL, new, err);
}

struct seen {
	char text[512];
};

static void see(const struct domlet_engine_runtime *runtime, void *arg)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->text);

	snprintf(seen->text + len, sizeof seen->text - len, "%s=%s%s%s;", runtime->name, runtime->program,
		 runtime->template_name ? " " : "", runtime->template_name ? runtime->template_name : "");
}

/* NAME=PROGRAM[ TEMPLATE]; for each of TEXT's runtimes. */
static void has(enum domlet_engine_kind kind, const char *text, const char *wanted)
{
	struct seen seen = { "" };
	unsigned int count = domlet_engine_text_each(kind, text, see, &seen), semicolons = 0;

	assert_string_equal(seen.text, wanted);
	for (; *wanted; wanted++)
		semicolons += *wanted == ';';
	assert_int_equal(count, semicolons);
}

/* Edits and compares; WANTED may be NULL. */
static void edit(enum domlet_engine_kind kind, const char *old, const char *program, const char *wanted)
{
	struct domlet_error err;
	char *new;

	assert_int_equal(change(kind, old, program, &new, &err), 0);
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

	assert_true(change(kind, old, program, &new, &err) < 0);
	assert_null(new);
	assert_non_null(strstr(err.text, why));
}

static void docker_keeps_everything_else(void **state)
{
	const char *before =
		"{\"big\":123456789012345678,\"ratio\":0.10,\"runtimes\":{\"kata\":{\"path\":\"/a/b\"}},\"live-restore\":true}";
	const char *with =
		"{\n  \"big\": 123456789012345678,\n  \"ratio\": 0.10,\n  \"runtimes\": {\n    \"kata\": {\n      \"path\": \"/a/b\"\n    },\n"
		"    \"domlet\": {\n      \"path\": \"/usr/bin/domlet\"\n    }\n  },\n  \"live-restore\": true\n}\n";

	(void)state;
	edit(DOMLET_ENGINE_DOCKER, before, OWN, with);
	edit(DOMLET_ENGINE_DOCKER, with, OWN, with);
	edit(DOMLET_ENGINE_DOCKER, with, NULL,
	     "{\n  \"big\": 123456789012345678,\n  \"ratio\": 0.10,\n  \"runtimes\": {\n    \"kata\": {\n      \"path\": \"/a/b\"\n    }\n  },\n  \"live-restore\": true\n}\n");
}

static void docker_without_a_file(void **state)
{
	const char *with =
		"{\n  \"runtimes\": {\n    \"domlet\": {\n      \"path\": \"/usr/bin/domlet\"\n    }\n  }\n}\n";

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
	refused(DOMLET_ENGINE_DOCKER, "{\"default-runtime\": \"domlet\", \"runtimes\": {\"domlet\": {}}}", NULL,
		"choose another first");
	refused(DOMLET_ENGINE_DOCKER, NULL, "/a\"b", "own path");
}

static void toml_block_comes_and_goes(void **state)
{
	static const char *const files[] = { "version = 2\n[a]\nb = 1\n", "version = 2\n\n[a]\n\n", "a\n" };
	struct domlet_error err;
	char *with, *again;

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		assert_int_equal(change(DOMLET_ENGINE_CONTAINERD, files[i], OWN, &with, &err), 0);
		assert_memory_equal(with, files[i], strlen(files[i]));
		assert_non_null(strstr(with, "\n  BinaryName = \"/usr/bin/domlet\"\n"));
		has(DOMLET_ENGINE_CONTAINERD, with, "domlet=" OWN ";");
		edit(DOMLET_ENGINE_CONTAINERD, with, OWN, with);
		edit(DOMLET_ENGINE_CONTAINERD, with, NULL, files[i]);
		assert_int_equal(change(DOMLET_ENGINE_CONTAINERD, with, "/other", &again, &err), 0);
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
	char *with;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(change(kinds[i], NULL, OWN, &with, &err), 0);
		has(kinds[i], with, "domlet=" OWN ";");
		edit(kinds[i], with, NULL, NULL);
		edit(kinds[i], NULL, NULL, NULL);
		free(with);
	}
}

static void toml_without_a_block_stays_as_it_is(void **state)
{
	(void)state;
	edit(DOMLET_ENGINE_CONTAINERD, "version = 2\n", NULL, "version = 2\n");
	edit(DOMLET_ENGINE_CONTAINERD, "x", NULL, "x");
	has(DOMLET_ENGINE_CONTAINERD, "version = 2\n", "");
	has(DOMLET_ENGINE_DOCKER, "{\"runtimes\":{\"runc\":{}}}", "");
}

static void a_damaged_block_is_refused(void **state)
{
	struct domlet_error err;
	char *with;

	(void)state;
	assert_int_equal(change(DOMLET_ENGINE_CONTAINERD, NULL, OWN, &with, &err), 0);
	*strstr(with, "# domlet: end") = '\0';
	refused(DOMLET_ENGINE_CONTAINERD, with, OWN, "damaged");
	refused(DOMLET_ENGINE_CONTAINERD, with, NULL, "damaged");
	free(with);
}

/* "domlet" and two with templates come in any order, one is moved, all go again. */
static void second_runtimes(void **state)
{
	static const struct domlet_engine_runtime plain = { "domlet", OWN, NULL },
						  small = { "domlet-small", "/r/domlet-small", "small" },
						  large = { "domlet-large", "/r/domlet-large", "large" },
						  moved = { "domlet-small", "/s/domlet-small", "small" };
	static const struct {
		enum domlet_engine_kind kind;
		const char *before, *three;
	} engines[] = {
		{ DOMLET_ENGINE_DOCKER, "{\n  \"debug\": true\n}\n",
		  "domlet-small=/s/domlet-small small;domlet=" OWN ";domlet-large=/r/domlet-large large;" },
		{ DOMLET_ENGINE_PODMAN, NULL,
		  "domlet-small=/s/domlet-small;domlet=" OWN ";domlet-large=/r/domlet-large;" },
		{ DOMLET_ENGINE_CONTAINERD, "version = 2\n[a]\nb = 1\n",
		  "domlet-small=/s/domlet-small;domlet=" OWN ";domlet-large=/r/domlet-large;" },
	};
	static const struct {
		const struct domlet_engine_runtime *runtime;
		bool put_in;
	} steps[] = { { &small, true },  { &plain, true },  { &large, true }, { &moved, true },
		      { &plain, false }, { &large, false }, { &small, false } };

	(void)state;
	for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
		char *text = engines[i].before ? strdup(engines[i].before) : NULL;

		for (size_t j = 0; j < sizeof steps / sizeof steps[0]; j++) {
			struct domlet_error err;
			char *new;

			assert_int_equal(domlet_engine_text_edit(engines[i].kind, text, steps[j].runtime,
								 steps[j].put_in, &new, &err),
					 0);
			free(text);
			text = new;
			if (j == 3)
				has(engines[i].kind, text, engines[i].three);
		}
		if (engines[i].before)
			assert_string_equal(text, engines[i].before);
		else
			assert_null(text);
		free(text);
	}
}

static void podman_lists_all_runtimes_once(void **state)
{
	static const struct domlet_engine_runtime small = { "domlet-small", "/r/domlet-small", NULL };
	struct domlet_error err;
	char *one, *two;

	(void)state;
	assert_int_equal(change(DOMLET_ENGINE_PODMAN, NULL, OWN, &one, &err), 0);
	assert_int_equal(domlet_engine_text_edit(DOMLET_ENGINE_PODMAN, one, &small, true, &two, &err), 0);
	/* A table of TOML may stand in a file once. */
	assert_null(strstr(strstr(two, "[engine]") + 1, "[engine]"));
	assert_null(strstr(strstr(two, "[engine.runtimes]") + 1, "[engine.runtimes]"));
	assert_non_null(strstr(two, ", \"krun\", \"domlet\", \"domlet-small\"]\n"));
	free(one);
	free(two);
}

static void docker_gets_the_template_as_arguments(void **state)
{
	static const struct domlet_engine_runtime small = { "domlet-small", OWN, "small" };
	static const char *const kept =
		"{\n  \"runtimes\": {\n    \"domlet-small\": {\n      \"path\": \"/usr/bin/domlet\",\n"
		"      \"runtimeArgs\": [\n        \"--debug\",\n        \"--template\",\n        \"small\"\n      ]\n    }\n  }\n}\n";
	struct domlet_error err;
	char *new;

	(void)state;
	assert_int_equal(domlet_engine_text_edit(DOMLET_ENGINE_DOCKER, NULL, &small, true, &new, &err), 0);
	assert_non_null(strstr(new, "\"runtimeArgs\": [\n        \"--template\",\n        \"small\"\n      ]"));
	free(new);
	assert_int_equal(domlet_engine_text_edit(DOMLET_ENGINE_DOCKER, kept, &small, true, &new, &err), 0);
	assert_string_equal(new, kept);
	free(new);
	assert_int_equal(
		domlet_engine_text_edit(DOMLET_ENGINE_DOCKER,
					"{\"runtimes\":{\"domlet-small\":{\"runtimeArgs\":[\"--template\",\"x\"]}}}",
					&small, true, &new, &err),
		0);
	has(DOMLET_ENGINE_DOCKER, new, "domlet-small=" OWN " small;");
	free(new);
	assert_true(domlet_engine_text_edit(DOMLET_ENGINE_DOCKER,
					    "{\"default-runtime\":\"domlet-small\",\"runtimes\":{\"domlet-small\":{}}}",
					    &small, false, &new, &err) < 0);
	assert_non_null(strstr(err.text, "is domlet-small: choose another first"));
	/* Another's is not taken for ours. */
	has(DOMLET_ENGINE_DOCKER,
	    "{\"runtimes\":{\"domlets\":{\"path\":\"/x\"},\"domlet-y\":3,\"domlet-x\":{\"runtimeArgs\":[\"--template\"]}}}",
	    "domlet-x=;");
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
		cmocka_unit_test(second_runtimes),
		cmocka_unit_test(podman_lists_all_runtimes_once),
		cmocka_unit_test(docker_gets_the_template_as_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
