/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config-load.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "../base/error.h"

/* Types of runtime-spec 1.0 to 1.3 (config.md, config-linux.md, config-vm.md). */
enum kind {
	OBJECT,
	ARRAY,
	STRING,
	BOOLEAN,
	INTEGER,
	UNSIGNED,  /* 0 to 2^64-1 */
	SIZE16,    /* 0 to 65,535 */
	ID,        /* 0 to 2^32-2: 2^32-1 means "leave alone" to system calls */
	NO_MEMBER, /* an object: absent or empty */
	NO_LIMIT,  /* absent, 0, or below, which is "unlimited" */
	NOTHING,   /* what domlet can't do: absent, or as empty as engines write it */
};

struct rule {
	const char *path; /* "[]": each element, "{}": each value */
	enum kind kind;
	bool required;   /* where the object that holds it exists */
	const char *why; /* of the last three: the sentence's end */
};

#define OPTIONAL(path, kind)            \
	{                               \
		path, kind, false, NULL \
	}
#define REQUIRED(path, kind)           \
	{                              \
		path, kind, true, NULL \
	}
#define REFUSED(path, why)                \
	{                                 \
		path, NOTHING, false, why \
	}
#define NO_CGROUP1(path, kind)                                        \
	{                                                             \
		path, kind, false, "can't be done: it is cgroup v1's" \
	}
#define NOT_YET(path) REFUSED(path, "can't be done in the guest yet")
#define STRINGS(path) OPTIONAL(path, ARRAY), OPTIONAL(path "[]", STRING)
#define HOOKS(path)                                                                                                    \
	OPTIONAL(path, ARRAY), OPTIONAL(path "[]", OBJECT), REQUIRED(path "[].path", STRING), STRINGS(path "[].args"), \
		STRINGS(path "[].env"), OPTIONAL(path "[].timeout", INTEGER)

#define HARDWARE "can't be done: nothing of the host's hardware is given to a guest"

/* A holder comes before what it holds. */
static const struct rule rules[] = {
	OPTIONAL("", OBJECT),
	REQUIRED("ociVersion", STRING),
	OPTIONAL("hostname", STRING),
	OPTIONAL("domainname", STRING),
	OPTIONAL("annotations", OBJECT),
	OPTIONAL("annotations{}", STRING),

	REQUIRED("root", OBJECT),
	REQUIRED("root.path", STRING),
	OPTIONAL("root.readonly", BOOLEAN),

	REQUIRED("process", OBJECT),
	REQUIRED("process.args", ARRAY),
	OPTIONAL("process.args[]", STRING),
	STRINGS("process.env"),
	REQUIRED("process.cwd", STRING),
	OPTIONAL("process.terminal", BOOLEAN),
	OPTIONAL("process.consoleSize", OBJECT),
	OPTIONAL("process.consoleSize.height", SIZE16),
	OPTIONAL("process.consoleSize.width", SIZE16),
	OPTIONAL("process.noNewPrivileges", BOOLEAN),
	OPTIONAL("process.oomScoreAdj", INTEGER),
	OPTIONAL("process.scheduler", OBJECT),
	REQUIRED("process.scheduler.policy", STRING),
	OPTIONAL("process.scheduler.nice", INTEGER),
	OPTIONAL("process.scheduler.priority", INTEGER),
	STRINGS("process.scheduler.flags"),
	OPTIONAL("process.scheduler.runtime", UNSIGNED),
	OPTIONAL("process.scheduler.deadline", UNSIGNED),
	OPTIONAL("process.scheduler.period", UNSIGNED),
	OPTIONAL("process.ioPriority", OBJECT),
	REQUIRED("process.ioPriority.class", STRING),
	OPTIONAL("process.ioPriority.priority", INTEGER),
	/* Numbers of the host's processors mean nothing in a guest. */
	NOT_YET("process.execCPUAffinity"),
	OPTIONAL("process.apparmorProfile", STRING),
	OPTIONAL("process.selinuxLabel", STRING),
	OPTIONAL("process.user", OBJECT),
	OPTIONAL("process.user.uid", ID),
	OPTIONAL("process.user.gid", ID),
	OPTIONAL("process.user.umask", ID),
	OPTIONAL("process.user.additionalGids", ARRAY),
	OPTIONAL("process.user.additionalGids[]", ID),
	OPTIONAL("process.capabilities", OBJECT),
	STRINGS("process.capabilities.bounding"),
	STRINGS("process.capabilities.effective"),
	STRINGS("process.capabilities.permitted"),
	STRINGS("process.capabilities.inheritable"),
	STRINGS("process.capabilities.ambient"),
	OPTIONAL("process.rlimits", ARRAY),
	OPTIONAL("process.rlimits[]", OBJECT),
	REQUIRED("process.rlimits[].type", STRING),
	REQUIRED("process.rlimits[].soft", UNSIGNED),
	REQUIRED("process.rlimits[].hard", UNSIGNED),

	OPTIONAL("mounts", ARRAY),
	OPTIONAL("mounts[]", OBJECT),
	REQUIRED("mounts[].destination", STRING),
	OPTIONAL("mounts[].type", STRING),
	OPTIONAL("mounts[].source", STRING),
	STRINGS("mounts[].options"),
	NOT_YET("mounts[].uidMappings"),
	NOT_YET("mounts[].gidMappings"),

	OPTIONAL("hooks", OBJECT),
	HOOKS("hooks.prestart"),
	HOOKS("hooks.createRuntime"),
	HOOKS("hooks.createContainer"),
	HOOKS("hooks.startContainer"),
	HOOKS("hooks.poststart"),
	HOOKS("hooks.poststop"),

	OPTIONAL("linux", OBJECT),
	OPTIONAL("linux.cgroupsPath", STRING),
	OPTIONAL("linux.rootfsPropagation", STRING),
	OPTIONAL("linux.mountLabel", STRING),
	STRINGS("linux.maskedPaths"),
	STRINGS("linux.readonlyPaths"),
	OPTIONAL("linux.sysctl", OBJECT),
	OPTIONAL("linux.sysctl{}", STRING),
	OPTIONAL("linux.personality", OBJECT),
	REQUIRED("linux.personality.domain", STRING),
	NOT_YET("linux.personality.flags"),
	NOT_YET("linux.uidMappings"),
	NOT_YET("linux.gidMappings"),
	OPTIONAL("linux.timeOffsets", OBJECT),
	OPTIONAL("linux.timeOffsets{}", OBJECT),
	OPTIONAL("linux.timeOffsets{}.secs", INTEGER),
	OPTIONAL("linux.timeOffsets{}.nanosecs", ID),
	NOT_YET("linux.intelRdt"),
	NOT_YET("linux.memoryPolicy"),
	{ "linux.netDevices", NO_MEMBER, false, "can't be done: no network device of the host's enters a guest" },
	OPTIONAL("linux.namespaces", ARRAY),
	OPTIONAL("linux.namespaces[]", OBJECT),
	REQUIRED("linux.namespaces[].type", STRING),
	OPTIONAL("linux.namespaces[].path", STRING),
	OPTIONAL("linux.devices", ARRAY),
	OPTIONAL("linux.devices[]", OBJECT),
	REQUIRED("linux.devices[].type", STRING),
	REQUIRED("linux.devices[].path", STRING),
	OPTIONAL("linux.devices[].major", INTEGER),
	OPTIONAL("linux.devices[].minor", INTEGER),
	OPTIONAL("linux.devices[].fileMode", ID),
	OPTIONAL("linux.devices[].uid", ID),
	OPTIONAL("linux.devices[].gid", ID),

	OPTIONAL("linux.resources", OBJECT),
	OPTIONAL("linux.resources.devices", ARRAY),
	OPTIONAL("linux.resources.devices[]", OBJECT),
	OPTIONAL("linux.resources.devices[].allow", BOOLEAN),
	OPTIONAL("linux.resources.devices[].type", STRING),
	OPTIONAL("linux.resources.devices[].major", INTEGER),
	OPTIONAL("linux.resources.devices[].minor", INTEGER),
	OPTIONAL("linux.resources.devices[].access", STRING),
	OPTIONAL("linux.resources.unified", OBJECT),
	OPTIONAL("linux.resources.unified{}", STRING),
	/* Limits of huge pages and RDMA are kept by a guest that has neither. */
	NOT_YET("linux.resources.blockIO"),
	NOT_YET("linux.resources.network"),
	OPTIONAL("linux.resources.memory", OBJECT),
	OPTIONAL("linux.resources.memory.limit", INTEGER),
	OPTIONAL("linux.resources.memory.swap", INTEGER),
	OPTIONAL("linux.resources.memory.reservation", INTEGER),
	NO_CGROUP1("linux.resources.memory.kernel", NO_LIMIT),
	NO_CGROUP1("linux.resources.memory.kernelTCP", NO_LIMIT),
	NO_CGROUP1("linux.resources.memory.disableOOMKiller", NOTHING),
	OPTIONAL("linux.resources.cpu", OBJECT),
	OPTIONAL("linux.resources.cpu.shares", UNSIGNED),
	OPTIONAL("linux.resources.cpu.quota", INTEGER),
	OPTIONAL("linux.resources.cpu.period", UNSIGNED),
	OPTIONAL("linux.resources.cpu.cpus", STRING),
	OPTIONAL("linux.resources.cpu.mems", STRING),
	NOT_YET("linux.resources.cpu.realtimeRuntime"),
	NOT_YET("linux.resources.cpu.realtimePeriod"),
	NOT_YET("linux.resources.cpu.burst"),
	NOT_YET("linux.resources.cpu.idle"),
	OPTIONAL("linux.resources.pids", OBJECT),
	OPTIONAL("linux.resources.pids.limit", INTEGER),

	OPTIONAL("linux.seccomp", OBJECT),
	REQUIRED("linux.seccomp.defaultAction", STRING),
	OPTIONAL("linux.seccomp.listenerPath", STRING),
	OPTIONAL("linux.seccomp.listenerMetadata", STRING),
	OPTIONAL("linux.seccomp.defaultErrnoRet", ID),
	STRINGS("linux.seccomp.architectures"),
	STRINGS("linux.seccomp.flags"),
	OPTIONAL("linux.seccomp.syscalls", ARRAY),
	OPTIONAL("linux.seccomp.syscalls[]", OBJECT),
	REQUIRED("linux.seccomp.syscalls[].names", ARRAY),
	OPTIONAL("linux.seccomp.syscalls[].names[]", STRING),
	REQUIRED("linux.seccomp.syscalls[].action", STRING),
	OPTIONAL("linux.seccomp.syscalls[].errnoRet", ID),
	OPTIONAL("linux.seccomp.syscalls[].args", ARRAY),
	OPTIONAL("linux.seccomp.syscalls[].args[]", OBJECT),
	REQUIRED("linux.seccomp.syscalls[].args[].index", ID),
	REQUIRED("linux.seccomp.syscalls[].args[].value", UNSIGNED),
	OPTIONAL("linux.seccomp.syscalls[].args[].valueTwo", UNSIGNED),
	REQUIRED("linux.seccomp.syscalls[].args[].op", STRING),

	OPTIONAL("vm", OBJECT),
	REFUSED("vm.hypervisor", "can't be chosen: it is Xen"),
	REFUSED("vm.image", "can't be chosen: the guest's root is the container's"),
	OPTIONAL("vm.kernel", OBJECT),
	OPTIONAL("vm.kernel.path", STRING),
	STRINGS("vm.kernel.parameters"),
	OPTIONAL("vm.kernel.initrd", STRING),
	OPTIONAL("vm.hwConfig", OBJECT),
	OPTIONAL("vm.hwConfig.vcpus", UNSIGNED),
	OPTIONAL("vm.hwConfig.memory", UNSIGNED),
	REFUSED("vm.hwConfig.deviceTree", HARDWARE),
	REFUSED("vm.hwConfig.dtdevs", HARDWARE),
	REFUSED("vm.hwConfig.iomems", HARDWARE),
	REFUSED("vm.hwConfig.irqs", HARDWARE),
};

static const char *const kind_names[] = {
	[OBJECT] = "an object",
	[ARRAY] = "an array",
	[STRING] = "a string",
	[BOOLEAN] = "true or false",
	[INTEGER] = "an integer",
	[UNSIGNED] = "an integer, 0 or more",
	[SIZE16] = "an integer from 0 to 65535",
	[ID] = "an integer from 0 to 4294967294",
};

static const char *found_name(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null: return "null";
	case json_type_boolean: return json_object_get_boolean(value) ? "true" : "false";
	case json_type_double: return "a number with a fraction";
	case json_type_int: return json_object_get_int64(value) < 0 ? "a negative integer" : "an integer";
	case json_type_object: return "an object";
	case json_type_array: return "an array";
	case json_type_string: return "a string";
	}
	return "unknown";
}

struct check {
	const char *file;
	const struct rule *rule;
	struct domlet_error *err;
	char where[256]; /* as a person would write it: mounts[2].source */
};

static bool integer_fits(struct json_object *value, int64_t min, uint64_t max)
{
	return json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= min &&
	       (json_object_get_int64(value) < 0 || json_object_get_uint64(value) <= max);
}

/* Engines write {"weight":0} for a limit that nobody has set. */
static bool says_nothing(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null: return true;
	case json_type_boolean: return !json_object_get_boolean(value);
	case json_type_int:
	case json_type_double: return json_object_get_double(value) == 0;
	case json_type_string: return json_object_get_string_len(value) == 0;
	case json_type_array: return json_object_array_length(value) == 0;
	case json_type_object: break;
	}
	json_object_object_foreach(value, key, member)
	{
		(void)key;
		if (!says_nothing(member))
			return false;
	}
	return true;
}

static bool fits(enum kind kind, struct json_object *value)
{
	switch (kind) {
	case OBJECT: return json_object_is_type(value, json_type_object);
	case ARRAY: return json_object_is_type(value, json_type_array);
	case STRING: return json_object_is_type(value, json_type_string);
	case BOOLEAN: return json_object_is_type(value, json_type_boolean);
	case INTEGER: return integer_fits(value, INT64_MIN, INT64_MAX);
	case UNSIGNED: return integer_fits(value, 0, UINT64_MAX);
	case SIZE16: return integer_fits(value, 0, UINT16_MAX);
	case ID: return integer_fits(value, 0, UINT32_MAX - 1);
	case NO_MEMBER:
		return !value || (json_object_is_type(value, json_type_object) && json_object_object_length(value) == 0);
	case NO_LIMIT:
		return !value || (json_object_is_type(value, json_type_int) && json_object_get_int64(value) <= 0);
	case NOTHING: return says_nothing(value);
	}
	return false;
}

static int check_value(struct check *c, struct json_object *value)
{
	const char *name = c->where[0] != '\0' ? c->where : "the whole";

	if (c->rule->kind >= NO_MEMBER)
		return fits(c->rule->kind, value) ?
			       0 :
			       domlet_error_set(c->err, ENOTSUP, "%s: %s %s", c->file, name, c->rule->why);
	if (!fits(c->rule->kind, value))
		return domlet_error_set(c->err, EINVAL, "%s: %s must be %s, but is %s", c->file, name,
					kind_names[c->rule->kind], found_name(value));
	if (c->rule->kind == STRING && strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value))
		return domlet_error_set(c->err, EINVAL, "%s: %s must be a string without NUL characters", c->file, name);
	return 0;
}

/* Recursion goes as deep as a rule's path, not as the configuration. */
static int walk(struct check *c, struct json_object *value, const char *path);

static int walk_elements(struct check *c, struct json_object *array, const char *rest)
{
	size_t end = strlen(c->where), n;
	int r = 0;

	if (!json_object_is_type(array, json_type_array))
		return 0; /* the rule for the array itself has told */
	n = json_object_array_length(array);
	for (size_t i = 0; i < n && r == 0; i++) {
		snprintf(c->where + end, sizeof(c->where) - end, "[%zu]", i);
		r = walk(c, json_object_array_get_idx(array, i), rest);
	}
	c->where[end] = '\0';
	return r;
}

static int walk_values(struct check *c, struct json_object *object, const char *rest)
{
	size_t end = strlen(c->where);
	int r = 0;

	if (!json_object_is_type(object, json_type_object))
		return 0;
	json_object_object_foreach(object, key, value)
	{
		snprintf(c->where + end, sizeof(c->where) - end, "[\"%.64s\"]", key);
		r = walk(c, value, rest);
		if (r < 0)
			break;
	}
	c->where[end] = '\0';
	return r;
}

static int walk_member(struct check *c, struct json_object *object, const char *path)
{
	size_t end = strlen(c->where), len;
	struct json_object *value;
	char key[64];
	int r;

	path += *path == '.';
	len = strcspn(path, ".[{");
	snprintf(key, sizeof(key), "%.*s", (int)len, path);
	if (!json_object_is_type(object, json_type_object))
		return 0;
	snprintf(c->where + end, sizeof(c->where) - end, "%s%s", end > 0 ? "." : "", key);
	if (json_object_object_get_ex(object, key, &value) && value)
		r = walk(c, value, path + len);
	else if (c->rule->required && path[len] == '\0')
		r = domlet_error_set(c->err, EINVAL, "%s: %s is missing; it must be %s", c->file, c->where,
				     kind_names[c->rule->kind]);
	else
		r = 0;
	c->where[end] = '\0';
	return r;
}

static int walk(struct check *c, struct json_object *value, const char *path)
{
	if (*path == '\0')
		return check_value(c, value);
	if (*path == '[')
		return walk_elements(c, value, path + 2);
	if (*path == '{')
		return walk_values(c, value, path + 2);
	return walk_member(c, value, path);
}

int domlet_oci_check(struct json_object *config, const char *path, struct domlet_error *err)
{
	struct check c = { .file = path, .err = err };

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		int r;

		c.rule = &rules[i];
		r = walk(&c, config, c.rule->path);
		if (r < 0)
			return r;
	}
	return 0;
}
