/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_ENGINE_TEXT_H
#define DOMLET_CLI_ENGINE_TEXT_H

/*
 * The configuration of docker, podman and containerd as text: domlet put in,
 * taken out, looked up. Pure: nothing is read, written or run here. docker's is
 * JSON; in the other two's TOML only a marked block of our own is touched, so
 * that no TOML needs to be parsed. New texts belong to the caller (free()).
 */

#include <stdbool.h>
#include <stddef.h>

#include "../base/error.h"

enum domlet_engine_kind { DOMLET_ENGINE_DOCKER, DOMLET_ENGINE_PODMAN, DOMLET_ENGINE_CONTAINERD };

/* *NEW is OLD (NULL: there is no file) with the runtime "domlet" at PROGRAM, or
 * without it when PROGRAM is NULL; *NEW == NULL: nothing is left to keep in a
 * file. The error tells what of OLD is not understood, without the file's name. */
int domlet_engine_text_edit(enum domlet_engine_kind kind, const char *old, const char *program, char **new,
			    struct domlet_error *err);

/* The program that TEXT registers as "domlet", into PROGRAM. False: none. */
bool domlet_engine_text_find(enum domlet_engine_kind kind, const char *text, char *program, size_t size);

#endif
