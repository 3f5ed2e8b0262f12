/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this runtime can do (features.md of the runtime specification 1.2;
 * runc has the verb since 1.1.0). Only what is done.
 */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>

#include "cli.h"
#include "option.h"
#include "version.h"

#ifndef DOMLET_VERSION
#define DOMLET_VERSION "unknown"
#endif

/* startContainer's in the guest (guest-init/container/hooks.c), the others in dom0 (hooks.c). */
static const char *const hooks[] = {
	"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop", NULL,
};

/* Those that the guest sets (guest-init/container/mount_options.c). */
static const char *const mount_options[] = {
	"async",       "atime",          "bind",       "defaults",     "dev",
	"diratime",    "dirsync",        "exec",       "iversion",     "lazytime",
	"loud",        "mand",           "noatime",    "nodev",        "nodiratime",
	"noexec",      "nofail",         "noiversion", "nolazytime",   "nomand",
	"norelatime",  "nostrictatime",  "nosuid",     "nosymfollow",  "private",
	"ratime",      "rbind",          "rdev",       "rdiratime",    "relatime",
	"rexec",       "rnoatime",       "rnodev",     "rnodiratime",  "rnoexec",
	"rnorelatime", "rnostrictatime", "rnosuid",    "rnosymfollow", "ro",
	"rprivate",    "rrelatime",      "rro",        "rrw",          "rshared",
	"rslave",      "rstrictatime",   "rsuid",      "rsymfollow",   "runbindable",
	"rw",          "shared",         "silent",     "slave",        "strictatime",
	"suid",        "symfollow",      "sync",       "tmpcopyup",    "unbindable",
	NULL,
};

/* No "user": ids in the guest are the ids in the image. New ones only; a
 * namespace given by path is refused. */
static const char *const namespaces[] = { "cgroup", "ipc", "mount", "network", "pid", "time", "uts", NULL };

/* capabilities(7), all that the guest's kernel has. */
static const char *const capabilities[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
	NULL,
};

/* A listener (SCMP_ACT_NOTIFY) can't cross into dom0, so it isn't here. */
static const char *const seccomp_actions[] = {
	"SCMP_ACT_ALLOW",        "SCMP_ACT_ERRNO",       "SCMP_ACT_KILL",
	"SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
	"SCMP_ACT_TRACE",        "SCMP_ACT_TRAP",        NULL,
};

static const char *const seccomp_operators[] = {
	"SCMP_CMP_EQ", "SCMP_CMP_GE",        "SCMP_CMP_GT", "SCMP_CMP_LE",
	"SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE", NULL,
};

static const char *const seccomp_archs[] = { "SCMP_ARCH_X86", "SCMP_ARCH_X86_64", NULL };

static struct json_object *strings(const char *const *list)
{
	struct json_object *array = json_object_new_array();

	for (; list && *list; list++)
		json_object_array_add(array, json_object_new_string(*list));
	return array;
}

static struct json_object *flag(const char *name, bool value)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, name, json_object_new_boolean(value));
	return o;
}

static struct json_object *linux_features(void)
{
	struct json_object *o = json_object_new_object();
	struct json_object *cgroup = flag("v1", false);
	struct json_object *seccomp = flag("enabled", true);

	json_object_object_add(cgroup, "v2", json_object_new_boolean(true));
	json_object_object_add(cgroup, "systemd", json_object_new_boolean(true));
	json_object_object_add(cgroup, "systemdUser", json_object_new_boolean(false));
	json_object_object_add(seccomp, "actions", strings(seccomp_actions));
	json_object_object_add(seccomp, "operators", strings(seccomp_operators));
	json_object_object_add(seccomp, "archs", strings(seccomp_archs));
	json_object_object_add(o, "namespaces", strings(namespaces));
	json_object_object_add(o, "capabilities", strings(capabilities));
	json_object_object_add(o, "cgroup", cgroup);
	json_object_object_add(o, "seccomp", seccomp);
	json_object_object_add(o, "apparmor", flag("enabled", false));
	json_object_object_add(o, "selinux", flag("enabled", false));
	return o;
}

static struct json_object *features(void)
{
	struct json_object *o = json_object_new_object();
	struct json_object *notes = json_object_new_object();

	json_object_object_add(notes, "dev.domlet.version", json_object_new_string(DOMLET_VERSION));
	json_object_object_add(notes, "dev.domlet.types", json_object_new_string("pvh,pv"));
	json_object_object_add(o, "ociVersionMin", json_object_new_string(DOMLET_OCI_VERSION_MIN));
	json_object_object_add(o, "ociVersionMax", json_object_new_string(DOMLET_OCI_VERSION));
	json_object_object_add(o, "hooks", strings(hooks));
	json_object_object_add(o, "mountOptions", strings(mount_options));
	json_object_object_add(o, "linux", linux_features());
	json_object_object_add(o, "annotations", notes);
	/* So that engines keep those of an image to themselves; a name that ends so is a prefix. */
	json_object_object_add(o, "potentiallyUnsafeConfigAnnotations",
			       strings((const char *const[]){ "dev.domlet.", "io.container.manager",
							      "io.kubernetes.cri.", "io.kubernetes.cri-o.", NULL }));
	return o;
}

static int run(struct domlet_cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct json_object *o;
	int c;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return domlet_cli_usage(&domlet_verb_features, true);
		return domlet_cli_bad_option(cli, &domlet_verb_features, c, argc, argv);
	}
	if (!domlet_cli_no_argument(cli, &domlet_verb_features, argc, argv))
		return 1;
	o = features();
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	if (fflush(stdout)) {
		domlet_error_set(&cli->err, errno, "stdout: %s", domlet_strerror(errno));
		return 1;
	}
	return 0;
}

const struct domlet_verb domlet_verb_features = {
	.name = "features",
	.summary = "print what this runtime supports as JSON",
	.usage = "domlet features\n",
	.run = run,
};
