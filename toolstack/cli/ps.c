// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ps: prints the processes of a container that callers can see, which are the proxies in
 * its cgroup. What runs in the guest behind them has no pid here.
 */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../dom0/pid.h"
#include "../oci/plan.h"
#include "../state/state.h"
#include "cli.h"
#include "option.h"

/* Above the kernel's greatest (2^22): ps(1) prints its heading, and no process. */
#define NO_PID "4194305"

static const struct option options[] = { { "format", required_argument, NULL, 'f' },
					 { "help", no_argument, NULL, 'h' },
					 { NULL, 0, NULL, 0 } };

static struct json_object *pids_of(const struct domlet_state *st)
{
	struct json_object *list = json_object_new_array();
	char path[4200];
	cleanup_fclose FILE *f = NULL;
	int pid;

	(void)snprintf(path, sizeof path, "%s/cgroup.procs", st->cgroup ? st->cgroup : "");
	f = st->cgroup ? fopen(path, "re") : NULL;
	while (f && fscanf(f, "%d", &pid) == 1)
		json_object_array_add(list, json_object_new_int(pid));
	if (!f && domlet_pid_may_live(&st->proxy))
		json_object_array_add(list, json_object_new_int(st->proxy.pid));
	return list;
}

/* The list of PIDS for ps(1), which would refuse a comma before the first number. NULL: out
 * of memory. */
static char *list_of(struct json_object *pids)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	for (size_t i = 0; f && i < json_object_array_length(pids); i++)
		(void)fprintf(f, "%s%d", i ? "," : "", json_object_get_int(json_object_array_get_idx(pids, i)));
	if (!f || fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* Prints a table as runc does: what ps(1) says of PIDS. */
static int run_ps(struct domlet_cli *cli, struct json_object *pids, char **args)
{
	bool none = json_object_array_length(pids) == 0;
	cleanup_free char *list = none ? strdup(NO_PID) : list_of(pids);
	char *argv[64] = { (char *)"ps" };
	int r, status = 0;
	size_t n = 1;
	pid_t pid;

	for (; *args && n < 60; args++)
		argv[n++] = *args;
	if (n == 1)
		argv[n++] = (char *)"-f";
	argv[n++] = (char *)"-p";
	argv[n] = list;
	if (!list)
		return domlet_error_set(&cli->err, ENOMEM, "can't run ps: out of memory");
	r = posix_spawnp(&pid, "ps", NULL, NULL, argv, environ);
	if (r)
		return domlet_error_set(&cli->err, r, "can't run ps: %s; --format json needs no other program",
					domlet_strerror(r));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* ps(1) has said itself why it failed; a heading without a process is a failure to it. */
	return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || none) ? 0 : -ECHILD;
}

static int ps(struct domlet_cli *cli, int argc, char **argv)
{
	struct domlet_state st = { 0 };
	struct json_object *pids;
	const char *format = "table";
	int c, r = 0;

	while ((c = getopt_long(argc, argv, "+:f:h", options, NULL)) != -1) {
		switch (c) {
		case 'f': format = optarg; break;
		case 'h': return domlet_cli_usage(&domlet_verb_ps, true);
		default: return domlet_cli_bad_option(cli, &domlet_verb_ps, c, argc, argv);
		}
	}
	if (strcmp(format, "json") != 0 && strcmp(format, "table") != 0) {
		(void)domlet_error_set(&cli->err, EINVAL, "--format is \"%.32s\"; \"table\" and \"json\" are known",
				       format);
		return 1;
	}
	if (argc == optind) {
		(void)domlet_error_set(&cli->err, EINVAL, "ps takes a container's id; see \"domlet ps --help\"");
		return 1;
	}
	if (domlet_id_check(argv[optind], &cli->err) < 0 ||
	    domlet_state_load(cli->root, argv[optind], &st, &cli->err) < 0)
		return 1;
	pids = pids_of(&st);
	if (strcmp(format, "json") == 0)
		(void)puts(json_object_to_json_string_ext(pids, JSON_C_TO_STRING_PLAIN));
	else
		r = run_ps(cli, pids, argv + optind + 1);
	json_object_put(pids);
	domlet_state_free(&st);
	return r < 0 || fflush(stdout) != 0 ? 1 : 0;
}

const struct domlet_verb domlet_verb_ps = {
	.name = "ps",
	.summary = "list a container's processes by their proxies in dom0",
	.usage = "domlet ps [--format table|json] ID [PS OPTION…]\n\n"
		 "  -f, --format FORMAT   json: the pids; table (the default): what ps(1) says of them\n",
	.run = ps,
};
