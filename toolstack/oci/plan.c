/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../frontend/proto/limits.h"
#include "../../frontend/proto/sha256.h"
#include "../base/cleanup.h"
#include "../base/error.h"
#include "config-load.h"
#include "guest-config.h"
#include "labels.h"
#include "member.h"
#include "plan-domain.h"
#include "plan-mounts.h"
#include "plan-namespaces.h"
#include "process.h"
#include "sysctl.h"

#define TO_TEXT (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

struct build {
	struct json_object *config;
	const char *path; /* of config.json, for sentences */
	struct domlet_plan *plan;
	const char *const *stdio; /* domlet_oci_process_set_stdio()'s; NULL: all are pipes */
	struct domlet_error *err;
};

int domlet_id_check(const char *id, struct domlet_error *err)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-";
	size_t len = strlen(id);

	if (len == 0 || len > DOMLET_ID_MAX || strspn(id, allowed) != len || strcmp(id, ".") == 0 ||
	    strcmp(id, "..") == 0)
		return domlet_error_set(
			err, EINVAL,
			"invalid container ID format: \"%.64s\" (letters, digits and _+.- are allowed, %u at most)", id,
			DOMLET_ID_MAX);
	return 0;
}

void domlet_plan_free(struct domlet_plan *plan)
{
	free(plan->id);
	free(plan->bundle);
	free(plan->rootfs);
	free(plan->oci_version);
	free(plan->annotations);
	free(plan->hooks);
	free(plan->hostname);
	free(plan->net_path);
	free(plan->cgroups_path);
	free(plan->labels);
	free(plan->argv0);
	domlet_ask_free(&plan->ask);
	free(plan->document);
	*plan = (struct domlet_plan){ 0 };
}

static int out_of_memory(const struct build *b)
{
	return domlet_error_set(b->err, ENOMEM, "%s can't be read: out of memory", b->path);
}

/* Copies TEXT unless it is NULL or empty. */
static int copy_text(const struct build *b, const char *text, char **out)
{
	if (!text || text[0] == '\0')
		return 0;
	*out = strdup(text);
	return *out ? 0 : out_of_memory(b);
}

static int copy_json(const struct build *b, struct json_object *obj, char **out)
{
	return copy_text(b, json_object_to_json_string_ext(obj, TO_TEXT), out);
}

static int read_version(struct build *b)
{
	const char *version = domlet_oci_text(b->config, "ociVersion");

	if (strncmp(version, "1.", 2) != 0 || version[2] < '0' || version[2] > '9')
		return domlet_error_set(b->err, ENOTSUP, "%s: ociVersion is \"%.64s\", but domlet knows 1.x only",
					b->path, version);
	return copy_text(b, version, &b->plan->oci_version);
}

static int read_rootfs(struct build *b)
{
	struct json_object *root = domlet_oci_member(b->config, "root");
	const char *path = domlet_oci_text(root, "path");
	cleanup_free char *joined = NULL;
	struct stat st;

	if (asprintf(&joined, "%s%s%s", path[0] == '/' ? "" : b->plan->bundle, path[0] == '/' ? "" : "/", path) < 0) {
		joined = NULL;
		return out_of_memory(b);
	}
	b->plan->rootfs = realpath(joined, NULL);
	if (!b->plan->rootfs || stat(b->plan->rootfs, &st) < 0)
		return domlet_error_set(b->err, errno, "the root file system %s can't be used: %s", joined,
					domlet_strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return domlet_error_set(b->err, ENOTDIR, "the root file system %s can't be used: it is no directory",
					joined);
	b->plan->root_readonly = json_object_get_boolean(domlet_oci_member(root, "readonly"));
	return 0;
}

static int read_process(struct build *b)
{
	struct json_object *process = domlet_oci_member(b->config, "process");
	struct json_object *args = domlet_oci_member(process, "args"), *size = domlet_oci_member(process, "consoleSize");
	const char *cwd = domlet_oci_text(process, "cwd");
	const char *command;

	if (json_object_array_length(args) == 0)
		return domlet_error_set(b->err, EINVAL, "%s: process.args is empty; it must name a command", b->path);
	command = json_object_get_string(json_object_array_get_idx(args, 0));
	if (command[0] == '\0')
		return domlet_error_set(b->err, EINVAL, "%s: process.args[0] is empty; it must name a command", b->path);
	if (cwd[0] != '/')
		return domlet_error_set(b->err, EINVAL, "%s: process.cwd is \"%s\", but must be an absolute path",
					b->path, cwd);
	b->plan->terminal = json_object_get_boolean(domlet_oci_member(process, "terminal"));
	b->plan->console_rows = (uint16_t)json_object_get_int(domlet_oci_member(size, "height"));
	b->plan->console_cols = (uint16_t)json_object_get_int(domlet_oci_member(size, "width"));
	return copy_text(b, command, &b->plan->argv0);
}

static int read_namespaces(struct build *b)
{
	return domlet_plan_namespaces(b->config, b->path, b->plan, b->err);
}

static int read_annotations(struct build *b)
{
	struct json_object *annotations = domlet_oci_member(b->config, "annotations");

	return annotations ? copy_json(b, annotations, &b->plan->annotations) :
			     copy_text(b, "{}", &b->plan->annotations);
}

static int read_ask(struct build *b)
{
	return domlet_ask_read(b->config, b->path, &b->plan->ask, b->err);
}

/* What runs in the container's namespaces has its process's environment, unless
 * it has one of its own: runc's rule. The others have the runtime's. */
static void give_environment(struct build *b, struct json_object *hooks)
{
	struct json_object *env = domlet_oci_member(domlet_oci_member(b->config, "process"), "env");

	for (size_t i = 0; hooks && i < json_object_array_length(hooks); i++) {
		struct json_object *hook = json_object_array_get_idx(hooks, i);

		if (!domlet_oci_member(hook, "env"))
			json_object_object_add(hook, "env", env ? json_object_get(env) : json_object_new_array());
	}
}

static int read_labels(struct build *b)
{
	return domlet_oci_labels(domlet_oci_member(b->config, "process"), domlet_oci_member(b->config, "linux"),
				 b->path, &b->plan->labels, b->err);
}

static int read_hooks(struct build *b)
{
	struct json_object *hooks = domlet_oci_member(b->config, "hooks");

	give_environment(b, domlet_oci_member(hooks, "createContainer"));
	return hooks && json_object_object_length(hooks) > 0 ? copy_json(b, hooks, &b->plan->hooks) : 0;
}

static int read_sysctls(struct build *b)
{
	return domlet_sysctl_check(b->config, b->path, b->err);
}

static int read_cgroup(struct build *b)
{
	return copy_text(b, domlet_oci_text(domlet_oci_member(b->config, "linux"), "cgroupsPath"),
			 &b->plan->cgroups_path);
}

static struct json_object *plan_root(void)
{
	struct json_object *root = json_object_new_object();

	json_object_object_add(root, "via", json_object_new_string("vbd"));
	json_object_object_add(root, "device", json_object_new_string("/dev/xvda"));
	json_object_object_add(root, "type", json_object_new_string("erofs"));
	/* For a read-only root too: mount points must be made first. */
	json_object_object_add(root, "overlay", json_object_new_boolean(1));
	return root;
}

/* What hooks in the guest read, but for status and pid, which it knows. The
 * bundle's path says nothing there: what a hook can find of it is the
 * container's own root. */
static struct json_object *plan_state(const struct build *b)
{
	struct json_object *state = json_object_new_object();

	json_object_object_add(state, "ociVersion", json_object_new_string(b->plan->oci_version));
	json_object_object_add(state, "id", json_object_new_string(b->plan->id));
	json_object_object_add(state, "bundle", json_object_new_string("/"));
	if (domlet_oci_member(b->config, "annotations"))
		json_object_object_add(state, "annotations",
				       json_object_get(domlet_oci_member(b->config, "annotations")));
	return state;
}

static int build_document(struct build *b)
{
	struct json_object *document, *plan, *mounts = NULL;
	int r = domlet_plan_mounts(b->config, b->plan->bundle, &mounts, b->err);

	if (r < 0)
		return r;
	plan = json_object_new_object();
	if (domlet_oci_member(domlet_oci_member(b->config, "hooks"), "startContainer"))
		json_object_object_add(plan, "state", plan_state(b));
	domlet_guest_config_keep(b->config);
	if (b->stdio)
		domlet_oci_process_set_stdio(domlet_oci_member(b->config, "process"), b->stdio);
	json_object_object_add(plan, "root", plan_root());
	json_object_object_add(plan, "mounts", mounts);
	document = json_object_new_object();
	json_object_object_add(document, "oci", json_object_get(b->config));
	json_object_object_add(document, "plan", plan);
	r = copy_json(b, document, &b->plan->document);
	json_object_put(document);
	if (r < 0)
		return r;
	b->plan->document_len = strlen(b->plan->document);
	if (b->plan->document_len > DOMLET_CONFIG_MAX)
		return domlet_error_set(
			b->err, EFBIG,
			"%s and the files its mounts name are too large together: %zu bytes for the guest, %u are possible",
			b->path, b->plan->document_len, DOMLET_CONFIG_MAX);
	domlet_sha256(b->plan->document, b->plan->document_len, b->plan->sha256);
	return 0;
}

static int build_plan(struct build *b)
{
	static int (*const steps[])(struct build *) = {
		read_version, read_rootfs, read_process, read_namespaces, read_annotations, read_ask,
		read_labels,  read_hooks,  read_sysctls, read_cgroup,     build_document, /* takes out of the configuration what isn't the guest's */
	};

	domlet_plan_domain(b->config, b->plan);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r = steps[i](b);

		if (r < 0)
			return r;
	}
	return 0;
}

/* TEXT is the configuration, or NULL: read the bundle's. */
static int plan_config(const char *bundle, const char *id, const char *const *stdio, const char *text, size_t len,
		       struct domlet_plan *plan, struct domlet_error *err)
{
	cleanup_free char *path = NULL;
	struct build b = { .plan = plan, .stdio = stdio, .err = err };
	int r;

	*plan = (struct domlet_plan){ 0 };
	r = domlet_id_check(id, err);
	if (r < 0)
		return r;
	plan->id = strdup(id);
	plan->bundle = realpath(bundle, NULL);
	if (!plan->bundle)
		r = domlet_error_set(err, errno, "the bundle %s can't be used: %s", bundle, domlet_strerror(errno));
	else if (!plan->id || asprintf(&path, "%s/config.json", plan->bundle) < 0) {
		path = NULL;
		r = domlet_error_set(err, ENOMEM, "the bundle %s can't be read: out of memory", bundle);
	}
	if (r == 0)
		r = text ? domlet_oci_parse(text, len, path, &b.config, err) : domlet_oci_load(path, &b.config, err);
	if (r == 0) {
		b.path = path;
		r = build_plan(&b);
		json_object_put(b.config);
	}
	if (r < 0)
		domlet_plan_free(plan);
	return r;
}

int domlet_plan_read(const char *bundle, const char *id, struct domlet_plan *plan, struct domlet_error *err)
{
	return plan_config(bundle, id, NULL, NULL, 0, plan, err);
}

int domlet_plan_read_for(const char *bundle, const char *id, const char *const stdio[3], struct domlet_plan *plan,
			 struct domlet_error *err)
{
	return plan_config(bundle, id, stdio, NULL, 0, plan, err);
}

int domlet_plan_parse(const char *bundle, const char *id, const char *text, size_t len, struct domlet_plan *plan,
		      struct domlet_error *err)
{
	return plan_config(bundle, id, NULL, text, len, plan, err);
}
