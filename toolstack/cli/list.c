/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * list: prints the containers of one --root, with runc's columns first and the domain's
 * then.
 */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../state/domain.h"
#include "../state/state.h"
#include "option.h"
#include "reap.h"

#define UNKNOWN "unknown"

enum list_format { LIST_TABLE, LIST_JSON, LIST_QUIET };

struct list {
	struct domlet_cli *cli;
	enum list_format format;
	struct json_object *array; /* for LIST_JSON only */
};

/* One whose status can't be known now must not keep the others from being
 * listed; the user is told why. */
static bool is_known(const struct list *list, const struct domlet_state *st)
{
	struct domlet_error err;

	if (domlet_state_know(st, &err) == 0)
		return true;
	domlet_log_notice(&list->cli->log, "%s", err.text);
	return false;
}

static int add_json(struct list *list, struct domlet_state *st)
{
	cleanup_free char *text = domlet_state_json(st);
	struct json_object *one = text ? json_tokener_parse(text) : NULL;

	if (!one)
		return -ENOMEM;
	if (!is_known(list, st))
		json_object_object_add(one, "status", json_object_new_string(UNKNOWN));
	if (json_object_array_add(list->array, one)) {
		json_object_put(one);
		return -ENOMEM;
	}
	return 0;
}

static void print_row(const struct list *list, const struct domlet_state *st)
{
	enum domlet_status status = domlet_state_status(st);
	bool dead = status == DOMLET_STATUS_STOPPED;
	char domid[16] = "-";
	struct domlet_domain_record d = { .domid = DOMLET_DOMID_NONE };

	if (!dead && domlet_domain_record_load(list->cli->domains, st->uuid, &d, NULL) == 0 &&
	    d.domid != DOMLET_DOMID_NONE)
		snprintf(domid, sizeof(domid), "%u", d.domid);
	printf("%-20s %-8d %-9s %-30s %-30s %-6s %-6s %s\n", st->id, dead ? 0 : (int)st->proxy.pid,
	       is_known(list, st) ? domlet_status_name(status) : UNKNOWN, st->bundle ? st->bundle : "-",
	       st->created[0] ? st->created : "-", "root", domid, st->type[0] ? st->type : "-");
	domlet_domain_record_free(&d);
}

static int visit(struct domlet_state *st, void *arg)
{
	struct list *list = arg;

	switch (list->format) {
	case LIST_JSON: return add_json(list, st);
	case LIST_QUIET: puts(st->id); return 0;
	case LIST_TABLE: print_row(list, st); return 0;
	}
	return -EINVAL;
}

static int print_list(struct domlet_cli *cli, enum list_format format)
{
	struct list list = { .cli = cli, .format = format };
	int rc;

	if (format == LIST_JSON) {
		list.array = json_object_new_array();
		if (!list.array)
			return domlet_error_set(&cli->err, ENOMEM, "list: out of memory");
	}
	if (format == LIST_TABLE)
		printf("%-20s %-8s %-9s %-30s %-30s %-6s %-6s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED",
		       "OWNER", "DOMID", "TYPE");
	rc = domlet_state_each(cli->root, visit, &list, &cli->err);
	if (rc && !cli->err.code)
		domlet_error_set(&cli->err, -rc, "list: %s", domlet_strerror(-rc));
	if (!rc && format == LIST_JSON)
		puts(json_object_to_json_string_ext(list.array, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(list.array);
	if (!rc && fflush(stdout))
		rc = domlet_error_set(&cli->err, errno, "stdout: %s", domlet_strerror(errno));
	return rc;
}

static int run(struct domlet_cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	enum list_format format = LIST_TABLE;
	bool quiet = false;
	int c, rc;

	while ((c = getopt_long(argc, argv, ":f:qh", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			if (strcmp(optarg, "json") && strcmp(optarg, "table")) {
				domlet_error_set(&cli->err, EINVAL, "--format \"%.50s\" is unknown: table or json",
						 optarg);
				return 1;
			}
			format = strcmp(optarg, "json") ? LIST_TABLE : LIST_JSON;
			break;
		case 'q': quiet = true; break;
		case 'h': return domlet_cli_usage(&domlet_verb_list, true);
		default: return domlet_cli_bad_option(cli, &domlet_verb_list, c, argc, argv);
		}
	}
	if (!domlet_cli_no_argument(cli, &domlet_verb_list, argc, argv))
		return 1;
	rc = print_list(cli, quiet ? LIST_QUIET : format);
	domlet_cli_reap_others(cli);
	return rc ? 1 : 0;
}

const struct domlet_verb domlet_verb_list = {
	.name = "list",
	.summary = "list the containers",
	.usage = "domlet list [OPTIONS]\n\n"
		 "  -f, --format table|json  how to print them (table)\n"
		 "  -q, --quiet              ids only\n",
	.run = run,
};
