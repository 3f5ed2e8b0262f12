/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each directory here is a bundle: config.json, perhaps the administrator's
 * policy.cfg, and in expected.txt the plan made of it or the sentence that
 * refuses it. "plan_golden DIRECTORY" compares
 * all of them, "plan_golden --update DIRECTORY" rewrites what is expected;
 * the difference is then for git diff and a person.
 *
 * In config.json BUNDLE stands for the bundle's absolute path: of a file in it
 * for a namespace of another process, of a directory for a pod's /dev/shm. Which
 * container has such a namespace is in the file place: "number N" for the container
 * itself, "TYPE N" for each namespace.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/base/file.h"
#include "../../toolstack/oci/document.h"
#include "../../toolstack/oci/plan.h"
#include "../../toolstack/xen/policy.h"

/* Before 0.18 json-c broke the line in objects and arrays that are empty. In a string there are no
 * line breaks. */
static void print_document(FILE *out, const struct domlet_plan *plan)
{
	struct json_object *document = json_tokener_parse(plan->document);
	const char *text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
									    JSON_C_TO_STRING_NOSLASHESCAPE);

	for (const char *s = text; *s; s++) {
		const char *next = s + strspn(s, "\n ");

		if (s > text && *s == '\n' && ((s[-1] == '{' && *next == '}') || (s[-1] == '[' && *next == ']')))
			s = next;
		fputc(*s, out);
	}
	fputc('\n', out);
	json_object_put(document);
}

static void print_plan(FILE *out, const struct domlet_plan *plan)
{
	static const char *const types[] = { "auto", "pvh", "pv" };

	fprintf(out, "id %s\nversion %s\nargv0 %s\n", plan->id, plan->oci_version, plan->argv0);
	fprintf(out, "hostname %s\ncgroup %s\n", plan->hostname ? plan->hostname : "-",
		plan->cgroups_path ? plan->cgroups_path : "-");
	fprintf(out, "terminal %d %ux%u\nreadonly %d\n", plan->terminal, plan->console_cols, plan->console_rows,
		plan->root_readonly);
	if (plan->forges)
		fprintf(out, "forges\n");
	fprintf(out, "type %s\ntemplate %s\nmemory %llu KiB\nvcpus %u\n", types[plan->ask.type],
		plan->ask.template_name ? plan->ask.template_name : "-", (unsigned long long)plan->memory_kib,
		plan->vcpus);
	fprintf(out, "annotations %s\nhooks %s\n", plan->annotations, plan->hooks ? plan->hooks : "-");
	if (plan->sandbox_role != DOMLET_SANDBOX_NONE)
		fprintf(out, "sandbox %s %s\n", plan->sandbox_role == DOMLET_SANDBOX_ITSELF ? "itself" : "container of",
			plan->sandbox_id);
	for (size_t i = 0; i < plan->join_count; i++)
		fprintf(out, "join %s %s of %d\n", plan->joins[i].type, plan->joins[i].path, plan->joins[i].container);
	for (size_t i = 0; i < plan->mount_count; i++)
		if (plan->mounts[i].way == DOMLET_PLAN_MOUNT_LIVE)
			fprintf(out, "export %u %s%s%s\n", plan->mounts[i].export, plan->mounts[i].file,
				plan->mounts[i].recursive ? " recursive" : "",
				plan->mounts[i].readonly ? " readonly" : "");
	print_document(out, plan);
}

/* TEXT with each FROM replaced by TO. */
static char *replace(const char *text, const char *from, const char *to)
{
	char *result = NULL;
	const char *at;
	size_t len;
	FILE *out = open_memstream(&result, &len);

	if (!out)
		abort();
	for (; (at = strstr(text, from)); text = at + strlen(from))
		fprintf(out, "%.*s%s", (int)(at - text), text, to);
	fprintf(out, "%s", text);
	fclose(out);
	return result;
}

static int read_plan(const char *real, struct domlet_plan *plan, struct domlet_error *err)
{
	char path[4200], *text, *config;
	size_t len;
	int r;

	snprintf(path, sizeof(path), "%s/config.json", real);
	r = domlet_file_read(path, 1u << 20, &text, &len, err);
	if (r < 0)
		return r;
	config = replace(text, "BUNDLE", real);
	r = domlet_plan_parse(real, "golden", config, strlen(config), plan, err);
	free(config);
	free(text);
	return r;
}

static int take_place(struct domlet_plan *plan, struct domlet_error *err)
{
	char path[4200], what[16];
	unsigned int number;
	int r = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s/place", plan->bundle);
	in = fopen(path, "r");
	while (in && r == 0 && fscanf(in, "%15s %u", what, &number) == 2)
		if (strcmp(what, "number") == 0)
			domlet_plan_number(plan, number);
		else if (domlet_plan_join(plan, what, number) < 0)
			r = domlet_error_set(err, EINVAL, "the place has %s, which isn't joined", what);
	if (in)
		fclose(in);
	return r;
}

/* Name and size of a shared tmpfs differ from machine to machine. */
static void hide_source(struct domlet_plan_mount *m)
{
	char *size = strstr(m->options, "size=");

	if (m->shared[0] == '\0' || !size)
		return;
	snprintf(m->shared, sizeof(m->shared), "NAME");
	memmove(size + strlen("size=SIZE"), size + strcspn(size, "k"), strlen(size + strcspn(size, "k")) + 1);
	memcpy(size, "size=SIZE", strlen("size=SIZE"));
}

/* By the policy beside the configuration, and a template of 128 MiB and one
 * processor. */
static int decide(struct domlet_plan *plan, struct domlet_error *err)
{
	struct domlet_policy policy;
	char path[4200];
	int r;

	snprintf(path, sizeof(path), "%s/policy.cfg", plan->bundle);
	r = domlet_policy_read(path, &policy, err);
	if (r == 0)
		r = domlet_ask_allow(&plan->ask, &policy, err);
	if (r == 0)
		r = domlet_ask_size(&plan->ask, &policy, 128 * 1024, 1, &plan->memory_kib, &plan->vcpus, err);
	domlet_policy_free(&policy);
	return r;
}

static char *result_of(const char *bundle)
{
	struct domlet_error err = { 0 };
	struct domlet_plan plan = { 0 };
	char *text = NULL, *real = realpath(bundle, NULL), *clean;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int r;

	if (!out || !real)
		abort();
	r = read_plan(real, &plan, &err);
	if (r == 0)
		r = take_place(&plan, &err);
	for (size_t i = 0; r == 0 && i < plan.mount_count; i++)
		hide_source(&plan.mounts[i]);
	if (r == 0 && domlet_document_make(&plan, NULL, &err) == 0 && decide(&plan, &err) == 0)
		print_plan(out, &plan);
	else
		fprintf(out, "error %s\n", err.text);
	domlet_plan_free(&plan);
	fclose(out);
	clean = replace(text, real, "BUNDLE"); /* it differs, too */
	free(text);
	free(real);
	return clean;
}

static bool check_bundle(const char *bundle, bool update)
{
	struct domlet_error err = { 0 };
	char path[4200], *expected = NULL, *result;
	size_t len;
	bool good;

	/* Owner and mode are a part of the plan, and of both git keeps the x bit only. */
	snprintf(path, sizeof(path), "%s/hosts", bundle);
	(void)!chown(path, 0, 0);
	(void)chmod(path, 0644);
	result = result_of(bundle);
	snprintf(path, sizeof(path), "%s/expected.txt", bundle);
	if (update) {
		good = domlet_file_write(path, result, strlen(result), 0644, &err) == 0;
	} else {
		good = domlet_file_read(path, 1u << 20, &expected, &len, &err) == 0 && strcmp(expected, result) == 0;
		if (!good)
			printf("%s: expected\n%s\nbut got\n%s\n", bundle, expected ? expected : err.text, result);
	}
	free(expected);
	free(result);
	return good;
}

int main(int argc, char **argv)
{
	bool update = argc == 3 && strcmp(argv[1], "--update") == 0, good = true;
	const char *top = argv[argc - 1];
	struct dirent **entries;
	unsigned int checked = 0;
	int n = argc == 2 || update ? scandir(top, &entries, NULL, alphasort) : -1;

	if (n < 0) {
		fprintf(stderr, "usage: plan_golden [--update] DIRECTORY\n");
		return 2;
	}
	for (int i = 0; i < n; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s/config.json", top, entries[i]->d_name);
		if (access(path, F_OK) == 0) {
			*strrchr(path, '/') = '\0';
			good = check_bundle(path, update) && good;
			checked++;
		}
		free(entries[i]);
	}
	free(entries);
	printf("%u bundles\n", checked);
	return good && checked > 0 ? 0 : 1;
}
