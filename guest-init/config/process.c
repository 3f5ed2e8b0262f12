/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <linux/ioprio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>

static const struct {
	const char *name;
	int resource;
} rlimit_names[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

/* Limits are unsigned 64 bit: RLIM_INFINITY is written as 2^64-1. */
static uint64_t read_limit(struct domlet_reader *r, struct json_object *in, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(in, key, &value) || !json_object_is_type(value, json_type_int)) {
		domlet_read_fail(r, key, "of a rlimit must be an integer");
		return 0;
	}
	if (json_object_get_int64(value) == -1)
		return RLIM_INFINITY;
	return json_object_get_uint64(value);
}

static void read_rlimits(struct domlet_process_config *p, struct json_object *json, struct domlet_reader *r)
{
	uint32_t count, i;
	size_t n;
	struct json_object *array = domlet_read_array(r, json, "rlimits", DOMLET_CONFIG_RLIMITS_MAX, &count);

	for (i = 0; i < count && !r->failed; i++) {
		struct json_object *one = json_object_array_get_idx(array, i);
		const char *name;

		if (!json_object_is_type(one, json_type_object)) {
			domlet_read_fail(r, "rlimits", "must hold objects");
			return;
		}
		name = domlet_read_string(r, one, "type", "");
		for (n = 0; n < sizeof(rlimit_names) / sizeof(*rlimit_names); n++)
			if (!strcmp(name, rlimit_names[n].name))
				break;
		if (n == sizeof(rlimit_names) / sizeof(*rlimit_names)) {
			domlet_read_fail(r, "rlimits", "names a limit this system does not know");
			return;
		}
		for (uint32_t other = 0; other < i; other++)
			if (p->rlimits[other].resource == rlimit_names[n].resource)
				domlet_read_fail(r, "rlimits", "names a limit twice");
		p->rlimits[i].resource = rlimit_names[n].resource;
		p->rlimits[i].soft = read_limit(r, one, "soft");
		p->rlimits[i].hard = read_limit(r, one, "hard");
		p->rlimit_count = i + 1;
	}
}

static void read_user(struct domlet_process_config *p, struct json_object *json, struct domlet_reader *r)
{
	struct json_object *user = domlet_read_object(r, json, "user");
	uint32_t count, i;
	struct json_object *array = domlet_read_array(r, user, "additionalGids", DOMLET_CONFIG_GROUPS_MAX, &count);

	/* 2^32-1 is no id: system calls read it as "leave alone". */
	p->uid = (uint32_t)domlet_read_int(r, user, "uid", 0, (int64_t)UINT32_MAX - 1, 0);
	p->gid = (uint32_t)domlet_read_int(r, user, "gid", 0, (int64_t)UINT32_MAX - 1, 0);
	p->has_umask = domlet_read_has(user, "umask");
	p->umask = (mode_t)domlet_read_int(r, user, "umask", 0, 0777, 0022);
	if (!count)
		return;
	p->groups = calloc(count, sizeof(*p->groups));
	if (!p->groups) {
		domlet_read_fail(r, "additionalGids", "does not fit into memory");
		return;
	}
	for (i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(array, i);
		int64_t gid = json_object_is_type(one, json_type_int) ? json_object_get_int64(one) : -1;

		if (gid < 0 || gid >= (int64_t)UINT32_MAX) {
			domlet_read_fail(r, "additionalGids", "must hold group ids");
			return;
		}
		p->groups[i] = (gid_t)gid;
	}
	p->group_count = count;
}

/* "CAP_CHOWN" -> its bit, 0 for a name that libcap or this kernel does not know. */
static uint64_t capability_bit(const char *name)
{
	cap_value_t value;

	if (cap_from_name(name, &value) < 0 || value < 0 || value >= 64)
		return 0;
	return UINT64_C(1) << value;
}

static void read_caps(struct domlet_process_config *p, struct json_object *json, struct domlet_reader *r)
{
	static const char *const set_names[DOMLET_CAPS_SETS] = { "bounding", "effective", "permitted", "inheritable",
								 "ambient" };
	struct json_object *caps = domlet_read_object(r, json, "capabilities");
	unsigned int set;

	p->has_caps = caps != NULL;
	for (set = 0; set < DOMLET_CAPS_SETS; set++) {
		uint32_t count, i;
		struct json_object *array = domlet_read_array(r, caps, set_names[set], 256, &count);

		for (i = 0; i < count; i++) {
			const char *name = domlet_read_text(r, json_object_array_get_idx(array, i), set_names[set]);

			/* A name that this kernel does not know can't be
			 * granted; the engines expect it to be skipped. */
			if (name)
				p->caps[set] |= capability_bit(name);
		}
	}
}

/* NAME's place in NAMES, which end with NULL. */
static uint32_t read_choice(struct domlet_reader *r, const char *name, const char *const *names, const char *key)
{
	for (uint32_t i = 0; names[i]; i++)
		if (!strcmp(name, names[i]))
			return i;
	domlet_read_fail(r, key, "is nothing the guest's kernel knows");
	return 0;
}

static uint64_t read_ns(struct domlet_reader *r, struct json_object *in, const char *key)
{
	return (uint64_t)domlet_read_int(r, in, key, 0, INT64_MAX, 0);
}

static void read_scheduler(struct domlet_process_config *p, struct json_object *json, struct domlet_reader *r)
{
	static const char *const policies[] = { "SCHED_OTHER", "SCHED_FIFO", "SCHED_RR",       "SCHED_BATCH",
						"SCHED_ISO",   "SCHED_IDLE", "SCHED_DEADLINE", NULL };
	static const char *const flags[] = { "SCHED_FLAG_RESET_ON_FORK",  "SCHED_FLAG_RECLAIM",
					     "SCHED_FLAG_DL_OVERRUN",     "SCHED_FLAG_KEEP_POLICY",
					     "SCHED_FLAG_KEEP_PARAMS",    "SCHED_FLAG_UTIL_CLAMP_MIN",
					     "SCHED_FLAG_UTIL_CLAMP_MAX", NULL };
	struct json_object *in = domlet_read_object(r, json, "scheduler"), *array;
	struct domlet_scheduler_config *s = &p->scheduler;
	uint32_t count, i;

	if (!in)
		return;
	s->given = true;
	s->policy = read_choice(r, domlet_read_string(r, in, "policy", ""), policies, "process.scheduler.policy");
	s->nice = (int32_t)domlet_read_int(r, in, "nice", -20, 19, 0);
	s->priority = (uint32_t)domlet_read_int(r, in, "priority", 0, 99, 0);
	s->runtime = read_ns(r, in, "runtime");
	s->deadline = read_ns(r, in, "deadline");
	s->period = read_ns(r, in, "period");
	array = domlet_read_array(r, in, "flags", 16, &count);
	for (i = 0; i < count; i++) {
		const char *name = domlet_read_text(r, json_object_array_get_idx(array, i), "process.scheduler.flags");

		if (name)
			s->flags |= UINT64_C(1) << read_choice(r, name, flags, "process.scheduler.flags");
	}
}

static void read_io_priority(struct domlet_process_config *p, struct json_object *json, struct domlet_reader *r)
{
	static const char *const classes[] = { "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE", NULL };
	struct json_object *in = domlet_read_object(r, json, "ioPriority");

	if (!in)
		return;
	p->has_io_priority = true;
	p->io_priority = (int)IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT +
							(int)read_choice(r, domlet_read_string(r, in, "class", ""),
									 classes, "process.ioPriority.class"),
						(int)domlet_read_int(r, in, "priority", 0, 7, 0));
}

/* The host's word, not the engine's. */
static void read_stdio(struct domlet_process_config *p, struct json_object *json, struct domlet_reader *r)
{
	static const char *const kinds[] = { "pipe", "null", "closed", NULL };
	uint32_t count, i;
	struct json_object *array = domlet_read_array(r, json, "dev.domlet.stdio", 3, &count);

	for (i = 0; i < count; i++) {
		const char *name = domlet_read_text(r, json_object_array_get_idx(array, i), "dev.domlet.stdio");

		if (name)
			p->stdio[i] = (enum domlet_stdio_kind)read_choice(r, name, kinds, "dev.domlet.stdio");
	}
}

void domlet_config_read_process(struct domlet_process_config *p, struct json_object *json, struct domlet_reader *r)
{
	struct json_object *size;

	domlet_read_strings(r, json, "args", DOMLET_CONFIG_ARGS_MAX, &p->args);
	domlet_read_strings(r, json, "env", DOMLET_CONFIG_ARGS_MAX, &p->env);
	p->cwd = domlet_read_string(r, json, "cwd", "/");
	p->terminal = domlet_read_bool(r, json, "terminal");
	read_stdio(p, json, r);
	size = domlet_read_object(r, json, "consoleSize");
	p->rows = (uint16_t)domlet_read_int(r, size, "height", 0, UINT16_MAX, 0);
	p->cols = (uint16_t)domlet_read_int(r, size, "width", 0, UINT16_MAX, 0);
	p->no_new_privs = domlet_read_bool(r, json, "noNewPrivileges");
	p->has_oom_score_adj = domlet_read_has(json, "oomScoreAdj");
	p->oom_score_adj = (int)domlet_read_int(r, json, "oomScoreAdj", -1000, 1000, 0);
	read_user(p, json, r);
	read_caps(p, json, r);
	read_rlimits(p, json, r);
	read_scheduler(p, json, r);
	read_io_priority(p, json, r);
	if (!p->args.count || !p->args.item[0][0])
		domlet_read_fail(r, "process.args", "must name a command");
	else if (p->cwd[0] != '/')
		domlet_read_fail(r, "process.cwd", "must be an absolute path");
}

static void inherit(struct domlet_process_config *p, const struct domlet_process_config *first)
{
	if (!p->has_caps)
		memcpy(p->caps, first->caps, sizeof(p->caps));
	if (!p->rlimit_count) {
		memcpy(p->rlimits, first->rlimits, sizeof(p->rlimits));
		p->rlimit_count = first->rlimit_count;
	}
	if (!p->has_umask)
		p->umask = first->umask;
	if (!p->has_oom_score_adj) {
		p->has_oom_score_adj = first->has_oom_score_adj;
		p->oom_score_adj = first->oom_score_adj;
	}
	if (!p->scheduler.given)
		p->scheduler = first->scheduler;
	if (!p->has_io_priority) {
		p->has_io_priority = first->has_io_priority;
		p->io_priority = first->io_priority;
	}
}

int domlet_config_parse_process(struct domlet_process_config *p, const struct domlet_process_config *first,
				const char *text, size_t len, struct domlet_failure *failure)
{
	struct domlet_reader r = { .failure = failure };

	memset(p, 0, sizeof(*p));
	p->document = domlet_read_document(text, len, failure);
	if (!p->document)
		return -failure->code;
	domlet_config_read_process(p, p->document, &r);
	p->cgroup = domlet_read_string(&r, p->document, "dev.domlet.cgroup", NULL);
	if (!r.failed) {
		inherit(p, first);
		return 0;
	}
	domlet_config_free_process(p);
	return -failure->code;
}

void domlet_config_free_process(struct domlet_process_config *p)
{
	free(p->args.item);
	free(p->env.item);
	free(p->groups);
	if (p->document)
		json_object_put(p->document);
	memset(p, 0, sizeof(*p));
}
