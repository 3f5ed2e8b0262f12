/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_OPTION_H
#define DOMLET_CLI_OPTION_H

/*
 * What every verb says in the same words: a wrong option, a wrong number of arguments,
 * a malformed container id. Nothing here allocates; errors are put into CLI. main() has
 * set opterr to 0, so that getopt_long() itself prints nothing.
 */

#include "cli.h"

/* To be called when getopt_long() answered '?' or ':': sets an error that names the option.
 * Returns the exit status, 1. */
int domlet_cli_bad_option(struct domlet_cli *cli, const struct domlet_verb *verb, int answer, int argc, char **argv);
/* Returns the container id, which points into ARGV, if it is well-formed and the only
 * argument after the options. NULL: the error is set. */
const char *domlet_cli_one_id(struct domlet_cli *cli, const struct domlet_verb *verb, int argc, char **argv);
/* Whether no argument comes after the options; else the error is set. */
bool domlet_cli_no_argument(struct domlet_cli *cli, const struct domlet_verb *verb, int argc, char **argv);
/* Takes --preserve-fds TEXT, though descriptors from 3 on can't enter a guest. 0, or -errno
 * when TEXT is no number, or one of so many descriptors is open. */
int domlet_cli_preserve_fds(struct domlet_cli *cli, const char *text);

#endif
