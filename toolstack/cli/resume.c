// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stddef.h>

#include "ask.h"
#include "option.h"

static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

static int resume_verb(struct domlet_cli *cli, int argc, char **argv)
{
	struct domlet_state st = { 0 };
	const char *id;
	int c, r;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return domlet_cli_usage(&domlet_verb_resume, true);
		return domlet_cli_bad_option(cli, &domlet_verb_resume, c, argc, argv);
	}
	id = domlet_cli_one_id(cli, &domlet_verb_resume, argc, argv);
	if (!id || domlet_state_load(cli->root, id, &st, &cli->err) < 0)
		return 1;
	/* A record that can't be written is behind: the monitor knows. */
	if (domlet_state_status(&st) != DOMLET_STATUS_STOPPED)
		r = domlet_cli_ask_slow(cli, &st, "{\"verb\":\"resume\"}", &cli->err);
	else
		r = domlet_error_set(&cli->err, EBUSY, "container not paused");
	domlet_state_free(&st);
	return r < 0 ? 1 : 0;
}

const struct domlet_verb domlet_verb_resume = {
	.name = "resume",
	.summary = "let a paused container go on",
	.usage = "domlet resume ID\n",
	.run = resume_verb,
};
