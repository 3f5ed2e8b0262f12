// SPDX-License-Identifier: GPL-2.0-or-later
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/file.h"
#include "../base/interrupt.h"
#include "../dom0/cgroup.h"
#include "../dom0/netns.h"
#include "../dom0/pid.h"
#include "../monitor/monitor.h"
#include "../oci/document.h"
#include "../oci/plan.h"
#include "../proxy/proxy.h"
#include "../storage/image.h"
#include "../xen/policy.h"
#include "../xen/xen.h"
#include "ask.h"
#include "console.h"
#include "descriptors.h"
#include "hooks.h"
#include "reap.h"
#include "service.h"

/* Fills in what domlet_state_create() did not know. */
static int fill_state(struct domlet_cli *cli, const struct domlet_plan *p, struct domlet_state *st)
{
	cleanup_fclose FILE *f = fopen("/proc/sys/kernel/random/uuid", "re");
	char path[128];

	if (!f || fscanf(f, "%36s", st->uuid) != 1)
		return domlet_error_set(&cli->err, EIO, "the kernel gives no random uuid");
	(void)snprintf(st->name, sizeof st->name, "domlet-%.12s-%.6s", p->id, st->uuid);
	domlet_cgroup_of_monitor(st->uuid, path, sizeof path);
	st->monitor_cgroup = strdup(path);
	st->bundle = strdup(p->bundle);
	st->rootfs = strdup(p->rootfs);
	st->annotations = strdup(p->annotations);
	st->hooks = p->hooks ? strdup(p->hooks) : NULL;
	st->labels = p->labels ? strdup(p->labels) : NULL;
	st->oci_version = strdup(p->oci_version);
	if (!st->monitor_cgroup || !st->bundle || !st->rootfs || !st->annotations || (p->hooks && !st->hooks) ||
	    (p->labels && !st->labels) || !st->oci_version)
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

static int make_cgroup(struct domlet_cli *cli, const struct domlet_plan *p, struct domlet_state *st)
{
	char path[4096];
	unsigned int processes;
	int made;

	if (domlet_cgroup_path(p->cgroups_path, st->name, path, sizeof path, &cli->err) < 0)
		return -1;
	domlet_cgroup_make_parents(path);
	/* The cgroup is recorded first, so that a command that is killed in between leaves
	 * nothing that nobody knows. */
	st->cgroup = strdup(path);
	st->cgroup_kept = domlet_cgroup_exists(path);
	if (!st->cgroup)
		return domlet_error_set(&cli->err, ENOMEM, "the cgroup %s can't be recorded: out of memory", path);
	if (domlet_state_save(st, &cli->err) < 0 || (made = domlet_cgroup_make(path, &cli->err)) < 0)
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

/* Closes all descriptors from 3 on but the COUNT of KEEP (below 0: none). */
static void close_others(const int *keep, size_t count)
{
	for (unsigned int from = 3;;) {
		unsigned int next = UINT_MAX;

		for (size_t i = 0; i < count; i++)
			if (keep[i] >= (int)from && (unsigned int)keep[i] < next)
				next = (unsigned int)keep[i];
		if (next > from)
			(void)close_range(from, next == UINT_MAX ? next : next - 1, 0);
		if (next == UINT_MAX)
			return;
		from = next + 1;
	}
}

/* Has the child become the monitor. Nothing of the caller's is kept but the container's
 * streams: another descriptor may be a lock, or a pipe whose end somebody waits for.
 * IMAGE_LOCK stays open as long as the monitor lives. */
static _Noreturn void be_monitor(struct domlet_launch *l, int tty, int image_lock)
{
	int null = open("/dev/null", O_RDWR);
	/* --debug speaks on the caller's stderr, unless whoever reads that waits for
	 * its end: docker does, of a container with a terminal. */
	bool debug = l->log->debug && (l->foreground || !l->plan->terminal);
	struct domlet_log log = *l->log;
	struct domlet_error err;
	sigset_t none;

	log.background = !l->foreground || !debug;
	l->log = &log;

	(void)setsid();
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < 3; i++) {
		l->stdio[i] = fcntl(tty >= 0 ? tty : i, F_DUPFD_CLOEXEC, 3);
		if (i < 2 || !debug)
			(void)dup2(null, i);
	}
	if (debug)
		domlet_log_unblock_stderr(&log);
	if (tty >= 0)
		close(tty);
	if (l->plan->terminal) {
		close(l->stdio[2]); /* whoever reads standard error waits for its end */
		l->stdio[2] = -1;
	}
	if (domlet_cgroup_enter(l->state->monitor_cgroup, &err) < 0)
		domlet_log_notice(&log, "%s: the monitor of container %s stays in its caller's", err.text, l->plan->id);
	close_others(
		(const int[]){ l->caller_fd, l->proxy_fd, l->stdio[0], l->stdio[1], l->stdio[2], log.fd, image_lock },
		7);
	_exit(domlet_monitor_main(l));
}

static int spawn_proxy(struct domlet_cli *cli, const struct domlet_launch *launch, int fd, int tty,
		       struct domlet_proxy_handle *h)
{
	const struct domlet_plan *plan = launch->plan;
	struct domlet_state *st = launch->state;
	/* In the foreground the proxy asks the caller's terminal for its size. */
	int sized = tty < 0 && launch->foreground && plan->terminal && isatty(STDIN_FILENO) ? STDIN_FILENO : tty;
	struct domlet_proxy p = { .fd = fd,
				  .tty = sized,
				  .name = plan->argv0,
				  .cgroup = st->cgroup,
				  .net_path = plan->net_path,
				  .hostname = plan->hostname,
				  .rootfs = plan->rootfs };

	if (domlet_proxy_spawn(&p, h, &cli->err) < 0)
		return -1;
	(void)domlet_pid_of(h->pid, &st->proxy);
	return 0;
}

static int spawn(struct domlet_cli *cli, struct domlet_launch *launch, int tty, int image_lock,
		 struct domlet_proxy_handle *h, struct domlet_launched *l)
{
	int caller[2], proxy[2], r;
	pid_t monitor;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, caller) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, proxy) < 0)
		return domlet_error_set(&cli->err, errno, "can't make a socket pair: %s", domlet_strerror(errno));
	r = spawn_proxy(cli, launch, proxy[1], tty, h);
	close(proxy[1]);
	if (r < 0)
		return r;
	l->proxy = h->pid;
	monitor = fork();
	if (monitor == 0) {
		close(caller[0]);
		domlet_proxy_abandon(h);
		launch->caller_fd = caller[1];
		launch->proxy_fd = proxy[0];
		(void)domlet_pid_of(getpid(), &launch->state->monitor);
		be_monitor(launch, tty, image_lock);
	}
	close(caller[1]);
	close(proxy[0]);
	l->monitor_fd = caller[0];
	if (monitor < 0)
		return domlet_error_set(&cli->err, errno, "can't fork the monitor: %s", domlet_strerror(errno));
	(void)domlet_pid_of(monitor, &launch->state->monitor);
	return 0;
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
static int run_create_hooks(const struct domlet_launch *launch, struct domlet_proxy_handle *h, struct domlet_error *err)
{
	const struct domlet_state *st = launch->state;

	if (domlet_cli_hooks(st, "prestart", "creating", h->pid, false, err) < 0 ||
	    domlet_cli_hooks(st, "createRuntime", "creating", h->pid, false, err) < 0 ||
	    domlet_netns_refuse_network(h->pid, st->id, err) < 0 ||
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

static int launch_planned(struct domlet_cli *cli, struct domlet_plan *plan, const struct domlet_launch_options *o,
			  struct domlet_state *st, struct domlet_launched *l)
{
	struct domlet_template tmpl = { 0 };
	cleanup_close int tty = -1;
	struct domlet_launch launch = {
		.plan = plan, .state = st, .tmpl = &tmpl, .foreground = o->foreground, .keep = o->keep, .log = &cli->log
	};
	struct domlet_proxy_handle h = { .sync = -1 };
	struct domlet_image image = { .lock = -1 };
	cleanup_close int lock = -1; /* the monitor keeps its copy */
	int r;

	if (fill_state(cli, plan, st) < 0 || domlet_state_save(st, &cli->err) < 0 ||
	    choose_template(cli, plan, &tmpl) < 0)
		return -1;
	(void)snprintf(st->type, sizeof st->type, "%s", tmpl.type);
	if (domlet_image_prepare(plan->rootfs, DOMLET_IMAGE_CACHE, DOMLET_IMAGE_CACHE_MAX, &image, &cli->err) < 0)
		return -1;
	st->image = image.path;
	lock = image.lock;
	if (make_cgroup(cli, plan, st) < 0)
		return -1;
	domlet_log_phase(&cli->log, "image");
	if (plan->terminal && o->console_socket &&
	    (tty = domlet_cli_console(o->console_socket, plan->console_rows, plan->console_cols, &cli->err)) < 0)
		return -1;
	r = domlet_interrupt_check(&cli->err);
	if (r == 0)
		r = spawn(cli, &launch, tty, lock, &h, l);
	if (r == 0)
		r = run_create_hooks(&launch, &h, &cli->err);
	domlet_proxy_abandon(&h);
	if (r < 0 || wait_created(l->monitor_fd, &cli->err) < 0)
		return -1;
	return domlet_cli_write_pid_file(o->pid_file, l->proxy, &cli->err);
}

void domlet_cli_tell_labels(const struct domlet_cli *cli, const char *id, const char *labels)
{
	if (labels)
		domlet_log_notice(
			&cli->log,
			"labels and profiles of this host's security modules are not applied in the guest of container %s: %s",
			id, labels);
}

int domlet_cli_launch(struct domlet_cli *cli, const char *id, const struct domlet_launch_options *o,
		      struct domlet_launched *l)
{
	struct domlet_plan plan = { 0 };
	struct domlet_state st = { 0 };
	struct domlet_error ignored;
	const char *stdio[3];
	sigset_t before;
	int made, r;

	*l = (struct domlet_launched){ .monitor_fd = -1 };
	if (domlet_cli_refuse_sockets(&cli->err) < 0)
		return -1;
	domlet_cli_stdio_kinds(cli, stdio);
	if (domlet_plan_read(o->bundle ? o->bundle : ".", id, &plan, &cli->err) < 0)
		return -1;
	if (domlet_document_make(&plan, stdio, &cli->err) < 0) {
		domlet_plan_free(&plan);
		return -1;
	}
	l->terminal = plan.terminal;
	domlet_log_phase(&cli->log, "planned");
	domlet_cli_tell_labels(cli, id, plan.labels);
	if (plan.terminal && !o->foreground && !o->console_socket) {
		domlet_plan_free(&plan);
		return domlet_error_set(
			&cli->err, EINVAL,
			"cannot allocate tty if runc will detach without setting console socket (use --console-socket)");
	}
	domlet_interrupt_hold(&before);
	r = made = domlet_state_create(cli->root, id, &st, &cli->err);
	if (made == 0)
		r = launch_planned(cli, &plan, o, &st, l);
	if (r < 0 && l->monitor_fd >= 0)
		close(l->monitor_fd); /* a monitor that still lives destroys its domain */
	if (r < 0 && made == 0)
		(void)domlet_cli_remove(&st, true, &ignored);
	if (r < 0 && made == 0)
		domlet_cli_hooks_warn(cli, &st, "poststop", "stopped", 0);
	domlet_state_free(&st);
	domlet_plan_free(&plan);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
