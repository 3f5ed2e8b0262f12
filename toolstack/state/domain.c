// SPDX-License-Identifier: GPL-2.0-or-later
#include "domain.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../base/cleanup.h"
#include "../base/error.h"
#include "../base/file.h"
#include "place.h"

/* This is raised when an older domlet could misread a newer record. */
#define RECORD_VERSION 1
#define RECORD_MAX (256u << 10)

void domlet_domain_record_free(struct domlet_domain_record *d)
{
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++) {
		free(d->members[n].root);
		free(d->members[n].id);
	}
	free(d->monitor_cgroup);
	*d = (struct domlet_domain_record){ .domid = DOMLET_DOMID_NONE };
}

int domlet_domain_record_set(struct domlet_domain_record *d, uint32_t number, const char *root, const char *id,
			     const struct domlet_pid *proxy)
{
	struct domlet_domain_member m = { 0 };

	if (root) {
		m = (struct domlet_domain_member){ .root = strdup(root), .id = strdup(id), .proxy = *proxy };
		if (!m.root || !m.id) {
			free(m.root);
			free(m.id);
			return -ENOMEM;
		}
	}
	free(d->members[number].root);
	free(d->members[number].id);
	d->members[number] = m;
	return 0;
}

void domlet_domain_record_path(const struct domlet_domain_record *d, const char *name, char *buf, size_t len)
{
	(void)snprintf(buf, len, "%s/%s%s%s", d->domains, d->uuid, name[0] ? "/" : "", name);
}

bool domlet_domain_record_exists(const char *domains, const char *uuid)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof path, "%s/%s", domains, uuid);
	return uuid[0] && access(path, F_OK) == 0;
}

/* To JSON */

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, text ? json_object_new_string(text) : NULL);
}

static void add_pid(struct json_object *o, const char *pid, const char *start, const struct domlet_pid *p)
{
	json_object_object_add(o, pid, json_object_new_int64(p->pid));
	json_object_object_add(o, start, json_object_new_uint64(p->start_ticks));
}

static struct json_object *members_of(const struct domlet_domain_record *d)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++) {
		const struct domlet_domain_member *m = &d->members[n];
		struct json_object *o = m->id ? json_object_new_object() : NULL;

		if (!o)
			continue;
		json_object_object_add(o, "number", json_object_new_int64(n));
		add_text(o, "root", m->root);
		add_text(o, "id", m->id);
		add_pid(o, "proxyPid", "proxyStart", &m->proxy);
		json_object_array_add(list, o);
	}
	return list;
}

static char *text_of(const struct domlet_domain_record *d)
{
	struct json_object *o = json_object_new_object();
	const char *text;
	char *copy;

	json_object_object_add(o, "version", json_object_new_int(RECORD_VERSION));
	add_text(o, "name", d->name);
	add_text(o, "type", d->type);
	json_object_object_add(o, "domid", json_object_new_int64(d->domid));
	add_pid(o, "monitorPid", "monitorStart", &d->monitor);
	add_text(o, "monitorCgroup", d->monitor_cgroup);
	json_object_object_add(o, "bootTimeout", json_object_new_int64(d->boot_timeout_s));
	json_object_object_add(o, "containers", members_of(d));
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	copy = text ? strdup(text) : NULL;
	json_object_put(o);
	return copy;
}

/* From JSON. A reader counts what is wrong, so that one look at the end is enough. */

struct reader {
	struct json_object *object;
	unsigned int wrong;
};

static uint64_t take_number(struct reader *r, const char *key, uint64_t max)
{
	struct json_object *v;

	if (json_object_object_get_ex(r->object, key, &v) && json_object_is_type(v, json_type_int) &&
	    json_object_get_int64(v) >= 0 && json_object_get_uint64(v) <= max)
		return json_object_get_uint64(v);
	r->wrong++;
	return 0;
}

static struct domlet_pid take_pid(struct reader *r, const char *pid, const char *start)
{
	return (struct domlet_pid){ .pid = (pid_t)take_number(r, pid, INT_MAX),
				    .start_ticks = take_number(r, start, UINT64_MAX) };
}

/* NULL: there is none, which is wrong where it is NEEDED. The text is the object's. */
static const char *take_text(struct reader *r, const char *key, bool needed)
{
	struct json_object *v;
	bool there = json_object_object_get_ex(r->object, key, &v) && v;

	if (there && json_object_is_type(v, json_type_string))
		return json_object_get_string(v);
	r->wrong += there || needed;
	return NULL;
}

static void take_array(struct reader *r, const char *key, char *array, size_t size)
{
	const char *text = take_text(r, key, true);

	if (text && strlen(text) < size)
		strcpy(array, text);
	else
		r->wrong++;
}

static void take_members(struct reader *r, struct domlet_domain_record *d)
{
	struct json_object *list;

	if (!json_object_object_get_ex(r->object, "containers", &list) || !json_object_is_type(list, json_type_array)) {
		r->wrong++;
		return;
	}
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct reader one = { .object = json_object_array_get_idx(list, i) };
		uint32_t number = (uint32_t)take_number(&one, "number", DOMLET_CONTAINER_MAX - 1);
		const char *root = take_text(&one, "root", true), *id = take_text(&one, "id", true);
		struct domlet_pid proxy = take_pid(&one, "proxyPid", "proxyStart");

		if (!one.wrong && domlet_domain_record_set(d, number, root, id, &proxy) < 0)
			one.wrong++;
		r->wrong += one.wrong;
	}
}

static int parse(const char *text, size_t len, const char *path, struct domlet_domain_record *d,
		 struct domlet_error *err)
{
	struct json_tokener *tok = json_tokener_new_ex(8);
	struct json_object *o = tok ? json_tokener_parse_ex(tok, text, (int)len) : NULL;
	struct reader r = { .object = o };
	const char *cgroup;

	if (!json_object_is_type(o, json_type_object) || take_number(&r, "version", UINT32_MAX) != RECORD_VERSION)
		r.wrong++;
	take_array(&r, "name", d->name, sizeof d->name);
	take_array(&r, "type", d->type, sizeof d->type);
	d->domid = (uint32_t)take_number(&r, "domid", UINT32_MAX);
	d->monitor = take_pid(&r, "monitorPid", "monitorStart");
	d->boot_timeout_s = (uint32_t)take_number(&r, "bootTimeout", UINT32_MAX);
	cgroup = take_text(&r, "monitorCgroup", false);
	if (cgroup && !(d->monitor_cgroup = strdup(cgroup)))
		r.wrong++;
	take_members(&r, d);
	json_object_put(o);
	if (tok)
		json_tokener_free(tok);
	return r.wrong ?
		       domlet_error_set(
			       err, EUCLEAN,
			       "the record %s of a domain is damaged, or another version's: destroy the domain with xl and remove its directory",
			       path) :
		       0;
}

/* The files */

static int set_domains(struct domlet_domain_record *d, const char *domains, const char *uuid, struct domlet_error *err)
{
	int r;

	*d = (struct domlet_domain_record){ .domid = DOMLET_DOMID_NONE };
	if (!domlet_place_is_inside(uuid) || strlen(uuid) >= sizeof d->uuid || domlet_place_is_limbo(uuid))
		return domlet_error_set(err, ENOENT, "there is no domain %s of domlet's any more", uuid);
	r = domlet_place_root(domains, uuid, d->domains, sizeof d->domains, err);
	if (r == -ENOENT)
		return domlet_error_set(err, ENOENT, "there is no domain %s of domlet's any more", uuid);
	strcpy(d->uuid, uuid);
	return r;
}

static int write_record(const struct domlet_domain_record *d, const char *dir, struct domlet_error *err)
{
	cleanup_free char *text = text_of(d);
	char path[PATH_MAX];

	(void)snprintf(path, sizeof path, "%s/%s/%s", d->domains, dir, DOMLET_PLACE_RECORD);
	if (!text)
		return domlet_error_set(err, ENOMEM, "%s can't be written: out of memory", path);
	return domlet_file_write(path, text, strlen(text), 0600, err);
}

int domlet_domain_record_create(const char *domains, struct domlet_domain_record *d, struct domlet_error *err)
{
	char limbo[DOMLET_PLACE_LIMBO_MAX];
	int r = domlet_file_mkdir_parents(domains, 0711, err);

	if (r == 0)
		r = domlet_place_root(domains, d->uuid, d->domains, sizeof d->domains, err);
	if (r == 0)
		r = domlet_place_make(d->domains, d->uuid, &d->monitor, limbo, err);
	if (r < 0)
		return r;
	r = write_record(d, limbo, err);
	if (r == 0)
		r = domlet_place_settle(d->domains, limbo, d->uuid, err);
	if (r < 0)
		(void)domlet_place_remove(d->domains, limbo, NULL);
	return r;
}

int domlet_domain_record_save(const struct domlet_domain_record *d, struct domlet_error *err)
{
	return write_record(d, d->uuid, err);
}

int domlet_domain_record_load(const char *domains, const char *uuid, struct domlet_domain_record *d,
			      struct domlet_error *err)
{
	cleanup_free char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int r = set_domains(d, domains, uuid, err);

	if (r < 0)
		return r;
	domlet_domain_record_path(d, DOMLET_PLACE_RECORD, path, sizeof path);
	r = domlet_file_read(path, RECORD_MAX, &text, &len, err);
	if (r == -ENOENT || r == -ENOTDIR)
		return domlet_error_set(err, ENOENT, "there is no domain %s of domlet's any more", uuid);
	if (r == 0)
		r = parse(text, len, path, d, err);
	if (r < 0)
		domlet_domain_record_free(d);
	return r;
}

int domlet_domain_record_lock(const char *domains, const char *uuid, int timeout_ms, struct domlet_domain_record *d,
			      struct domlet_error *err)
{
	char path[PATH_MAX];

	for (;;) {
		cleanup_close int fd = -1;
		int r = set_domains(d, domains, uuid, err);

		if (r < 0)
			return r;
		domlet_domain_record_path(d, "", path, sizeof path);
		fd = domlet_place_lock(path, uuid, timeout_ms, err);
		if (fd == -ETIMEDOUT)
			return domlet_error_set(
				err, ETIMEDOUT,
				"another command is still cleaning up domain %s: try again, or look for a domlet that hangs",
				uuid);
		if (fd == -ENOENT)
			return domlet_error_set(err, ENOENT, "there is no domain %s of domlet's any more", uuid);
		if (fd < 0)
			return fd;
		r = domlet_domain_record_load(domains, uuid, d, err);
		/* The path is looked at last: what is there now was there when it was read. */
		if (domlet_place_is_at(fd, path))
			return r < 0 ? r : take_fd(&fd);
		domlet_domain_record_free(d);
	}
}

int domlet_domain_record_remove(const struct domlet_domain_record *d, struct domlet_error *err)
{
	return domlet_place_remove(d->domains, d->uuid, err);
}

int domlet_domain_record_each(const char *domains, int (*cb)(struct domlet_domain_record *d, void *arg), void *arg)
{
	struct dirent **entries = NULL;
	int n = scandir(domains, &entries, domlet_place_may_be, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		struct domlet_domain_record d;

		/* One may be just removed, or damaged: the others must still be found. */
		if (r == 0 && domlet_domain_record_load(domains, entries[i]->d_name, &d, NULL) == 0) {
			r = cb(&d, arg);
			domlet_domain_record_free(&d);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

void domlet_domain_record_sweep(const char *domains)
{
	domlet_place_sweep(domains);
}
