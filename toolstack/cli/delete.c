// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <stddef.h>

#include "hooks.h"
#include "option.h"
#include "reap.h"

static const struct option options[] = { { "force", no_argument, NULL, 'f' },
					 { "help", no_argument, NULL, 'h' },
					 { NULL, 0, NULL, 0 } };

static int delete_one(struct domlet_cli *cli, const char *id, bool force)
{
	struct domlet_state st = { 0 };
	int r = domlet_state_load(cli->root, id, &st, &cli->err);

	if (r == -ENOENT)
		return force ? 0 : r;
	if (r < 0)
		return force ? domlet_state_discard(cli->root, id, DOMLET_STATE_LOCK_MS, &cli->err) : r;
	r = domlet_cli_remove(cli, &st, force, &cli->err);
	if (r > 0)
		domlet_cli_hooks_warn(cli, &st, "poststop", "stopped", 0);
	domlet_state_free(&st);
	return r;
}

static int delete_verb(struct domlet_cli *cli, int argc, char **argv)
{
	bool force = false;
	const char *id;
	int c, r;

	while ((c = getopt_long(argc, argv, ":fh", options, NULL)) != -1) {
		switch (c) {
		case 'f': force = true; break;
		case 'h': return domlet_cli_usage(&domlet_verb_delete, true);
		default: return domlet_cli_bad_option(cli, &domlet_verb_delete, c, argc, argv);
		}
	}
	id = domlet_cli_one_id(cli, &domlet_verb_delete, argc, argv);
	if (!id)
		return 1;
	r = delete_one(cli, id, force);
	domlet_cli_reap_others(cli);
	return r < 0 ? 1 : 0;
}

const struct domlet_verb domlet_verb_delete = {
	.name = "delete",
	.summary = "remove what is left of a container",
	.usage = "domlet delete [--force] ID\n\n"
		 "  -f, --force   also of a running one, which is killed; no error when there is none\n",
	.run = delete_verb,
};
