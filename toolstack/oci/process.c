/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/error.h"
#include "config-load.h"
#include "guest-config.h"
#include "labels.h"
#include "member.h"

/* Returns the member KEY of O, which MAKE makes when it is absent. */
static struct json_object *own_member(struct json_object *o, const char *key, struct json_object *(*make)(void))
{
	struct json_object *v = domlet_oci_member(o, key);

	if (!v) {
		v = make();
		json_object_object_add(o, key, v);
	}
	return v;
}

/* UINT32_MAX means "leave alone" to system calls, so it is no id. */
static bool read_id(const char *text, const char *end, uint32_t *id)
{
	char *stop;
	unsigned long long n;

	if (*text < '0' || *text > '9')
		return false;
	n = strtoull(text, &stop, 10);
	*id = (uint32_t)n;
	return stop == end && n < UINT32_MAX;
}

static int set_user(struct json_object *process, const char *text, struct domlet_error *err)
{
	const char *colon = strchr(text, ':');
	struct json_object *user = own_member(process, "user", json_object_new_object);
	uint32_t uid, gid = 0;

	if (!read_id(text, colon ? colon : text + strlen(text), &uid) ||
	    (colon && !read_id(colon + 1, colon + 1 + strlen(colon + 1), &gid)))
		return domlet_error_set(err, EINVAL, "--user is \"%.64s\", but must be UID or UID:GID, in numbers",
					text);
	json_object_object_add(user, "uid", json_object_new_int64(uid));
	if (colon)
		json_object_object_add(user, "gid", json_object_new_int64(gid));
	return 0;
}

static int add_groups(struct json_object *process, const struct domlet_oci_process_options *o, struct domlet_error *err)
{
	struct json_object *user = own_member(process, "user", json_object_new_object);
	struct json_object *list = own_member(user, "additionalGids", json_object_new_array);
	uint32_t gid;

	for (size_t i = 0; i < o->gid_count; i++) {
		if (!read_id(o->gids[i], o->gids[i] + strlen(o->gids[i]), &gid))
			return domlet_error_set(err, EINVAL, "--additional-gids is \"%.64s\", but must be a number",
						o->gids[i]);
		json_object_array_add(list, json_object_new_int64(gid));
	}
	return 0;
}

static void add_capabilities(struct json_object *process, const struct domlet_oci_process_options *o)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	struct json_object *caps = own_member(process, "capabilities", json_object_new_object);

	for (size_t k = 0; k < sizeof sets / sizeof sets[0]; k++) {
		struct json_object *set = own_member(caps, sets[k], json_object_new_array);

		for (size_t i = 0; i < o->cap_count; i++)
			json_object_array_add(set, json_object_new_string(o->caps[i]));
	}
}

static int apply(struct json_object *process, const struct domlet_oci_process_options *o, struct domlet_error *err)
{
	struct json_object *args = json_object_new_array(), *env;
	int r = 0;

	for (char **a = o->args; a && *a; a++)
		json_object_array_add(args, json_object_new_string(*a));
	json_object_object_add(process, "args", args);
	json_object_object_add(process, "terminal", json_object_new_boolean(o->terminal));
	if (o->cwd)
		json_object_object_add(process, "cwd", json_object_new_string(o->cwd));
	if (o->no_new_privs)
		json_object_object_add(process, "noNewPrivileges", json_object_new_boolean(1));
	env = own_member(process, "env", json_object_new_array);
	for (size_t i = 0; i < o->env_count; i++)
		json_object_array_add(env, json_object_new_string(o->env[i]));
	if (o->cap_count)
		add_capabilities(process, o);
	if (o->user)
		r = set_user(process, o->user, err);
	if (r == 0 && o->gid_count)
		r = add_groups(process, o, err);
	return r;
}

/* Members beside those that the specification has; they never come from a file, as what is not
 * the guest's was taken out. */
#define CGROUP_MEMBER "dev.domlet.cgroup"
#define STDIO_MEMBER "dev.domlet.stdio"

/* Takes --cgroup in runc's form. The guest has version 2 alone, where a process is in one cgroup
 * for all controllers. */
static int set_cgroup(struct json_object *process, const struct domlet_oci_process_options *o, struct domlet_error *err)
{
	const char *path = NULL;

	for (size_t i = 0; i < o->cgroup_count; i++) {
		const char *colon = strchr(o->cgroups[i], ':'), *one = colon ? colon + 1 : o->cgroups[i];

		if (colon == o->cgroups[i])
			return domlet_error_set(err, EINVAL,
						"--cgroup is \"%.64s\", which has no controller before its colon",
						o->cgroups[i]);
		if (path && strcmp(path, one) != 0)
			return domlet_error_set(
				err, EINVAL,
				"--cgroup gives \"%.64s\" and \"%.64s\", but a process is in one cgroup for all controllers",
				path, one);
		path = one;
	}
	if (path && path[0])
		json_object_object_add(process, CGROUP_MEMBER, json_object_new_string(path));
	return 0;
}

void domlet_oci_process_set_stdio(struct json_object *process, const char *const stdio[3])
{
	struct json_object *list;

	if ((!stdio[0] && !stdio[1] && !stdio[2]) || json_object_get_boolean(domlet_oci_member(process, "terminal")))
		return;
	list = json_object_new_array();
	for (int i = 0; i < 3; i++)
		json_object_array_add(list, json_object_new_string(stdio[i] ? stdio[i] : "pipe"));
	json_object_object_add(process, STDIO_MEMBER, list);
}

static int check(struct json_object *process, const char *where, struct domlet_error *err)
{
	struct json_object *args = domlet_oci_member(process, "args"),
			   *first = args ? json_object_array_get_idx(args, 0) : NULL;
	const char *cwd = json_object_get_string(domlet_oci_member(process, "cwd"));

	if (!first || !json_object_get_string(first)[0])
		return domlet_error_set(err, EINVAL, "%s has no command in args", where);
	if (!cwd || cwd[0] != '/')
		return domlet_error_set(err, EINVAL, "%s: cwd is \"%s\", but must be an absolute path", where,
					cwd ? cwd : "");
	return 0;
}

int domlet_oci_process_plan(const char *bundle, const struct domlet_oci_process_options *o,
			    struct json_object **process, char **labels, struct domlet_error *err)
{
	cleanup_free char *path = NULL;
	struct json_object *config = NULL;
	int r;

	*process = NULL;
	*labels = NULL;
	if (asprintf(&path, "%s/config.json", bundle) < 0) {
		path = NULL;
		return domlet_error_set(err, ENOMEM, "out of memory");
	}
	if (o->file) {
		r = domlet_oci_load_process(o->file, process, err);
		if (r == 0 && o->terminal)
			json_object_object_add(*process, "terminal", json_object_new_boolean(1));
	} else {
		r = domlet_oci_load(path, &config, err);
		if (r == 0) {
			*process = json_object_get(domlet_oci_member(config, "process"));
			json_object_put(config);
			json_object_object_del(*process, "consoleSize");
			r = apply(*process, o, err);
		}
	}
	if (r == 0)
		r = check(*process, o->file ? o->file : "the process", err);
	if (r == 0 && o->file)
		r = domlet_oci_labels(*process, NULL, o->file, labels, err);
	if (r == 0)
		domlet_guest_config_keep_process(*process);
	if (r == 0)
		domlet_oci_process_set_stdio(*process, o->stdio);
	if (r == 0)
		r = set_cgroup(*process, o, err);
	if (r < 0) {
		json_object_put(*process);
		*process = NULL;
		free(*labels);
		*labels = NULL;
	}
	return r;
}
