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
				       json_tokener_error_desc(json_tokener_get_error(t)),
				       json_tokener_get_parse_end(t));
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

static struct json_object *array_item(struct json_object *array, size_t i)
{
	return json_object_is_type(array, json_type_array) && i < json_object_array_length(array) ?
		       json_object_array_get_idx(array, i) :
		       NULL;
}

/* The template that runtimeArgs names, NULL: none. */
static const char *template_of(struct json_object *own)
{
	struct json_object *arguments, *item;

	if (!json_object_object_get_ex(own, "runtimeArgs", &arguments))
		return NULL;
	for (size_t i = 0; (item = array_item(arguments, i)); i++)
		if (!strcmp(json_object_get_string(item), "--template") && (item = array_item(arguments, i + 1)))
			return json_object_get_string(item);
	return NULL;
}

/* What else an administrator has put there stays. */
static int put_template(struct json_object *own, const char *name, struct domlet_error *err)
{
	struct json_object *arguments;

	if (!name || !strcmp(template_of(own) ?: "", name))
		return 0;
	arguments = json_object_new_array();
	if (arguments && json_object_array_add(arguments, json_object_new_string("--template")) == 0 &&
	    json_object_array_add(arguments, json_object_new_string(name)) == 0 &&
	    json_object_object_add(own, "runtimeArgs", arguments) == 0)
		return 0;
	json_object_put(arguments);
	return no_memory(err);
}

static int json_put_in(struct json_object *root, const struct domlet_engine_runtime *runtime, struct domlet_error *err)
{
	struct json_object *runtimes = need_object(root, "runtimes", err);
	struct json_object *own = runtimes ? need_object(runtimes, runtime->name, err) : NULL;
	struct json_object *path;

	if (!own)
		return -err->code;
	path = json_object_new_string(runtime->program);
	if (path && json_object_object_add(own, "path", path) == 0)
		return put_template(own, runtime->template_name, err);
	json_object_put(path);
	return no_memory(err);
}

static int json_take_out(struct json_object *root, const char *name, struct domlet_error *err)
{
	struct json_object *runtimes = child_object(root, "runtimes", err), *chosen;

	if (!runtimes)
		return -err->code;
	if (json_object_object_get_ex(root, "default-runtime", &chosen) &&
	    !strcmp(json_object_get_string(chosen) ?: "", name))
		return domlet_error_set(err, EBUSY, "\"default-runtime\" in it is %s: choose another first", name);
	json_object_object_del(runtimes, name);
	if (json_object_object_length(runtimes) == 0)
		json_object_object_del(root, "runtimes");
	return 0;
}

static int edit_json(const char *old, const struct domlet_engine_runtime *runtime, bool put_in, char **new,
		     struct domlet_error *err)
{
	struct json_object *root = NULL;
	const char *text;
	int r = parse_json(old ? old : "{}", &root, err);

	if (r < 0)
		return r;
	r = put_in ? json_put_in(root, runtime, err) : json_take_out(root, runtime->name, err);
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

static bool is_ours(const char *name)
{
	return !strcmp(name, "domlet") || !strncmp(name, "domlet-", strlen("domlet-"));
}

/* The entries of a block, by name; owned. */
struct entry {
	char *name, *program;
};

struct entries {
	struct entry *list;
	size_t count;
};

static void free_entries(struct entries *e)
{
	for (size_t i = 0; i < e->count; i++) {
		free(e->list[i].name);
		free(e->list[i].program);
	}
	free(e->list);
	*e = (struct entries){ 0 };
}

/* At its place where there is one of that name, else at the end. */
static int put_entry(struct entries *e, const char *name, const char *program)
{
	struct entry *list;
	char *copy = strdup(program);

	for (size_t i = 0; copy && i < e->count; i++)
		if (!strcmp(e->list[i].name, name)) {
			free(e->list[i].program);
			e->list[i].program = copy;
			return 0;
		}
	list = copy ? reallocarray(e->list, e->count + 1, sizeof(*list)) : NULL;
	if (list) {
		e->list = list;
		list[e->count] = (struct entry){ .name = strdup(name), .program = copy };
		if (list[e->count].name) {
			e->count++;
			return 0;
		}
	}
	free(copy);
	return -ENOMEM;
}

static void take_entry(struct entries *e, const char *name)
{
	for (size_t i = 0; i < e->count; i++)
		if (!strcmp(e->list[i].name, name)) {
			free(e->list[i].name);
			free(e->list[i].program);
			memmove(&e->list[i], &e->list[i + 1], (e->count - i - 1) * sizeof(*e->list));
			e->count--;
			return;
		}
}

#define CONTAINERD_TABLE "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes."
#define NAME_FORMAT "%255[A-Za-z0-9_-]"
#define PROGRAM_FORMAT "%4095[^\"\n]"

/* Of the LEN bytes of our block at TEXT. */
static int read_entries(enum domlet_engine_kind kind, const char *text, size_t len, struct entries *e)
{
	char name[256], program[4096];
	const char *format = kind == DOMLET_ENGINE_PODMAN ? NAME_FORMAT " = [\"" PROGRAM_FORMAT "\"]" :
							    CONTAINERD_TABLE NAME_FORMAT
				     ".options] BinaryName = \"" PROGRAM_FORMAT "\"";

	for (const char *line = text; line && line < text + len; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, format, name, program) == 2 && is_ours(name) && put_entry(e, name, program) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void print_podman(FILE *out, const struct entries *e)
{
	/* The list replaces podman's own, so it names podman's, too. */
	fputs("[engine]\nruntime_supports_json = [\"crun\", \"runc\", \"kata\", \"runsc\", \"krun\"", out);
	for (size_t i = 0; i < e->count; i++)
		fprintf(out, ", \"%s\"", e->list[i].name);
	fputs("]\n[engine.runtimes]\n", out);
	for (size_t i = 0; i < e->count; i++)
		fprintf(out, "%s = [\"%s\"]\n", e->list[i].name, e->list[i].program);
}

static void print_containerd(FILE *out, const struct entries *e)
{
	for (size_t i = 0; i < e->count; i++)
		fprintf(out,
			CONTAINERD_TABLE "%s]\n"
					 "  runtime_type = \"io.containerd.runc.v2\"\n"
					 "  privileged_without_host_devices = true\n" CONTAINERD_TABLE "%s.options]\n"
					 "  BinaryName = \"%s\"\n",
			e->list[i].name, e->list[i].name, e->list[i].program);
}

/* NULL: out of memory. Nothing is in a block without entries. */
static char *print_block(enum domlet_engine_kind kind, const struct entries *e)
{
	char *block = NULL;
	size_t len;
	FILE *out = open_memstream(&block, &len);

	if (!out)
		return NULL;
	if (e->count) {
		fputs(BLOCK_BEGIN, out);
		(kind == DOMLET_ENGINE_PODMAN ? print_podman : print_containerd)(out, e);
		fputs(BLOCK_END, out);
	}
	if (fclose(out) == 0)
		return block;
	free(block);
	return NULL;
}

/* The new block, "" when none stays; NULL: out of memory. */
static char *change_block(enum domlet_engine_kind kind, const char *block, size_t len,
			  const struct domlet_engine_runtime *runtime, bool put_in)
{
	struct entries entries = { 0 };
	int r = read_entries(kind, block, len, &entries);
	char *new;

	if (r == 0 && put_in)
		r = put_entry(&entries, runtime->name, runtime->program);
	else if (r == 0)
		take_entry(&entries, runtime->name);
	new = r == 0 ? print_block(kind, &entries) : NULL;
	free_entries(&entries);
	return new;
}

static bool ends_with(const char *text, size_t len, const char *end)
{
	return len >= strlen(end) && !memcmp(text + len - strlen(end), end, strlen(end));
}

static int edit_block(enum domlet_engine_kind kind, const char *old, const struct domlet_engine_runtime *runtime,
		      bool put_in, char **new, struct domlet_error *err)
{
	const char *head = kind == DOMLET_ENGINE_CONTAINERD ? CONTAINERD_HEAD : "";
	cleanup_free char *block = NULL;
	const char *start, *rest, *gap = "";
	size_t len, before;

	if (find_block(old ? old : "", &start, &len, err) < 0)
		return -err->code;
	if (!old && !put_in)
		return 0;
	block = change_block(kind, start, len, runtime, put_in);
	if (!block)
		return no_memory(err);
	if (!old)
		old = head;
	before = len ? (size_t)(start - old) : strlen(old);
	rest = old + before + len;
	/* An empty line stands between other text and the block. */
	if (block[0] && !len && before)
		gap = ends_with(old, before, "\n") ? "\n" : "\n\n";
	else if (!block[0] && len && ends_with(old, before, "\n\n"))
		before--;
	if (asprintf(new, "%.*s%s%s%s", (int)before, old, gap, block, rest) < 0) {
		*new = NULL;
		return no_memory(err);
	}
	if (!block[0] && len && !strcmp(*new, head)) {
		free(*new);
		*new = NULL;
	}
	return 0;
}

int domlet_engine_text_edit(enum domlet_engine_kind kind, const char *old, const struct domlet_engine_runtime *runtime,
			    bool put_in, char **new, struct domlet_error *err)
{
	*new = NULL;
	*err = (struct domlet_error){ 0 };
	/* The same in JSON's and TOML's strings only without these. */
	for (const char *p = put_in ? runtime->program : ""; *p; p++)
		if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
			return domlet_error_set(err, EINVAL,
						"domlet's own path has a character that can't be written there");
	if (kind == DOMLET_ENGINE_DOCKER)
		return edit_json(old, runtime, put_in, new, err);
	return edit_block(kind, old, runtime, put_in, new, err);
}

typedef void each_fn(const struct domlet_engine_runtime *runtime, void *arg);

static unsigned int each_in_json(const char *text, each_fn *cb, void *arg)
{
	struct domlet_error ignored = { 0 };
	struct json_object *root = NULL, *runtimes, *path;
	unsigned int count = 0;

	if (parse_json(text, &root, &ignored) < 0)
		return 0;
	runtimes = child_object(root, "runtimes", &ignored);
	if (runtimes) {
		json_object_object_foreach(runtimes, name, own)
		{
			if (!is_ours(name) || !json_object_is_type(own, json_type_object))
				continue;
			cb(&(struct domlet_engine_runtime){ .name = name,
							    .program = json_object_object_get_ex(own, "path", &path) ?
									       json_object_get_string(path) ?: "" :
									       "",
							    .template_name = template_of(own) },
			   arg);
			count++;
		}
	}
	json_object_put(root);
	return count;
}

unsigned int domlet_engine_text_each(enum domlet_engine_kind kind, const char *text, each_fn *cb, void *arg)
{
	struct domlet_error ignored = { 0 };
	struct entries entries = { 0 };
	unsigned int count = 0;
	const char *at;
	size_t len;

	if (kind == DOMLET_ENGINE_DOCKER)
		return each_in_json(text, cb, arg);
	if (find_block(text, &at, &len, &ignored) < 0 || len == 0)
		return 0;
	if (read_entries(kind, at, len, &entries) == 0)
		for (; count < entries.count; count++)
			cb(&(struct domlet_engine_runtime){ .name = entries.list[count].name,
							    .program = entries.list[count].program },
			   arg);
	free_entries(&entries);
	return count;
}
