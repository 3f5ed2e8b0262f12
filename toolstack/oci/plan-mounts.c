/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan-mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "../../frontend/proto/limits.h"
#include "../base/cleanup.h"
#include "../base/error.h"
#include "../base/file.h"
#include "member.h"
#include "plan.h"

struct mount_view {
	const char *destination, *type, *source; /* "" when absent */
	struct json_object *options;             /* array or NULL */
};

static const char *member_text(struct json_object *object, const char *key)
{
	const char *text = domlet_oci_text(object, key);

	return text ? text : "";
}

static bool has_option(const struct mount_view *m, const char *option)
{
	size_t n = m->options ? json_object_array_length(m->options) : 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(m->options, i)), option) == 0)
			return true;
	return false;
}

static bool is_bind(const struct mount_view *m)
{
	return strcmp(m->type, "bind") == 0 || has_option(m, "bind") || has_option(m, "rbind");
}

/* Equal but for slashes at the end. */
static bool same_path(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);

	while (a_len > 1 && a[a_len - 1] == '/')
		a_len--;
	while (b_len > 1 && b[b_len - 1] == '/')
		b_len--;
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return strncmp(path, top, len) == 0 && path[len] == '/';
}

/* Options of a bind that also make sense for the file system in its place. */
static void keep_access_options(const struct mount_view *m, struct domlet_plan_mount *out)
{
	static const char *const kept[] = { "ro", "nosuid", "nodev", "noexec" };
	size_t len = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (has_option(m, kept[i]))
			len += (size_t)snprintf(out->options + len, sizeof(out->options) - len, "%s%s", len ? "," : "",
						kept[i]);
}

/* An absolute path, to be freed; NULL: out of memory. */
static char *source_path(const struct mount_view *m, const char *bundle)
{
	char *path;

	if (asprintf(&path, "%s%s%s", m->source[0] == '/' ? "" : bundle, m->source[0] == '/' ? "" : "/", m->source) < 0)
		return NULL;
	return path;
}

static int out_of_memory(const struct mount_view *m, struct domlet_error *err)
{
	return domlet_error_set(err, ENOMEM, "the mount on %s can't be planned: out of memory", m->destination);
}

/* Engines share /dev/shm of a pod or container by a bind of one directory; all of a pod lives
 * in one guest, so there it is one tmpfs of the same size. Its name comes from the directory's
 * inode, as a guest is told no path of the host's. The host's own /dev/shm says nothing
 * about the size. */
static int plan_shm(const struct mount_view *m, const char *bundle, struct domlet_plan_mount *out,
		    struct domlet_error *err)
{
	cleanup_free char *source = source_path(m, bundle);
	struct statvfs fs;
	struct stat st;
	unsigned long long size_kib = 65536;

	if (!source)
		return out_of_memory(m, err);
	if (!same_path(source, "/dev/shm") && statvfs(source, &fs) == 0 && fs.f_blocks > 0)
		size_kib = (unsigned long long)fs.f_blocks * fs.f_frsize / 1024;
	if (stat(source, &st) == 0 && S_ISDIR(st.st_mode))
		(void)snprintf(out->shared, sizeof(out->shared), "shm-%llx-%llx", (unsigned long long)st.st_dev,
			       (unsigned long long)st.st_ino);
	out->type = "tmpfs";
	out->source = "shm";
	(void)snprintf(out->options, sizeof(out->options), "nosuid,nodev,noexec,mode=1777,size=%lluk%s", size_kib,
		       has_option(m, "ro") ? ",ro" : "");
	return 0;
}

/* False: SOURCE is not one of the kernel's file systems, or nothing the guest
 * has in its place. */
static bool plan_system(const struct mount_view *m, struct domlet_plan_mount *out)
{
	static const struct {
		const char *source, *type;
	} trees[] = {
		{ "/proc", "proc" },         { "/sys", "sysfs" },
		{ "/dev", "devtmpfs" },      { "/sys/fs/cgroup", "cgroup" },
		{ "/dev/mqueue", "mqueue" }, { "/dev/pts", "devpts" },
	};
	static const char *const nodes[] = {
		"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx",
	};

	bool skip;

	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++)
		if (same_path(m->source, trees[i].source)) {
			out->type = trees[i].type;
			keep_access_options(m, out);
			/* Over the guest's own /dev this would hide what it has set up. */
			if (same_path(m->source, "/dev") && same_path(m->destination, "/dev"))
				out->way = DOMLET_PLAN_MOUNT_SKIP;
			return true;
		}
	if (!same_path(m->source, m->destination))
		return false;
	skip = below(m->source, "/proc") || below(m->source, "/sys");
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		skip = skip || same_path(m->source, nodes[i]);
	if (skip)
		out->way = DOMLET_PLAN_MOUNT_SKIP;
	return skip;
}

static bool is_system(const char *source)
{
	return below(source, "/proc") || below(source, "/sys") || below(source, "/dev");
}

static int plan_copy(const struct mount_view *m, const char *source, const struct stat *st,
		     struct domlet_plan_mount *out, struct domlet_error *err)
{
	int r = domlet_file_read(source, DOMLET_COPY_MAX, &out->content, &out->content_len, err);

	if (r < 0)
		return domlet_error_prefix(err, "the bind mount of %s on %s can't be done", m->source, m->destination);
	out->file = strdup(source);
	if (!out->file)
		return out_of_memory(m, err);
	out->way = DOMLET_PLAN_MOUNT_COPY;
	out->mode = st->st_mode & 07777;
	out->uid = st->st_uid;
	out->gid = st->st_gid;
	return 0;
}

/* What engines write before the container starts, for whoever is to be told of it, too (monitor/files.c). */
static bool is_engines(const char *destination)
{
	static const char *const names[] = { "/etc/resolv.conf", "/etc/hosts", "/etc/hostname" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (same_path(destination, names[i]))
			return true;
	return false;
}

/* The last one counts. */
static bool is_readonly(const struct mount_view *m)
{
	size_t n = m->options ? json_object_array_length(m->options) : 0;
	bool readonly = false;

	for (size_t i = 0; i < n; i++) {
		const char *option = json_object_get_string(json_object_array_get_idx(m->options, i));

		if (strcmp(option, "ro") == 0 || strcmp(option, "rro") == 0)
			readonly = true;
		else if (strcmp(option, "rw") == 0 || strcmp(option, "rrw") == 0)
			readonly = false;
	}
	return readonly;
}

/* Takes SOURCE over. */
static int plan_live(const struct mount_view *m, char *source, struct domlet_plan_mount *out)
{
	out->way = DOMLET_PLAN_MOUNT_LIVE;
	out->file = source;
	out->recursive = has_option(m, "rbind");
	out->readonly = is_readonly(m);
	return 0;
}

/* Takes SOURCE over. */
static int plan_socket(char *source, const struct stat *st, struct domlet_plan_mount *out)
{
	out->way = DOMLET_PLAN_MOUNT_SOCKET;
	out->file = source;
	out->mode = st->st_mode & 07777;
	out->uid = st->st_uid;
	out->gid = st->st_gid;
	return 0;
}

static const char *refused_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFIFO: return "a FIFO of the host can't be reached from the guest yet";
	default: return "a device of the host can't be passed to the guest yet";
	}
}

static int plan_bind(const struct mount_view *m, const char *bundle, struct domlet_plan_mount *out,
		     struct domlet_error *err)
{
	cleanup_free char *source = NULL;
	struct stat st;
	int found;

	if (same_path(m->destination, "/dev/shm"))
		return plan_shm(m, bundle, out, err);
	if (plan_system(m, out))
		return 0;
	if (m->source[0] == '\0')
		return domlet_error_set(err, EINVAL, "the bind mount on %s has no source", m->destination);
	source = source_path(m, bundle);
	if (!source)
		return out_of_memory(m, err);
	found = stat(source, &st) < 0 ? errno : 0;
	if (!found && S_ISSOCK(st.st_mode)) /* wherever it lies, it is of a process and not of the kernel's */
		return plan_socket(take_ptr(source), &st, out);
	if (is_system(m->source))
		return domlet_error_set(
			err, ENOTSUP,
			"the bind mount of %s on %s can't be done: the guest has its own kernel, and what is below /proc, /sys and /dev of the host belongs to the host's",
			m->source, m->destination);
	if (found)
		return domlet_error_set(err, found, "the bind mount of %s on %s can't be done: %s", m->source,
					m->destination, domlet_strerror(found));
	if (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && !is_engines(m->destination)))
		return plan_live(m, take_ptr(source), out);
	if (!S_ISREG(st.st_mode))
		return domlet_error_set(err, ENOTSUP, "the bind mount of %s on %s can't be done: %s", m->source,
					m->destination, refused_kind(st.st_mode));
	return plan_copy(m, source, &st, out, err);
}

static int plan_mount(const struct mount_view *m, const char *bundle, struct domlet_plan_mount *out,
		      struct domlet_error *err)
{
	static const char *const guest_types[] = {
		"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "devtmpfs",
	};

	if (m->destination[0] == '\0')
		return domlet_error_set(err, EINVAL, "a mount (type \"%s\", source \"%s\") has no destination", m->type,
					m->source);
	if (has_option(m, "idmap") || has_option(m, "ridmap"))
		return domlet_error_set(
			err, ENOTSUP,
			"the mount on %s has the option \"%s\", which can't be done in the guest yet: ids there are those of the image",
			m->destination, has_option(m, "idmap") ? "idmap" : "ridmap");
	if (out->is_bind)
		return plan_bind(m, bundle, out, err);
	for (size_t i = 0; i < sizeof(guest_types) / sizeof(guest_types[0]); i++)
		if (strcmp(m->type, guest_types[i]) == 0) {
			out->type = guest_types[i];
			return 0;
		}
	return domlet_error_set(err, ENOTSUP, "the mount on %s has type \"%s\", which can't be done in the guest yet",
				m->destination, m->type);
}

static int count_mount(struct domlet_plan *plan, struct domlet_plan_mount *m, struct domlet_error *err)
{
	if (m->way == DOMLET_PLAN_MOUNT_LIVE)
		m->export = plan->export_count++;
	if (m->way != DOMLET_PLAN_MOUNT_SOCKET)
		return 0;
	if (plan->socket_count == DOMLET_SOCKET_MAX)
		return domlet_error_set(
			err, E2BIG,
			"the bind mount of %s on %s can't be done: a container can have %u sockets of the host's, and this is one more",
			m->file, m->destination, DOMLET_SOCKET_MAX);
	m->socket = plan->socket_count++;
	return 0;
}

int domlet_plan_mounts(struct json_object *config, struct domlet_plan *plan, struct domlet_error *err)
{
	struct json_object *in = domlet_oci_member(config, "mounts");
	size_t n = in ? json_object_array_length(in) : 0;

	plan->mounts = calloc(n ? n : 1, sizeof(*plan->mounts));
	if (!plan->mounts)
		return domlet_error_set(err, ENOMEM, "the mounts can't be planned: out of memory");
	for (size_t i = 0; i < n; i++) {
		struct json_object *one = json_object_array_get_idx(in, i);
		struct domlet_plan_mount *out = &plan->mounts[plan->mount_count++];
		struct mount_view m = {
			.destination = member_text(one, "destination"),
			.type = member_text(one, "type"),
			.source = member_text(one, "source"),
			.options = domlet_oci_member(one, "options"),
		};
		int r;

		out->destination = strdup(m.destination);
		if (!out->destination)
			return out_of_memory(&m, err);
		out->is_bind = is_bind(&m);
		r = plan_mount(&m, plan->bundle, out, err);
		if (r == 0)
			r = count_mount(plan, out, err);
		if (r < 0)
			return r;
	}
	return 0;
}
