// SPDX-License-Identifier: GPL-2.0-or-later
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/file.h"
#include "../base/interrupt.h"
#include "../dom0/cgroup.h"
#include "../dom0/peer.h"
#include "../dom0/pid.h"
#include "../dom0/scope.h"
#include "../fileserver/fileserver.h"
#include "../monitor/spawn.h"
#include "../oci/document.h"
#include "../oci/plan.h"
#include "../proxy/proxy.h"
#include "../state/domain.h"
#include "../storage/image.h"
#include "../xen/policy.h"
#include "../xen/xen.h"
#include "ask.h"
#include "console.h"
#include "descriptors.h"
#include "hooks.h"
#include "place.h"
#include "reap.h"
#include "service.h"

/* Seconds that a monitor has to say which place it gives. */
#define JOIN_S 30

/* What is made of one container, on its way to be created. */
struct launch {
	const struct domlet_launch_options *options;
	struct domlet_plan *plan;
	struct domlet_state *state;
	struct domlet_template tmpl;
	struct domlet_domain_record domain; /* of a domain of its own; or of that which it joins */
	struct domlet_placed placed;
	const char *stdio[3]; /* of which kinds its streams are */
	int tty;              /* its terminal's slave; -1: none */
	int image_lock;       /* -1: none; the monitor gets a copy */
	int share;            /* socket of the process that serves its files; -1: none; the monitor gets a copy */
	int sockets[DOMLET_SOCKET_MAX]; /* in its binds; the monitor gets copies */
	uint32_t socket_count;
	int proxy_fd; /* the monitor's end; -1: not made yet, or handed over */
	struct domlet_proxy_handle proxy;
	pid_t holder; /* keeps a scope of systemd's until the proxy is in it; 0: none */
};

/* As the record has them; NULL: out of memory. */
static char *limits_of(const struct domlet_plan *p)
{
	char text[DOMLET_LIMITS_TEXT_MAX];

	domlet_limits_write(&p->limits, text);
	return strdup(text);
}

/* Fills in what domlet_state_create() did not know. */
static int fill_state(struct domlet_cli *cli, const struct domlet_plan *p, struct domlet_state *st)
{
	st->bundle = strdup(p->bundle);
	st->rootfs = strdup(p->rootfs);
	st->annotations = strdup(p->annotations);
	st->hooks = p->hooks ? strdup(p->hooks) : NULL;
	st->labels = p->labels ? strdup(p->labels) : NULL;
	st->limits = limits_of(p);
	st->oci_version = strdup(p->oci_version);
	if (!st->bundle || !st->rootfs || !st->annotations || (p->hooks && !st->hooks) || (p->labels && !st->labels) ||
	    !st->limits || !st->oci_version)
		return domlet_error_set(&cli->err, ENOMEM, "container %s can't be recorded: out of memory", p->id);
	return 0;
}

int domlet_cli_find_template(const char *name, char *path, size_t len, struct domlet_error *err)
{
	(void)snprintf(path, len, "/etc/domlet/%s.cfg", name);
	if (access(path, F_OK) < 0)
		(void)snprintf(path, len, "/usr/share/domlet/xen-configs/%s.cfg", name);
	if (access(path, F_OK) < 0)
		return domlet_error_set(
			err, ENOENT,
			"there is no template %s.cfg, neither in /etc/domlet nor in /usr/share/domlet/xen-configs: make one, or name another",
			name);
	return 0;
}

/* Reads the template; the command line's choice counts before the container's. */
static int find_template(struct domlet_cli *cli, const struct domlet_plan *p, struct domlet_template *t)
{
	const char *name = cli->template_name ? cli->template_name : p->ask.template_name;
	enum domlet_type type = p->ask.type;
	char path[512];

	if (type == DOMLET_TYPE_AUTO && !name) {
		type = domlet_xen_has_hvm() ? DOMLET_TYPE_PVH : DOMLET_TYPE_PV;
		if (type == DOMLET_TYPE_PV)
			domlet_log_notice(&cli->log, "this host has no hardware virtualisation for guests: using PV");
	}
	if (!name)
		name = type == DOMLET_TYPE_PV ? "pv" : "pvh";
	if (domlet_cli_find_template(name, path, sizeof path, &cli->err) < 0)
		return -1;
	return domlet_template_read(path, t, &cli->err);
}

/* Finds the template and the domain's size. Only a container that asks for something needs
 * the policy. */
static int choose_template(struct domlet_cli *cli, struct domlet_plan *p, struct domlet_template *t)
{
	const struct domlet_ask *ask = &p->ask;
	struct domlet_policy policy = { 0 };
	int r = 0;

	if (domlet_ask_any(ask)) {
		r = domlet_policy_read(DOMLET_POLICY_PATH, &policy, &cli->err);
		if (r == 0)
			r = domlet_ask_allow(ask, &policy, &cli->err);
	}
	if (r == 0)
		r = find_template(cli, p, t);
	if (r == 0)
		r = domlet_ask_size(ask, &policy, t->memory_kib, t->vcpus, &p->memory_kib, &p->vcpus, &cli->err);
	if (r == 0 && ask->kernel)
		r = domlet_template_boot(t, ask->kernel, ask->initrd, ask->parameters, &cli->err);
	if (r == 0)
		domlet_plan_take_vcpus(p, t->vcpus);
	domlet_policy_free(&policy);
	return r;
}

/* Records a domain of the container's own, in which the container is the first. */
static int found_domain(struct domlet_cli *cli, struct launch *l)
{
	cleanup_fclose FILE *f = fopen("/proc/sys/kernel/random/uuid", "re");
	struct domlet_domain_record *d = &l->domain;
	struct domlet_state *st = l->state;
	char path[128];

	if (!f || fscanf(f, "%36s", d->uuid) != 1)
		return domlet_error_set(&cli->err, EIO, "the kernel gives no random uuid");
	if (choose_template(cli, l->plan, &l->tmpl) < 0)
		return -1;
	l->plan->limits.other_vcpus = l->tmpl.vcpus;
	free(st->limits);
	st->limits = limits_of(l->plan);
	(void)snprintf(d->name, sizeof d->name, "domlet-%.12s-%.6s", l->plan->id, d->uuid);
	(void)snprintf(d->type, sizeof d->type, "%s", l->tmpl.type);
	domlet_cgroup_of_monitor(d->uuid, path, sizeof path);
	d->monitor_cgroup = strdup(path);
	if (!d->monitor_cgroup || !st->limits)
		return domlet_error_set(&cli->err, ENOMEM,
					"the domain of container %s can't be recorded: out of memory", l->plan->id);
	d->domid = DOMLET_DOMID_NONE;
	d->boot_timeout_s = l->tmpl.boot_timeout_s;
	d->monitor = st->monitor; /* us, until there is one */
	(void)strcpy(st->uuid, d->uuid);
	(void)strcpy(st->type, d->type);
	st->generation = DOMLET_MONITOR_FIRST_GENERATION;
	/* The container's record first: it leads to the domain's. */
	if (domlet_state_save(st, &cli->err) < 0)
		return -1;
	return domlet_domain_record_create(cli->domains, d, &cli->err);
}

/* Whether a domain of TYPE is not all that is asked for. */
static bool asks_for_more(const struct domlet_ask *ask, const char *type)
{
	enum domlet_type has = strcmp(type, "pv") == 0 ? DOMLET_TYPE_PV : DOMLET_TYPE_PVH;

	return ask->template_name || ask->memory_kib || ask->vcpus || ask->kernel ||
	       (ask->type != DOMLET_TYPE_AUTO && ask->type != has);
}

/* Gives the container a place in the domain UUID, which others live in. */
static int join_domain(struct domlet_cli *cli, struct launch *l, const char *uuid, struct domlet_launched *made)
{
	struct domlet_domain_record *d = &l->domain;
	struct domlet_state *st = l->state;

	if (domlet_domain_record_load(cli->domains, uuid, d, &cli->err) < 0)
		return -1;
	if (asks_for_more(&l->plan->ask, d->type))
		domlet_log_notice(&cli->log,
				  "what container %s asks of its domain counts for nothing, as it joins the domain %s",
				  l->plan->id, d->name);
	made->monitor_fd = domlet_cli_connect_to_domain(cli->domains, uuid, SOCK_SEQPACKET, JOIN_S, &cli->err);
	if (made->monitor_fd < 0 || domlet_cli_join(made->monitor_fd, &st->number, &st->generation, &cli->err) < 0)
		return domlet_error_prefix(&cli->err, "the container can't join others in their domain");
	domlet_cli_be_patient(made->monitor_fd, 0);
	domlet_plan_number(l->plan, st->number);
	(void)strcpy(st->uuid, d->uuid);
	(void)strcpy(st->type, d->type);
	return domlet_state_save(st, &cli->err);
}

/* Finds the container's domain, or has it be the first of a new one. */
static int place(struct domlet_cli *cli, struct launch *l, struct domlet_launched *made)
{
	if (domlet_cli_place(cli->domains, l->state->root, l->plan, &l->placed, &cli->err) < 0)
		return -1;
	return l->placed.uuid[0] ? join_domain(cli, l, l->placed.uuid, made) : found_domain(cli, l);
}

/* What linux.cgroupsPath may be with --systemd-cgroup, in runc's words. */
static int check_systemd_cgroup(const char *cgroups_path, struct domlet_error *err)
{
	if (!domlet_scope_systemd())
		return domlet_error_set(err, EOPNOTSUPP,
					"systemd not running on this host, cannot use systemd cgroups manager");
	if (cgroups_path && cgroups_path[0] && !domlet_cgroup_is_unit(cgroups_path))
		return domlet_error_set(
			err, EINVAL,
			"expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"%.128s\" instead",
			cgroups_path);
	return 0;
}

/* Writes the directory of the container's cgroup into PATH, of LEN bytes. */
static int choose_cgroup(struct domlet_cli *cli, const struct launch *l, char *path, size_t len)
{
	const char *cgroups_path = l->plan->cgroups_path;
	char name[96];

	if (cli->systemd_cgroup && check_systemd_cgroup(cgroups_path, &cli->err) < 0)
		return -1;
	(void)snprintf(name, sizeof name,
		       cli->systemd_cgroup ? "domlet.slice:domlet:%.12s-%.6s-%llu" : "domlet-%.12s-%.6s-%llu",
		       l->plan->id, l->state->uuid, (unsigned long long)l->state->generation);
	if (cli->systemd_cgroup && (!cgroups_path || !cgroups_path[0]))
		cgroups_path = name;
	return domlet_cgroup_path(cgroups_path, name, path, len, &cli->err);
}

static int make_cgroup(struct domlet_cli *cli, struct launch *l)
{
	struct domlet_state *st = l->state;
	unsigned int processes;
	char path[4096];
	bool scope;
	int made;

	if (choose_cgroup(cli, l, path, sizeof path) < 0)
		return -1;
	scope = cli->systemd_cgroup && domlet_scope_is(path);
	if (!scope)
		domlet_cgroup_make_parents(path);
	/* The cgroup is recorded first, so that a command that is killed in between leaves
	 * nothing that nobody knows. */
	st->cgroup = strdup(path);
	st->cgroup_kept = domlet_cgroup_exists(path);
	if (!st->cgroup)
		return domlet_error_set(&cli->err, ENOMEM, "the cgroup %s can't be recorded: out of memory", path);
	if (domlet_state_save(st, &cli->err) < 0)
		return -1;
	if (scope && !st->cgroup_kept) {
		l->holder = domlet_scope_hold(path, DOMLET_SCOPE_CONTAINER, &cli->err);
		return l->holder < 0 ? -1 : domlet_cgroup_refuse_frozen(path, &cli->err);
	}
	made = domlet_cgroup_make(path, &cli->err);
	if (made < 0)
		return -1;
	if (!made && !st->cgroup_kept) { /* somebody else was faster */
		st->cgroup_kept = true;
		if (domlet_state_save(st, &cli->err) < 0)
			return -1;
	}
	processes = st->cgroup_kept ? domlet_cgroup_processes(path) : 0;
	if (processes)
		domlet_log_notice(&cli->log, "container's cgroup is not empty: %u process(es) found in %s", processes,
				  path);
	return domlet_cgroup_refuse_frozen(path, &cli->err);
}

/* The path of the joined namespace of TYPE, as the configuration calls it; NULL: none is. */
static const char *joined(const struct domlet_plan *plan, const char *type)
{
	for (size_t i = 0; i < plan->join_count; i++)
		if (strcmp(plan->joins[i].type, type) == 0)
			return plan->joins[i].path;
	return NULL;
}

static int spawn_proxy(struct domlet_cli *cli, struct launch *l)
{
	const struct domlet_plan *plan = l->plan;
	struct domlet_state *st = l->state;
	/* In the foreground the proxy asks the caller's terminal for its size. */
	bool asks = l->tty < 0 && l->options->foreground && plan->terminal && isatty(STDIN_FILENO);
	struct domlet_proxy p = { .tty = asks ? STDIN_FILENO : l->tty,
				  .name = plan->argv0,
				  .cgroup = st->cgroup,
				  .net_path = plan->net_path,
				  .ipc_path = joined(plan, "ipc"),
				  .uts_path = joined(plan, "uts"),
				  .pid_path = joined(plan, "pid"),
				  .hostname = plan->hostname,
				  .rootfs = plan->rootfs };
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return domlet_error_set(&cli->err, errno, "can't make a socket pair: %s", domlet_strerror(errno));
	p.fd = pair[1];
	r = domlet_proxy_spawn(&p, &l->proxy, &cli->err);
	close(pair[1]);
	l->proxy_fd = pair[0];
	if (r < 0)
		return r;
	(void)domlet_pid_of(l->proxy.pid, &st->proxy);
	return domlet_state_save(st, &cli->err);
}

/* Starts the monitor of the container's domain; returns our connection to it. */
static int start_monitor(struct domlet_cli *cli, struct launch *l)
{
	/* --debug speaks on the caller's stderr, unless whoever reads that waits for
	 * its end: docker does, of a container with a terminal. */
	bool speaks = cli->log.debug && (l->options->foreground || !l->plan->terminal);
	struct domlet_monitor_spec spec = { .record = &l->domain,
					    .tmpl = &l->tmpl,
					    .memory_kib = l->plan->memory_kib,
					    .vcpus = l->plan->vcpus,
					    .memory_for_all = l->plan->memory_for_all,
					    .vcpus_for_all = l->plan->vcpus_for_all,
					    .log = &cli->log };
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return domlet_error_set(&cli->err, errno, "can't make a socket pair: %s", domlet_strerror(errno));
	spec.first = pair[1];
	r = domlet_monitor_spawn(&spec, speaks, l->options->foreground, &cli->err);
	close(pair[1]);
	if (r > 0)
		return pair[0];
	close(pair[0]);
	return r;
}

/* What engines write anew later. */
static struct json_object *files_of(const struct domlet_plan *plan)
{
	static const char *const kept[] = { "/etc/resolv.conf", "/etc/hosts", "/etc/hostname" };
	struct json_object *list = json_object_new_array(), *o;

	for (size_t i = 0; i < plan->mount_count; i++)
		for (size_t k = 0; plan->mounts[i].way == DOMLET_PLAN_MOUNT_COPY && k < sizeof kept / sizeof kept[0];
		     k++) {
			if (strcmp(plan->mounts[i].destination, kept[k]) != 0)
				continue;
			o = json_object_new_object();
			json_object_object_add(o, "mount", json_object_new_int64((int64_t)i));
			json_object_object_add(o, "path", json_object_new_string(plan->mounts[i].file));
			json_object_object_add(o, "resolves", json_object_new_boolean(k == 0));
			json_object_array_add(list, o);
		}
	return list;
}

/* The packet with which the container comes to its domain's monitor. */
static char *packet_of(const struct launch *l)
{
	struct json_object *o = json_object_new_object();
	char *text;

	json_object_object_add(o, "verb", json_object_new_string("create"));
	json_object_object_add(o, "version", json_object_new_int(DOMLET_MONITOR_VERSION));
	json_object_object_add(o, "root", json_object_new_string(l->state->root));
	json_object_object_add(o, "id", json_object_new_string(l->state->id));
	json_object_object_add(o, "terminal", json_object_new_boolean(l->plan->terminal));
	json_object_object_add(o, "foreground", json_object_new_boolean(l->options->foreground));
	json_object_object_add(o, "keep", json_object_new_boolean(l->options->keep));
	json_object_object_add(o, "keeps", json_object_new_boolean(l->placed.keeps));
	json_object_object_add(o, "forges", json_object_new_boolean(l->plan->forges));
	json_object_object_add(o, "memory", json_object_new_uint64(l->plan->memory_kib));
	json_object_object_add(o, "vcpus", json_object_new_int64(l->plan->vcpus));
	json_object_object_add(o, "shares", json_object_new_boolean(l->share >= 0));
	json_object_object_add(o, "sockets", json_object_new_int64(l->socket_count));
	json_object_object_add(o, "files", files_of(l->plan));
	text = strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return text;
}

/* Sends the container to the monitor at FD, whose answer comes later. */
static int send_container(struct domlet_cli *cli, const struct launch *l, int fd)
{
	cleanup_free char *text = packet_of(l);
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	cleanup_close int document = domlet_cli_memory_file(l->plan->document, l->plan->document_len);
	int first = l->tty >= 0 ? l->tty : STDIN_FILENO, r;
	int fds[DOMLET_MONITOR_FDS_MAX] = { first,
					    l->tty >= 0 ? l->tty : STDOUT_FILENO,
					    l->plan->terminal ? null : STDERR_FILENO,
					    l->proxy_fd,
					    document,
					    l->image_lock >= 0 ? l->image_lock : null,
					    l->share >= 0 ? l->share : null };

	memcpy(fds + DOMLET_MONITOR_CREATE_FDS, l->sockets, l->socket_count * sizeof *fds);
	if (!text || null < 0 || document < 0)
		return domlet_error_set(&cli->err, ENOMEM, "container %s can't be handed to its domain: out of memory",
					l->plan->id);
	r = domlet_cli_send_descriptors(fd, text, strlen(text), fds, DOMLET_MONITOR_CREATE_FDS + l->socket_count);
	if (r < 0 && r != -EPIPE) /* with -EPIPE the monitor's answer says why it does not listen */
		return domlet_error_set(&cli->err, -r, "container %s can't be handed to its domain's monitor: %s",
					l->plan->id, domlet_strerror(-r));
	return 0;
}

/* It ends with the monitor's end of its socket alone. */
static void let_fileserver_go(struct launch *l)
{
	if (l->share >= 0)
		close(l->share);
	l->share = -1;
}

/* From now on the monitor has the container. */
static int hand_over(struct domlet_cli *cli, struct launch *l, struct domlet_launched *made)
{
	int r;

	if (made->monitor_fd < 0)
		made->monitor_fd = start_monitor(cli, l);
	if (made->monitor_fd < 0)
		return -1;
	r = send_container(cli, l, made->monitor_fd);
	close(l->proxy_fd);
	l->proxy_fd = -1;
	let_fileserver_go(l);
	return r;
}

/* Waits for the monitor's first answer, or a signal. */
static int wait_created(int fd, struct domlet_error *err)
{
	cleanup_close int signals = -1;
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .events = POLLIN } };
	sigset_t held;

	domlet_interrupt_set(&held);
	fds[1].fd = signals = signalfd(-1, &held, SFD_CLOEXEC);
	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	return domlet_interrupt_check(err) < 0 ? -EINTR : domlet_cli_read_answer(fd, err);
}

/* Runs the hooks while the domain is built. */
static int run_create_hooks(struct launch *l, struct domlet_error *err)
{
	const struct domlet_state *st = l->state;
	struct domlet_proxy_handle *h = &l->proxy;

	if (domlet_cli_hooks(st, "prestart", "creating", h->pid, false, err) < 0 ||
	    domlet_cli_hooks(st, "createRuntime", "creating", h->pid, false, err) < 0 ||
	    domlet_cli_hooks(st, "createContainer", "creating", h->pid, true, err) < 0)
		return -1;
	return domlet_proxy_enter_root(h, err);
}

int domlet_cli_write_pid_file(const char *file, pid_t pid, struct domlet_error *err)
{
	char text[16];

	if (!file)
		return 0;
	(void)snprintf(text, sizeof text, "%d", pid);
	return domlet_file_write(file, text, strlen(text), 0644, err) < 0 ?
		       domlet_error_prefix(err, "can't write the pid file") :
		       0;
}

static int prepare_image(struct domlet_cli *cli, struct launch *l)
{
	struct domlet_image image = { .lock = -1 };

	if (domlet_image_prepare(l->plan->rootfs, DOMLET_IMAGE_CACHE, DOMLET_IMAGE_CACHE_MAX, &image, &cli->err) < 0)
		return -1;
	l->state->image = image.path;
	l->image_lock = image.lock;
	domlet_log_phase(&cli->log, "image");
	return 0;
}

/* Starts who serves what the container shares with dom0: its root file system, and volumes. Its root is shared with
 * all that is mounted in it, as with runc, and is writable there, since mount points are made before it is read-only. */
static int start_fileserver(struct domlet_cli *cli, struct launch *l)
{
	const struct domlet_plan *plan = l->plan;
	cleanup_free struct domlet_fileserver_export *exports = calloc(plan->export_count + 1u, sizeof *exports);
	struct domlet_fileserver server = { .exports = exports,
					    .count = plan->export_count,
					    .cgroup = l->domain.monitor_cgroup };

	if (!exports)
		return domlet_error_set(&cli->err, ENOMEM, "container %s can't share files: out of memory", plan->id);
	if (plan->root.way != DOMLET_PLAN_ROOT_IMAGE)
		exports[plan->root.export] = (struct domlet_fileserver_export){ .path = plan->rootfs,
										.destination = "/",
										.recursive = true };
	for (size_t i = 0; i < plan->mount_count; i++) {
		const struct domlet_plan_mount *m = &plan->mounts[i];

		if (m->way == DOMLET_PLAN_MOUNT_LIVE)
			exports[m->export] = (struct domlet_fileserver_export){ .path = m->file,
										.destination = m->destination,
										.recursive = m->recursive,
										.readonly = m->readonly };
	}
	if (plan->export_count > 0)
		l->share = domlet_fileserver_spawn(&server, &cli->err);
	return plan->export_count > 0 && l->share < 0 ? -1 : 0;
}

/* They are what is bound, as with runc: another one that takes such a name later isn't reached. */
static int open_sockets(struct domlet_cli *cli, struct launch *l)
{
	for (size_t i = 0; i < l->plan->mount_count; i++) {
		struct domlet_plan_mount *m = &l->plan->mounts[i];
		struct stat st;
		int fd;

		if (m->way != DOMLET_PLAN_MOUNT_SOCKET)
			continue;
		fd = open(m->file, O_PATH | O_CLOEXEC);
		if (fd < 0)
			return domlet_error_set(&cli->err, errno, "the bind mount of %s on %s can't be done: %s",
						m->file, m->destination, domlet_strerror(errno));
		l->sockets[l->socket_count++] = fd;
		if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
			return domlet_error_set(
				&cli->err, EAGAIN,
				"the bind mount of %s on %s can't be done: it was a socket, and is none any more",
				m->file, m->destination);
		m->datagrams = domlet_peer_takes_datagrams(fd);
	}
	return 0;
}

/* What the container needs in dom0 before it comes to its domain. */
static int prepare(struct domlet_cli *cli, struct launch *l)
{
	struct domlet_plan *plan = l->plan;

	if (plan->root.way == DOMLET_PLAN_ROOT_IMAGE && prepare_image(cli, l) < 0)
		return -1;
	if (make_cgroup(cli, l) < 0 || start_fileserver(cli, l) < 0)
		return -1;
	if (plan->export_count > 0)
		domlet_log_phase(&cli->log, "shared");
	if (plan->terminal && l->options->console_socket)
		l->tty = domlet_cli_console(l->options->console_socket, plan->console_rows, plan->console_cols,
					    &cli->err);
	if (plan->terminal && l->options->console_socket && l->tty < 0)
		return -1;
	return domlet_interrupt_check(&cli->err);
}

static int launch_placed(struct domlet_cli *cli, struct launch *l, struct domlet_launched *made)
{
	int r = open_sockets(cli, l);

	if (r == 0)
		r = domlet_document_make(l->plan, l->stdio, &cli->err);
	if (r == 0)
		r = prepare(cli, l);
	if (r == 0)
		r = spawn_proxy(cli, l);
	domlet_scope_release(l->holder); /* the proxy is there, or nobody comes */
	if (r < 0)
		return -1;
	made->proxy = l->proxy.pid;
	r = hand_over(cli, l, made);
	if (r == 0)
		r = run_create_hooks(l, &cli->err);
	domlet_proxy_abandon(&l->proxy);
	if (r < 0 || wait_created(made->monitor_fd, &cli->err) < 0 ||
	    domlet_cli_place_check(cli->domains, &l->placed, &cli->err) < 0)
		return -1;
	return domlet_cli_write_pid_file(l->options->pid_file, made->proxy, &cli->err);
}

static int launch_recorded(struct domlet_cli *cli, struct launch *l, struct domlet_launched *made)
{
	int r = fill_state(cli, l->plan, l->state);

	if (r == 0)
		r = place(cli, l, made);
	if (r == 0)
		r = launch_placed(cli, l, made);
	if (r < 0)
		domlet_proxy_abandon(&l->proxy);
	return r;
}

void domlet_cli_tell_labels(const struct domlet_cli *cli, const char *id, const char *labels)
{
	if (labels)
		domlet_log_notice(
			&cli->log,
			"labels and profiles of this host's security modules are not applied in the guest of container %s: %s",
			id, labels);
}

/* Undoes what was begun. */
static void take_back(struct domlet_cli *cli, struct launch *l, struct domlet_launched *made)
{
	struct domlet_error ignored;

	let_fileserver_go(l);
	if (made->monitor_fd >= 0)
		close(made->monitor_fd); /* a monitor that still lives ends its container */
	(void)domlet_cli_remove(cli, l->state, true, &ignored);
	domlet_cli_hooks_warn(cli, l->state, "poststop", "stopped", 0);
}

int domlet_cli_launch(struct domlet_cli *cli, const char *id, const struct domlet_launch_options *o,
		      struct domlet_launched *made)
{
	struct domlet_plan plan = { 0 };
	struct domlet_state st = { 0 };
	struct launch l = { .options = o,
			    .plan = &plan,
			    .state = &st,
			    .tty = -1,
			    .image_lock = -1,
			    .share = -1,
			    .proxy_fd = -1,
			    .proxy = { .sync = -1 } };
	sigset_t before;
	int r;

	*made = (struct domlet_launched){ .monitor_fd = -1 };
	if (domlet_cli_refuse_sockets(&cli->err) < 0)
		return -1;
	domlet_cli_stdio_kinds(cli, l.stdio);
	if (domlet_plan_read(o->bundle ? o->bundle : ".", id, &plan, &cli->err) < 0)
		return -1;
	made->terminal = plan.terminal;
	domlet_log_phase(&cli->log, "planned");
	domlet_cli_tell_labels(cli, id, plan.labels);
	if (plan.terminal && !o->foreground && !o->console_socket) {
		domlet_plan_free(&plan);
		return domlet_error_set(
			&cli->err, EINVAL,
			"cannot allocate tty if runc will detach without setting console socket (use --console-socket)");
	}
	domlet_interrupt_hold(&before);
	r = domlet_state_create(cli->root, id, &st, &cli->err);
	if (r == 0) {
		r = launch_recorded(cli, &l, made);
		if (r < 0)
			take_back(cli, &l, made);
	}
	if (l.tty >= 0)
		close(l.tty);
	if (l.image_lock >= 0)
		close(l.image_lock);
	if (l.proxy_fd >= 0)
		close(l.proxy_fd);
	while (l.socket_count)
		close(l.sockets[--l.socket_count]);
	domlet_template_free(&l.tmpl);
	domlet_domain_record_free(&l.domain);
	domlet_state_free(&st);
	domlet_plan_free(&plan);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
