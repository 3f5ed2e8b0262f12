/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_VERSION_H
#define DOMLET_CLI_VERSION_H

/* What --version prints. Nothing here allocates. */

#include <stdio.h>

#define DOMLET_OCI_VERSION "1.0.2" /* the runtime specification followed */
#define DOMLET_OCI_VERSION_MIN "1.0.0"

/* Line 1 has the word "version", then "commit:" and "spec:" (podman and
 * go-runc read these), then one line for each library. */
void domlet_version_print(FILE *out);

#endif
