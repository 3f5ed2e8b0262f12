/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "version.h"

#include <json-c/json.h>
#include <uv.h>

#include "commit.h"

void domlet_version_print(FILE *out)
{
	fprintf(out, "domlet version %s\n", DOMLET_VERSION);
	fprintf(out, "commit: %s\n", DOMLET_COMMIT);
	fprintf(out, "spec: %s\n", DOMLET_OCI_VERSION);
	fprintf(out, "libxl: %s\n", DOMLET_LIBXL_VERSION);
	fprintf(out, "libuv: %s\n", uv_version_string());
	fprintf(out, "json-c: %s\n", json_c_version());
	fprintf(out, "libseccomp: %s\n", DOMLET_LIBSECCOMP_VERSION);
}
