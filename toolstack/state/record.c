/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "../base/error.h"

/* This is raised when an older domlet could misread a newer record. */
#define RECORD_VERSION 2

enum record_kind {
	KIND_OWNED,
	KIND_LATER, /* as KIND_OWNED, but unknown to older records */
	KIND_FLAG,  /* unknown to older records, too */
	KIND_TEXT,
	KIND_U32,
	KIND_PID,
	KIND_U64
};

struct record_field {
	const char *key;
	enum record_kind kind;
	size_t offset;
	size_t size; /* of the array of KIND_TEXT */
};

#define AT(member) offsetof(struct domlet_state, member)
#define TEXT(key, member)                                                              \
	{                                                                              \
		key, KIND_TEXT, AT(member), sizeof(((struct domlet_state *)0)->member) \
	}

static const struct record_field record_fields[] = {
	{ "bundle", KIND_OWNED, AT(bundle), 0 },
	{ "rootfs", KIND_OWNED, AT(rootfs), 0 },
	{ "annotations", KIND_OWNED, AT(annotations), 0 },
	{ "ociVersion", KIND_OWNED, AT(oci_version), 0 },
	{ "cgroup", KIND_OWNED, AT(cgroup), 0 },
	{ "cgroupKept", KIND_FLAG, AT(cgroup_kept), 0 },
	{ "hooks", KIND_OWNED, AT(hooks), 0 },
	{ "image", KIND_OWNED, AT(image), 0 },
	{ "proxyPid", KIND_PID, AT(proxy.pid), 0 },
	{ "proxyStart", KIND_U64, AT(proxy.start_ticks), 0 },
	{ "monitorPid", KIND_PID, AT(monitor.pid), 0 },
	{ "monitorStart", KIND_U64, AT(monitor.start_ticks), 0 },
	TEXT("domain", uuid),
	TEXT("type", type),
	{ "number", KIND_U32, AT(number), 0 },
	{ "generation", KIND_U64, AT(generation), 0 },
	TEXT("created", created),
	{ "exitCode", KIND_U32, AT(exit_code), 0 },
	{ "reason", KIND_LATER, AT(reason), 0 },
	{ "labels", KIND_LATER, AT(labels), 0 },
	{ "limits", KIND_LATER, AT(limits), 0 },
};
#define RECORD_FIELDS (sizeof(record_fields) / sizeof(record_fields[0]))

static const char *const status_names[] = {
	[DOMLET_STATUS_CREATING] = "creating", [DOMLET_STATUS_CREATED] = "created", [DOMLET_STATUS_RUNNING] = "running",
	[DOMLET_STATUS_PAUSED] = "paused",     [DOMLET_STATUS_STOPPED] = "stopped",
};

const char *domlet_status_name(enum domlet_status s)
{
	return (size_t)s < sizeof(status_names) / sizeof(status_names[0]) ? status_names[s] : "unknown";
}

void domlet_state_free(struct domlet_state *st)
{
	free(st->bundle);
	free(st->rootfs);
	free(st->annotations);
	free(st->oci_version);
	free(st->cgroup);
	free(st->hooks);
	free(st->image);
	free(st->labels);
	free(st->limits);
	free(st->reason);
	*st = (struct domlet_state){ 0 };
}

static struct json_object *field_value(const struct domlet_state *st, const struct record_field *f)
{
	const void *at = (const char *)st + f->offset;

	switch (f->kind) {
	case KIND_OWNED:
	case KIND_LATER: {
		const char *text = *(char *const *)at;

		return text ? json_object_new_string(text) : NULL;
	}
	case KIND_FLAG: return json_object_new_boolean(*(const bool *)at);
	case KIND_TEXT: return json_object_new_string(at);
	case KIND_U32: return json_object_new_int64(*(const uint32_t *)at);
	case KIND_PID: return json_object_new_int64(*(const pid_t *)at);
	case KIND_U64: return json_object_new_uint64(*(const uint64_t *)at);
	}
	return NULL;
}

char *domlet_record_text(const struct domlet_state *st)
{
	struct json_object *obj = json_object_new_object();
	const char *text;
	char *copy;

	if (!obj)
		return NULL;
	json_object_object_add(obj, "version", json_object_new_int(RECORD_VERSION));
	json_object_object_add(obj, "id", json_object_new_string(st->id));
	json_object_object_add(obj, "status", json_object_new_string(domlet_status_name(st->status)));
	for (size_t i = 0; i < RECORD_FIELDS; i++)
		json_object_object_add(obj, record_fields[i].key, field_value(st, &record_fields[i]));
	text = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	copy = text ? strdup(text) : NULL;
	json_object_put(obj);
	return copy;
}

static int damaged(const char *path, const char *key, struct domlet_error *err)
{
	return domlet_error_set(err, EUCLEAN,
				"%s is damaged at \"%s\"; the container can be removed with \"domlet delete --force\"",
				path, key);
}

static int take_string(const struct record_field *f, struct json_object *v, void *at)
{
	const char *text;
	size_t len;

	if (!json_object_is_type(v, json_type_string))
		return -EUCLEAN;
	text = json_object_get_string(v);
	len = (size_t)json_object_get_string_len(v);
	if (strlen(text) != len)
		return -EUCLEAN;
	if (f->kind == KIND_TEXT) {
		if (len >= f->size)
			return -EUCLEAN;
		memcpy(at, text, len + 1);
		return 0;
	}
	*(char **)at = strdup(text);
	return *(char **)at ? 0 : -ENOMEM;
}

static int take_number(const struct record_field *f, struct json_object *v, void *at)
{
	uint64_t n;

	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0)
		return -EUCLEAN;
	n = json_object_get_uint64(v);
	if ((f->kind == KIND_U32 && n > UINT32_MAX) || (f->kind == KIND_PID && n > INT_MAX))
		return -EUCLEAN;
	if (f->kind == KIND_U32)
		*(uint32_t *)at = (uint32_t)n;
	else if (f->kind == KIND_PID)
		*(pid_t *)at = (pid_t)n;
	else
		*(uint64_t *)at = n;
	return 0;
}

static int take_flag(struct json_object *v, void *at)
{
	if (!json_object_is_type(v, json_type_boolean))
		return -EUCLEAN;
	*(bool *)at = json_object_get_boolean(v);
	return 0;
}

static int take_field(const struct record_field *f, struct json_object *obj, struct domlet_state *st)
{
	void *at = (char *)st + f->offset;
	struct json_object *v;

	if (!json_object_object_get_ex(obj, f->key, &v))
		return f->kind == KIND_LATER || f->kind == KIND_FLAG ? 0 : -EUCLEAN;
	if (!v && (f->kind == KIND_OWNED || f->kind == KIND_LATER))
		return 0;
	if (f->kind == KIND_FLAG)
		return take_flag(v, at);
	return f->kind <= KIND_TEXT ? take_string(f, v, at) : take_number(f, v, at);
}

static int take_status(struct json_object *obj, struct domlet_state *st)
{
	struct json_object *v;
	const char *name;

	if (!json_object_object_get_ex(obj, "status", &v) || !json_object_is_type(v, json_type_string))
		return -EUCLEAN;
	name = json_object_get_string(v);
	for (int s = DOMLET_STATUS_CREATING; s <= DOMLET_STATUS_STOPPED; s++)
		if (strcmp(name, domlet_status_name((enum domlet_status)s)) == 0) {
			st->status = (enum domlet_status)s;
			return 0;
		}
	return -EUCLEAN;
}

static int take_all(struct json_object *obj, const char *path, struct domlet_state *st, struct domlet_error *err)
{
	struct json_object *v;

	if (!json_object_is_type(obj, json_type_object))
		return damaged(path, "", err);
	if (!json_object_object_get_ex(obj, "version", &v) || !json_object_is_type(v, json_type_int))
		return damaged(path, "version", err);
	if (json_object_get_int64(v) != RECORD_VERSION)
		return domlet_error_set(
			err, EPROTO,
			"%s has version %lld, but this domlet knows version %d: use the domlet that wrote it", path,
			(long long)json_object_get_int64(v), RECORD_VERSION);
	if (take_status(obj, st) < 0)
		return damaged(path, "status", err);
	for (size_t i = 0; i < RECORD_FIELDS; i++)
		if (take_field(&record_fields[i], obj, st) < 0)
			return damaged(path, record_fields[i].key, err);
	return 0;
}

int domlet_record_parse(const char *text, size_t len, const char *path, struct domlet_state *st,
			struct domlet_error *err)
{
	struct json_tokener *tok = json_tokener_new_ex(8);
	struct json_object *obj;
	int r;

	if (!tok)
		return domlet_error_set(err, ENOMEM, "%s can't be read: out of memory", path);
	obj = json_tokener_parse_ex(tok, text, (int)len);
	r = obj ? take_all(obj, path, st, err) : damaged(path, "", err);
	json_object_put(obj);
	json_tokener_free(tok);
	return r;
}
