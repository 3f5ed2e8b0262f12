// SPDX-License-Identifier: GPL-2.0-or-later
#include "event_json.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#define NS_PER_US 1000u

static void add(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

/* Go's omitempty. */
static void add_unless_0(struct json_object *o, const char *key, uint64_t value)
{
	if (value)
		add(o, key, value);
}

static struct json_object *add_object(struct json_object *o, const char *key)
{
	struct json_object *member = json_object_new_object();

	json_object_object_add(o, key, member);
	return member;
}

static bool is_there(const struct domlet_figures *f, enum domlet_figure which)
{
	return f->of[which] != DOMLET_FIGURE_NONE;
}

/* What isn't counted is 0. */
static uint64_t count(const struct domlet_figures *f, enum domlet_figure which)
{
	return is_there(f, which) ? f->of[which] : 0;
}

static void add_cpu(struct json_object *data, const struct domlet_figures *f)
{
	struct json_object *cpu = add_object(data, "cpu");
	struct json_object *usage = add_object(cpu, "usage"), *throttling = add_object(cpu, "throttling");

	add_unless_0(usage, "total", count(f, DOMLET_FIGURE_CPU_USAGE_US) * NS_PER_US);
	add(usage, "kernel", count(f, DOMLET_FIGURE_CPU_SYSTEM_US) * NS_PER_US);
	add(usage, "user", count(f, DOMLET_FIGURE_CPU_USER_US) * NS_PER_US);
	add_unless_0(throttling, "periods", count(f, DOMLET_FIGURE_CPU_PERIODS));
	add_unless_0(throttling, "throttledPeriods", count(f, DOMLET_FIGURE_CPU_THROTTLED));
	add_unless_0(throttling, "throttledTime", count(f, DOMLET_FIGURE_CPU_THROTTLED_US) * NS_PER_US);
}

/* runc counts these of version 1 alone. */
static void add_cpuset(struct json_object *data)
{
	static const char *const keys[] = {
		"cpu_exclusive",   "mem_hardwall",       "mem_exclusive",
		"memory_migrate",  "memory_spread_page", "memory_spread_slab",
		"memory_pressure", "sched_load_balance", "sched_relax_domain_level",
	};
	struct json_object *cpuset = add_object(data, "cpuset");

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		add(cpuset, keys[i], 0);
}

static void add_memory_entry(struct json_object *memory, const char *key, uint64_t limit, uint64_t usage)
{
	struct json_object *entry = add_object(memory, key);

	add(entry, "limit", limit);
	add_unless_0(entry, "usage", usage);
	add(entry, "failcnt", 0);
}

static void add_raw(struct json_object *memory, const struct domlet_figures *f)
{
	struct json_object *raw = json_object_new_object();

	for (int i = 0; i < (int)DOMLET_FIGURE_MEMORY_COUNT; i++)
		if (f->memory[i] != DOMLET_FIGURE_NONE)
			add(raw, domlet_figure_memory_key((enum domlet_figure_memory)i), f->memory[i]);
	if (json_object_object_length(raw))
		json_object_object_add(memory, "raw", raw);
	else
		json_object_put(raw);
}

/* Of version 2 runc calls the sum of memory and swap swap, as version 1 did, and so a limit that there is none of stays. */
static void add_memory(struct json_object *data, const struct domlet_figures *f)
{
	struct json_object *memory = add_object(data, "memory");
	uint64_t cache = f->memory[DOMLET_FIGURE_MEMORY_file], usage = count(f, DOMLET_FIGURE_MEMORY);
	uint64_t limit = is_there(f, DOMLET_FIGURE_MEMORY) ? f->of[DOMLET_FIGURE_MEMORY_MAX] : 0;
	uint64_t swap_limit = 0;

	if (is_there(f, DOMLET_FIGURE_SWAP))
		swap_limit = is_there(f, DOMLET_FIGURE_SWAP_MAX) ? limit + f->of[DOMLET_FIGURE_SWAP_MAX] :
								   DOMLET_FIGURE_NONE;
	add_unless_0(memory, "cache", cache == DOMLET_FIGURE_NONE ? 0 : cache);
	add_memory_entry(memory, "usage", limit, usage);
	add_memory_entry(memory, "swap", swap_limit, count(f, DOMLET_FIGURE_SWAP) + usage);
	add_memory_entry(memory, "kernel", 0, 0);
	add_memory_entry(memory, "kernelTCP", 0, 0);
	add_raw(memory, f);
}

static void add_io_entry(struct json_object *list, const struct domlet_figure_device *d, const char *op, uint64_t value)
{
	struct json_object *entry = json_object_new_object();

	add_unless_0(entry, "major", d->major);
	add_unless_0(entry, "minor", d->minor);
	json_object_object_add(entry, "op", json_object_new_string(op));
	add_unless_0(entry, "value", value);
	json_object_array_add(list, entry);
}

static void add_io(struct json_object *data, const struct domlet_figures *f)
{
	struct json_object *blkio = add_object(data, "blkio");
	struct json_object *bytes, *times;
	const struct domlet_figure_device *d = f->devices, *end = d + DOMLET_FIGURE_DEVICES;

	if (d->major == DOMLET_FIGURE_NONE)
		return;
	bytes = json_object_new_array();
	times = json_object_new_array();
	for (; d < end && d->major != DOMLET_FIGURE_NONE; d++) {
		add_io_entry(bytes, d, "Read", d->read_bytes);
		add_io_entry(bytes, d, "Write", d->written_bytes);
		add_io_entry(times, d, "Read", d->reads);
		add_io_entry(times, d, "Write", d->writes);
	}
	json_object_object_add(blkio, "ioServiceBytesRecursive", bytes);
	json_object_object_add(blkio, "ioServicedRecursive", times);
}

static void add_huge_entry(struct json_object *hugetlb, const char *size, const struct domlet_figures *f,
			   enum domlet_figure usage, enum domlet_figure failed)
{
	struct json_object *entry;

	if (!is_there(f, usage))
		return;
	entry = add_object(hugetlb, size);
	add_unless_0(entry, "usage", f->of[usage]);
	add(entry, "failcnt", count(f, failed));
}

static void add_huge(struct json_object *data, const struct domlet_figures *f)
{
	struct json_object *hugetlb = add_object(data, "hugetlb");

	add_huge_entry(hugetlb, "1GB", f, DOMLET_FIGURE_HUGE_1G, DOMLET_FIGURE_HUGE_1G_FAILED);
	add_huge_entry(hugetlb, "2MB", f, DOMLET_FIGURE_HUGE_2M, DOMLET_FIGURE_HUGE_2M_FAILED);
}

static struct json_object *begin(const char *type, const char *id)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "type", json_object_new_string(type));
	json_object_object_add(o, "id", json_object_new_string(id));
	return o;
}

static char *end(struct json_object *o)
{
	char *text = strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));

	json_object_put(o);
	return text;
}

char *domlet_event_json_stats(const char *id, const struct domlet_figures *f)
{
	struct json_object *o = begin("stats", id), *data = add_object(o, "data"), *pids;

	add_cpu(data, f);
	add_cpuset(data);
	add_memory(data, f);
	pids = add_object(data, "pids");
	add_unless_0(pids, "current", count(f, DOMLET_FIGURE_PIDS));
	add_unless_0(pids, "limit", count(f, DOMLET_FIGURE_PIDS_MAX));
	add_io(data, f);
	add_huge(data, f);
	(void)add_object(data, "intel_rdt");
	json_object_object_add(data, "network_interfaces", NULL); /* those that runc itself has made */
	return end(o);
}

char *domlet_event_json_oom(const char *id)
{
	return end(begin("oom", id));
}
