// SPDX-License-Identifier: GPL-2.0-or-later
#include "state.h"

#include <string.h>

#include <json-c/json.h>

#include "../base/error.h"

/* Before there is a proxy a container stands or falls with the command that makes it. */
static const struct domlet_pid *process_of(const struct domlet_state *st)
{
	return st->status == DOMLET_STATUS_CREATING && st->proxy.pid == 0 ? &st->monitor : &st->proxy;
}

int domlet_state_know(const struct domlet_state *st, struct domlet_error *err)
{
	int r = domlet_pid_look(process_of(st));

	return r < 0 ? domlet_error_set(
			       err, -r,
			       "whether container %s still runs can't be found out, as process %d can't be looked at: %s; try again",
			       st->id, process_of(st)->pid, domlet_strerror(-r)) :
		       0;
}

enum domlet_status domlet_state_status(const struct domlet_state *st)
{
	return domlet_pid_may_live(process_of(st)) ? st->status : DOMLET_STATUS_STOPPED;
}

/* Annotations and labels are kept as text and were checked when they were read. */
static struct json_object *parse_object(const char *text)
{
	struct json_object *obj = text ? json_tokener_parse(text) : NULL;

	if (obj && json_object_is_type(obj, json_type_object))
		return obj;
	json_object_put(obj);
	return json_object_new_object();
}

char *domlet_state_json(const struct domlet_state *st)
{
	enum domlet_status status = domlet_state_status(st);
	struct json_object *obj = json_object_new_object();
	const char *text;
	char *copy;

	if (!obj)
		return NULL;
	json_object_object_add(obj, "ociVersion", json_object_new_string(st->oci_version ? st->oci_version : "1.0.2"));
	json_object_object_add(obj, "id", json_object_new_string(st->id));
	json_object_object_add(obj, "pid",
			       json_object_new_int(status == DOMLET_STATUS_STOPPED ? 0 : (int)st->proxy.pid));
	json_object_object_add(obj, "status", json_object_new_string(domlet_status_name(status)));
	json_object_object_add(obj, "bundle", json_object_new_string(st->bundle ? st->bundle : ""));
	json_object_object_add(obj, "rootfs", json_object_new_string(st->rootfs ? st->rootfs : ""));
	json_object_object_add(obj, "created", json_object_new_string(st->created));
	json_object_object_add(obj, "annotations", parse_object(st->annotations));
	json_object_object_add(obj, "owner", json_object_new_string(""));
	/* These two are none of the OCI's; callers pass over what they don't know. */
	if (st->labels)
		json_object_object_add(obj, "notApplied", parse_object(st->labels));
	if (st->reason && status == DOMLET_STATUS_STOPPED)
		json_object_object_add(obj, "reason", json_object_new_string(st->reason));
	text = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
							   JSON_C_TO_STRING_NOSLASHESCAPE);
	copy = text ? strdup(text) : NULL;
	json_object_put(obj);
	return copy;
}
