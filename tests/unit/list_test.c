/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `domlet list` where it can't be found out of one container whether it still
 * runs: what its record says would be believed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "../../toolstack/base/file.h"
#include "../../toolstack/cli/reap.h"
#include "../../toolstack/state/domain.h"
#include "../../toolstack/state/state.h"

#define UUID "12345678-1234-1234-1234-123456789012"

static char top[64], domains[100], output[100], errors[100];

void domlet_cli_reap_others(struct domlet_cli *cli)
{
	(void)cli;
}

int __wrap_domlet_state_know(const struct domlet_state *st, struct domlet_error *err);
int __wrap_domlet_state_know(const struct domlet_state *st, struct domlet_error *err)
{
	return strcmp(st->id, "lost") ? 0 : domlet_error_set(err, EMFILE, "whether lost runs can't be found out");
}

/* Of domain 7, in which found runs. */
static int make_domain(struct domlet_error *err)
{
	struct domlet_domain_record d = { .uuid = UUID, .name = "domlet-found", .type = "pvh", .domid = 7 };
	int r = domlet_pid_of(getpid(), &d.monitor);

	return r < 0 ? r : domlet_domain_record_create(domains, &d, err);
}

static int set_up(void **state)
{
	static const char *const ids[] = { "found", "lost" };
	struct domlet_error err;

	(void)state;
	strcpy(top, "/tmp/list-test-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	(void)snprintf(domains, sizeof domains, "%s.domains", top);
	(void)snprintf(output, sizeof output, "%s.out", top);
	(void)snprintf(errors, sizeof errors, "%s.err", top);
	if (make_domain(&err) < 0)
		return -1;
	for (size_t i = 0; i < 2; i++) {
		struct domlet_state st = { 0 };

		if (domlet_state_create(top, ids[i], &st, &err) < 0)
			return -1;
		st.status = DOMLET_STATUS_RUNNING;
		st.proxy = st.monitor; /* this process */
		(void)strcpy(st.type, "pvh");
		(void)strcpy(st.uuid, i ? "" : UUID);
		if (domlet_state_save(&st, &err) < 0)
			return -1;
		domlet_state_free(&st);
	}
	return 0;
}

static int tear_down(void **state)
{
	char command[400];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s %s %s %s", top, domains, output, errors);
	return system(command);
}

/* What it prints, freed by the caller; what it says besides is in ERRORS. */
static char *list(const char *format)
{
	struct domlet_cli cli = { .root = top, .domains = domains };
	char *argv[] = { (char *)"list", (char *)"--format", (char *)format, NULL }, *text = NULL;
	int before[2] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) }, r;
	struct domlet_error err;
	size_t len;

	assert_int_equal(domlet_log_open(&cli.log, NULL, NULL, false, &err), 0);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		int fd = open(i ? errors : output, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

		(void)dup2(fd, i ? STDERR_FILENO : STDOUT_FILENO);
		close(fd);
	}
	optind = 0;
	r = domlet_verb_list.run(&cli, 3, argv);
	fflush(stdout);
	for (int i = 0; i < 2; i++) {
		(void)dup2(before[i], i ? STDERR_FILENO : STDOUT_FILENO);
		close(before[i]);
	}
	assert_int_equal(r, 0);
	assert_int_equal(domlet_file_read(output, 10000, &text, &len, &err), 0);
	return text;
}

static void assert_told(void)
{
	struct domlet_error err;
	char *text = NULL;
	size_t len;

	assert_int_equal(domlet_file_read(errors, 10000, &text, &len, &err), 0);
	assert_non_null(strstr(text, "whether lost runs can't be found out"));
	free(text);
}

static void a_table_says_unknown(void **state)
{
	char *text = list("table"), *found = strstr(text, "\nfound "), *lost = strstr(text, "\nlost ");

	(void)state;
	assert_true(found && lost && found < lost);
	assert_non_null(strstr(lost, " unknown "));
	assert_null(strstr(lost, "running"));
	assert_non_null(strstr(lost, " -      pvh"));
	*lost = '\0';
	assert_non_null(strstr(found, " running "));
	assert_non_null(strstr(found, " 7      pvh")); /* as the domain's record says */
	assert_told();
	free(text);
}

static void so_does_json(void **state)
{
	static const char *const statuses[] = { "running", "unknown" };
	char *text = list("json");
	struct json_object *array = json_tokener_parse(text), *value;

	(void)state;
	assert_int_equal(json_object_array_length(array), 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(json_object_object_get_ex(json_object_array_get_idx(array, i), "status", &value));
		assert_string_equal(json_object_get_string(value), statuses[i]);
	}
	assert_told();
	json_object_put(array);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_table_says_unknown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(so_does_json, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
