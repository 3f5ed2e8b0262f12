// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../oci/plan.h"
#include "ask.h"
#include "option.h"
#include "reap.h"

static const struct option options[] = { { "all", no_argument, NULL, 'a' },
					 { "help", no_argument, NULL, 'h' },
					 { NULL, 0, NULL, 0 } };

/* "9", "KILL", "SIGKILL", "0"; -1: no such signal. */
static int signal_number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text && !*end)
		return n >= 0 && n < NSIG ? (int)n : -1;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (int i = 1; i < NSIG; i++) {
		const char *name = sigabbrev_np(i);

		if (name && strcasecmp(name, text) == 0)
			return i;
	}
	return -1;
}

/* Seconds that a monitor has for its answer: engines give a kill ten or more. */
#define ANSWER_S 8

static int send_signal(struct domlet_cli *cli, struct domlet_state *st, int signo, bool all)
{
	struct domlet_error ignored;
	char json[96];
	int r;

	if (domlet_state_status(st) == DOMLET_STATUS_STOPPED)
		return all ? 0 : domlet_error_set(&cli->err, ESRCH, "container not running");
	(void)snprintf(json, sizeof json, "{\"verb\":\"signal\",\"signo\":%d,\"all\":%d}", signo, all);
	r = domlet_cli_ask(cli, st, json, ANSWER_S, &cli->err);
	/* The monitor hangs, in libxl or by SIGSTOP: its container ends with it. */
	if (r == -ETIMEDOUT && signo == SIGKILL) {
		int killed = domlet_cli_kill_monitor(st, &ignored);

		domlet_cli_reap(cli, st->id);
		return killed < 0 ? r : 0;
	}
	if (r == -EPIPE) /* the monitor ended while we asked */
		r = all ? 0 : domlet_error_set(&cli->err, ESRCH, "container not running");
	return r;
}

static int kill_verb(struct domlet_cli *cli, int argc, char **argv)
{
	struct domlet_state st = { 0 };
	const char *name = "TERM";
	bool all = false;
	int c, signo, r;

	while ((c = getopt_long(argc, argv, ":ah", options, NULL)) != -1) {
		switch (c) {
		case 'a': all = true; break;
		case 'h': return domlet_cli_usage(&domlet_verb_kill, true);
		default: return domlet_cli_bad_option(cli, &domlet_verb_kill, c, argc, argv);
		}
	}
	if (argc - optind < 1 || argc - optind > 2) {
		(void)domlet_error_set(&cli->err, EINVAL,
				       "kill takes a container id and perhaps a signal; see \"domlet kill --help\"");
		return 1;
	}
	if (argc - optind == 2)
		name = argv[optind + 1];
	signo = signal_number(name);
	if (signo < 0) {
		(void)domlet_error_set(&cli->err, EINVAL, "there is no signal %s", name);
		return 1;
	}
	if (domlet_id_check(argv[optind], &cli->err) < 0)
		return 1;
	r = domlet_state_load(cli->root, argv[optind], &st, &cli->err);
	if (r == 0)
		r = send_signal(cli, &st, signo, all);
	domlet_state_free(&st);
	domlet_cli_reap_others(cli);
	return r < 0 ? 1 : 0;
}

const struct domlet_verb domlet_verb_kill = {
	.name = "kill",
	.summary = "send a signal (TERM) to a container's first process",
	.usage = "domlet kill [--all] ID [SIGNAL]\n\n  -a, --all   to every process of the container\n",
	.run = kill_verb,
};
