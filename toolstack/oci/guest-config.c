/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest-config.h"

#include <stdbool.h>
#include <string.h>

#include "member.h"

/* The members that the guest gets, by level; an object that is named is the guest's as a whole
 * where no level of its own says otherwise. */
static const char *const top_members[] = {
	"ociVersion", "hostname", "domainname", "root", "process", "mounts", "hooks", "linux", NULL,
};
static const char *const root_members[] = { "readonly", NULL };
/* Labels and profiles are those of the host's security modules. */
static const char *const process_members[] = {
	"terminal",
	"consoleSize",
	"user",
	"args",
	"env",
	"cwd",
	"capabilities",
	"rlimits",
	"noNewPrivileges",
	"oomScoreAdj",
	"scheduler",
	"ioPriority",
	"execCPUAffinity",
	NULL,
};
static const char *const mount_members[] = { "destination", "type", "source", "options", NULL };
/* The other hooks run in dom0. */
static const char *const hook_members[] = { "startContainer", NULL };
static const char *const linux_members[] = {
	"namespaces",  "devices",       "sysctl",  "personality", "resources", "rootfsPropagation",
	"maskedPaths", "readonlyPaths", "seccomp", "timeOffsets", NULL,
};
static const char *const seccomp_members[] = {
	"defaultAction", "defaultErrnoRet", "architectures", "flags", "syscalls", NULL,
};

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

static void keep(struct json_object *obj, const char *const *names)
{
	if (!json_object_is_type(obj, json_type_object))
		return;
	json_object_object_foreach(obj, key, value)
	{
		(void)value;
		if (!is_one_of(key, names))
			json_object_object_del(obj, key); /* json-c lets the current member go */
	}
}

static void keep_hooks(struct json_object *config)
{
	struct json_object *hooks = domlet_oci_member(config, "hooks");

	keep(hooks, hook_members);
	if (!domlet_oci_member(hooks, "startContainer"))
		json_object_object_del(config, "hooks");
}

void domlet_guest_config_keep_process(struct json_object *process)
{
	keep(process, process_members);
}

void domlet_guest_config_keep(struct json_object *config)
{
	struct json_object *mounts = domlet_oci_member(config, "mounts"), *linux_ = domlet_oci_member(config, "linux");
	size_t n = mounts ? json_object_array_length(mounts) : 0;

	keep(config, top_members);
	keep(domlet_oci_member(config, "root"), root_members);
	domlet_guest_config_keep_process(domlet_oci_member(config, "process"));
	for (size_t i = 0; i < n; i++)
		keep(json_object_array_get_idx(mounts, i), mount_members);
	keep_hooks(config);
	keep(linux_, linux_members);
	keep(domlet_oci_member(linux_, "seccomp"), seccomp_members);
}
