/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process object of an exec: whence it comes and what the command line changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/oci/process.h"

#define CGROUP "\"dev.domlet.cgroup\":\"of the file\""

static char bundle[64], config[80], file[80];
static char *labels;
static struct domlet_error err;

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	assert_int_equal(fputs(text, out) < 0, 0);
	assert_int_equal(fclose(out), 0);
}

static int set_up(void **state)
{
	(void)state;
	(void)snprintf(bundle, sizeof bundle, "/tmp/process-test-XXXXXX");
	if (!mkdtemp(bundle))
		return -1;
	(void)snprintf(config, sizeof config, "%s/config.json", bundle);
	(void)snprintf(file, sizeof file, "%s/process.json", bundle);
	write_file(
		config,
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"process\":{\"args\":[\"first\"],\"cwd\":\"/\",\"env\":[\"A=a\"]," CGROUP
		"}}");
	write_file(file, "{\"args\":[\"other\"],\"cwd\":\"/x\"," CGROUP "}\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(config) < 0 || unlink(file) < 0 || rmdir(bundle) < 0 ? -1 : 0;
}

/* NULL and *err when it is refused. */
static char *plan(const struct domlet_oci_process_options *o)
{
	struct json_object *process;
	char *text;

	free(labels);
	if (domlet_oci_process_plan(bundle, o, &process, &labels, &err) < 0) {
		assert_null(labels);
		return NULL;
	}
	text = strdup(json_object_to_json_string_ext(process, JSON_C_TO_STRING_PLAIN));
	json_object_put(process);
	return text;
}

static void comes_from_the_container_or_a_file(void **state)
{
	char *args[] = { (char *)"sh", (char *)"-c", NULL }, *text;
	const char *env[] = { "A=b", "B=c" };
	struct domlet_oci_process_options o = { .args = args, .env = env, .env_count = 2, .no_new_privs = true };

	(void)state;
	text = plan(&o);
	assert_string_equal(
		text,
		"{\"args\":[\"sh\",\"-c\"],\"cwd\":\"\\/\",\"env\":[\"A=a\",\"A=b\",\"B=c\"],\"terminal\":false,\"noNewPrivileges\":true}");
	free(text);
	o = (struct domlet_oci_process_options){ .file = file };
	text = plan(&o);
	assert_string_equal(text, "{\"args\":[\"other\"],\"cwd\":\"\\/x\"}");
	free(text);
}

/* The guest doesn't get them, and whoever gave them is told so. */
static void labels_of_the_host(void **state)
{
	char *args[] = { (char *)"sh", NULL };
	struct domlet_oci_process_options o = { .file = file };

	(void)state;
	free(plan(&o));
	assert_null(labels);
	write_file(file,
		   "{\"args\":[\"a\"],\"cwd\":\"/\",\"apparmorProfile\":\"docker-default\",\"selinuxLabel\":\"s0\"}");
	free(plan(&o));
	assert_string_equal(labels, "{\"process.apparmorProfile\":\"docker-default\",\"process.selinuxLabel\":\"s0\"}");
	write_file(file, "{\"args\":[\"a\"],\"cwd\":\"/\",\"apparmorProfile\":\"unconfined\",\"selinuxLabel\":\"\"}");
	free(plan(&o));
	assert_null(labels);
	write_file(file, "{\"args\":[\"a\"],\"cwd\":\"x\",\"selinuxLabel\":\"s0\"}");
	assert_null(plan(&o)); /* which looks at labels, too */
	/* Those that its container has were told of when that was made. */
	write_file(config,
		   "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"process\":{\"args\":[\"first\"],\"cwd\":\"/\","
		   "\"apparmorProfile\":\"docker-default\"}}");
	o = (struct domlet_oci_process_options){ .args = args };
	free(plan(&o));
	assert_null(labels);
}

/* As runc takes it; where there is one cgroup, no more than one is asked for. */
static void a_cgroup_is_one_path(void **state)
{
	static const struct {
		const char *given[3], *member, *refusal;
	} cases[] = {
		{ { "a/b" }, "\"dev.domlet.cgroup\":\"a\\/b\"", NULL },
		{ { "/" }, "\"dev.domlet.cgroup\":\"\\/\"", NULL },
		{ { "cpu,memory:a", "pids:a" }, "\"dev.domlet.cgroup\":\"a\"", NULL },
		{ { "" }, NULL, NULL },
		{ { "cpu:" }, NULL, NULL },
		{ { ":a" }, NULL, "--cgroup is \":a\", which has no controller before its colon" },
		{ { "cpu:a", "memory:b" },
		  NULL,
		  "--cgroup gives \"a\" and \"b\", but a process is in one cgroup for all controllers" },
	};
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct domlet_oci_process_options o = { .file = file, .cgroups = (const char **)cases[i].given };

		while (o.cgroup_count < 3 && cases[i].given[o.cgroup_count])
			o.cgroup_count++;
		text = plan(&o);
		if (cases[i].refusal) {
			assert_null(text);
			assert_string_equal(err.text, cases[i].refusal);
			continue;
		}
		assert_non_null(text);
		if (cases[i].member)
			assert_non_null(strstr(text, cases[i].member));
		else
			assert_null(strstr(text, "cgroup"));
		free(text);
	}
}

static void streams_of_another_kind(void **state)
{
	struct domlet_oci_process_options o = { .file = file, .stdio = { "null", NULL, "closed" } };
	char *text = plan(&o);

	(void)state;
	assert_non_null(strstr(text, "\"dev.domlet.stdio\":[\"null\",\"pipe\",\"closed\"]"));
	free(text);
	o.terminal = true;
	text = plan(&o);
	assert_null(strstr(text, "stdio"));
	free(text);
}

/* As a shell's <(…) gives one: its writer may come later, and write it in pieces. */
static void comes_from_a_pipe(void **state)
{
	char path[96], *text;
	struct domlet_oci_process_options o = { .file = path };
	int status;
	pid_t writer;
	FILE *out;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/fifo", bundle);
	assert_int_equal(mkfifo(path, 0600), 0);
	for (int i = 0; i < 2; i++) {
		writer = fork();
		if (writer == 0) {
			alarm(10); /* when nobody reads it */
			usleep(50000);
			out = fopen(path, "we");
			(void)fputs("{\"args\":[\"piped\"],", out);
			(void)fflush(out);
			usleep(50000);
			for (int k = 0; k < (i ? 17 << 20 : 3); k++)
				(void)fputc(' ', out);
			(void)fputs("\"cwd\":\"/\"}", out);
			(void)fclose(out);
			_exit(0);
		}
		text = plan(&o);
		if (i) { /* too much */
			assert_null(text);
			assert_non_null(strstr(err.text, "it may have 16777216 bytes at most"));
		} else {
			assert_string_equal(text, "{\"args\":[\"piped\"],\"cwd\":\"\\/\"}");
		}
		free(text);
		assert_int_equal(waitpid(writer, &status, 0), writer); /* SIGPIPE for the second */
	}
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof path, "/dev/zero");
	assert_null(plan(&o));
	assert_non_null(strstr(err.text, "it is not a regular file or a pipe"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_from_the_container_or_a_file),
		cmocka_unit_test(a_cgroup_is_one_path),
		cmocka_unit_test(streams_of_another_kind),
		cmocka_unit_test(comes_from_a_pipe),
		cmocka_unit_test(labels_of_the_host), /* which writes other files */
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
