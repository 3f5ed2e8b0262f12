/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_ENGINE_H
#define DOMLET_CLI_ENGINE_H

/*
 * The container engines that domlet can be registered in: where their
 * configuration is, how it is changed safely, how they take it up. For the
 * verbs install, uninstall and doctor. Of each template there may be a runtime
 * "domlet-TEMPLATE". Nothing here is the caller's to free.
 */

#include <stdbool.h>

#include "cli.h"
#include "engine_text.h"

struct domlet_engine {
	enum domlet_engine_kind kind;
	const char *name;    /* as the user calls it */
	const char *program; /* that must be there, absolute */
	const char *package; /* Debian's, which has the program */
	const char *file;    /* of the engine's configuration, which is changed */
	const char *reload;  /* what must be done after a change */
	const char *use[2];  /* how a runtime is used, around its name; NULL: by the program's path */
};

extern const struct domlet_engine domlet_engines[];
extern const unsigned int domlet_engine_count;

/* Does the work of the verbs install (PUT_IN) and uninstall; returns the exit status. */
int domlet_engine_change(struct domlet_cli *cli, const struct domlet_verb *verb, bool put_in, int argc, char **argv);

/* Calls LINE for each engine that is on this host, with the remedy where something is
 * wrong; returns how many runtimes of domlet's are registered wrongly. */
int domlet_engine_check_all(int (*line)(bool ok, const char *what, const char *remedy));

#endif
