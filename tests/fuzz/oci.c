// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * config.json, up to the document for the guest, which must be JSON again. Each namespace that
 * the configuration joins is said to be a container's: its type is then in the document once, as
 * a number.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/oci/document.h"
#include "../../toolstack/oci/plan.h"
#include "fuzz.h"

static void place(struct domlet_plan *plan)
{
	domlet_plan_number(plan, (uint32_t)(plan->mount_count % 16));
	for (size_t i = 0; i < plan->join_count; i++)
		if (domlet_plan_join(plan, plan->joins[i].type, (uint32_t)i) < 0)
			abort();
}

static void check_joins(const struct domlet_plan *plan, struct json_object *document)
{
	struct json_object *part, *join, *number;
	size_t named = 0;

	if (!json_object_object_get_ex(document, "plan", &part))
		abort();
	if (json_object_object_get_ex(part, "join", &join))
		named = (size_t)json_object_object_length(join);
	if (named != plan->join_count)
		abort();
	for (size_t i = 0; i < plan->join_count; i++)
		if (!json_object_object_get_ex(join, plan->joins[i].type, &number) ||
		    json_object_get_int(number) != (int)i)
			abort();
}

/* A guest takes a name of 1 to 64 letters, digits, - and _, of a tmpfs alone. */
static void check_shared(const struct domlet_plan *plan)
{
	for (size_t i = 0; i < plan->mount_count; i++) {
		const struct domlet_plan_mount *m = &plan->mounts[i];

		if (m->shared[0] && (strspn(m->shared, "shm-0123456789abcdef") != strlen(m->shared) || !m->is_bind ||
				     strcmp(m->type, "tmpfs") != 0))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct domlet_error err = { 0 };
	struct domlet_plan plan;
	struct json_object *document;

	int r = domlet_plan_parse("/", "fuzz", (const char *)data, size, &plan, &err);

	if (r == 0) {
		place(&plan);
		r = domlet_document_make(&plan, NULL, &err);
	}
	if (r < 0) {
		if (!err.text[0])
			abort();
		domlet_plan_free(&plan);
		return 0;
	}
	document = json_tokener_parse(plan.document);
	if (!document || strlen(plan.document) != plan.document_len)
		abort();
	check_joins(&plan, document);
	check_shared(&plan);
	json_object_put(document);
	domlet_plan_free(&plan);
	return 0;
}
