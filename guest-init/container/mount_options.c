// SPDX-License-Identifier: GPL-2.0-or-later
#include "mount_options.h"

#include <string.h>
#include <sys/mount.h>

/* RECURSIVE: with an "r" before it, it is meant for the mounts below as well, of
 * which ours have none. "domlet features" tells engines of these names. */
static const struct {
	const char *name;
	unsigned long set, clear;
	bool recursive;
} flag_options[] = {
	{ "defaults", 0, 0, false },
	{ "ro", MS_RDONLY, 0, true },
	{ "rw", 0, MS_RDONLY, true },
	{ "nosuid", MS_NOSUID, 0, true },
	{ "suid", 0, MS_NOSUID, true },
	{ "nodev", MS_NODEV, 0, true },
	{ "dev", 0, MS_NODEV, true },
	{ "noexec", MS_NOEXEC, 0, true },
	{ "exec", 0, MS_NOEXEC, true },
	{ "sync", MS_SYNCHRONOUS, 0, false },
	{ "async", 0, MS_SYNCHRONOUS, false },
	{ "dirsync", MS_DIRSYNC, 0, false },
	{ "noatime", MS_NOATIME, 0, true },
	{ "atime", 0, MS_NOATIME, true },
	{ "nodiratime", MS_NODIRATIME, 0, true },
	{ "diratime", 0, MS_NODIRATIME, true },
	{ "relatime", MS_RELATIME, 0, true },
	{ "norelatime", 0, MS_RELATIME, true },
	{ "strictatime", MS_STRICTATIME, 0, true },
	{ "nostrictatime", 0, MS_STRICTATIME, true },
	{ "lazytime", MS_LAZYTIME, 0, false },
	{ "nolazytime", 0, MS_LAZYTIME, false },
	{ "iversion", MS_I_VERSION, 0, false },
	{ "noiversion", 0, MS_I_VERSION, false },
	{ "mand", MS_MANDLOCK, 0, false },
	{ "nomand", 0, MS_MANDLOCK, false },
	{ "nosymfollow", MS_NOSYMFOLLOW, 0, true },
	{ "symfollow", 0, MS_NOSYMFOLLOW, true },
	{ "silent", MS_SILENT, 0, false },
	{ "loud", 0, MS_SILENT, false },
	{ "nofail", 0, 0, false },
};

static const struct {
	const char *name;
	unsigned long flags;
} propagations[] = {
	{ "private", MS_PRIVATE },       { "rprivate", MS_PRIVATE | MS_REC },
	{ "shared", MS_SHARED },         { "rshared", MS_SHARED | MS_REC },
	{ "slave", MS_SLAVE },           { "rslave", MS_SLAVE | MS_REC },
	{ "unbindable", MS_UNBINDABLE }, { "runbindable", MS_UNBINDABLE | MS_REC },
};

static bool parse_flag(const char *option, bool recursive, struct domlet_mount_options *out)
{
	for (size_t i = 0; i < sizeof(flag_options) / sizeof(*flag_options); i++) {
		if (strcmp(option, flag_options[i].name) != 0 || (recursive && !flag_options[i].recursive))
			continue;
		out->flags = (out->flags | flag_options[i].set) & ~flag_options[i].clear;
		return true;
	}
	return false;
}

static bool parse_known(const char *option, struct domlet_mount_options *out)
{
	size_t i;

	if (parse_flag(option, false, out) || (option[0] == 'r' && parse_flag(option + 1, true, out)))
		return true;
	for (i = 0; i < sizeof(propagations) / sizeof(*propagations); i++) {
		if (strcmp(option, propagations[i].name) != 0)
			continue;
		out->propagation = propagations[i].flags;
		return true;
	}
	if (strcmp(option, "tmpcopyup") == 0)
		return out->copy_up = true;
	return !strcmp(option, "bind") || !strcmp(option, "rbind");
}

int domlet_mount_options_parse(const struct domlet_strings *options, struct domlet_mount_options *out,
			       struct domlet_failure *failure)
{
	size_t used = 0;
	uint32_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < options->count; i++) {
		const char *option = options->item[i];
		size_t len = strlen(option);

		if (!len || parse_known(option, out))
			continue;
		/* Room for a comma and the NUL. */
		if (len + 2 > sizeof(out->data) - used)
			return domlet_failure_set(failure, EINVAL, "mount options are longer than a page");
		if (used)
			out->data[used++] = ',';
		memcpy(out->data + used, option, len);
		used += len;
	}
	return 0;
}
