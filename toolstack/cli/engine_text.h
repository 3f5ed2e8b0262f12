/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_ENGINE_TEXT_H
#define DOMLET_CLI_ENGINE_TEXT_H

/*
 * The configuration of docker, podman and containerd as text: runtimes that are
 * domlet put in, taken out, looked up. Pure: nothing is read, written or run here. docker's is
 * JSON; in the other two's TOML only a marked block of our own is touched, so
 * that no TOML needs to be parsed. New texts belong to the caller (free()).
 */

#include <stdbool.h>
#include <stddef.h>

#include "../base/error.h"

enum domlet_engine_kind { DOMLET_ENGINE_DOCKER, DOMLET_ENGINE_PODMAN, DOMLET_ENGINE_CONTAINERD };

/* One entry of an engine's. */
struct domlet_engine_runtime {
	const char *name;          /* "domlet", or "domlet-TEMPLATE" */
	const char *program;       /* absolute */
	const char *template_name; /* docker's: given to PROGRAM as an argument; else NULL */
};

/* *NEW is OLD (NULL: there is no file) with RUNTIME, or without the one of its
 * name when PUT_IN is false; *NEW == NULL: nothing is left to keep in a file. The
 * error tells what of OLD is not understood, without the file's name. */
int domlet_engine_text_edit(enum domlet_engine_kind kind, const char *old, const struct domlet_engine_runtime *runtime,
			    bool put_in, char **new, struct domlet_error *err);

/* Calls CB for each runtime of domlet's in TEXT; its strings are TEXT's for the
 * time of the call. Returns how many there are. */
unsigned int domlet_engine_text_each(enum domlet_engine_kind kind, const char *text,
				     void (*cb)(const struct domlet_engine_runtime *runtime, void *arg), void *arg);

#endif
