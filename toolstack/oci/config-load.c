/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config-load.h"

#include <errno.h>
#include <string.h>

#include <json-c/json.h>

#include "../../frontend/proto/limits.h"
#include "../base/cleanup.h"
#include "../base/error.h"
#include "../base/file.h"

static int parse_failed(struct json_tokener *tok, const char *path, size_t len, struct domlet_error *err)
{
	enum json_tokener_error why = json_tokener_get_error(tok);
	size_t at = json_tokener_get_parse_end(tok);

	if (why == json_tokener_error_depth)
		return domlet_error_set(err, EINVAL, "%s is nested more than %d levels deep at byte %zu", path,
					DOMLET_OCI_DEPTH_MAX, at);
	if (why == json_tokener_continue)
		return domlet_error_set(err, EINVAL, "%s is cut off: its JSON isn't finished after %zu bytes", path,
					len);
	if (why == json_tokener_success)
		return domlet_error_set(err, EINVAL, "%s has something behind its JSON object, at byte %zu", path, at);
	return domlet_error_set(err, EINVAL, "%s isn't valid JSON at byte %zu: %s", path, at,
				json_tokener_error_desc(why));
}

static int parse(const char *text, size_t len, const char *path, struct json_object **config, struct domlet_error *err)
{
	struct json_tokener *tok = json_tokener_new_ex(DOMLET_OCI_DEPTH_MAX);
	struct json_object *obj;
	int r = 0;

	if (!tok)
		return domlet_error_set(err, ENOMEM, "%s can't be read: out of memory", path);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	obj = json_tokener_parse_ex(tok, text, (int)len);
	if (json_tokener_get_error(tok) != json_tokener_success || json_tokener_get_parse_end(tok) != len) {
		r = parse_failed(tok, path, len, err);
		json_object_put(obj);
		obj = NULL;
	}
	json_tokener_free(tok);
	*config = obj;
	return r;
}

static int parse_trimmed(const char *text, size_t len, const char *path, struct json_object **object,
			 struct domlet_error *err)
{
	*object = NULL;
	/* Go's encoder ends with a newline, which strict parsing refuses. */
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) && text[len - 1] != '\0')
		len--;
	if (len == 0)
		return domlet_error_set(err, EINVAL, "%s is empty", path);
	return parse(text, len, path, object, err);
}

int domlet_oci_parse(const char *text, size_t len, const char *path, struct json_object **config,
		     struct domlet_error *err)
{
	int r = parse_trimmed(text, len, path, config, err);

	if (r == 0)
		r = domlet_oci_check(*config, path, err);
	if (r < 0) {
		json_object_put(*config);
		*config = NULL;
	}
	return r;
}

int domlet_oci_load(const char *path, struct json_object **config, struct domlet_error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	*config = NULL;
	r = domlet_file_read(path, DOMLET_CONFIG_MAX, &text, &len, err);
	return r < 0 ? r : domlet_oci_parse(text, len, path, config, err);
}

/* What a configuration must have beside what is to be checked, so that one set of rules checks all. */
static struct json_object *frame(void)
{
	struct json_object *config = json_object_new_object(), *root = json_object_new_object();

	json_object_object_add(root, "path", json_object_new_string("rootfs"));
	json_object_object_add(config, "root", root);
	json_object_object_add(config, "ociVersion", json_object_new_string("1.0.2"));
	return config;
}

int domlet_oci_check_resources(struct json_object *resources, const char *what, struct domlet_error *err)
{
	struct json_object *config = frame(), *process = json_object_new_object(), *linux_ = json_object_new_object();
	int r;

	json_object_object_add(process, "args", json_object_new_array());
	json_object_object_add(process, "cwd", json_object_new_string("/"));
	json_object_object_add(config, "process", process);
	json_object_object_add(linux_, "resources", json_object_get(resources));
	json_object_object_add(config, "linux", linux_);
	r = domlet_oci_check(config, what, err);
	json_object_put(config);
	return r;
}

int domlet_oci_load_resources(const char *path, struct json_object **resources, struct domlet_error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	*resources = NULL;
	r = domlet_file_read_or_pipe(path, DOMLET_CONFIG_MAX, &text, &len, err);
	if (r == 0)
		r = parse_trimmed(text, len, path, resources, err);
	if (r == 0)
		r = domlet_oci_check_resources(*resources, path, err);
	if (r < 0) {
		json_object_put(*resources);
		*resources = NULL;
	}
	return r;
}

int domlet_oci_load_process(const char *path, struct json_object **process, struct domlet_error *err)
{
	struct json_object *config;
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	*process = NULL;
	r = domlet_file_read_or_pipe(path, DOMLET_CONFIG_MAX, &text, &len, err);
	if (r == 0)
		r = parse_trimmed(text, len, path, process, err);
	if (r < 0)
		return r;
	config = frame();
	json_object_object_add(config, "process", json_object_get(*process));
	r = domlet_oci_check(config, path, err);
	json_object_put(config);
	if (r < 0) {
		json_object_put(*process);
		*process = NULL;
	}
	return r;
}
