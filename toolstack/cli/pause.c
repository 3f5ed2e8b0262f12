// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stddef.h>

#include "ask.h"
#include "option.h"

static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

static int pause_verb(struct domlet_cli *cli, int argc, char **argv)
{
	struct domlet_state st = { 0 };
	const char *id;
	int c, r;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return domlet_cli_usage(&domlet_verb_pause, true);
		return domlet_cli_bad_option(cli, &domlet_verb_pause, c, argc, argv);
	}
	id = domlet_cli_one_id(cli, &domlet_verb_pause, argc, argv);
	if (!id || domlet_state_load(cli->root, id, &st, &cli->err) < 0)
		return 1;
	/* A record that can't be written is behind: the monitor knows. */
	if (domlet_state_status(&st) != DOMLET_STATUS_STOPPED)
		r = domlet_cli_ask_slow(cli, &st, "{\"verb\":\"pause\"}", &cli->err);
	else
		r = domlet_error_set(&cli->err, ESRCH, "container not running");
	domlet_state_free(&st);
	return r < 0 ? 1 : 0;
}

const struct domlet_verb domlet_verb_pause = {
	.name = "pause",
	.summary = "stop all processes of a running container",
	.usage = "domlet pause ID\n",
	.run = pause_verb,
};
