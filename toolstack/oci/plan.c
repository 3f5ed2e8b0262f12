/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "../../frontend/proto/limits.h"
#include "../base/cleanup.h"
#include "../base/error.h"
#include "config-load.h"
#include "labels.h"
#include "member.h"
#include "plan-domain.h"
#include "plan-mounts.h"
#include "plan-namespaces.h"
#include "sandbox.h"
#include "sysctl.h"

#define TO_TEXT (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

void domlet_plan_number(struct domlet_plan *plan, uint32_t number)
{
	static const char devices[DOMLET_CONTAINER_MAX][8] = {
		"xvda", "xvdb", "xvdc", "xvdd", "xvde", "xvdf", "xvdg", "xvdh",
		"xvdi", "xvdj", "xvdk", "xvdl", "xvdm", "xvdn", "xvdo", "xvdp",
	};

	assert(number < DOMLET_CONTAINER_MAX);
	plan->root.device = devices[number];
}

int domlet_plan_join(struct domlet_plan *plan, const char *type, uint32_t number)
{
	for (size_t i = 0; i < plan->join_count && number < DOMLET_CONTAINER_MAX; i++)
		if (strcmp(plan->joins[i].type, type) == 0) {
			plan->joins[i].container = (int)number;
			return 0;
		}
	return -EINVAL;
}

void domlet_plan_free(struct domlet_plan *plan)
{
	for (size_t i = 0; i < plan->mount_count; i++) {
		free(plan->mounts[i].destination);
		free(plan->mounts[i].content);
		free(plan->mounts[i].file);
	}
	free(plan->mounts);
	for (size_t i = 0; i < plan->join_count; i++)
		free(plan->joins[i].path);
	json_object_put(plan->config);
	free(plan->config_path);
	free(plan->id);
	free(plan->bundle);
	free(plan->rootfs);
	free(plan->oci_version);
	free(plan->annotations);
	free(plan->hooks);
	free(plan->hostname);
	free(plan->net_path);
	free(plan->sandbox_id);
	free(plan->cgroups_path);
	free(plan->labels);
	free(plan->argv0);
	domlet_ask_free(&plan->ask);
	free(plan->document);
	*plan = (struct domlet_plan){ 0 };
}

static int out_of_memory(const struct domlet_plan *plan, struct domlet_error *err)
{
	return domlet_error_set(err, ENOMEM, "%s can't be read: out of memory", plan->config_path);
}

/* Copies TEXT unless it is NULL or empty. */
static int copy_text(const struct domlet_plan *plan, struct domlet_error *err, const char *text, char **out)
{
	if (!text || text[0] == '\0')
		return 0;
	*out = strdup(text);
	return *out ? 0 : out_of_memory(plan, err);
}

static int copy_json(const struct domlet_plan *plan, struct domlet_error *err, struct json_object *obj, char **out)
{
	return copy_text(plan, err, json_object_to_json_string_ext(obj, TO_TEXT), out);
}

static int read_version(struct domlet_plan *plan, struct domlet_error *err)
{
	const char *version = domlet_oci_text(plan->config, "ociVersion");

	if (strncmp(version, "1.", 2) != 0 || version[2] < '0' || version[2] > '9')
		return domlet_error_set(err, ENOTSUP, "%s: ociVersion is \"%.64s\", but domlet knows 1.x only",
					plan->config_path, version);
	return copy_text(plan, err, version, &plan->oci_version);
}

static int read_rootfs(struct domlet_plan *plan, struct domlet_error *err)
{
	struct json_object *root = domlet_oci_member(plan->config, "root");
	const char *path = domlet_oci_text(root, "path");
	cleanup_free char *joined = NULL;
	struct stat st;

	if (asprintf(&joined, "%s%s%s", path[0] == '/' ? "" : plan->bundle, path[0] == '/' ? "" : "/", path) < 0) {
		joined = NULL;
		return out_of_memory(plan, err);
	}
	plan->rootfs = realpath(joined, NULL);
	if (!plan->rootfs || stat(plan->rootfs, &st) < 0)
		return domlet_error_set(err, errno, "the root file system %s can't be used: %s", joined,
					domlet_strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return domlet_error_set(err, ENOTDIR, "the root file system %s can't be used: it is no directory",
					joined);
	plan->root_readonly = json_object_get_boolean(domlet_oci_member(root, "readonly"));
	return 0;
}

/* As the kernel names them, which is how the guest takes them (guest-init/config/process.c). */
static bool may_have(struct json_object *process, const char *capability)
{
	struct json_object *bounding = domlet_oci_member(domlet_oci_member(process, "capabilities"), "bounding");

	for (size_t i = 0; bounding && i < json_object_array_length(bounding); i++)
		if (strcasecmp(json_object_get_string(json_object_array_get_idx(bounding, i)), capability) == 0)
			return true;
	return false;
}

static int read_process(struct domlet_plan *plan, struct domlet_error *err)
{
	struct json_object *process = domlet_oci_member(plan->config, "process");
	struct json_object *args = domlet_oci_member(process, "args"), *size = domlet_oci_member(process, "consoleSize");
	const char *cwd = domlet_oci_text(process, "cwd");
	const char *command;

	if (json_object_array_length(args) == 0)
		return domlet_error_set(err, EINVAL, "%s: process.args is empty; it must name a command",
					plan->config_path);
	command = json_object_get_string(json_object_array_get_idx(args, 0));
	if (command[0] == '\0')
		return domlet_error_set(err, EINVAL, "%s: process.args[0] is empty; it must name a command",
					plan->config_path);
	if (cwd[0] != '/')
		return domlet_error_set(err, EINVAL, "%s: process.cwd is \"%s\", but must be an absolute path",
					plan->config_path, cwd);
	plan->terminal = json_object_get_boolean(domlet_oci_member(process, "terminal"));
	plan->forges = may_have(process, "CAP_NET_RAW") || may_have(process, "CAP_NET_ADMIN");
	plan->console_rows = (uint16_t)json_object_get_int(domlet_oci_member(size, "height"));
	plan->console_cols = (uint16_t)json_object_get_int(domlet_oci_member(size, "width"));
	return copy_text(plan, err, command, &plan->argv0);
}

static int read_namespaces(struct domlet_plan *plan, struct domlet_error *err)
{
	return domlet_plan_namespaces(plan->config, plan->config_path, plan, err);
}

static int read_annotations(struct domlet_plan *plan, struct domlet_error *err)
{
	struct json_object *annotations = domlet_oci_member(plan->config, "annotations");

	return annotations ? copy_json(plan, err, annotations, &plan->annotations) :
			     copy_text(plan, err, "{}", &plan->annotations);
}

static int read_size(struct domlet_plan *plan, struct domlet_error *err)
{
	struct domlet_sandbox_size sandbox;
	int r = domlet_sandbox_read(plan->config, plan->config_path, plan, &sandbox, err);

	if (r == 0)
		domlet_plan_domain(plan->config, &sandbox, plan);
	return r;
}

static int read_ask(struct domlet_plan *plan, struct domlet_error *err)
{
	return domlet_ask_read(plan->config, plan->config_path, &plan->ask, err);
}

/* What runs in the container's namespaces has its process's environment, unless
 * it has one of its own: runc's rule. The others have the runtime's. */
static void give_environment(struct domlet_plan *plan, struct json_object *hooks)
{
	struct json_object *env = domlet_oci_member(domlet_oci_member(plan->config, "process"), "env");

	for (size_t i = 0; hooks && i < json_object_array_length(hooks); i++) {
		struct json_object *hook = json_object_array_get_idx(hooks, i);

		if (!domlet_oci_member(hook, "env"))
			json_object_object_add(hook, "env", env ? json_object_get(env) : json_object_new_array());
	}
}

static int read_labels(struct domlet_plan *plan, struct domlet_error *err)
{
	return domlet_oci_labels(domlet_oci_member(plan->config, "process"), domlet_oci_member(plan->config, "linux"),
				 plan->config_path, &plan->labels, err);
}

static int read_hooks(struct domlet_plan *plan, struct domlet_error *err)
{
	struct json_object *hooks = domlet_oci_member(plan->config, "hooks");

	give_environment(plan, domlet_oci_member(hooks, "createContainer"));
	return hooks && json_object_object_length(hooks) > 0 ? copy_json(plan, err, hooks, &plan->hooks) : 0;
}

static int read_sysctls(struct domlet_plan *plan, struct domlet_error *err)
{
	return domlet_sysctl_check(plan->config, plan->config_path, err);
}

static int read_cgroup(struct domlet_plan *plan, struct domlet_error *err)
{
	return copy_text(plan, err, domlet_oci_text(domlet_oci_member(plan->config, "linux"), "cgroupsPath"),
			 &plan->cgroups_path);
}

/* A root file system that is shared is what is shared first. An image is never written to, and what is written
 * lies over it, in a read-only root too: mount points must be made first. */
static int read_mounts(struct domlet_plan *plan, struct domlet_error *err)
{
	plan->root.way = plan->ask.root;
	if (plan->root.way != DOMLET_PLAN_ROOT_IMAGE)
		plan->root.export = plan->export_count++;
	domlet_plan_number(plan, 0);
	return domlet_plan_mounts(plan->config, plan, err);
}

static int read_config(struct domlet_plan *plan, struct domlet_error *err)
{
	static int (*const steps[])(struct domlet_plan *, struct domlet_error *) = {
		read_version, read_rootfs, read_process, read_namespaces, read_annotations, read_size,
		read_ask,     read_labels, read_hooks,   read_sysctls,    read_cgroup,      read_mounts,
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r = steps[i](plan, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* TEXT is the configuration, or NULL: read the bundle's. */
static int plan_config(const char *bundle, const char *id, const char *text, size_t len, struct domlet_plan *plan,
		       struct domlet_error *err)
{
	int r;

	*plan = (struct domlet_plan){ 0 };
	r = domlet_id_check(id, err);
	if (r < 0)
		return r;
	plan->id = strdup(id);
	plan->bundle = realpath(bundle, NULL);
	if (!plan->bundle)
		r = domlet_error_set(err, errno, "the bundle %s can't be used: %s", bundle, domlet_strerror(errno));
	else if (!plan->id || asprintf(&plan->config_path, "%s/config.json", plan->bundle) < 0) {
		plan->config_path = NULL;
		r = domlet_error_set(err, ENOMEM, "the bundle %s can't be read: out of memory", bundle);
	}
	if (r == 0)
		r = text ? domlet_oci_parse(text, len, plan->config_path, &plan->config, err) :
			   domlet_oci_load(plan->config_path, &plan->config, err);
	if (r == 0)
		r = read_config(plan, err);
	if (r < 0)
		domlet_plan_free(plan);
	return r;
}

int domlet_plan_read(const char *bundle, const char *id, struct domlet_plan *plan, struct domlet_error *err)
{
	return plan_config(bundle, id, NULL, 0, plan, err);
}

int domlet_plan_parse(const char *bundle, const char *id, const char *text, size_t len, struct domlet_plan *plan,
		      struct domlet_error *err)
{
	return plan_config(bundle, id, text, len, plan, err);
}
