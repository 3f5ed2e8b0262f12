// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../proxy/proxy.h"
#include "launch.h"
#include "option.h"

static const struct option options[] = {
	{ "bundle", required_argument, NULL, 'b' },  { "pid-file", required_argument, NULL, 'p' },
	{ "detach", no_argument, NULL, 'd' },	     { "no-pivot", no_argument, NULL, 'n' },
	{ "console-socket", required_argument, NULL, 'c' },
	{ "no-new-keyring", no_argument, NULL, 'n' }, { "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static volatile sig_atomic_t proxy_pid, resized;

static void on_signal(int signo)
{
	if (signo == SIGWINCH)
		resized = 1;
	else if (proxy_pid > 0)
		(void)kill(proxy_pid, signo);
}

/* Without SA_RESTART, so that a resize interrupts the wait. */
static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH };
	struct sigaction sa = { .sa_handler = on_signal };

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		(void)sigaction(signals[i], &sa, NULL);
}

static int wait_for(struct domlet_launched *l)
{
	int status;

	while (waitpid(l->proxy, &status, 0) < 0) {
		if (errno != EINTR)
			return 1;
		if (resized) {
			resized = 0;
			domlet_proxy_send_size(l->monitor_fd, 0);
		}
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The monitor cleans up behind the container; its end of the socket closes
 * when nothing is left. */
static void wait_clean(struct domlet_cli *cli, const char *id, int fd)
{
	struct domlet_state st = { 0 };
	struct domlet_error ignored;

	domlet_cli_hear_out(fd, &cli->err);
	if (domlet_state_load(cli->root, id, &st, &ignored) < 0)
		return;
	domlet_log_notice(&cli->log, "the monitor of container %s was killed; its domain was destroyed", id);
	(void)domlet_cli_remove(&st, &ignored);
	domlet_state_free(&st);
}

static int run(struct domlet_cli *cli, int argc, char **argv)
{
	struct domlet_launch_options o = { .foreground = true };
	struct domlet_launched l;
	struct termios saved, raw;
	bool tty;
	const char *id;
	int c, status;

	while ((c = getopt_long(argc, argv, ":b:dh", options, NULL)) != -1) {
		switch (c) {
		case 'b': o.bundle = optarg; break;
		case 'p': o.pid_file = optarg; break;
		case 'c': o.console_socket = optarg; break;
		case 'd': o.foreground = false; break;
		case 'n': break;
		case 'h': return domlet_cli_usage(&domlet_verb_run, true);
		default: return domlet_cli_bad_option(cli, &domlet_verb_run, c, argc, argv);
		}
	}
	id = domlet_cli_one_id(cli, &domlet_verb_run, argc, argv);
	if (!id)
		return 1;
	domlet_cli_reap(cli);
	if (domlet_cli_launch(cli, id, &o, &l) < 0)
		return 1;
	proxy_pid = l.proxy;
	catch_signals();
	tty = o.foreground && !o.console_socket && isatty(0) && tcgetattr(0, &saved) == 0;
	if (tty) {
		raw = saved;
		cfmakeraw(&raw);
		(void)tcsetattr(0, TCSANOW, &raw);
		domlet_proxy_send_size(l.monitor_fd, 0);
	}
	status = domlet_cli_ask_fd(l.monitor_fd, "{\"verb\":\"start\"}", &cli->err) < 0 ? -1 : 0;
	if (o.foreground) {
		int ended = wait_for(&l);

		wait_clean(cli, id, l.monitor_fd);
		status = status < 0 ? 1 : ended;
	}
	if (tty)
		(void)tcsetattr(0, TCSANOW, &saved);
	return status < 0 ? 1 : status;
}

const struct domlet_verb domlet_verb_run = {
	.name = "run",
	.summary = "create a container, start it, and end with its exit status",
	.usage = "domlet run [OPTIONS] ID\n\n"
		 "  -b, --bundle DIR   the bundle (the current directory)\n"
		 "  -d, --detach       leave the container running; its state stays until delete\n"
		 "  --pid-file FILE    write the pid of the container's proxy there\n"
		 "  --console-socket SOCKET   send the master end of a new terminal there\n"
		 "  --no-pivot, --no-new-keyring   ignored: there is nothing of the kind in a guest\n",
	.run = run,
};
