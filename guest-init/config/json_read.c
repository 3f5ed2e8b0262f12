/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json_read.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { NESTING_MAX = 64 };

struct json_object *domlet_read_document(const char *text, size_t len, struct domlet_failure *failure)
{
	struct json_tokener *tok;
	struct json_object *root;
	enum json_tokener_error error;
	size_t end;

	if (len > INT_MAX) {
		(void)domlet_failure_set(failure, EMSGSIZE, "the configuration is too long");
		return NULL;
	}
	tok = json_tokener_new_ex(NESTING_MAX);
	if (!tok) {
		(void)domlet_failure_set(failure, ENOMEM, "no memory to read the configuration");
		return NULL;
	}
	root = json_tokener_parse_ex(tok, text, (int)len);
	error = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);
	while (end < len && strchr(" \t\r\n", text[end]) && text[end])
		end++;
	if (root && error == json_tokener_success && end == len && json_object_is_type(root, json_type_object))
		return root;
	if (root)
		json_object_put(root);
	(void)domlet_failure_set(failure, EBADMSG, "the configuration is not a JSON object: %s",
				 error == json_tokener_success ? "unexpected text" : json_tokener_error_desc(error));
	return NULL;
}

void domlet_read_fail(struct domlet_reader *r, const char *key, const char *what)
{
	if (r->failed)
		return;
	r->failed = true;
	(void)domlet_failure_set(r->failure, EINVAL, "configuration: %s %s", key, what);
}

static struct json_object *get(struct domlet_reader *r, struct json_object *in, const char *key, enum json_type type,
			       const char *what)
{
	struct json_object *value = NULL;

	if (!in || !json_object_object_get_ex(in, key, &value) || !value)
		return NULL;
	if (json_object_is_type(value, type))
		return value;
	domlet_read_fail(r, key, what);
	return NULL;
}

bool domlet_read_has(struct json_object *in, const char *key)
{
	struct json_object *value = NULL;

	return in && json_object_object_get_ex(in, key, &value) && value;
}

struct json_object *domlet_read_object(struct domlet_reader *r, struct json_object *in, const char *key)
{
	return get(r, in, key, json_type_object, "must be an object");
}

struct json_object *domlet_read_array(struct domlet_reader *r, struct json_object *in, const char *key, uint32_t max,
				      uint32_t *count)
{
	struct json_object *value = get(r, in, key, json_type_array, "must be an array");
	size_t len = value ? json_object_array_length(value) : 0;

	*count = 0;
	if (len > max) {
		domlet_read_fail(r, key, "has too many elements");
		return NULL;
	}
	*count = (uint32_t)len;
	return value;
}

const char *domlet_read_text(struct domlet_reader *r, struct json_object *value, const char *key)
{
	const char *text;

	if (!value || !json_object_is_type(value, json_type_string)) {
		domlet_read_fail(r, key, "must be a string");
		return NULL;
	}
	text = json_object_get_string(value);
	if (strlen(text) != (size_t)json_object_get_string_len(value)) {
		domlet_read_fail(r, key, "has a NUL byte in it");
		return NULL;
	}
	return text;
}

const char *domlet_read_string(struct domlet_reader *r, struct json_object *in, const char *key, const char *otherwise)
{
	struct json_object *value = get(r, in, key, json_type_string, "must be a string");
	const char *text = value ? domlet_read_text(r, value, key) : NULL;

	return text ? text : otherwise;
}

bool domlet_read_bool(struct domlet_reader *r, struct json_object *in, const char *key)
{
	struct json_object *value = get(r, in, key, json_type_boolean, "must be true or false");

	return value && json_object_get_boolean(value);
}

int64_t domlet_read_int(struct domlet_reader *r, struct json_object *in, const char *key, int64_t min, int64_t max,
			int64_t otherwise)
{
	struct json_object *value = get(r, in, key, json_type_int, "must be an integer");
	int64_t number;

	if (!value)
		return otherwise;
	number = json_object_get_int64(value);
	if (number >= min && number <= max)
		return number;
	domlet_read_fail(r, key, "is out of range");
	return otherwise;
}

void domlet_read_strings(struct domlet_reader *r, struct json_object *in, const char *key, uint32_t max,
			 struct domlet_strings *out)
{
	uint32_t count, i;
	struct json_object *array = domlet_read_array(r, in, key, max, &count);

	out->item = NULL;
	out->count = 0;
	if (!array || !count)
		return;
	out->item = calloc((size_t)count + 1, sizeof(*out->item));
	if (!out->item) {
		domlet_read_fail(r, key, "does not fit into memory");
		return;
	}
	for (i = 0; i < count; i++) {
		const char *text = domlet_read_text(r, json_object_array_get_idx(array, i), key);

		if (!text)
			return;
		out->item[i] = (char *)text; /* execve's types want no const */
	}
	out->count = count;
}
