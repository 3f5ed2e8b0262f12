// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stddef.h>

#include "ask.h"
#include "hooks.h"
#include "option.h"
#include "service.h"

static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

static int start(struct domlet_cli *cli, int argc, char **argv)
{
	struct domlet_state st = { 0 };
	const char *id;
	int c, r;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return domlet_cli_usage(&domlet_verb_start, true);
		return domlet_cli_bad_option(cli, &domlet_verb_start, c, argc, argv);
	}
	id = domlet_cli_one_id(cli, &domlet_verb_start, argc, argv);
	if (!id || domlet_state_load(cli->root, id, &st, &cli->err) < 0)
		return 1;
	switch (domlet_state_status(&st)) {
	case DOMLET_STATUS_STOPPED:
		r = domlet_error_set(&cli->err, EINVAL, "cannot start a container that has stopped");
		break;
	case DOMLET_STATUS_RUNNING:
	case DOMLET_STATUS_PAUSED:
		r = domlet_error_set(&cli->err, EBUSY, "cannot start an already running container");
		break;
	default:
		r = domlet_cli_ask(cli, &st, "{\"verb\":\"start\"}", 0, &cli->err);
		if (r == 0) {
			domlet_cli_hooks_warn(cli, &st, "poststart", "running", st.proxy.pid);
			domlet_cli_say_ready(cli, st.proxy.pid);
		}
	}
	domlet_state_free(&st);
	return r < 0 ? 1 : 0;
}

const struct domlet_verb domlet_verb_start = {
	.name = "start",
	.summary = "run the program of a created container",
	.usage = "domlet start ID\n",
	.run = start,
};
