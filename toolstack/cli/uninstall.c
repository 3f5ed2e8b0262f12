/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine.h"

static int run(struct domlet_cli *cli, int argc, char **argv)
{
	return domlet_engine_change(cli, &domlet_verb_uninstall, false, argc, argv);
}

const struct domlet_verb domlet_verb_uninstall = {
	.name = "uninstall",
	.summary = "take domlet out of a container engine's configuration",
	.usage = "domlet uninstall docker|podman|containerd\n\n"
		 "With \"domlet --template NAME uninstall\" it is the runtime domlet-NAME that goes.\n",
	.run = run,
};
