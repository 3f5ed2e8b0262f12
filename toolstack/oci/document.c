/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../frontend/proto/limits.h"
#include "../../frontend/proto/sha256.h"
#include "../base/cleanup.h"
#include "../base/error.h"
#include "base64.h"
#include "guest-config.h"
#include "member.h"
#include "plan.h"
#include "process.h"

static void add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

/* What hooks in the guest read, but for status and pid, which it knows. The
 * bundle's path says nothing there: what a hook can find of it is the
 * container's own root. */
static struct json_object *state_of(const struct domlet_plan *plan)
{
	struct json_object *annotations = domlet_oci_member(plan->config, "annotations");
	struct json_object *state = json_object_new_object();

	json_object_object_add(state, "ociVersion", json_object_new_string(plan->oci_version));
	json_object_object_add(state, "id", json_object_new_string(plan->id));
	json_object_object_add(state, "bundle", json_object_new_string("/"));
	if (annotations)
		json_object_object_add(state, "annotations", json_object_get(annotations));
	return state;
}

static struct json_object *root_of(const struct domlet_plan_root *plan)
{
	struct json_object *root = json_object_new_object();
	char device[64];

	if (plan->way == DOMLET_PLAN_ROOT_IMAGE) {
		(void)snprintf(device, sizeof(device), "/dev/%s", plan->device);
		add_text(root, "via", "vbd");
		add_text(root, "device", device);
		add_text(root, "type", "erofs");
	} else {
		add_text(root, "via", "live");
		json_object_object_add(root, "export", json_object_new_int64(plan->export));
	}
	json_object_object_add(root, "overlay", json_object_new_boolean(plan->way != DOMLET_PLAN_ROOT_LIVE));
	return root;
}

static struct json_object *array_of(const char *options)
{
	struct json_object *array = json_object_new_array();

	while (*options) {
		size_t len = strcspn(options, ",");

		json_object_array_add(array, json_object_new_string_len(options, (int)len));
		options += len + (options[len] == ',');
	}
	return array;
}

/* The guest takes options and source from the configuration's own mount; those
 * of a bind that became a file system of the guest's would mislead it there. */
static void replace_bind(const struct domlet_plan_mount *m, struct json_object *configured)
{
	json_object_object_del(configured, "source"); /* the host's path is none of the guest's business */
	if (m->way != DOMLET_PLAN_MOUNT_GUEST)
		return;
	json_object_object_add(configured, "options", array_of(m->options));
	if (m->source)
		add_text(configured, "source", m->source);
}

static void add_owner(const struct domlet_plan_mount *m, struct json_object *out)
{
	json_object_object_add(out, "mode", json_object_new_int((int)m->mode));
	json_object_object_add(out, "uid", json_object_new_int64(m->uid));
	json_object_object_add(out, "gid", json_object_new_int64(m->gid));
}

static int add_content(struct domlet_plan_mount *m, struct json_object *out, struct domlet_error *err)
{
	cleanup_free char *text = domlet_base64_encode(m->content, m->content_len);

	if (!text)
		return domlet_error_set(err, ENOMEM, "the file for %s can't be encoded: out of memory", m->destination);
	free(m->content);
	m->content = NULL;
	add_text(out, "content", text);
	return 0;
}

static int add_mount(struct json_object *mounts, struct domlet_plan_mount *m, struct json_object *configured,
		     struct domlet_error *err)
{
	static const char *const ways[] = {
		[DOMLET_PLAN_MOUNT_GUEST] = "guest", [DOMLET_PLAN_MOUNT_COPY] = "copy",
		[DOMLET_PLAN_MOUNT_LIVE] = "live",   [DOMLET_PLAN_MOUNT_SOCKET] = "socket",
		[DOMLET_PLAN_MOUNT_SKIP] = "skip",
	};
	struct json_object *out = json_object_new_object();
	int r = 0;

	json_object_array_add(mounts, out);
	add_text(out, "via", ways[m->way]);
	if (m->way == DOMLET_PLAN_MOUNT_GUEST && m->is_bind)
		add_text(out, "type", m->type);
	if (m->way == DOMLET_PLAN_MOUNT_LIVE)
		json_object_object_add(out, "export", json_object_new_int64(m->export));
	if (m->shared[0] != '\0')
		add_text(out, "shared", m->shared);
	if (m->is_bind)
		replace_bind(m, configured);
	if (m->way == DOMLET_PLAN_MOUNT_COPY)
		r = add_content(m, out, err);
	if (m->way == DOMLET_PLAN_MOUNT_SOCKET)
		json_object_object_add(out, "socket", json_object_new_int64(m->socket));
	if (m->way == DOMLET_PLAN_MOUNT_SOCKET && m->datagrams)
		json_object_object_add(out, "datagrams", json_object_new_boolean(true));
	if (m->way == DOMLET_PLAN_MOUNT_COPY || m->way == DOMLET_PLAN_MOUNT_SOCKET)
		add_owner(m, out);
	return r;
}

static void remove_namespace(struct json_object *list, const char *type)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (strcmp(domlet_oci_text(json_object_array_get_idx(list, i), "type"), type) == 0) {
			json_object_array_del_idx(list, i, 1);
			return;
		}
}

/* A namespace that is another container's is said by that one's number, and is none of the
 * container's own. A network namespace that is no container's is the proxy's in dom0, and in
 * the guest one like any other. */
static int add_joins(const struct domlet_plan *plan, struct json_object *part, struct domlet_error *err)
{
	struct json_object *join = json_object_new_object();
	struct json_object *list = domlet_oci_member(domlet_oci_member(plan->config, "linux"), "namespaces");

	json_object_object_add(part, "join", join);
	for (size_t i = 0; i < plan->join_count; i++) {
		const struct domlet_plan_join *j = &plan->joins[i];

		if (j->container >= 0) {
			json_object_object_add(join, j->type, json_object_new_int(j->container));
			remove_namespace(list, j->type);
		} else if (strcmp(j->type, "network") != 0) {
			return domlet_error_set(
				err, ENOTSUP,
				"the %s namespace %s can't be joined: it is none of a container that domlet runs",
				j->type, j->path);
		}
	}
	if (json_object_object_length(join) == 0)
		json_object_object_del(part, "join");
	return 0;
}

/* The document's object; NULL: ERR says why not. */
static struct json_object *compose(struct domlet_plan *plan, const char *const *stdio, struct domlet_error *err)
{
	struct json_object *config = plan->config, *configured = domlet_oci_member(config, "mounts");
	struct json_object *document = json_object_new_object(), *part = json_object_new_object();
	struct json_object *mounts = json_object_new_array();
	int r;

	json_object_object_add(document, "oci", json_object_get(config));
	json_object_object_add(document, "plan", part);
	if (domlet_oci_member(domlet_oci_member(config, "hooks"), "startContainer"))
		json_object_object_add(part, "state", state_of(plan));
	json_object_object_add(part, "root", root_of(&plan->root));
	json_object_object_add(part, "mounts", mounts);
	r = add_joins(plan, part, err);
	for (size_t i = 0; i < plan->mount_count && r == 0; i++)
		r = add_mount(mounts, &plan->mounts[i], json_object_array_get_idx(configured, i), err);
	domlet_guest_config_keep(config);
	if (stdio)
		domlet_oci_process_set_stdio(domlet_oci_member(config, "process"), stdio);
	if (r == 0)
		return document;
	json_object_put(document);
	return NULL;
}

int domlet_document_make(struct domlet_plan *plan, const char *const stdio[3], struct domlet_error *err)
{
	struct json_object *document = compose(plan, stdio, err);
	const char *text;

	if (!document)
		return -err->code;
	json_object_put(plan->config); /* the document has it, too */
	plan->config = NULL;
	text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	plan->document = text ? strdup(text) : NULL;
	json_object_put(document);
	if (!plan->document)
		return domlet_error_set(err, ENOMEM, "%s can't be read: out of memory", plan->config_path);
	plan->document_len = strlen(plan->document);
	if (plan->document_len > DOMLET_CONFIG_MAX)
		return domlet_error_set(
			err, EFBIG,
			"%s and the files its mounts name are too large together: %zu bytes for the guest, %u are possible",
			plan->config_path, plan->document_len, DOMLET_CONFIG_MAX);
	domlet_sha256(plan->document, plan->document_len, plan->sha256);
	return 0;
}
