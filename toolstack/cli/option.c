/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "option.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../oci/plan.h"

int domlet_cli_usage(const struct domlet_verb *verb, bool to_stdout)
{
	FILE *out = to_stdout ? stdout : stderr;

	fprintf(out, "%s\n\nUsage: %s\n", verb->summary, verb->usage);
	return to_stdout && (fflush(out) || ferror(out)) ? 1 : 0;
}

int domlet_cli_bad_option(struct domlet_cli *cli, const struct domlet_verb *verb, int answer, int argc, char **argv)
{
	const char *where = verb ? verb->name : "";
	const char *space = verb ? " " : "";
	/* getopt_long() has stepped past the option it complains about,
	 * except inside a cluster of short ones, where optopt names it. */
	const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";

	if (answer == ':')
		domlet_error_set(&cli->err, EINVAL, "flag needs an argument: %s (see: domlet %s%s--help)", word, where,
				 space);
	else if (optopt > ' ' && optopt < 127 && strncmp(word, "--", 2) != 0)
		domlet_error_set(&cli->err, EINVAL, "unknown option -%c (see: domlet %s%s--help)", optopt, where, space);
	else
		domlet_error_set(&cli->err, EINVAL, "unknown option %s (see: domlet %s%s--help)", word, where, space);
	return 1;
}

const char *domlet_cli_one_id(struct domlet_cli *cli, const struct domlet_verb *verb, int argc, char **argv)
{
	if (argc - optind != 1) {
		domlet_error_set(&cli->err, EINVAL,
				 "\"%s\" needs exactly one argument, the container's id, and got %d "
				 "(see: domlet %s --help)",
				 verb->name, argc - optind, verb->name);
		return NULL;
	}
	if (domlet_id_check(argv[optind], &cli->err))
		return NULL;
	return argv[optind];
}

bool domlet_cli_no_argument(struct domlet_cli *cli, const struct domlet_verb *verb, int argc, char **argv)
{
	if (argc == optind)
		return true;
	domlet_error_set(&cli->err, EINVAL, "\"%s\" takes no argument, and got \"%.100s\"", verb->name, argv[optind]);
	return false;
}

int domlet_cli_preserve_fds(struct domlet_cli *cli, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (!*text || *end || n < 0 || n > 1024)
		return domlet_error_set(&cli->err, EINVAL, "--preserve-fds is \"%.32s\", but must be a small number",
					text);
	for (int fd = 3; fd < 3 + n; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return domlet_error_set(
				&cli->err, ENOTSUP,
				"--preserve-fds %ld: descriptor %d is open, and can't enter a guest with its own kernel",
				n, fd);
	return 0;
}
