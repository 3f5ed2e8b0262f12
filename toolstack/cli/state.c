/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state: answers from the record and /proc alone, since buildah asks ten times per
 * second, and a broken hypervisor must not hide what is known.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "../base/cleanup.h"
#include "../state/state.h"
#include "cli.h"
#include "option.h"

static int run(struct domlet_cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	cleanup_free char *json = NULL;
	struct domlet_state st = { 0 };
	const char *id;
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return domlet_cli_usage(&domlet_verb_state, true);
		return domlet_cli_bad_option(cli, &domlet_verb_state, c, argc, argv);
	}
	id = domlet_cli_one_id(cli, &domlet_verb_state, argc, argv);
	if (!id || domlet_state_load(cli->root, id, &st, &cli->err))
		return 1;
	if (domlet_state_know(&st, &cli->err) < 0) {
		domlet_state_free(&st);
		return 1;
	}
	json = domlet_state_json(&st);
	domlet_state_free(&st);
	if (!json) {
		domlet_error_set(&cli->err, ENOMEM, "state of %s: out of memory", id);
		return 1;
	}
	if (puts(json) < 0 || fflush(stdout)) {
		domlet_error_set(&cli->err, errno, "stdout: %s", domlet_strerror(errno));
		return 1;
	}
	return 0;
}

const struct domlet_verb domlet_verb_state = {
	.name = "state",
	.summary = "print a container's state as JSON",
	.usage = "domlet state ID\n",
	.run = run,
};
