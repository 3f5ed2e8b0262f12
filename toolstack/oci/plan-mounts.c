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

#include <json-c/json.h>

#include "../base/cleanup.h"
#include "../base/error.h"
#include "../base/file.h"
#include "base64.h"

struct mount_view {
	const char *destination, *type, *source; /* "" when absent */
	struct json_object *options;             /* array or NULL */
};

static const char *member_text(struct json_object *obj, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(obj, key, &value) && value ? json_object_get_string(value) : "";
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

static struct json_object *via(const char *how)
{
	struct json_object *plan = json_object_new_object();

	json_object_object_add(plan, "via", json_object_new_string(how));
	return plan;
}

static struct json_object *via_guest_type(const char *type)
{
	struct json_object *plan = via("guest");

	json_object_object_add(plan, "type", json_object_new_string(type));
	return plan;
}

static void add_options(struct json_object *plan, const char *const *options)
{
	struct json_object *array = json_object_new_array();

	for (; *options; options++)
		json_object_array_add(array, json_object_new_string(*options));
	json_object_object_add(plan, "options", array);
}

/* Options of a bind that also make sense for the file system in its place. */
static void keep_access_options(const struct mount_view *m, struct json_object *plan)
{
	static const char *const kept[] = { "ro", "nosuid", "nodev", "noexec" };
	const char *options[5] = { NULL };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (has_option(m, kept[i]))
			options[n++] = kept[i];
	add_options(plan, options);
}

/* Engines share /dev/shm of a pod or container by a bind; all of a pod lives
 * in one guest, so a tmpfs of the same size there is the same thing. */
static struct json_object *plan_shm(const struct mount_view *m)
{
	struct json_object *plan = via_guest_type("tmpfs");
	struct statvfs fs;
	char size[32] = "size=65536k";

	if (m->source[0] == '/' && !same_path(m->source, "/dev/shm") && statvfs(m->source, &fs) == 0 && fs.f_blocks > 0)
		snprintf(size, sizeof(size), "size=%lluk", (unsigned long long)fs.f_blocks * fs.f_frsize / 1024);
	add_options(plan, (const char *const[]){ "nosuid", "nodev", "noexec", "mode=1777", size, NULL });
	json_object_object_add(plan, "source", json_object_new_string("shm"));
	return plan;
}

/* NULL: SOURCE is not one of the kernel's file systems, or nothing the guest
 * has in its place. */
static struct json_object *plan_system(const struct mount_view *m)
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

	/* Over the guest's own /dev this would hide what it has set up. */
	if (same_path(m->source, "/dev") && same_path(m->destination, "/dev"))
		return via("skip");
	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++)
		if (same_path(m->source, trees[i].source)) {
			struct json_object *plan = via_guest_type(trees[i].type);

			keep_access_options(m, plan);
			return plan;
		}
	if (!same_path(m->source, m->destination))
		return NULL;
	if (below(m->source, "/proc") || below(m->source, "/sys"))
		return via("skip");
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (same_path(m->source, nodes[i]))
			return via("skip");
	return NULL;
}

static bool is_system(const char *source)
{
	return below(source, "/proc") || below(source, "/sys") || below(source, "/dev");
}

static int plan_copy(const struct mount_view *m, const char *source, const struct stat *st, struct json_object **out,
		     struct domlet_error *err)
{
	cleanup_free char *data = NULL, *text = NULL;
	struct json_object *plan;
	size_t len;
	int r = domlet_file_read(source, DOMLET_COPY_MAX, &data, &len, err);

	if (r < 0)
		return domlet_error_prefix(err, "the bind mount of %s on %s can't be done", m->source, m->destination);
	text = domlet_base64_encode(data, len);
	if (!text)
		return domlet_error_set(err, ENOMEM, "%s can't be read: out of memory", source);
	plan = via("copy");
	json_object_object_add(plan, "content", json_object_new_string(text));
	json_object_object_add(plan, "mode", json_object_new_int((int)(st->st_mode & 07777)));
	json_object_object_add(plan, "uid", json_object_new_int64(st->st_uid));
	json_object_object_add(plan, "gid", json_object_new_int64(st->st_gid));
	*out = plan;
	return 0;
}

static const char *refused_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR: return "volumes that are directories can't be shared with the guest yet";
	case S_IFSOCK: return "a socket of the host can't be reached from the guest yet";
	case S_IFIFO: return "a FIFO of the host can't be reached from the guest yet";
	default: return "a device of the host can't be passed to the guest yet";
	}
}

static int plan_bind(const struct mount_view *m, const char *bundle, struct json_object **out, struct domlet_error *err)
{
	cleanup_free char *source = NULL;
	struct stat st;

	if (same_path(m->destination, "/dev/shm")) {
		*out = plan_shm(m);
		return 0;
	}
	*out = plan_system(m);
	if (*out)
		return 0;
	if (m->source[0] == '\0')
		return domlet_error_set(err, EINVAL, "the bind mount on %s has no source", m->destination);
	if (is_system(m->source))
		return domlet_error_set(
			err, ENOTSUP,
			"the bind mount of %s on %s can't be done: the guest has its own kernel, and what is below /proc, /sys and /dev of the host belongs to the host's",
			m->source, m->destination);
	if (asprintf(&source, "%s%s%s", m->source[0] == '/' ? "" : bundle, m->source[0] == '/' ? "" : "/", m->source) <
	    0) {
		source = NULL;
		return domlet_error_set(err, ENOMEM, "the mount on %s can't be planned: out of memory", m->destination);
	}
	if (stat(source, &st) < 0)
		return domlet_error_set(err, errno, "the bind mount of %s on %s can't be done: %s", m->source,
					m->destination, domlet_strerror(errno));
	if (!S_ISREG(st.st_mode))
		return domlet_error_set(err, ENOTSUP, "the bind mount of %s on %s can't be done: %s", m->source,
					m->destination, refused_kind(st.st_mode));
	return plan_copy(m, source, &st, out, err);
}

static int plan_mount(const struct mount_view *m, const char *bundle, struct json_object **out, struct domlet_error *err)
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
	if (is_bind(m))
		return plan_bind(m, bundle, out, err);
	for (size_t i = 0; i < sizeof(guest_types) / sizeof(guest_types[0]); i++)
		if (strcmp(m->type, guest_types[i]) == 0) {
			*out = via("guest");
			return 0;
		}
	return domlet_error_set(err, ENOTSUP, "the mount on %s has type \"%s\", which can't be done in the guest yet",
				m->destination, m->type);
}

/* The guest takes options and source from the configuration's own mount; those
 * of a bind that became a file system of the guest's would mislead it there. */
static void move_member(const char *key, struct json_object *plan, struct json_object *mount)
{
	struct json_object *value;

	if (!json_object_object_get_ex(plan, key, &value))
		return;
	json_object_object_add(mount, key, json_object_get(value));
	json_object_object_del(plan, key);
}

int domlet_plan_mounts(struct json_object *config, const char *bundle, struct json_object **mounts,
		       struct domlet_error *err)
{
	struct json_object *in = NULL, *out = json_object_new_array();
	size_t n;

	json_object_object_get_ex(config, "mounts", &in);
	n = in ? json_object_array_length(in) : 0;
	for (size_t i = 0; i < n; i++) {
		struct json_object *one = json_object_array_get_idx(in, i), *plan = NULL;
		struct mount_view m = {
			.destination = member_text(one, "destination"),
			.type = member_text(one, "type"),
			.source = member_text(one, "source"),
		};
		int r;

		json_object_object_get_ex(one, "options", &m.options);
		r = plan_mount(&m, bundle, &plan, err);
		if (r < 0) {
			json_object_put(out);
			return r;
		}
		if (is_bind(&m)) /* the host's path is none of the guest's business */
			json_object_object_del(one, "source");
		move_member("options", plan, one);
		move_member("source", plan, one);
		json_object_array_add(out, plan);
	}
	*mounts = out;
	return 0;
}
