/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine.h"

static int run(struct domlet_cli *cli, int argc, char **argv)
{
	return domlet_engine_change(cli, &domlet_verb_install, true, argc, argv);
}

const struct domlet_verb domlet_verb_install = {
	.name = "install",
	.summary = "register domlet in a container engine",
	.usage = "domlet install docker|podman|containerd\n\n"
		 "With \"domlet --template NAME install\" it is the runtime domlet-NAME, beside the one\n"
		 "named domlet: its containers get that template.\n",
	.run = run,
};
