// SPDX-License-Identifier: GPL-2.0-or-later
#include <getopt.h>
#include <stddef.h>
#include <unistd.h>

#include "ask.h"
#include "launch.h"
#include "option.h"
#include "reap.h"

static const struct option options[] = {
	{ "bundle", required_argument, NULL, 'b' },
	{ "pid-file", required_argument, NULL, 'p' },
	{ "no-pivot", no_argument, NULL, 'n' },
	{ "no-new-keyring", no_argument, NULL, 'n' },
	{ "preserve-fds", required_argument, NULL, 'f' },
	{ "console-socket", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int create(struct domlet_cli *cli, int argc, char **argv)
{
	struct domlet_launch_options o = { 0 };
	struct domlet_launched l;
	const char *id;
	int c, r;

	while ((c = getopt_long(argc, argv, ":b:h", options, NULL)) != -1) {
		switch (c) {
		case 'b': o.bundle = optarg; break;
		case 'p': o.pid_file = optarg; break;
		case 'c': o.console_socket = optarg; break;
		case 'n': break;
		case 'f':
			if (domlet_cli_preserve_fds(cli, optarg) < 0)
				return 1;
			break;
		case 'h': return domlet_cli_usage(&domlet_verb_create, true);
		default: return domlet_cli_bad_option(cli, &domlet_verb_create, c, argc, argv);
		}
	}
	id = domlet_cli_one_id(cli, &domlet_verb_create, argc, argv);
	if (!id)
		return 1;
	domlet_cli_reap(cli, id);
	r = domlet_cli_launch(cli, id, &o, &l);
	if (r == 0)
		domlet_cli_let_go(l.monitor_fd);
	domlet_cli_reap_others(cli);
	return r < 0 ? 1 : 0;
}

const struct domlet_verb domlet_verb_create = {
	.name = "create",
	.summary = "create a container, in a domain of its own or of those it joins, up to just before its program",
	.usage = "domlet create [OPTIONS] ID\n\n"
		 "  -b, --bundle DIR   the bundle (the current directory)\n"
		 "  --pid-file FILE    write the pid of the container's proxy there\n"
		 "  --console-socket SOCKET   send the master end of a new terminal there\n"
		 "  --preserve-fds N   refused when one of the N descriptors from 3 on is open: none can enter a guest\n"
		 "  --no-pivot, --no-new-keyring   ignored: there is nothing of the kind in a guest\n",
	.run = create,
};
