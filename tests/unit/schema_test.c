/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each property of the OCI's schema (schema.txt, which schema.py makes of a
 * specification's files) is honoured in dom0 or in the guest, refused by name, or
 * left out for a reason. The verdicts are below; that they are true is tried on
 * the code. A property that a new specification adds has no verdict, and fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "../../guest-init/config/config.h"
#include "../../guest-init/container/filter.h"
#include "../../toolstack/base/error.h"
#include "../../toolstack/base/file.h"
#include "../../toolstack/oci/document.h"
#include "../../toolstack/oci/plan.h"

enum fate {
	DOM0,     /* without it the plan is another */
	GUEST,    /* and the guest's part has it, and the guest reads it */
	REFUSED,  /* in dom0 or by the guest, with a sentence that names it */
	LEFT_OUT, /* changes nothing */
};

/* Of PATH, or with "*" behind it of all below, too; the longest counts. With
 * "=VALUE", of a value that is in the schema. */
static const struct verdict {
	const char *path;
	enum fate fate;
	const char *why; /* of LEFT_OUT */
} verdicts[] = {
	{ "ociVersion", DOM0, NULL },
	{ "root.*", GUEST, NULL },
	{ "root.path", DOM0, NULL },
	{ "hostname", GUEST, NULL },
	{ "domainname", GUEST, NULL },
	{ "annotations*", DOM0, NULL },
	{ "hooks*", DOM0, NULL },
	{ "hooks.startContainer*", GUEST, NULL },
	{ "mounts*", GUEST, NULL },
	{ "mounts[].uidMappings*", REFUSED, NULL },
	{ "mounts[].gidMappings*", REFUSED, NULL },
	{ "root", GUEST, NULL },
	{ "process*", GUEST, NULL },
	{ "process.commandLine", LEFT_OUT, "Windows'; process.args is Linux'" },
	{ "process.user.username", LEFT_OUT, "Windows'; process.user.uid is Linux'" },
	{ "process.apparmorProfile", LEFT_OUT, "the guest has no AppArmor: a notice, and notApplied in the state" },
	{ "process.selinuxLabel", LEFT_OUT, "the guest has no SELinux: a notice, and notApplied in the state" },
	{ "process.execCPUAffinity*", REFUSED, NULL },
	{ "linux*", GUEST, NULL },
	{ "linux.mountLabel", LEFT_OUT, "the guest has no SELinux: a notice, and notApplied in the state" },
	{ "linux.cgroupsPath", DOM0, NULL },
	{ "linux.namespaces[].path", DOM0, NULL },
	{ "linux.namespaces[].type=user", REFUSED, NULL },
	{ "linux.netDevices*", REFUSED, NULL },
	{ "linux.uidMappings*", REFUSED, NULL },
	{ "linux.gidMappings*", REFUSED, NULL },
	{ "linux.resources.blockIO*", REFUSED, NULL },
	{ "linux.resources.network*", REFUSED, NULL },
	{ "linux.resources.cpu.cpus", LEFT_OUT, "numbers of the host's processors mean nothing in the guest" },
	{ "linux.resources.cpu.mems", LEFT_OUT, "numbers of the host's memory nodes mean nothing in the guest" },
	{ "linux.resources.cpu.burst", REFUSED, NULL },
	{ "linux.resources.cpu.idle", REFUSED, NULL },
	{ "linux.resources.cpu.realtimePeriod", REFUSED, NULL },
	{ "linux.resources.cpu.realtimeRuntime", REFUSED, NULL },
	{ "linux.resources.memory.kernel", REFUSED, NULL },
	{ "linux.resources.memory.kernelTCP", REFUSED, NULL },
	{ "linux.resources.memory.swappiness", LEFT_OUT, "the guest has no swap" },
	{ "linux.resources.memory.disableOOMKiller", REFUSED, NULL },
	{ "linux.resources.memory.useHierarchy", LEFT_OUT, "cgroup v2 always does" },
	{ "linux.resources.memory.checkBeforeUpdate", LEFT_OUT, "is about an update, which a new container has none of" },
	{ "linux.resources.hugepageLimits*", LEFT_OUT, "the guest has no huge pages reserved: no limit is exceeded" },
	{ "linux.resources.rdma*", LEFT_OUT, "the guest has no RDMA device: no limit is exceeded" },
	{ "linux.seccomp.listenerPath", LEFT_OUT, "only SCMP_ACT_NOTIFY makes use of it, which is refused" },
	{ "linux.seccomp.listenerMetadata", LEFT_OUT, "only SCMP_ACT_NOTIFY makes use of it, which is refused" },
	{ "linux.seccomp.defaultAction=SCMP_ACT_NOTIFY", REFUSED, NULL },
	{ "linux.seccomp.syscalls[].action=SCMP_ACT_NOTIFY", REFUSED, NULL },
	{ "linux.seccomp.flags[]=SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", REFUSED, NULL }, /* a listener's */
	{ "linux.intelRdt*", REFUSED, NULL },
	{ "linux.memoryPolicy*", REFUSED, NULL },
	{ "linux.personality.flags*", REFUSED, NULL },
	{ "vm*", DOM0, NULL },
	{ "vm.hypervisor*", REFUSED, NULL },
	{ "vm.image*", REFUSED, NULL },
	{ "vm.hwConfig.deviceTree", REFUSED, NULL },
	{ "vm.hwConfig.dtdevs*", REFUSED, NULL },
	{ "vm.hwConfig.iomems*", REFUSED, NULL },
	{ "vm.hwConfig.irqs*", REFUSED, NULL },
	{ "windows", LEFT_OUT, "another platform's section" },
	{ "solaris", LEFT_OUT, "another platform's section" },
	{ "zos", LEFT_OUT, "another platform's section" },
	{ "freebsd", LEFT_OUT, "another platform's section" },
};
#define VERDICTS (sizeof(verdicts) / sizeof(verdicts[0]))

static const char *schema_file, *whole_file;
static struct json_object *whole; /* has all that is honoured */
static bool used[VERDICTS];
static unsigned int wrong;

#define WRONG(...) (wrong++, printf("schema_test: " __VA_ARGS__), printf("\n"))

static const struct verdict *verdict_of(const char *path)
{
	const struct verdict *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < VERDICTS; i++) {
		size_t len = strcspn(verdicts[i].path, "*");
		bool below = verdicts[i].path[len] == '*';

		if (strncmp(path, verdicts[i].path, len) != 0 || (!below && path[len] != '\0') ||
		    (best && len < longest))
			continue;
		best = &verdicts[i];
		longest = len;
	}
	if (best)
		used[best - verdicts] = true;
	return best;
}

/* A path's next part into KEY, "[]" and "{}" as they are. */
static const char *next_part(const char *path, char key[64])
{
	size_t len;

	path += *path == '.';
	len = *path == '[' || *path == '{' ? 2 : strcspn(path, ".[{");
	snprintf(key, 64, "%.*s", (int)len, path);
	return path + len;
}

static const char *first_key(struct json_object *map)
{
	json_object_object_foreach(map, key, value)
	{
		(void)value;
		return key;
	}
	return "x";
}

static struct json_object *child(struct json_object *in, const char *key)
{
	struct json_object *value = NULL;

	if (strcmp(key, "[]") == 0)
		return json_object_is_type(in, json_type_array) ? json_object_array_get_idx(in, 0) : NULL;
	if (!json_object_is_type(in, json_type_object))
		return NULL;
	return json_object_object_get_ex(in, strcmp(key, "{}") == 0 ? first_key(in) : key, &value) ? value : NULL;
}

static void put(struct json_object *in, const char *key, struct json_object *value)
{
	if (strcmp(key, "[]") == 0)
		json_object_array_put_idx(in, 0, value);
	else
		json_object_object_add(in, strcmp(key, "{}") == 0 ? first_key(in) : key, value);
}

static void take(struct json_object *in, const char *key)
{
	if (strcmp(key, "[]") == 0)
		json_object_array_del_idx(in, 0, 1);
	else
		json_object_object_del(in, strcmp(key, "{}") == 0 ? first_key(in) : key);
}

/* Of first elements and first values. */
static struct json_object *find(struct json_object *in, const char *path)
{
	char key[64];

	while (in && *path) {
		path = next_part(path, key);
		in = child(in, key);
	}
	return in;
}

/* At PATH in ROOT, whose holders are made; VALUE NULL takes out what is there. */
static void set(struct json_object *root, const char *path, struct json_object *value)
{
	char key[64];

	for (path = next_part(path, key); *path; path = next_part(path, key)) {
		if (!child(root, key))
			put(root, key, *path == '[' ? json_object_new_array() : json_object_new_object());
		root = child(root, key);
	}
	if (value)
		put(root, key, value);
	else
		take(root, key);
}

static struct json_object *copy_of(struct json_object *obj)
{
	struct json_object *copy = NULL;

	assert_int_equal(json_object_deep_copy(obj, &copy, NULL), 0);
	return copy;
}

static struct json_object *sample(const char *type)
{
	if (strcmp(type, "integer") == 0)
		return json_object_new_int(1);
	if (strcmp(type, "boolean") == 0)
		return json_object_new_boolean(1);
	if (strcmp(type, "string") == 0)
		return json_object_new_string("x");
	return strcmp(type, "array") == 0 ? json_object_new_array() : json_object_new_object();
}

static struct json_object *other_type(const char *type)
{
	return strcmp(type, "integer") == 0 || strcmp(type, "boolean") == 0 ? json_object_new_string("x") :
									      json_object_new_int(7);
}

/* What both sides make of a configuration. */
struct outcome {
	int r;
	char *plan;                   /* all of it, as text */
	struct json_object *document; /* the guest's */
	struct domlet_filter filter;
	char text[1024]; /* of a refusal */
};

static void forget(struct outcome *o)
{
	free(o->plan);
	json_object_put(o->document);
	domlet_filter_free(&o->filter);
	*o = (struct outcome){ 0 };
}

static void as_guest(struct outcome *o)
{
	const char *text = json_object_to_json_string(o->document);
	struct domlet_container_config c = { 0 };
	struct domlet_failure failure = { 0 };

	o->r = domlet_config_parse(&c, text, strlen(text), &failure);
	if (o->r == 0) {
		o->r = domlet_filter_compile(c.seccomp, &o->filter, &failure);
		domlet_config_free(&c);
	}
	if (o->r < 0)
		snprintf(o->text, sizeof(o->text), "%s", failure.text);
}

static char *plan_text(const struct domlet_plan *p)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	fprintf(out, "%s %s %s %s %s %s %s", p->rootfs, p->oci_version, p->annotations, p->hooks, p->hostname,
		p->cgroups_path, p->net_path);
	fprintf(out, " %d %u %u %d %s %llu %u", p->terminal, p->console_rows, p->console_cols, p->root_readonly,
		p->argv0, (unsigned long long)p->memory_kib, p->vcpus);
	fprintf(out, " %llu %u %s %s %s %s", (unsigned long long)p->ask.memory_kib, p->ask.vcpus, p->ask.kernel,
		p->ask.initrd, p->ask.parameters, p->document);
	fclose(out);
	return text;
}

static struct outcome try(struct json_object *config)
{
	const char *text = json_object_to_json_string(config);
	struct domlet_error err = { 0 };
	struct domlet_plan plan;
	struct outcome o = { 0 };

	o.r = domlet_plan_parse("/tmp", "c1", text, strlen(text), &plan, &err);
	if (o.r == 0)
		o.r = domlet_document_make(&plan, NULL, &err);
	if (o.r < 0) {
		domlet_plan_free(&plan);
		snprintf(o.text, sizeof(o.text), "%s", err.text);
		return o;
	}
	o.plan = plan_text(&plan);
	o.document = json_tokener_parse(plan.document);
	domlet_plan_free(&plan);
	as_guest(&o);
	return o;
}

static bool same_filter(const struct domlet_filter *a, const struct domlet_filter *b)
{
	return a->len == b->len && a->flags == b->flags &&
	       (a->len == 0 || memcmp(a->code, b->code, a->len * sizeof(*a->code)) == 0);
}

static void check_dom0(const char *path)
{
	struct json_object *config = copy_of(whole);
	struct outcome with = try(whole), without;

	set(config, path, NULL);
	without = try(config);
	/* One that is required may be missed. */
	if (without.r == 0 && strcmp(with.plan, without.plan) == 0)
		WRONG("%s changes nothing", path);
	forget(&with);
	forget(&without);
	json_object_put(config);
}

/* A reader tells of a wrong type, or makes another filter of it. */
static void check_guest(const char *path, const char *type)
{
	struct outcome good = try(whole), bad = try(whole);
	char place[300];

	snprintf(place, sizeof(place), "oci.%s", path);
	if (!find(bad.document, place)) {
		WRONG("%s isn't in what the guest gets", path);
	} else {
		set(bad.document, place, other_type(type));
		domlet_filter_free(&bad.filter);
		as_guest(&bad);
		if (bad.r == 0 && same_filter(&good.filter, &bad.filter))
			WRONG("%s isn't read by the guest", path);
	}
	forget(&good);
	forget(&bad);
}

/* The types of namespaces are named once each, and the network's alone can have a
 * path. */
static void without_twin(struct json_object *config, const char *type)
{
	struct json_object *list = find(config, "linux.namespaces");

	for (size_t i = json_object_array_length(list) - 1; i > 0; i--)
		if (strcmp(json_object_get_string(find(json_object_array_get_idx(list, i), "type")), type) == 0)
			json_object_array_del_idx(list, i, 1);
	if (strcmp(type, "network") != 0) {
		set(config, "linux.namespaces[].path", NULL);
		json_object_array_add(list, json_tokener_parse("{\"type\":\"network\"}"));
	}
}

/* One of the values that the schema lists for PATH. */
static void set_value(struct json_object *config, const char *path, const char *value)
{
	set(config, path, json_object_new_string(value));
	if (strcmp(path, "linux.namespaces[].type") == 0)
		without_twin(config, value);
}

/* The part of the sentence that names PATH: its verdict's last key. */
static void check_refused(const char *path, const struct verdict *v, const char *type, const char *value)
{
	struct json_object *config = copy_of(whole);
	struct outcome o;
	char name[64], key[64];
	const char *rest = v->path;

	while (*rest && *rest != '*' && *rest != '=') {
		rest = next_part(rest, key);
		if (key[0] != '[' && key[0] != '{')
			snprintf(name, sizeof(name), "%.*s", (int)strcspn(key, "*="), key);
	}
	if (value)
		set_value(config, path, value);
	else
		set(config, path, sample(type));
	o = try(config);
	if (o.r == 0)
		WRONG("%s%s%s isn't refused", path, value ? "=" : "", value ? value : "");
	else if (!strstr(o.text, name) && !strchr(v->path, '='))
		WRONG("%s is refused without its name: %s", path, o.text);
	forget(&o);
	json_object_put(config);
}

static void check_left_out(const char *path, const struct verdict *v, const char *type)
{
	struct json_object *config = copy_of(whole);
	struct outcome o;

	set(config, path, sample(type));
	o = try(config);
	if (o.r < 0)
		WRONG("%s is refused: %s", path, o.text);
	if (!v->why)
		WRONG("%s is left out without a reason", path);
	forget(&o);
	json_object_put(config);
}

static void check_path(const char *path, const char *type)
{
	const struct verdict *v = verdict_of(path);
	bool holds = strcmp(type, "object") == 0 || strcmp(type, "array") == 0;

	if (!v) {
		WRONG("%s has no verdict", path);
		return;
	}
	if ((v->fate == DOM0 || v->fate == GUEST) && !find(whole, path)) {
		WRONG("%s is to be honoured, but %s doesn't have it", path, whole_file);
		return;
	}
	if (v->fate == DOM0 || v->fate == GUEST)
		check_dom0(path);
	if (v->fate == GUEST)
		check_guest(path, type);
	if (v->fate == REFUSED && !holds) /* an empty holder asks for nothing */
		check_refused(path, v, type, NULL);
	if (v->fate == LEFT_OUT)
		check_left_out(path, v, type);
}

static void check_value(const char *path, const char *value)
{
	char place[300];
	const struct verdict *v;
	struct json_object *config;
	struct outcome o;

	snprintf(place, sizeof(place), "%s=%s", path, value);
	v = verdict_of(place);
	if (!v || (v->fate == REFUSED && !strchr(v->path, '=')))
		return; /* with its property */
	if (v->fate == REFUSED) {
		check_refused(path, v, NULL, value);
		return;
	}
	config = copy_of(whole);
	set_value(config, path, value);
	o = try(config);
	if (o.r < 0)
		WRONG("%s is refused: %s", place, o.text);
	forget(&o);
	json_object_put(config);
}

static void each_property(void **state)
{
	struct domlet_error err = { 0 };
	char *text = NULL, *lines, *line, *words, *path, *type, *value;
	unsigned int count = 0;
	size_t len;

	(void)state;
	if (domlet_file_read(schema_file, 1u << 20, &text, &len, &err) < 0)
		fail_msg("%s", err.text);
	for (lines = text; (line = strsep(&lines, "\n")) && *line; count++) {
		words = line;
		path = strsep(&words, " ");
		type = strsep(&words, " ");
		check_path(path, type);
		while ((value = strsep(&words, " ")))
			check_value(path, value);
	}
	free(text);
	for (size_t i = 0; i < VERDICTS; i++)
		if (!used[i])
			WRONG("the schema has no %s", verdicts[i].path);
	assert_true(count > 300);
	assert_int_equal(wrong, 0);
}

static void all_that_is_honoured_is_taken(void **state)
{
	struct outcome o = try(whole);

	(void)state;
	if (o.r < 0)
		fail_msg("%s", o.text);
	forget(&o);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_is_honoured_is_taken),
		cmocka_unit_test(each_property),
	};
	int failed;

	if (argc != 3)
		return 2;
	schema_file = argv[1];
	whole_file = argv[2];
	whole = json_object_from_file(whole_file);
	if (!whole)
		return 2;
	failed = cmocka_run_group_tests_name("schema", tests, NULL, NULL);
	json_object_put(whole);
	return failed;
}
