/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_VERSION_H
#define DOMLET_CLI_VERSION_H

/*
 * What --version prints; main(), features and spec come here. Nothing here
 * allocates.
 */

#include <stdio.h>

#define DOMLET_OCI_VERSION "1.0.2" /* the runtime specification followed */
#define DOMLET_OCI_VERSION_MIN "1.0.0"

/* Prints a line with the word "version", the lines "commit:" and "spec:", which podman and
 * go-runc read, and one line per library. */
void domlet_version_print(FILE *out);

#endif
