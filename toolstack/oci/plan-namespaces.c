/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan-namespaces.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/error.h"
#include "member.h"
#include "plan.h"

/* Each type that is known, whether containers of one guest can share one, whether the
 * container may be without one of its own, and if not, what to do. Without a cgroup
 * namespace it sees the paths of the guest's cgroups, without a time namespace the
 * guest's clocks, which tell nothing about dom0. */
static const struct type {
	const char *name, *file; /* /proc/PID/ns/FILE */
	bool shared;
	const char *advice; /* NULL: may be absent */
} types[] = {
	{ "mount", "mnt", false, "give the container one of its own" },
	{ "pid", "pid", true, "leave --pid=host out" },
	{ "ipc", "ipc", true, "leave --ipc=host out" },
	{ "uts", "uts", true, "leave --uts=host out" },
	{ "network", "net", true, "use --network none" },
	{ "cgroup", "cgroup", false, NULL },
	{ "time", "time", false, NULL },
};

#define NANOSECS_MAX 999999999
#define TYPES (sizeof(types) / sizeof(types[0]))

struct reader {
	const char *path;
	struct domlet_plan *plan;
	struct domlet_error *err;
	bool seen[TYPES];
};

/* Ours, or those of dom0's first process, when we ourselves run in others. */
static bool is_hosts(const char *path, const struct type *t)
{
	static const char *const whose[] = { "self", "1" };
	struct stat given, hosts;
	char file[64];

	if (stat(path, &given) < 0)
		return false;
	for (size_t i = 0; i < sizeof(whose) / sizeof(whose[0]); i++) {
		snprintf(file, sizeof(file), "/proc/%s/ns/%s", whose[i], t->file);
		if (stat(file, &hosts) == 0 && given.st_ino == hosts.st_ino && given.st_dev == hosts.st_dev)
			return true;
	}
	return false;
}

static int out_of_memory(const struct reader *r)
{
	return domlet_error_set(r->err, ENOMEM, "%s can't be read: out of memory", r->path);
}

static int take_path(const struct reader *r, const struct type *t, const char *path, struct json_object *one)
{
	struct domlet_plan_join *join = &r->plan->joins[r->plan->join_count];
	struct stat st;

	if (is_hosts(path, t))
		return domlet_error_set(
			r->err, ENOTSUP,
			"the %s namespace %s is the host's, which a guest with its own kernel can't share: use a private one",
			t->name, path);
	if (!t->shared)
		return domlet_error_set(
			r->err, ENOTSUP,
			"the %s namespace %s can't be joined: only ipc, uts, network and pid namespaces can be shared between containers in one guest, so use a private one",
			t->name, path);
	if (stat(path, &st) < 0)
		return domlet_error_set(r->err, errno, "the %s namespace %s can't be used: %s", t->name, path,
					domlet_strerror(errno));
	*join = (struct domlet_plan_join){
		.type = t->name, .file = t->file, .path = strdup(path), .dev = st.st_dev, .ino = st.st_ino, .container = -1
	};
	if (!join->path)
		return out_of_memory(r);
	r->plan->join_count++;
	if (strcmp(t->name, "network") == 0 && !(r->plan->net_path = strdup(path)))
		return out_of_memory(r);
	json_object_object_del(one, "path");
	return 0;
}

static int read_one(struct reader *r, struct json_object *one)
{
	const char *name = domlet_oci_text(one, "type"), *path = domlet_oci_text(one, "path");
	size_t i = 0;

	if (strcmp(name, "user") == 0)
		return domlet_error_set(
			r->err, ENOTSUP,
			"%s: linux.namespaces asks for a user namespace, which is not possible yet: the guest has users of its own",
			r->path);
	while (i < TYPES && strcmp(name, types[i].name) != 0)
		i++;
	if (i == TYPES)
		return domlet_error_set(r->err, ENOTSUP, "%s: linux.namespaces has type \"%.64s\", which isn't known",
					r->path, name);
	if (r->seen[i])
		return domlet_error_set(r->err, EINVAL, "%s: linux.namespaces has type \"%s\" twice", r->path, name);
	r->seen[i] = true;
	return path && path[0] != '\0' ? take_path(r, &types[i], path, one) : 0;
}

static bool has(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < TYPES; i++)
		if (strcmp(types[i].name, name) == 0)
			return r->seen[i];
	return false;
}

/* What the guest sets: the kernel's rules, so far as they don't depend on its
 * clocks (time_namespaces(7)). */
static int check_time_offsets(const struct reader *r, struct json_object *offsets)
{
	if (!offsets || json_object_object_length(offsets) == 0)
		return 0;
	if (!has(r, "time"))
		return domlet_error_set(
			r->err, EINVAL,
			"%s: linux.timeOffsets is given, but linux.namespaces has no time namespace to set it in",
			r->path);
	json_object_object_foreach(offsets, clock, offset)
	{
		if (strcmp(clock, "monotonic") != 0 && strcmp(clock, "boottime") != 0)
			return domlet_error_set(
				r->err, EINVAL,
				"%s: linux.timeOffsets has clock \"%.64s\"; \"monotonic\" and \"boottime\" are known",
				r->path, clock);
		int64_t nanosecs = json_object_get_int64(domlet_oci_member(offset, "nanosecs"));

		if (nanosecs > NANOSECS_MAX)
			return domlet_error_set(r->err, EINVAL,
						"%s: linux.timeOffsets.%s.nanosecs is %lld, but must be %d at most",
						r->path, clock, (long long)nanosecs, NANOSECS_MAX);
	}
	return 0;
}

static int refuse_absent(const struct reader *r)
{
	for (size_t i = 0; i < TYPES; i++)
		if (!r->seen[i] && types[i].advice)
			return domlet_error_set(
				r->err, ENOTSUP,
				"%s: linux.namespaces has no %s namespace, which means the host's, and a guest with its own kernel can't share that: %s",
				r->path, types[i].name, types[i].advice);
	return 0;
}

int domlet_plan_namespaces(struct json_object *config, const char *path, struct domlet_plan *plan,
			   struct domlet_error *err)
{
	struct reader reader = { .path = path, .plan = plan, .err = err };
	struct json_object *linux_ = domlet_oci_member(config, "linux");
	struct json_object *list = domlet_oci_member(linux_, "namespaces");
	const char *hostname = domlet_oci_text(config, "hostname");
	size_t n = list ? json_object_array_length(list) : 0;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = read_one(&reader, json_object_array_get_idx(list, i));
	if (r == 0)
		r = refuse_absent(&reader);
	if (r == 0)
		r = check_time_offsets(&reader, domlet_oci_member(linux_, "timeOffsets"));
	if (r == 0 && hostname && hostname[0] != '\0' && !(plan->hostname = strdup(hostname)))
		r = out_of_memory(&reader);
	return r;
}
