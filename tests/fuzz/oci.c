// SPDX-License-Identifier: GPL-2.0-or-later
/* config.json, up to the document for the guest, which must be JSON again. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "../../toolstack/base/error.h"
#include "../../toolstack/oci/document.h"
#include "../../toolstack/oci/plan.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct domlet_error err = { 0 };
	struct domlet_plan plan;
	struct json_object *document;

	if (domlet_plan_parse("/", "fuzz", (const char *)data, size, &plan, &err) < 0 ||
	    domlet_document_make(&plan, NULL, &err) < 0) {
		if (!err.text[0])
			abort();
		domlet_plan_free(&plan);
		return 0;
	}
	document = json_tokener_parse(plan.document);
	if (!document || strlen(plan.document) != plan.document_len)
		abort();
	json_object_put(document);
	domlet_plan_free(&plan);
	return 0;
}
