// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/file.h"
#include "../dom0/scope.h"
#include "../net/bpf.h"
#include "../storage/image.h"
#include "../storage/mkfs.h"
#include "../xen/policy.h"
#include "../xen/xen.h"
#include "cli.h"
#include "engine.h"
#include "launch.h"
#include "option.h"

static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };

/* What must be readable, and what to do when it isn't. */
static const struct {
	const char *path, *what, *remedy;
} needed[] = {
	{ "/dev/xen/privcmd", "libxl's door to Xen", "modprobe xen-privcmd" },
	{ "/dev/xen/gntdev", "grant mapping", "modprobe xen-gntdev" },
	{ "/dev/xen/evtchn", "event channels", "modprobe xen-evtchn" },
	{ "/dev/xen/xenbus", "xenstore's device", "boot this machine with Xen (package xen-system-amd64)" },
	{ "/dev/loop-control", "loop devices", "modprobe loop" },
	{ "/sys/module/xen_blkback", "block backend", "modprobe xen-blkback" },
	{ "/sys/module/xen_netback", "network backend", "modprobe xen-netback" },
	{ "/sys/fs/cgroup/cgroup.controllers", "cgroup v2", "mount -t cgroup2 cgroup2 /sys/fs/cgroup" },
	{ "/usr/lib/domlet/domlet-hotplug", "hotplug program of disks and vifs", "install domlet whole" },
};

static int line(bool ok, const char *what, const char *remedy)
{
	printf("%-4s  %s%s%s\n", ok ? "ok" : "FAIL", what, ok ? "" : ": ", ok ? "" : remedy);
	return !ok;
}

static bool is_dom0(void)
{
	cleanup_fclose FILE *f = fopen("/proc/xen/capabilities", "re");
	char text[64];

	return f && fgets(text, sizeof text, f) && strstr(text, "control_d");
}

/* 0 where it can't be read. */
static unsigned int xen_version(const char *part)
{
	cleanup_fclose FILE *f = NULL;
	char path[64];
	unsigned int number = 0;

	(void)snprintf(path, sizeof path, "/sys/hypervisor/version/%s", part);
	f = fopen(path, "re");
	return f && fscanf(f, "%u", &number) == 1 ? number : 0;
}

/* Xen's interfaces for the toolstack are those of one release; another hypervisor refuses libxl's calls. */
static int check_xen_release(void)
{
	unsigned int major = xen_version("major"), minor = xen_version("minor"), built[2] = { 0 };
	char what[64], remedy[256];

	(void)sscanf(DOMLET_LIBXL_VERSION, "%u.%u", &built[0], &built[1]);
	if (!major || !built[0])
		return 0;
	(void)snprintf(what, sizeof what, "Xen %u.%u, for which domlet is built", built[0], built[1]);
	(void)snprintf(
		remedy, sizeof remedy,
		"Xen %u.%u runs: build domlet for this host's release (Debian 12 has Xen 4.17, Debian 13 has 4.20), and boot its Xen",
		major, minor);
	return line(built[0] == major && built[1] == minor, what, remedy);
}

/* A kernel loads these itself, as long as they are where it looks. Those that are built in may have no folder in /sys. */
static const char *const modules[] = { "sch_ingress", "cls_matchall", "cls_bpf", "act_mirred" };

static bool is_listed(const char *list, const char *module)
{
	cleanup_fclose FILE *f = NULL;
	char path[256], text[1024], name[64];
	struct utsname kernel;

	if (uname(&kernel) < 0)
		return false;
	(void)snprintf(path, sizeof path, "/lib/modules/%s/%s", kernel.release, list);
	(void)snprintf(name, sizeof name, "/%s.ko", module);
	f = fopen(path, "re");
	while (f && fgets(text, sizeof text, f))
		if (strstr(text, name))
			return true;
	return false;
}

static int check_filters(void)
{
	static const char remedy[] =
		"modprobe -a sch_ingress cls_matchall cls_bpf act_mirred; a kernel that has none of one of them can't give containers networks";
	struct domlet_net_bpf program = { 0 };
	bool all = true;
	char path[64];
	int fd;

	for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++) {
		(void)snprintf(path, sizeof path, "/sys/module/%s", modules[i]);
		all = all && (access(path, F_OK) == 0 || is_listed("modules.dep", modules[i]) ||
			      is_listed("modules.builtin", modules[i]));
	}
	domlet_net_bpf_return(&program, 0);
	fd = domlet_net_bpf_open(&program, "domlet_doctor");
	if (fd >= 0)
		close(fd);
	return line(all, "filters between vifs and engines' links", remedy) +
	       line(fd >= 0, "programs for these filters, by bpf(2)",
		    "a kernel with CONFIG_BPF_SYSCALL, and no module of security's that refuses it: without it no container without CAP_NET_RAW gets a network, and docker's names of other hosts don't resolve");
}

/* Whether a program of NAME runs. Where daemons have their pid files differs. */
static bool runs(const char *name)
{
	cleanup_closedir DIR *proc = opendir("/proc");
	char path[280], comm[32];
	struct dirent *e;

	while (proc && (e = readdir(proc))) {
		cleanup_fclose FILE *f = NULL;

		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		(void)snprintf(path, sizeof path, "/proc/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (f && fgets(comm, sizeof comm, f) && strncmp(comm, name, strlen(name)) == 0 &&
		    comm[strlen(name)] == '\n')
			return true;
	}
	return false;
}

/* udev takes the first file of a name that it finds here. */
static const char *const rule_dirs[] = { "/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
					 "/usr/lib/udev/rules.d", "/lib/udev/rules.d" };
#define RULES_MAX 65536

/* Two a container, and what dom0's own programs have. */
#define INOTIFY_FEW 512

static void look_at_inotify(void)
{
	struct domlet_error ignored;
	char *text = NULL;
	size_t len;
	long most = domlet_file_read("/proc/sys/fs/inotify/max_user_instances", 64, &text, &len, &ignored) < 0 ?
			    0 :
			    strtol(text, NULL, 10);

	free(text);
	if (most > 0 && most < INOTIFY_FEW)
		printf("note  fs.inotify.max_user_instances is %ld, enough for some %ld containers: later ones see dom0's changes of their files after a second (docs/operator.md)\n",
		       most, most / 2);
}

/* The bytes of images are not dom0's: nothing that udev starts may read them. */
static int check_udev(void)
{
	static const char what[] = "udev leaves the containers' disks alone";
	struct domlet_error err;
	char path[128], real[PATH_MAX], *text;
	size_t len;
	bool ok;

	if (access("/run/udev/control", F_OK) < 0)
		return 0; /* udev doesn't run */
	/* The rule compares the path without links, as the kernel keeps it. */
	if (realpath(DOMLET_IMAGE_CACHE, real) && strcmp(real, DOMLET_IMAGE_CACHE) != 0)
		return line(false, what,
			    "udev's rule knows images by their folder, " DOMLET_IMAGE_CACHE
			    ", but a link leads to another: mount that there instead (mount --bind)");
	for (size_t i = 0; i < sizeof rule_dirs / sizeof rule_dirs[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/59-domlet.rules", rule_dirs[i]);
		text = NULL;
		if (domlet_file_read(path, RULES_MAX, &text, &len, &err) < 0 && err.code == ENOENT)
			continue;
		ok = text && strstr(text, "=\"" DOMLET_IMAGE_CACHE "/*\"") &&
		     strstr(text, "\nENV{UDEV_DISABLE_PERSISTENT_STORAGE_RULES_FLAG}=\"1\"");
		free(text);
		(void)snprintf(path + strlen(path), sizeof path - strlen(path), " is not domlet's: remove it");
		return line(ok, what, path);
	}
	return line(false, what,
		    "install domlet whole (/usr/lib/udev/rules.d/59-domlet.rules), then run udevadm control --reload");
}

/* Where systemd runs, what it doesn't know of is killed at any moment of its shutdown. */
static int check_systemd(void)
{
	struct domlet_error err = { 0 };

	if (!domlet_scope_systemd())
		return 0;
	(void)domlet_scope_check(&err);
	return line(!err.code, "systemd makes scopes for domlet", err.text);
}

/* Checks a template, and the files that the template names. */
static int check_template(const char *name)
{
	struct domlet_template t = { 0 };
	struct domlet_error err = { 0 };
	char path[512], what[600];
	int failures;

	(void)snprintf(what, sizeof what, "template %s.cfg", name);
	if (domlet_cli_find_template(name, path, sizeof path, &err) < 0)
		return line(false, what, "install domlet whole: its templates are in /usr/share/domlet/xen-configs");
	if (domlet_template_read(path, &t, &err) < 0)
		return line(false, what, err.text);
	(void)snprintf(what, sizeof what, "guest kernel of %s", path);
	failures = line(access(t.kernel, R_OK) == 0, what,
			"images/kernel.sh makes /usr/lib/domlet/vmlinux; or name another in this template");
	(void)snprintf(what, sizeof what, "guest initrd of %s", path);
	failures += line(
		!t.ramdisk || access(t.ramdisk, R_OK) == 0, what,
		"images/initrd.sh makes /usr/lib/domlet/initrd.cpio from domlet-init; or name another in this template");
	domlet_template_free(&t);
	return failures;
}

/* Checks the policy: one that has a mistake refuses whoever asks for something. */
static int check_policy(void)
{
	struct domlet_policy policy = { 0 };
	struct domlet_error err = { 0 };
	int r = domlet_policy_read(DOMLET_POLICY_PATH, &policy, &err);
	bool found = policy.found;

	domlet_policy_free(&policy);
	return r < 0 || found ? line(r == 0, "policy " DOMLET_POLICY_PATH, err.text) : 0;
}

static int doctor(struct domlet_cli *cli, int argc, char **argv)
{
	char mkfs[4096];
	int c, failures = 0;
	bool store;

	while ((c = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (c == 'h')
			return domlet_cli_usage(&domlet_verb_doctor, true);
		return domlet_cli_bad_option(cli, &domlet_verb_doctor, c, argc, argv);
	}
	failures += line(geteuid() == 0, "running as root", "only root may build domains");
	failures += line(is_dom0(), "this is a Xen dom0",
			 "boot this machine with Xen (package xen-system-amd64), and mount xenfs on /proc/xen");
	failures += check_xen_release();
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		failures += line(access(needed[i].path, F_OK) == 0, needed[i].what, needed[i].remedy);
	failures += check_filters();
	failures += check_template("pvh") + check_template("pv") + check_policy();
	failures += line(domlet_mkfs_find(mkfs, sizeof mkfs), "mkfs.erofs", "apt-get install erofs-utils");
	store = domlet_xen_store_check(NULL) == 0;
	failures += line(
		store, "xenstored answers",
		"service xen start (package xen-utils-common); one that has died can't be replaced: restart this host");
	failures += line(runs("xenconsoled"), "xenconsoled, which keeps the guests' consoles",
			 "service xen start (package xen-utils-common); without it libxl builds no domain");
	failures += check_udev();
	failures += check_systemd();
	failures += domlet_engine_check_all(line);
	look_at_inotify();
	if (is_dom0() && store) /* without xenstore libxl may wait for that */
		printf("note  domains are %s by default here\n",
		       domlet_xen_has_hvm() ? "PVH" : "PV (no hardware virtualisation)");
	if (failures)
		(void)domlet_error_set(&cli->err, 1, "%d of this host's checks failed", failures);
	return failures ? 1 : 0;
}

const struct domlet_verb domlet_verb_doctor = {
	.name = "doctor",
	.summary = "check this host, and say what is missing and how to get it",
	.usage = "domlet doctor\n",
	.run = doctor,
};
