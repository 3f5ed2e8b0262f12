// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sys/socket.h>

#include "ask.h"
#include "attach.h"
#include "hooks.h"
#include "launch.h"
#include "option.h"
#include "reap.h"
#include "service.h"

static const struct option options[] = {
	{ "bundle", required_argument, NULL, 'b' },
	{ "pid-file", required_argument, NULL, 'p' },
	{ "detach", no_argument, NULL, 'd' },
	{ "no-pivot", no_argument, NULL, 'n' },
	{ "keep", no_argument, NULL, 'k' },
	{ "preserve-fds", required_argument, NULL, 'f' },
	{ "console-socket", required_argument, NULL, 'c' },
	{ "no-new-keyring", no_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Waits until the monitor has cleaned up behind the container: the monitor's end of the
 * socket closes when nothing is left. */
static void wait_clean(struct domlet_cli *cli, struct domlet_state *st, int fd)
{
	struct domlet_error err;
	int r;

	domlet_cli_hear_out(fd, &cli->err);
	r = domlet_cli_remove(cli, st, true, &err);
	if (r > 0)
		domlet_log_notice(&cli->log, "the monitor of container %s was killed; its domain was destroyed", st->id);
	else if (r < 0)
		domlet_log_notice(&cli->log, "%s", err.text);
}

/* Starts the created container ST. MAIN_PID, which a service manager is told, is the proxy's
 * pid when this command ends then, or else 0. */
static int start(struct domlet_cli *cli, const struct domlet_state *st, int monitor_fd, pid_t main_pid)
{
	int r = domlet_cli_ask_fd(monitor_fd, "{\"verb\":\"start\"}", &cli->err);

	if (r == 0) {
		domlet_cli_hooks_warn(cli, st, "poststart", "running", st->proxy.pid);
		domlet_cli_say_ready(cli, main_pid);
	}
	domlet_cli_reap_others(cli); /* not only when the container has ended: that may take days */
	return r;
}

static int attend(struct domlet_cli *cli, struct domlet_state *st, const struct domlet_launched *l,
		  const struct domlet_launch_options *o)
{
	struct domlet_attach a;
	int r, status;

	domlet_cli_attach(&a, l->proxy, l->terminal && !o->console_socket);
	(void)kill(l->proxy, SIGWINCH); /* the terminal may have changed since it was planned */
	r = start(cli, st, l->monitor_fd, 0);
	status = domlet_cli_attached_wait(&a);
	if (o->keep) { /* `delete` does the rest */
		domlet_cli_hear_out(l->monitor_fd, &cli->err);
		domlet_cli_reap(cli, st->id);
	} else {
		wait_clean(cli, st, l->monitor_fd);
	}
	domlet_cli_detach(&a);
	if (!o->keep)
		domlet_cli_hooks_warn(cli, st, "poststop", "stopped", 0);
	return r < 0 ? 1 : status;
}

/* Starts ST and leaves it running. As after runc's run, a container that could not be
 * started leaves nothing, and its id is free. */
static int start_detached(struct domlet_cli *cli, struct domlet_state *st, int monitor_fd, bool keep)
{
	struct domlet_error err;
	int r;

	if (start(cli, st, monitor_fd, st->proxy.pid) == 0) {
		domlet_cli_let_go(monitor_fd);
		return 0;
	}
	if (keep) {
		domlet_cli_let_go(monitor_fd); /* the container's monitor keeps the record */
		return 1;
	}
	r = domlet_cli_remove(cli, st, true, &err);
	if (r > 0)
		domlet_cli_hooks_warn(cli, st, "poststop", "stopped", 0);
	else if (r < 0)
		domlet_log_notice(&cli->log, "%s", err.text);
	return 1;
}

static int run(struct domlet_cli *cli, int argc, char **argv)
{
	struct domlet_launch_options o = { .foreground = true };
	struct domlet_launched l;
	struct domlet_state st = { 0 };
	const char *id;
	int c, status;

	while ((c = getopt_long(argc, argv, ":b:dh", options, NULL)) != -1) {
		switch (c) {
		case 'b': o.bundle = optarg; break;
		case 'p': o.pid_file = optarg; break;
		case 'c': o.console_socket = optarg; break;
		case 'd': o.foreground = false; break;
		case 'k': o.keep = true; break;
		case 'n': break;
		case 'f':
			if (domlet_cli_preserve_fds(cli, optarg) < 0)
				return 1;
			break;
		case 'h': return domlet_cli_usage(&domlet_verb_run, true);
		default: return domlet_cli_bad_option(cli, &domlet_verb_run, c, argc, argv);
		}
	}
	id = domlet_cli_one_id(cli, &domlet_verb_run, argc, argv);
	if (!id)
		return 1;
	domlet_cli_reap(cli, id);
	if (domlet_cli_launch(cli, id, &o, &l) < 0 || domlet_state_load(cli->root, id, &st, &cli->err) < 0) {
		domlet_cli_reap_others(cli);
		return 1;
	}
	status = o.foreground ? attend(cli, &st, &l, &o) : start_detached(cli, &st, l.monitor_fd, o.keep);
	domlet_state_free(&st);
	return status;
}

const struct domlet_verb domlet_verb_run = {
	.name = "run",
	.summary = "create a container, start it, and end with its exit status",
	.usage = "domlet run [OPTIONS] ID\n\n"
		 "  -b, --bundle DIR   the bundle (the current directory)\n"
		 "  -d, --detach       leave the container running; its state stays until delete\n"
		 "  --keep             its state stays until delete when it has ended\n"
		 "  --pid-file FILE    write the pid of the container's proxy there\n"
		 "  --console-socket SOCKET   send the master end of a new terminal there\n"
		 "  --preserve-fds N   refused when one of the N descriptors from 3 on is open: none can enter a guest\n"
		 "  --no-pivot, --no-new-keyring   ignored: there is nothing of the kind in a guest\n",
	.run = run,
};
