/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_ENGINE_TEXT_H
#define DOMLET_CLI_ENGINE_TEXT_H

/*
 * The configuration of docker, podman and containerd as text: runtimes that are domlet
 * are put in, taken out and looked up. Only the verbs by way of engine.c come here. The
 * functions are pure: nothing is read, written or run. docker's configuration is JSON;
 * in the other two's TOML only a marked block of our own is touched, so that no TOML
 * needs to be parsed. The caller frees new texts.
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

/* Makes *NEW of OLD (NULL: there is no file) with RUNTIME, or without the runtime of its
 * name when PUT_IN is false; *NEW is NULL when nothing is left to keep in a file. 0 or
 * -errno; the error tells what of OLD is not understood, without the file's name. */
int domlet_engine_text_edit(enum domlet_engine_kind kind, const char *old, const struct domlet_engine_runtime *runtime,
			    bool put_in, char **new, struct domlet_error *err);

/* Calls CB for each runtime in TEXT that is domlet; the runtime's strings last for the time
 * of the call. Returns how many there are. */
unsigned int domlet_engine_text_each(enum domlet_engine_kind kind, const char *text,
				     void (*cb)(const struct domlet_engine_runtime *runtime, void *arg), void *arg);

#endif
