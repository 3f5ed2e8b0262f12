// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../oci/config-load.h"
#include "../oci/limits.h"
#include "ask.h"
#include "option.h"
#include "resources.h"

/* That somebody else's update may come between ours and the record. */
#define TRIES 50
#define AGAIN_US 100000
/* What a domain has of credit2's weight for so many shares, which is what engines and Xen begin with. */
#define SHARES_DEFAULT 1024u
#define WEIGHT_DEFAULT 256u
#define WEIGHT_MAX 65535u

enum { OPT_OTHER = 256, OPT_IGNORED, OPT_RDT };

static const struct option options[] = {
	{ "resources", required_argument, NULL, 'r' },
	{ "blkio-weight", required_argument, NULL, OPT_OTHER },
	{ "cpu-period", required_argument, NULL, OPT_OTHER },
	{ "cpu-quota", required_argument, NULL, OPT_OTHER },
	{ "cpu-burst", required_argument, NULL, OPT_OTHER },
	{ "cpu-share", required_argument, NULL, OPT_OTHER },
	{ "cpu-rt-period", required_argument, NULL, OPT_OTHER },
	{ "cpu-rt-runtime", required_argument, NULL, OPT_OTHER },
	{ "cpu-idle", required_argument, NULL, OPT_OTHER },
	{ "cpuset-cpus", required_argument, NULL, OPT_OTHER },
	{ "cpuset-mems", required_argument, NULL, OPT_OTHER },
	{ "memory", required_argument, NULL, OPT_OTHER },
	{ "memory-reservation", required_argument, NULL, OPT_OTHER },
	{ "memory-swap", required_argument, NULL, OPT_OTHER },
	{ "pids-limit", required_argument, NULL, OPT_OTHER },
	{ "kernel-memory", required_argument, NULL, OPT_IGNORED },
	{ "kernel-memory-tcp", required_argument, NULL, OPT_IGNORED },
	{ "l3-cache-schema", required_argument, NULL, OPT_RDT },
	{ "mem-bw-schema", required_argument, NULL, OPT_RDT },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* The guest's part: the rest is refused before, or says nothing. */
static char *text_for_guest(struct json_object *resources)
{
	static const char *const members[] = { "memory", "cpu", "pids", "unified" };
	struct json_object *o = json_object_new_object(), *member;
	char *text;

	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		if (json_object_object_get_ex(resources, members[i], &member))
			json_object_object_add(o, members[i], json_object_get(member));
	text = strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	return text;
}

/* Shares and a quota are the domain's, too, as far as it is the container's alone. */
static void add_schedule(struct json_object *o, struct json_object *resources, const struct domlet_limits *l)
{
	struct json_object *cpu, *v;
	uint64_t weight;

	if (!json_object_object_get_ex(resources, "cpu", &cpu) || !cpu)
		return;
	if (json_object_object_get_ex(cpu, "shares", &v) && json_object_get_uint64(v)) {
		weight = json_object_get_uint64(v);
		weight = weight < WEIGHT_MAX * SHARES_DEFAULT / WEIGHT_DEFAULT ?
				 weight * WEIGHT_DEFAULT / SHARES_DEFAULT :
				 WEIGHT_MAX;
		json_object_object_add(o, "weight", json_object_new_uint64(weight ? weight : 1));
	}
	if ((json_object_object_get_ex(cpu, "quota", &v) && json_object_get_int64(v)) ||
	    (json_object_object_get_ex(cpu, "period", &v) && json_object_get_uint64(v)))
		json_object_object_add(o, "cap", json_object_new_int64(domlet_limits_percent(l)));
}

static int ask_once(struct domlet_cli *cli, const struct domlet_state *st, struct json_object *resources)
{
	struct json_object *o = json_object_new_object();
	struct domlet_limits limits = { 0 };
	char text[DOMLET_LIMITS_TEXT_MAX];
	cleanup_free char *for_guest = text_for_guest(resources);
	uint64_t limit_kib;
	uint32_t vcpus;
	int r;

	if (st->limits && !domlet_limits_read(st->limits, &limits))
		limits = (struct domlet_limits){ 0 };
	domlet_limits_take(&limits, resources);
	domlet_limits_write(&limits, text);
	limit_kib = domlet_limits_kib(&limits);
	vcpus = domlet_limits_vcpus(&limits);
	json_object_object_add(o, "verb", json_object_new_string("update"));
	json_object_object_add(o, "was", json_object_new_string(st->limits ? st->limits : ""));
	json_object_object_add(o, "limits", json_object_new_string(text));
	json_object_object_add(o, "resources", json_object_new_string(for_guest ? for_guest : ""));
	json_object_object_add(
		o, "memory",
		json_object_new_uint64(
			limit_kib ? domlet_limits_size_kib(limit_kib, vcpus ? vcpus : limits.other_vcpus) : 0));
	json_object_object_add(o, "vcpus", json_object_new_int64(vcpus));
	add_schedule(o, resources, &limits);
	r = domlet_cli_ask_slow(cli, st, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), &cli->err);
	json_object_put(o);
	return r;
}

static int update_container(struct domlet_cli *cli, const char *id, struct json_object *resources)
{
	struct domlet_state st = { 0 };
	int r = -EAGAIN;

	for (int i = 0; i < TRIES && r == -EAGAIN; i++) {
		if (i)
			(void)usleep(AGAIN_US);
		r = domlet_state_load(cli->root, id, &st, &cli->err);
		if (r == 0 && domlet_state_status(&st) == DOMLET_STATUS_STOPPED)
			r = domlet_error_set(&cli->err, ESRCH, "container not running");
		if (r == 0)
			r = ask_once(cli, &st, resources);
		domlet_state_free(&st);
	}
	return r == -EPIPE ? domlet_error_set(&cli->err, ESRCH, "container not running") : r;
}

/* The options count for nothing beside a FILE, as with runc. */
static int load(struct domlet_cli *cli, const char *file, struct json_object **resources)
{
	if (file) {
		json_object_put(*resources);
		*resources = NULL;
		return domlet_oci_load_resources(strcmp(file, "-") == 0 ? "/dev/stdin" : file, resources, &cli->err);
	}
	return domlet_oci_check_resources(*resources, "update", &cli->err);
}

static int read_options(struct domlet_cli *cli, int argc, char **argv, const char **file, struct json_object *resources)
{
	int c, which;

	while ((c = getopt_long(argc, argv, ":r:h", options, &which)) != -1) {
		switch (c) {
		case 'r': *file = optarg; break;
		case OPT_OTHER:
			if (domlet_resources_add(resources, options[which].name, optarg, &cli->err) < 0)
				return 1;
			break;
		case OPT_IGNORED:
			domlet_log_notice(&cli->log, "Setting --%s is ignored and will be removed", options[which].name);
			break;
		case OPT_RDT:
			(void)domlet_error_set(&cli->err, ENOTSUP,
					       "--%s can't be done: a guest has no say in the processor's caches",
					       options[which].name);
			return 1;
		case 'h': return domlet_cli_usage(&domlet_verb_update, true) ? 1 : -1;
		default: return domlet_cli_bad_option(cli, &domlet_verb_update, c, argc, argv);
		}
	}
	return 0;
}

static int update(struct domlet_cli *cli, int argc, char **argv)
{
	struct json_object *resources = json_object_new_object();
	const char *id, *file = NULL;
	int r = read_options(cli, argc, argv, &file, resources);

	if (r) {
		json_object_put(resources);
		return r < 0 ? 0 : 1;
	}
	id = domlet_cli_one_id(cli, &domlet_verb_update, argc, argv);
	r = id ? load(cli, file, &resources) : -EINVAL;
	if (r == 0)
		r = update_container(cli, id, resources);
	json_object_put(resources);
	return r < 0 ? 1 : 0;
}

const struct domlet_verb domlet_verb_update = {
	.name = "update",
	.summary = "change a container's limits while it runs",
	.usage = "domlet update [OPTIONS] ID\n\n"
		 "  -r, --resources FILE          take them from an OCI object of resources, \"-\" is standard input;\n"
		 "                                the other options count for nothing then\n"
		 "      --memory BYTES            of memory, as in 512m; -1: no limit\n"
		 "      --memory-reservation BYTES   that is kept when memory is short\n"
		 "      --memory-swap BYTES       of memory and swap together\n"
		 "      --cpu-quota US            of processor time in each period; -1: no limit\n"
		 "      --cpu-period US           100000 without it\n"
		 "      --cpu-share N             relative weight, 2 to 262144\n"
		 "      --cpuset-cpus LIST        of the domain's own processors, as in 0-1,3\n"
		 "      --cpuset-mems LIST        of its nodes of memory\n"
		 "      --pids-limit N            of processes and threads; -1: no limit\n"
		 "      --blkio-weight, --cpu-burst, --cpu-idle, --cpu-rt-period, --cpu-rt-runtime, --l3-cache-schema, --mem-bw-schema VALUE   refused\n"
		 "      --kernel-memory, --kernel-memory-tcp VALUE   ignored\n",
	.run = update,
};
