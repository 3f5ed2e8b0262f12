/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_OCI_MEMBER_H
#define DOMLET_OCI_MEMBER_H

/*
 * Members of a configuration's objects; what these return is the
 * configuration's. Only oci/ includes this.
 */

#include <stddef.h>

#include <json-c/json.h>

/* NULL when OBJECT, which may be NULL, has no such member. */
static inline struct json_object *domlet_oci_member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(object, key, &value) ? value : NULL;
}

/* The same of one that is a string. */
static inline const char *domlet_oci_text(struct json_object *object, const char *key)
{
	return json_object_get_string(domlet_oci_member(object, key));
}

#endif
