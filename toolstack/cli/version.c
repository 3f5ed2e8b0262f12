/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "version.h"

#include <json-c/json.h>

/* The build says these; a build by hand need not. */
#ifndef DOMLET_VERSION
#define DOMLET_VERSION "unknown"
#endif
#ifndef DOMLET_COMMIT
#define DOMLET_COMMIT "unknown"
#endif

void domlet_version_print(FILE *out)
{
	fprintf(out, "domlet version %s\n", DOMLET_VERSION);
	fprintf(out, "commit: %s\n", DOMLET_COMMIT);
	fprintf(out, "spec: %s\n", DOMLET_OCI_VERSION);
#ifdef DOMLET_LIBXL_VERSION
	fprintf(out, "libxl: %s\n", DOMLET_LIBXL_VERSION);
#endif
#ifdef DOMLET_LIBUV_VERSION
	fprintf(out, "libuv: %s\n", DOMLET_LIBUV_VERSION);
#endif
	fprintf(out, "json-c: %s\n", json_c_version());
}
