/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_OPTION_H
#define DOMLET_CLI_OPTION_H

/*
 * What every verb says in the same words: a wrong option, a wrong number of
 * arguments, a malformed container id. Nothing here allocates. main() has
 * set opterr to 0, so getopt_long() itself prints nothing.
 */

#include "cli.h"

/* getopt_long() answered '?' or ':': sets the error naming the option.
 * Returns the exit status, 1. */
int domlet_cli_bad_option(struct domlet_cli *cli, const struct domlet_verb *verb, int answer, int argc, char **argv);
/* After the options, exactly one argument, a well-formed container id: it is
 * returned (it points into argv). NULL: the error is set. */
const char *domlet_cli_one_id(struct domlet_cli *cli, const struct domlet_verb *verb, int argc, char **argv);
/* After the options, no argument. */
bool domlet_cli_no_argument(struct domlet_cli *cli, const struct domlet_verb *verb, int argc, char **argv);
/* --preserve-fds TEXT: descriptors from 3 on can't enter a guest. -errno when
 * it is no number, or one of them is open. */
int domlet_cli_preserve_fds(struct domlet_cli *cli, const char *text);

#endif
