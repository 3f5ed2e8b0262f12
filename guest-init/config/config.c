/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <linux/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/stat.h>

int domlet_config_base64(const char *text, uint8_t **out, uint32_t *out_len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text), i, n = 0;
	uint32_t bits = 0;

	if (len % 4)
		return -EINVAL;
	*out = malloc(len / 4 * 3 + 1);
	if (!*out)
		return -ENOMEM;
	for (i = 0; i < len; i++) {
		const char *digit = strchr(digits, text[i]);
		/* Padding: one or two at the very end. */
		bool pad = text[i] == '=' && (i + 1 == len || (i + 2 == len && text[i + 1] == '='));

		if (!digit && !pad) {
			free(*out);
			*out = NULL;
			return -EINVAL;
		}
		bits = bits << 6 | (uint32_t)(digit ? digit - digits : 0);
		if (i % 4 != 3)
			continue;
		(*out)[n++] = (uint8_t)(bits >> 16);
		(*out)[n++] = (uint8_t)(bits >> 8);
		(*out)[n++] = (uint8_t)bits;
		bits = 0;
	}
	if (len && text[len - 1] == '=')
		n -= text[len - 2] == '=' ? 2 : 1;
	*out_len = (uint32_t)n;
	return 0;
}

static void read_root(struct domlet_container_config *c, struct json_object *oci, struct json_object *plan,
		      struct domlet_reader *r)
{
	struct json_object *root = domlet_read_object(r, plan, "root");
	const char *via = domlet_read_string(r, root, "via", "");

	if (!strcmp(via, "vbd"))
		c->root.via = DOMLET_ROOT_VBD;
	else if (!strcmp(via, "directory"))
		c->root.via = DOMLET_ROOT_DIRECTORY;
	else if (!strcmp(via, "live"))
		c->root.via = DOMLET_ROOT_LIVE;
	else
		domlet_read_fail(r, "plan.root.via", "is nothing this guest knows");
	c->root.export = (uint32_t)domlet_read_int(r, root, "export", 0, DOMLET_CONFIG_EXPORTS_MAX, 0);
	c->root.device = domlet_read_string(r, root, "device", "");
	c->root.type = domlet_read_string(r, root, "type", "erofs");
	c->root.overlay = domlet_read_bool(r, root, "overlay");
	c->root.readonly = domlet_read_bool(r, domlet_read_object(r, oci, "root"), "readonly");
	if (c->root.via != DOMLET_ROOT_LIVE && c->root.device[0] != '/')
		domlet_read_fail(r, "plan.root.device", "must be an absolute path");
}

/* COUNT zeroed elements of SIZE bytes for the caller; NULL for none, or without memory. */
static void *make_table(struct domlet_reader *r, const char *key, uint32_t count, size_t size)
{
	void *table = count ? calloc(count, size) : NULL;

	if (count && !table)
		domlet_read_fail(r, key, "does not fit into memory");
	return table;
}

/* Letters of a file's name, as it is one. */
static void read_shared(struct domlet_mount_config *m, struct json_object *plan, struct domlet_reader *r)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	size_t len;

	m->shared = domlet_read_string(r, plan, "shared", NULL);
	len = m->shared ? strlen(m->shared) : 1;
	if (len == 0 || len > DOMLET_CONFIG_SHARED_MAX || (m->shared && m->shared[strspn(m->shared, letters)]))
		domlet_read_fail(r, "plan.mounts.shared", "must be 1 to 64 letters, digits, - and _");
	else if (m->shared && strcmp(m->type, "tmpfs") != 0)
		domlet_read_fail(r, "plan.mounts.shared", "is for a tmpfs alone");
}

static void read_mount(struct domlet_mount_config *m, struct json_object *oci, struct json_object *plan,
		       struct domlet_reader *r)
{
	const char *via = domlet_read_string(r, plan, "via", "");
	int rc;

	m->destination = domlet_read_string(r, oci, "destination", "");
	m->type = domlet_read_string(r, oci, "type", "");
	m->source = domlet_read_string(r, oci, "source", "");
	domlet_read_strings(r, oci, "options", DOMLET_CONFIG_PATHS_MAX, &m->options);
	m->mode = (mode_t)domlet_read_int(r, plan, "mode", 0, 07777, 0644);
	m->uid = (uint32_t)domlet_read_int(r, plan, "uid", 0, (int64_t)UINT32_MAX - 1, 0);
	m->gid = (uint32_t)domlet_read_int(r, plan, "gid", 0, (int64_t)UINT32_MAX - 1, 0);
	if (!m->destination[0])
		domlet_read_fail(r, "mounts.destination", "is missing");
	if (!strcmp(via, "guest")) {
		m->via = DOMLET_MOUNT_GUEST;
		/* What the host replaced (a bind of /dev/shm) has its type there. */
		m->type = domlet_read_string(r, plan, "type", m->type);
		read_shared(m, plan, r);
	} else if (!strcmp(via, "copy")) {
		m->via = DOMLET_MOUNT_COPY;
		rc = domlet_config_base64(domlet_read_string(r, plan, "content", ""), &m->content, &m->content_len);
		if (rc < 0)
			domlet_read_fail(r, "plan.mounts.content", "is not base64 text");
	} else if (!strcmp(via, "live")) {
		m->via = DOMLET_MOUNT_LIVE;
		m->export = (uint32_t)domlet_read_int(r, plan, "export", 0, DOMLET_CONFIG_EXPORTS_MAX, 0);
	} else if (!strcmp(via, "socket")) {
		m->via = DOMLET_MOUNT_SOCKET;
		m->socket = (uint32_t)domlet_read_int(r, plan, "socket", 0, DOMLET_SOCKET_MAX - 1, 0);
		m->datagrams = domlet_read_bool(r, plan, "datagrams");
	} else if (!strcmp(via, "skip")) {
		m->via = DOMLET_MOUNT_SKIP;
	} else {
		domlet_read_fail(r, "plan.mounts.via", "is nothing this guest knows");
	}
}

static void read_mounts(struct domlet_container_config *c, struct json_object *oci, struct json_object *plan,
			struct domlet_reader *r)
{
	uint32_t count, plan_count, i;
	struct json_object *mounts = domlet_read_array(r, oci, "mounts", DOMLET_CONFIG_MOUNTS_MAX, &count);
	struct json_object *plans = domlet_read_array(r, plan, "mounts", DOMLET_CONFIG_MOUNTS_MAX, &plan_count);

	if (count != plan_count) {
		domlet_read_fail(r, "plan.mounts", "does not pair with mounts");
		return;
	}
	c->mounts = make_table(r, "mounts", count, sizeof(*c->mounts));
	if (!c->mounts)
		return;
	c->mount_count = count;
	for (i = 0; i < count && !r->failed; i++)
		read_mount(&c->mounts[i], json_object_array_get_idx(mounts, i), json_object_array_get_idx(plans, i), r);
}

static void read_namespaces(struct domlet_container_config *c, struct json_object *linux_, struct domlet_reader *r)
{
	static const struct {
		const char *type;
		uint32_t flag;
	} known[] = {
		{ "mount", CLONE_NEWNS },  { "pid", CLONE_NEWPID },     { "ipc", CLONE_NEWIPC },
		{ "uts", CLONE_NEWUTS },   { "network", CLONE_NEWNET }, { "cgroup", CLONE_NEWCGROUP },
		{ "user", CLONE_NEWUSER }, { "time", CLONE_NEWTIME },
	};
	uint32_t count, i;
	size_t n;
	struct json_object *array = domlet_read_array(r, linux_, "namespaces", DOMLET_CONFIG_NAMESPACES_MAX, &count);

	for (i = 0; i < count && !r->failed; i++) {
		struct json_object *one = json_object_array_get_idx(array, i);
		const char *type = domlet_read_string(r, one, "type", "");
		const char *path = domlet_read_string(r, one, "path", "");

		for (n = 0; n < sizeof(known) / sizeof(*known); n++)
			if (!strcmp(type, known[n].type))
				break;
		if (n == sizeof(known) / sizeof(*known))
			domlet_read_fail(r, "linux.namespaces", "names a type this guest does not have");
		else if (known[n].flag == CLONE_NEWUSER)
			domlet_read_fail(r, "linux.namespaces",
					 "asks for a user namespace, which domlet does not offer yet");
		else if (c->namespaces & known[n].flag)
			domlet_read_fail(r, "linux.namespaces", "names a type twice");
		else if (path[0])
			domlet_read_fail(r, "linux.namespaces",
					 "names one by its path, and the guest has none of the host's");
		else
			c->namespaces |= known[n].flag;
	}
	/* A container without its own would pivot PID 1's. */
	c->namespaces |= CLONE_NEWNS;
}

static void read_joins(struct domlet_container_config *c, struct json_object *plan, struct domlet_reader *r)
{
	static const struct {
		const char *type;
		uint32_t flag;
	} known[DOMLET_JOINS] = {
		[DOMLET_JOIN_IPC] = { "ipc", CLONE_NEWIPC },
		[DOMLET_JOIN_UTS] = { "uts", CLONE_NEWUTS },
		[DOMLET_JOIN_NETWORK] = { "network", CLONE_NEWNET },
		[DOMLET_JOIN_PID] = { "pid", CLONE_NEWPID },
	};
	struct json_object *join = domlet_read_object(r, plan, "join");
	int read = 0;

	for (int i = 0; i < DOMLET_JOINS; i++) {
		c->join[i] = (int)domlet_read_int(r, join, known[i].type, 0, DOMLET_CONTAINER_MAX - 1, -1);
		if (c->join[i] < 0)
			continue;
		read++;
		c->joined |= known[i].flag;
	}
	if (join && read != json_object_object_length(join))
		domlet_read_fail(r, "plan.join", "names a type that is none of ipc, uts, network and pid");
	else if (c->joined & c->namespaces)
		domlet_read_fail(r, "plan.join", "names a type that the container has of its own");
}

static void read_time_offsets(struct domlet_container_config *c, struct json_object *linux_, struct domlet_reader *r)
{
	static const char *const clocks[] = { "monotonic", "boottime" };
	struct json_object *offsets = domlet_read_object(r, linux_, "timeOffsets");

	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		struct json_object *one = domlet_read_object(r, offsets, clocks[i]);

		if (one)
			c->time_offsets[c->time_offset_count++] = (struct domlet_time_offset_config){
				.clock = clocks[i],
				.secs = domlet_read_int(r, one, "secs", INT64_MIN, INT64_MAX, 0),
				.nanosecs = (uint32_t)domlet_read_int(r, one, "nanosecs", 0, 999999999, 0),
			};
	}
	if (c->time_offset_count > 0 && !(c->namespaces & CLONE_NEWTIME))
		domlet_read_fail(r, "linux.timeOffsets", "needs a time namespace of the container's own");
}

static void read_device(struct domlet_device_config *d, struct json_object *one, struct domlet_reader *r)
{
	const char *type = domlet_read_string(r, one, "type", "");

	d->path = domlet_read_string(r, one, "path", "");
	d->mode = (mode_t)domlet_read_int(r, one, "fileMode", 0, 0177777, 0666) & 07777;
	d->major = (uint32_t)domlet_read_int(r, one, "major", 0, UINT32_MAX, 0);
	d->minor = (uint32_t)domlet_read_int(r, one, "minor", 0, UINT32_MAX, 0);
	d->uid = (uint32_t)domlet_read_int(r, one, "uid", 0, (int64_t)UINT32_MAX - 1, 0);
	d->gid = (uint32_t)domlet_read_int(r, one, "gid", 0, (int64_t)UINT32_MAX - 1, 0);
	if (!strcmp(type, "c") || !strcmp(type, "u"))
		d->mode |= S_IFCHR;
	else if (!strcmp(type, "b"))
		d->mode |= S_IFBLK;
	else if (!strcmp(type, "p"))
		d->mode |= S_IFIFO;
	else
		domlet_read_fail(r, "linux.devices.type", "must be one of c, b, u and p");
	if (d->path[0] != '/')
		domlet_read_fail(r, "linux.devices.path", "must be an absolute path");
}

static void read_devices(struct domlet_container_config *c, struct json_object *linux_, struct domlet_reader *r)
{
	uint32_t count, i;
	struct json_object *array = domlet_read_array(r, linux_, "devices", DOMLET_CONFIG_DEVICES_MAX, &count);

	c->devices = make_table(r, "linux.devices", count, sizeof(*c->devices));
	if (!c->devices)
		return;
	for (i = 0; i < count && !r->failed; i++)
		read_device(&c->devices[i], json_object_array_get_idx(array, i), r);
	c->device_count = count;
}

static void read_device_rule(struct domlet_device_rule *d, struct json_object *one, struct domlet_reader *r)
{
	const char *type, *access;

	if (!json_object_is_type(one, json_type_object)) {
		domlet_read_fail(r, "linux.resources.devices", "must hold objects");
		return;
	}
	type = domlet_read_string(r, one, "type", "");
	access = domlet_read_string(r, one, "access", "");
	d->allow = domlet_read_bool(r, one, "allow");
	if (!type[0])
		type = "a";
	d->type = type[0];
	d->major = domlet_read_int(r, one, "major", -1, UINT32_MAX, -1);
	d->minor = domlet_read_int(r, one, "minor", -1, UINT32_MAX, -1);
	d->access = access[0] ? 0 : BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
	for (; *access; access++)
		if (*access == 'r')
			d->access |= BPF_DEVCG_ACC_READ;
		else if (*access == 'w')
			d->access |= BPF_DEVCG_ACC_WRITE;
		else if (*access == 'm')
			d->access |= BPF_DEVCG_ACC_MKNOD;
		else
			domlet_read_fail(r, "linux.resources.devices.access", "must be of r, w and m");
	if (!strcmp(type, "u"))
		d->type = 'c';
	else if (!strchr("acb", type[0]) || strlen(type) > 1)
		domlet_read_fail(r, "linux.resources.devices.type", "must be one of a, c, u and b");
}

static void read_device_rules(struct domlet_container_config *c, struct json_object *resources, struct domlet_reader *r)
{
	uint32_t count, i;
	struct json_object *array = domlet_read_array(r, resources, "devices", DOMLET_CONFIG_DEVICES_MAX, &count);

	c->device_rules = make_table(r, "linux.resources.devices", count, sizeof(*c->device_rules));
	if (!c->device_rules)
		return;
	for (i = 0; i < count && !r->failed; i++)
		read_device_rule(&c->device_rules[i], json_object_array_get_idx(array, i), r);
	c->device_rule_count = count;
}

static void read_sysctls(struct domlet_container_config *c, struct json_object *linux_, struct domlet_reader *r)
{
	struct json_object *table = domlet_read_object(r, linux_, "sysctl");
	int count = table ? json_object_object_length(table) : 0;

	if (count <= 0)
		return;
	if ((uint32_t)count > DOMLET_CONFIG_SYSCTLS_MAX) {
		domlet_read_fail(r, "linux.sysctl", "has too many entries");
		return;
	}
	c->sysctls = make_table(r, "linux.sysctl", (uint32_t)count, sizeof(*c->sysctls));
	if (!c->sysctls)
		return;
	json_object_object_foreach(table, key, value)
	{
		c->sysctls[c->sysctl_count].key = key;
		c->sysctls[c->sysctl_count++].value = domlet_read_text(r, value, "linux.sysctl");
	}
}

/* Of linux.resources all but the rules for devices. */
static void read_limits(struct domlet_resources_config *res, struct json_object *all, struct domlet_reader *r)
{
	struct json_object *memory = domlet_read_object(r, all, "memory");
	struct json_object *cpu = domlet_read_object(r, all, "cpu");
	struct json_object *pids = domlet_read_object(r, all, "pids");

	/* 0 means "not given" to engines, for memory as well as for pids. */
	res->memory = domlet_read_int(r, memory, "limit", -1, INT64_MAX, 0);
	res->swap = domlet_read_int(r, memory, "swap", -1, INT64_MAX, 0);
	res->reservation = domlet_read_int(r, memory, "reservation", -1, INT64_MAX, 0);
	res->pids = domlet_read_int(r, pids, "limit", INT64_MIN, INT64_MAX, 0);
	res->has_memory = res->memory != 0;
	res->has_swap = res->swap != 0;
	res->has_pids = res->pids != 0;
	res->shares = domlet_read_int(r, cpu, "shares", 0, INT64_MAX, 0);
	res->quota_us = domlet_read_int(r, cpu, "quota", -1, INT64_MAX, 0);
	res->period_us = domlet_read_int(r, cpu, "period", 0, INT64_MAX, 0);
	res->cpus = domlet_read_string(r, cpu, "cpus", "");
	res->mems = domlet_read_string(r, cpu, "mems", "");
	res->check = domlet_read_bool(r, memory, "checkBeforeUpdate");
	res->unified = domlet_read_object(r, all, "unified");
	if (!res->unified)
		return;
	json_object_object_foreach(res->unified, file, value)
	{
		if (!json_object_is_type(value, json_type_string))
			domlet_read_fail(r, "linux.resources.unified", "must hold strings");
		if (!file[0] || file[0] == '.' || strchr(file, '/'))
			domlet_read_fail(r, "linux.resources.unified", "names what is no file of a cgroup");
	}
}

static void read_resources(struct domlet_container_config *c, struct json_object *linux_, struct domlet_reader *r)
{
	struct json_object *all = domlet_read_object(r, linux_, "resources");

	read_limits(&c->resources, all, r);
	read_device_rules(c, all, r);
}

int domlet_resources_read(const char *text, size_t len, struct domlet_resources_config *res,
			  struct json_object **document, struct domlet_failure *failure)
{
	struct domlet_reader r = { .failure = failure };

	*res = (struct domlet_resources_config){ 0 };
	*document = domlet_read_document(text, len, failure);
	if (!*document)
		return -failure->code;
	if (json_object_is_type(*document, json_type_object))
		read_limits(res, *document, &r);
	else
		domlet_read_fail(&r, "linux.resources", "must be an object");
	if (!r.failed)
		return 0;
	json_object_put(*document);
	*document = NULL;
	return -failure->code;
}

/* As runc puts them together, of which 0 is no value. */
int domlet_resources_merge(const struct domlet_resources_config *before, const struct domlet_resources_config *asked,
			   struct domlet_resources_config *merged, struct domlet_failure *failure)
{
	struct domlet_resources_config m = *before;

	if (asked->has_memory)
		m.memory = asked->memory, m.has_memory = true;
	if (asked->has_swap)
		m.swap = asked->swap, m.has_swap = true;
	else if (asked->memory < 0) /* as version 1 of cgroups did */
		m.swap = -1, m.has_swap = true;
	if (asked->has_pids)
		m.pids = asked->pids, m.has_pids = true;
	m.reservation = asked->reservation ? asked->reservation : m.reservation;
	m.shares = asked->shares ? asked->shares : m.shares;
	m.quota_us = asked->quota_us ? asked->quota_us : m.quota_us;
	m.period_us = asked->period_us ? asked->period_us : m.period_us;
	*merged = m;
	if (!asked->has_memory && !asked->has_swap)
		return 0;
	if (m.swap > 0 && m.memory <= 0)
		return domlet_failure_set(failure, EINVAL, "unable to set swap limit without memory limit");
	if (m.swap > 0 && m.swap < m.memory)
		return domlet_failure_set(failure, EINVAL, "memory+swap limit should be >= memory limit");
	return 0;
}

static void read_personality(struct domlet_container_config *c, struct json_object *linux_, struct domlet_reader *r)
{
	struct json_object *personality = domlet_read_object(r, linux_, "personality");
	const char *domain = domlet_read_string(r, personality, "domain", "");

	if (!personality)
		return;
	c->has_personality = true;
	if (!strcmp(domain, "LINUX32"))
		c->personality = PER_LINUX32;
	else if (strcmp(domain, "LINUX") != 0)
		domlet_read_fail(r, "linux.personality.domain", "must be LINUX or LINUX32");
}

static void read_propagation(struct domlet_container_config *c, struct json_object *linux_, struct domlet_reader *r)
{
	const char *name = domlet_read_string(r, linux_, "rootfsPropagation", "");
	const char *kind = name[0] == 'r' ? name + 1 : name;

	if (!name[0])
		return;
	if (!strcmp(kind, "private"))
		c->propagation = MS_PRIVATE;
	else if (!strcmp(kind, "shared"))
		c->propagation = MS_SHARED;
	else if (!strcmp(kind, "slave"))
		c->propagation = MS_SLAVE;
	else if (!strcmp(kind, "unbindable"))
		c->propagation = MS_UNBINDABLE;
	else
		domlet_read_fail(r, "linux.rootfsPropagation", "is not a propagation");
	if (kind != name)
		c->propagation |= MS_REC;
}

static void read_hook(struct domlet_hook_config *h, struct json_object *one, struct domlet_reader *r)
{
	if (!json_object_is_type(one, json_type_object)) {
		domlet_read_fail(r, "hooks.startContainer", "must hold objects");
		return;
	}
	h->path = domlet_read_string(r, one, "path", "");
	domlet_read_strings(r, one, "args", DOMLET_CONFIG_ARGS_MAX, &h->args);
	domlet_read_strings(r, one, "env", DOMLET_CONFIG_ARGS_MAX, &h->env);
	h->timeout_s = (int)domlet_read_int(r, one, "timeout", 0, INT32_MAX / 1000, 0);
	if (h->path[0] != '/')
		domlet_read_fail(r, "hooks.startContainer.path", "must be an absolute path");
}

static void read_hooks(struct domlet_container_config *c, struct json_object *oci, struct json_object *plan,
		       struct domlet_reader *r)
{
	uint32_t count, i;
	struct json_object *array = domlet_read_array(r, domlet_read_object(r, oci, "hooks"), "startContainer",
						      DOMLET_CONFIG_HOOKS_MAX, &count);

	c->state = domlet_read_object(r, plan, "state");
	if (!count)
		return;
	c->hooks = calloc(count, sizeof(*c->hooks));
	if (!c->hooks || !c->state) {
		domlet_read_fail(r, "hooks", c->hooks ? "come without a state" : "do not fit into memory");
		return;
	}
	c->hook_count = count;
	for (i = 0; i < count && !r->failed; i++)
		read_hook(&c->hooks[i], json_object_array_get_idx(array, i), r);
}

static void read_container(struct domlet_container_config *c, struct domlet_reader *r)
{
	struct json_object *oci = domlet_read_object(r, c->document, "oci");
	struct json_object *plan = domlet_read_object(r, c->document, "plan");
	struct json_object *linux_ = domlet_read_object(r, oci, "linux");
	struct json_object *process = domlet_read_object(r, oci, "process");

	if (!oci || !plan || !process) {
		domlet_read_fail(r, "oci, plan and oci.process", "must be objects");
		return;
	}
	domlet_config_read_process(&c->process, process, r);
	read_root(c, oci, plan, r);
	read_mounts(c, oci, plan, r);
	read_namespaces(c, linux_, r);
	read_joins(c, plan, r);
	read_time_offsets(c, linux_, r);
	read_devices(c, linux_, r);
	read_personality(c, linux_, r);
	read_sysctls(c, linux_, r);
	read_resources(c, linux_, r);
	read_propagation(c, linux_, r);
	read_hooks(c, oci, plan, r);
	c->hostname = domlet_read_string(r, oci, "hostname", "");
	c->domainname = domlet_read_string(r, oci, "domainname", "");
	domlet_read_strings(r, linux_, "maskedPaths", DOMLET_CONFIG_PATHS_MAX, &c->masked);
	domlet_read_strings(r, linux_, "readonlyPaths", DOMLET_CONFIG_PATHS_MAX, &c->read_only);
	c->seccomp = domlet_read_object(r, linux_, "seccomp");
	if (c->hostname[0] && !((c->namespaces | c->joined) & CLONE_NEWUTS))
		domlet_read_fail(r, "hostname", "needs a uts namespace of the container's own");
	if (c->domainname[0] && !((c->namespaces | c->joined) & CLONE_NEWUTS))
		domlet_read_fail(r, "domainname", "needs a uts namespace of the container's own");
}

int domlet_config_parse(struct domlet_container_config *c, const char *text, size_t len, struct domlet_failure *failure)
{
	struct domlet_reader r = { .failure = failure };

	memset(c, 0, sizeof(*c));
	if (len > DOMLET_CONFIG_MAX)
		return domlet_failure_set(failure, EMSGSIZE, "the configuration is too long");
	c->document = domlet_read_document(text, len, failure);
	if (!c->document)
		return -failure->code;
	read_container(c, &r);
	if (!r.failed)
		return 0;
	domlet_config_free(c);
	return -failure->code;
}

void domlet_config_free(struct domlet_container_config *c)
{
	uint32_t i;

	for (i = 0; i < c->mount_count; i++) {
		free(c->mounts[i].options.item);
		free(c->mounts[i].content);
	}
	for (i = 0; i < c->hook_count; i++) {
		free(c->hooks[i].args.item);
		free(c->hooks[i].env.item);
	}
	free(c->hooks);
	free(c->mounts);
	free(c->devices);
	free(c->device_rules);
	free(c->sysctls);
	free(c->masked.item);
	free(c->read_only.item);
	domlet_config_free_process(&c->process);
	if (c->document)
		json_object_put(c->document);
	memset(c, 0, sizeof(*c));
}
