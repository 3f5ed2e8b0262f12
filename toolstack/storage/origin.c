/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "origin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../../frontend/proto/sha256.h"
#include "../base/cleanup.h"

/* An overlay's layer may be an overlay, but the kernel stacks no more
 * (FILESYSTEM_MAX_STACK_DEPTH); the same bounds devices upon devices. */
#define OVERLAYS_MAX 3u
#define DEVICES_MAX 4u
/* The kernel's own bound of an overlay's layers (OVL_MAX_STACK). */
#define LAYERS_MAX 501u

struct look {
	struct domlet_sha256 hash;
	unsigned int layers;
};

/* Whether NAME is a block device's whose contents somebody else may have written, or write
 * now. */
static bool is_foreign_name(const char *name)
{
	static const char *const foreign[] = { "loop", "nbd", "rbd", "ublk" };

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (strncmp(name, foreign[i], strlen(foreign[i])) == 0)
			return true;
	return false;
}

/* Whether the block device that has DIR in sysfs is dom0's own, and each of its slaves, too. */
static bool is_own_device(const char *dir, unsigned int depth)
{
	char path[PATH_MAX];
	cleanup_free char *real = realpath(dir, NULL);
	cleanup_closedir DIR *slaves = NULL;
	struct dirent *entry;
	/* A SCSI disk of tcm_loop is a program's, as nbd's is. */
	bool own = real && depth < DEVICES_MAX && !is_foreign_name(strrchr(real, '/') + 1) && !strstr(real, "/tcm_loop");

	if (!own || (size_t)snprintf(path, sizeof(path), "%s/slaves", real) >= sizeof(path))
		return false;
	slaves = opendir(path); /* a partition has none */
	while (own && slaves && (entry = readdir(slaves))) {
		char slave[PATH_MAX];

		if (entry->d_name[0] == '.')
			continue;
		own = (size_t)snprintf(slave, sizeof(slave), "%s/%s", path, entry->d_name) < sizeof(slave) &&
		      is_own_device(slave, depth + 1);
	}
	return own;
}

static bool is_own_number(dev_t device)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(device), minor(device));
	return is_own_device(path, 0);
}

/* Whether SOURCE is a block device of dom0's own. The name of a loop device's partition begins
 * with the device's, so it tells, too. */
static bool is_own_source(const char *source)
{
	struct stat st;

	return source[0] == '/' && stat(source, &st) == 0 && S_ISBLK(st.st_mode) && is_own_number(st.st_rdev);
}

/* Replaces in place \ooo, as mountinfo writes blanks and the like (proc_pid_mountinfo(5)). */
static void unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] >= '0' && in[2] <= '7' && in[3] >= '0' &&
		    in[3] <= '7') {
			*out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 3;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
}

/* Returns the line of PATH's mount in /proc/self/mountinfo, which the caller frees; NULL: there
 * is none. *SOURCE and *OPTIONS, the file system's own, point into it, still escaped. */
static char *find_mount(const char *path, char **source, char **options)
{
	cleanup_fclose FILE *f = fopen("/proc/self/mountinfo", "re");
	cleanup_free char *line = NULL;
	struct statx st;
	size_t room = 0;

	if (!f || statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
		return NULL;
	while (getline(&line, &room, f) > 0) {
		char *rest = strstr(line, " - "), *save = NULL;

		if (!rest || strtoull(line, NULL, 10) != st.stx_mnt_id)
			continue;
		*rest = '\0';
		(void)strtok_r(rest + 3, " \n", &save); /* the type, which statfs() tells better */
		*source = strtok_r(NULL, " \n", &save);
		*options = strtok_r(NULL, " \n", &save);
		return *source && *options ? take_ptr(line) : NULL;
	}
	return NULL;
}

static bool look(struct look *l, const char *path, unsigned int depth);

/* Options have paths that are relative to where the overlay was mounted from
 * when all of them would not fit into a page: docker's and podman's storage
 * mounts STORE/ID/merged from STORE. NAME is what to look for; false: unknown. */
static bool look_layer(struct look *l, const char *mounted, const char *name, unsigned int depth)
{
	char path[PATH_MAX];
	const char *end = mounted + strlen(mounted);

	if (++l->layers > LAYERS_MAX)
		return false;
	if (name[0] == '/')
		return look(l, name, depth + 1);
	for (int up = 0; up < 2; up++) {
		end = memrchr(mounted, '/', (size_t)(end - mounted));
		if (!end)
			return false;
	}
	return (size_t)snprintf(path, sizeof(path), "%.*s/%s", (int)(end - mounted), mounted, name) < sizeof(path) &&
	       look(l, path, depth + 1);
}

/* LIST: names with ":" between them, of which "\" takes the meaning. */
static bool look_layers(struct look *l, const char *mounted, char *list, unsigned int depth)
{
	char *out = list, *start = list;

	for (char *in = list;; in++) {
		bool last = *in == '\0';

		if (in[0] == '\\' && in[1] != '\0') {
			*out++ = *++in;
			continue;
		}
		if (*in != ':' && !last) {
			*out++ = *in;
			continue;
		}
		*out = '\0';                                                   /* at or before IN */
		if (start[0] != '\0' && !look_layer(l, mounted, start, depth)) /* "::" begins layers of data */
			return false;
		if (last)
			return true;
		start = out = in + 1;
	}
}

/* upperdir, too: what the container's copy has changed. */
static bool look_overlay(struct look *l, const char *path, unsigned int depth)
{
	char *source, *options, *save = NULL;
	cleanup_free char *line = depth < OVERLAYS_MAX ? find_mount(path, &source, &options) : NULL;
	unsigned int lower = 0;

	for (char *o = line ? strtok_r(options, ",", &save) : NULL; o; o = strtok_r(NULL, ",", &save)) {
		char *value = strchr(o, '=');

		if (!value)
			continue;
		*value++ = '\0';
		unescape(value);
		if (strcmp(o, "lowerdir") == 0 || strcmp(o, "lowerdir+") == 0 || strcmp(o, "datadir+") == 0) {
			lower++;
			if (!look_layers(l, path, value, depth))
				return false;
		} else if (strcmp(o, "upperdir") == 0 && !look_layer(l, path, value, depth)) {
			return false;
		}
	}
	return lower > 0;
}

static void add_file_system(struct look *l, const struct stat *st, const struct statfs *fs)
{
	uint64_t fields[3] = { (uint64_t)st->st_dev, (uint64_t)fs->f_type, 0 };

	memcpy(&fields[2], &fs->f_fsid, sizeof(fs->f_fsid));
	domlet_sha256_update(&l->hash, fields, sizeof(fields));
}

/* btrfs and some others have a device number that is no device's. */
static bool has_own_source(const char *path)
{
	char *source, *options;
	cleanup_free char *line = find_mount(path, &source, &options);

	if (!line)
		return false;
	unescape(source);
	return is_own_source(source);
}

static bool look(struct look *l, const char *path, unsigned int depth)
{
	struct statfs fs;
	struct stat st;

	if (statfs(path, &fs) < 0 || stat(path, &st) < 0)
		return false;
	switch ((unsigned long)fs.f_type) {
	case OVERLAYFS_SUPER_MAGIC: /* its number is another for each mount */ return look_overlay(l, path, depth);
	case TMPFS_MAGIC: add_file_system(l, &st, &fs); return true;
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC: add_file_system(l, &st, &fs); return is_own_number(st.st_dev);
	case BTRFS_SUPER_MAGIC: add_file_system(l, &st, &fs); return has_own_source(path);
	default: return false;
	}
}

void domlet_origin_look(const char *path, struct domlet_origin *origin)
{
	struct look l = { .layers = 0 };

	*origin = (struct domlet_origin){ .trusted = false };
	domlet_sha256_init(&l.hash);
	origin->trusted = look(&l, path, 0);
	domlet_sha256_final(&l.hash, origin->id);
}
