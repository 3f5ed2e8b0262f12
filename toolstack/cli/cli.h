/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_CLI_H
#define DOMLET_CLI_CLI_H

/*
 * The verbs. One verb, one file: each parses its own options (getopt_long(3)), does its
 * work, and returns the process's exit status. A verb that fails sets the error, which
 * main() prints once, to stderr and to --log. The struct domlet_cli, and what it points
 * to, last as long as the process.
 */

#include <stdbool.h>

#include "../base/error.h"
#include "../base/log.h"

#define DOMLET_ROOT_DEFAULT "/run/domlet"

struct domlet_cli {
	const char *root;          /* --root */
	const char *domains;       /* where domains are recorded, in whatever root their containers are */
	const char *template_name; /* --template; NULL: by the container's type */
	bool systemd_cgroup;       /* --systemd-cgroup */
	struct domlet_log log;
	struct domlet_error err;
	bool closed[3]; /* standard streams that the caller gave us closed: now they are /dev/null */
};

typedef int domlet_verb_fn(struct domlet_cli *cli, int argc, char **argv);

struct domlet_verb {
	const char *name;
	const char *summary; /* one line for --help */
	const char *usage;   /* "domlet run [OPTIONS] ID" and option lines */
	domlet_verb_fn *run;
};

/* Each cli/<verb>.c defines one of these; cli/main.c lists them. */
extern const struct domlet_verb domlet_verb_run, domlet_verb_create, domlet_verb_start, domlet_verb_state,
	domlet_verb_kill, domlet_verb_delete, domlet_verb_list, domlet_verb_spec, domlet_verb_features,
	domlet_verb_doctor, domlet_verb_install, domlet_verb_uninstall, domlet_verb_exec, domlet_verb_ps,
	domlet_verb_pause, domlet_verb_resume, domlet_verb_events, domlet_verb_update;

/* Prints the usage of VERB, for --help to stdout, otherwise to stderr. 0, or 1 when
 * stdout did not take the text. */
int domlet_cli_usage(const struct domlet_verb *verb, bool to_stdout);

#endif
