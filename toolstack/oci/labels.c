/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "labels.h"

#include <errno.h>
#include <string.h>

#include "../base/error.h"
#include "member.h"

/* "unconfined" is how engines write that there shall be no profile. */
int domlet_oci_labels(struct json_object *process, struct json_object *linux_, const char *path, char **labels,
		      struct domlet_error *err)
{
	struct json_object *found = json_object_new_object();
	const struct {
		const char *place, *value;
	} known[] = {
		{ "process.apparmorProfile", domlet_oci_text(process, "apparmorProfile") },
		{ "process.selinuxLabel", domlet_oci_text(process, "selinuxLabel") },
		{ "linux.mountLabel", domlet_oci_text(linux_, "mountLabel") },
	};
	int r = 0;

	*labels = NULL;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].value && known[i].value[0] != '\0' && strcmp(known[i].value, "unconfined") != 0)
			json_object_object_add(found, known[i].place, json_object_new_string(known[i].value));
	if (json_object_object_length(found) > 0) {
		*labels = strdup(
			json_object_to_json_string_ext(found, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		if (!*labels)
			r = domlet_error_set(err, ENOMEM, "%s can't be read: out of memory", path);
	}
	json_object_put(found);
	return r;
}
