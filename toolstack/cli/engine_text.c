/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_text.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"

#define BLOCK_BEGIN "# domlet: begin (written by \"domlet install\", taken out by \"domlet uninstall\")\n"
#define BLOCK_END "# domlet: end\n"
/* What containerd's file gets besides the block when there was none. */
#define CONTAINERD_HEAD "version = 2\n"

static int no_memory(struct domlet_error *err)
{
	return domlet_error_set(err, ENOMEM, "out of memory");
}

static int parse_json(const char *text, struct json_object **root, struct domlet_error *err)
{
	struct json_tokener *t = json_tokener_new();

	if (!t)
		return no_memory(err);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT);
	/* With the NUL, so that a number at the end is complete. */
	*root = json_tokener_parse_ex(t, text, (int)strlen(text) + 1);
	if (json_tokener_get_error(t) != json_tokener_success)
		(void)domlet_error_set(err, EINVAL, "it is no JSON: %s at byte %zu",
				       json_tokener_error_desc(json_tokener_get_error(t)), json_tokener_get_parse_end(t));
	else if (!json_object_is_type(*root, json_type_object))
		(void)domlet_error_set(err, EINVAL, "it is no JSON object");
	json_tokener_free(t);
	if (!err->code)
		return 0;
	json_object_put(*root);
	*root = NULL;
	return -err->code;
}

/* NULL: none; the error is set when it is there and no object. */
static struct json_object *child_object(struct json_object *parent, const char *key, struct domlet_error *err)
{
	struct json_object *child;

	if (!json_object_object_get_ex(parent, key, &child))
		return NULL;
	if (json_object_is_type(child, json_type_object))
		return child;
	(void)domlet_error_set(err, EINVAL, "\"%s\" in it is no object", key);
	return NULL;
}

static struct json_object *need_object(struct json_object *parent, const char *key, struct domlet_error *err)
{
	struct json_object *child = child_object(parent, key, err);

	if (child || err->code)
		return child;
	child = json_object_new_object();
	if (!child || json_object_object_add(parent, key, child)) {
		json_object_put(child);
		(void)no_memory(err);
		return NULL;
	}
	return child;
}

static int json_put_in(struct json_object *root, const char *program, struct domlet_error *err)
{
	struct json_object *runtimes = need_object(root, "runtimes", err);
	struct json_object *own = runtimes ? need_object(runtimes, "domlet", err) : NULL;
	struct json_object *path;

	if (!own)
		return -err->code;
	path = json_object_new_string(program);
	if (path && json_object_object_add(own, "path", path) == 0)
		return 0;
	json_object_put(path);
	return no_memory(err);
}

static int json_take_out(struct json_object *root, struct domlet_error *err)
{
	struct json_object *runtimes = child_object(root, "runtimes", err), *chosen;

	if (!runtimes)
		return -err->code;
	if (json_object_object_get_ex(root, "default-runtime", &chosen) &&
	    !strcmp(json_object_get_string(chosen) ?: "", "domlet"))
		return domlet_error_set(err, EBUSY, "\"default-runtime\" in it is domlet: choose another first");
	json_object_object_del(runtimes, "domlet");
	if (json_object_object_length(runtimes) == 0)
		json_object_object_del(root, "runtimes");
	return 0;
}

static int edit_json(const char *old, const char *program, char **new, struct domlet_error *err)
{
	struct json_object *root = NULL;
	const char *text;
	int r = parse_json(old ? old : "{}", &root, err);

	if (r < 0)
		return r;
	r = program ? json_put_in(root, program, err) : json_take_out(root, err);
	if (r == 0 && json_object_object_length(root) > 0) {
		text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
							    JSON_C_TO_STRING_NOSLASHESCAPE);
		if (!text || asprintf(new, "%s\n", text) < 0) {
			*new = NULL;
			r = no_memory(err);
		}
	}
	json_object_put(root);
	return r;
}

/* The lines of our block in TEXT; *LEN is 0 when there is none. */
static int find_block(const char *text, const char **start, size_t *len, struct domlet_error *err)
{
	const char *end;

	*len = 0;
	*start = strstr(text, BLOCK_BEGIN);
	if (!*start)
		return 0;
	end = strstr(*start, BLOCK_END);
	if (!end || strstr(*start + 1, BLOCK_BEGIN))
		return domlet_error_set(err, EINVAL, "domlet's block in it is damaged: take it out by hand");
	*len = (size_t)(end - *start) + strlen(BLOCK_END);
	return 0;
}

static int print_block(enum domlet_engine_kind kind, const char *program, char **block)
{
	if (kind == DOMLET_ENGINE_PODMAN) /* the list replaces podman's own, so it names podman's, too */
		return asprintf(block,
				BLOCK_BEGIN "[engine]\n"
					    "runtime_supports_json = [\"crun\", \"runc\", \"kata\", \"runsc\", \"krun\", \"domlet\"]\n"
					    "[engine.runtimes]\n"
					    "domlet = [\"%s\"]\n" BLOCK_END,
				program);
	return asprintf(block,
			BLOCK_BEGIN "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.domlet]\n"
				    "  runtime_type = \"io.containerd.runc.v2\"\n"
				    "  privileged_without_host_devices = true\n"
				    "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.domlet.options]\n"
				    "  BinaryName = \"%s\"\n" BLOCK_END,
			program);
}

static bool ends_with(const char *text, size_t len, const char *end)
{
	return len >= strlen(end) && !memcmp(text + len - strlen(end), end, strlen(end));
}

static int edit_block(enum domlet_engine_kind kind, const char *old, const char *program, char **new,
		      struct domlet_error *err)
{
	const char *head = kind == DOMLET_ENGINE_CONTAINERD ? CONTAINERD_HEAD : "";
	cleanup_free char *block = NULL;
	const char *start, *rest, *gap = "";
	size_t len, before;

	if (find_block(old ? old : "", &start, &len, err) < 0)
		return -err->code;
	if (!old && !program)
		return 0;
	if (!old)
		old = head;
	before = len ? (size_t)(start - old) : strlen(old);
	rest = old + before + len;
	if (program && print_block(kind, program, &block) < 0) {
		block = NULL;
		return no_memory(err);
	}
	/* An empty line stands between other text and the block. */
	if (program && !len && before)
		gap = ends_with(old, before, "\n") ? "\n" : "\n\n";
	else if (!program && len && ends_with(old, before, "\n\n"))
		before--;
	if (asprintf(new, "%.*s%s%s%s", (int)before, old, gap, block ? block : "", rest) < 0) {
		*new = NULL;
		return no_memory(err);
	}
	if (!program && len && !strcmp(*new, head)) {
		free(*new);
		*new = NULL;
	}
	return 0;
}

int domlet_engine_text_edit(enum domlet_engine_kind kind, const char *old, const char *program, char **new,
			    struct domlet_error *err)
{
	*new = NULL;
	*err = (struct domlet_error){ 0 };
	/* The same in JSON's and TOML's strings only without these. */
	for (const char *p = program; p && *p; p++)
		if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
			return domlet_error_set(err, EINVAL, "domlet's own path has a character that can't be written there");
	if (kind == DOMLET_ENGINE_DOCKER)
		return edit_json(old, program, new, err);
	return edit_block(kind, old, program, new, err);
}

static bool find_in_json(const char *text, char *program, size_t size)
{
	struct domlet_error ignored = { 0 };
	struct json_object *root = NULL, *at;
	bool found;

	if (parse_json(text, &root, &ignored) < 0)
		return false;
	found = (at = child_object(root, "runtimes", &ignored)) && (at = child_object(at, "domlet", &ignored));
	if (found)
		(void)snprintf(program, size, "%s", json_object_object_get_ex(at, "path", &at) ?
				       json_object_get_string(at) ?: "" : "");
	json_object_put(root);
	return found;
}

bool domlet_engine_text_find(enum domlet_engine_kind kind, const char *text, char *program, size_t size)
{
	const char *key = kind == DOMLET_ENGINE_PODMAN ? "\ndomlet = [\"" : "BinaryName = \"";
	struct domlet_error ignored = { 0 };
	const char *at;
	size_t len;

	if (kind == DOMLET_ENGINE_DOCKER)
		return find_in_json(text, program, size);
	if (find_block(text, &at, &len, &ignored) < 0 || len == 0)
		return false;
	at = strstr(at, key);
	if (!at)
		return false;
	at += strlen(key);
	(void)snprintf(program, size, "%.*s", (int)strcspn(at, "\"\n"), at);
	return true;
}
