/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_JSON_READ_H
#define DOMLET_INIT_JSON_READ_H

/*
 * Reading checked values out of a json-c object. A reader remembers the first
 * thing that was wrong, so that callers read all fields in a row and look
 * once. Strings belong to the JSON document; arrays are calloc()ed for the
 * caller. An absent key and null are the same: the default.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "failure.h"

struct domlet_reader {
	struct domlet_failure *failure;
	bool failed;
};

struct domlet_strings {
	char **item; /* NULL-terminated; NULL when count is 0 */
	uint32_t count;
};

/* Parses a whole document, nested at most 64 deep. NULL and *failure. */
struct json_object *domlet_read_document(const char *text, size_t len, struct domlet_failure *failure);

void domlet_read_fail(struct domlet_reader *r, const char *key, const char *what);
struct json_object *domlet_read_object(struct domlet_reader *r, struct json_object *in, const char *key);
struct json_object *domlet_read_array(struct domlet_reader *r, struct json_object *in, const char *key, uint32_t max,
				      uint32_t *count);
const char *domlet_read_string(struct domlet_reader *r, struct json_object *in, const char *key, const char *otherwise);
bool domlet_read_bool(struct domlet_reader *r, struct json_object *in, const char *key);
int64_t domlet_read_int(struct domlet_reader *r, struct json_object *in, const char *key, int64_t min, int64_t max,
			int64_t otherwise);
bool domlet_read_has(struct json_object *in, const char *key);
/* An array of strings, at most MAX; the caller frees out->item. */
void domlet_read_strings(struct domlet_reader *r, struct json_object *in, const char *key, uint32_t max,
			 struct domlet_strings *out);
/* The string an array element is; NULL (and failed) if it isn't one. */
const char *domlet_read_text(struct domlet_reader *r, struct json_object *value, const char *key);

#endif
