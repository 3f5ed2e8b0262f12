// SPDX-License-Identifier: GPL-2.0-or-later
#include "scope.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/error.h"

#ifndef SYSTEMD_RUNS /* as sd_booted(3) looks for */
#define SYSTEMD_RUNS "/run/systemd/system"
#endif
/* systemd answers at once, but not while it reloads its units. */
#define ANSWER_S 25
#define MANAGER "org.freedesktop.systemd1.Manager"

/* What is used of <systemd/sd-bus.h>, whose ABI has not changed since systemd 237. */
struct bus_error {
	const char *name, *message;
	int owned;
};
typedef int bus_handler(void *message, void *data, struct bus_error *err);
struct bus {
	int (*open_system)(void **bus);
	int (*new)(void **bus);
	int (*set_address)(void *bus, const char *address);
	int (*start)(void *bus);
	int (*match_signal)(void *bus, void **slot, const char *sender, const char *path, const char *interface,
			    const char *member, bus_handler *handler, void *data);
	int (*call_method)(void *bus, const char *destination, const char *path, const char *interface,
			   const char *member, struct bus_error *err, void **reply, const char *types, ...);
	int (*read)(void *message, const char *types, ...);
	int (*process)(void *bus, void **message);
	int (*wait)(void *bus, uint64_t timeout_us);
	void *(*close)(void *bus);
};

/* How systemd says that a job is over. */
struct job {
	const struct bus *bus;
	char path[256], result[64];
	/* That of a job that was over before its path was known here. */
	char last_path[256], last_result[64];
};

static int load(struct bus *b, struct domlet_error *err)
{
	const struct {
		const char *name;
		void *at;
	} calls[] = {
		{ "sd_bus_open_system", &b->open_system },
		{ "sd_bus_new", &b->new },
		{ "sd_bus_set_address", &b->set_address },
		{ "sd_bus_start", &b->start },
		{ "sd_bus_match_signal", &b->match_signal },
		{ "sd_bus_call_method", &b->call_method },
		{ "sd_bus_message_read", &b->read },
		{ "sd_bus_process", &b->process },
		{ "sd_bus_wait", &b->wait },
		{ "sd_bus_flush_close_unref", &b->close },
	};
	void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return domlet_error_set(err, ELIBACC, "libsystemd can't be loaded: install libsystemd0");
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		void *call = dlsym(library, calls[i].name);

		if (!call)
			return domlet_error_set(err, ELIBBAD, "libsystemd has no %s: it is too old", calls[i].name);
		memcpy(calls[i].at, &call, sizeof call);
	}
	return 0;
}

/* To the bus of the system, or where that is not up, as early at boot, to systemd itself. */
static int reach(const struct bus *b, void **bus, struct domlet_error *err)
{
	int r = b->open_system(bus);

	if (r < 0 && (r = b->new (bus)) >= 0 && (r = b->set_address(*bus, "unix:path=/run/systemd/private")) >= 0)
		r = b->start(*bus);
	return r < 0 ? domlet_error_set(err, -r, "systemd can't be reached: %s", domlet_strerror(-r)) : 0;
}

static int on_job_removed(void *message, void *data, struct bus_error *err)
{
	struct job *job = data;
	const char *path, *unit, *result;
	uint32_t id;

	(void)err;
	if (job->bus->read(message, "uoss", &id, &path, &unit, &result) < 0)
		return 0;
	(void)snprintf(job->last_path, sizeof job->last_path, "%s", path);
	(void)snprintf(job->last_result, sizeof job->last_result, "%s", result);
	if (strcmp(job->path, path) == 0)
		(void)strcpy(job->result, job->last_result);
	return 0;
}

/* The slice's name is that of the directory above; the top's is "-.slice". */
static void take_apart(const char *path, const char **unit, char *slice, size_t len)
{
	const char *slash = strrchr(path, '/'), *above = slash;

	*unit = slash + 1;
	while (above > path && above[-1] != '/')
		above--;
	(void)snprintf(slice, len, "%.*s", (int)(slash - above), above);
	if (strlen(slice) < 6 || strcmp(slice + strlen(slice) - 6, ".slice") != 0)
		(void)snprintf(slice, len, "-.slice");
}

static int ask(const struct bus *b, void *bus, const char *path, enum domlet_scope_of of, pid_t pid, void **reply,
	       struct bus_error *refusal)
{
	const char *unit;
	char slice[256];

	take_apart(path, &unit, slice, sizeof slice);
	/* Delegated is what engines read, and cgroup.c gives to other cgroups: a proxy needs no cpuset. */
	if (of == DOMLET_SCOPE_CONTAINER)
		return b->call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", MANAGER,
				      "StartTransientUnit", refusal, reply, "ssa(sv)a(sa(sv))", unit, "fail", 10,
				      "Description", "s", "domlet: a container's processes of this host", "Slice", "s",
				      slice, "PIDs", "au", 1, (uint32_t)pid, "DelegateControllers", "as", 4, "cpu",
				      "io", "memory", "pids", "CollectMode", "s", "inactive-or-failed",
				      "DefaultDependencies", "b", 0,
				      /* What engines read their statistics of, and their watch for OOM. */
				      "CPUAccounting", "b", 1, "MemoryAccounting", "b", 1, "TasksAccounting", "b", 1,
				      "IOAccounting", "b", 1, 0);
	return b->call_method(bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", MANAGER,
			      "StartTransientUnit", refusal, reply, "ssa(sv)a(sa(sv))", unit, "fail", 6, "Description",
			      "s", "domlet: the monitor of a domain", "Slice", "s", slice, "PIDs", "au", 1,
			      (uint32_t)pid, "CollectMode", "s", "inactive-or-failed", "Before", "as", 3,
			      "docker.service", "containerd.service", "podman.service", "After", "as", 2, "xen.service",
			      "xendomains.service", 0);
}

static int start(const char *path, enum domlet_scope_of of, pid_t pid, struct domlet_error *err)
{
	struct bus b = { .close = NULL };
	struct job job = { .bus = &b };
	struct bus_error refusal = { NULL, NULL, 0 };
	void *bus = NULL, *slot = NULL, *reply = NULL;
	const char *job_path;
	time_t end = time(NULL) + ANSWER_S;
	int r = load(&b, err);

	if (r == 0)
		r = reach(&b, &bus, err);
	if (r < 0)
		return r;
	if (b.match_signal(bus, &slot, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", MANAGER, "JobRemoved",
			   on_job_removed, &job) < 0)
		return domlet_error_set(err, EIO, "systemd's signals can't be received");
	r = ask(&b, bus, path, of, pid, &reply, &refusal);
	if (r < 0)
		return domlet_error_set(err, -r, "systemd makes no scope %s: %s", strrchr(path, '/') + 1,
					refusal.message ? refusal.message : domlet_strerror(-r));
	if (b.read(reply, "o", &job_path) < 0)
		return domlet_error_set(err, EPROTO, "systemd's answer can't be read");
	(void)snprintf(job.path, sizeof job.path, "%s", job_path);
	if (strcmp(job.last_path, job.path) == 0)
		(void)strcpy(job.result, job.last_result);
	while (!job.result[0] && time(NULL) < end)
		if ((r = b.process(bus, NULL)) < 0 || (r == 0 && b.wait(bus, UINT64_C(1000000)) < 0))
			break;
	if (strcmp(job.result, "done") == 0)
		return 0;
	return domlet_error_set(err, job.result[0] ? EIO : ETIMEDOUT, "systemd makes no scope %s: its job %s",
				strrchr(path, '/') + 1, job.result[0] ? job.result : "doesn't end");
}

/* In the child: what became of it goes to FD, as a struct domlet_error. */
static _Noreturn void be_child(const char *path, enum domlet_scope_of of, pid_t parent, bool stays, int fd)
{
	struct domlet_error err = { .code = 0 };
	sigset_t all;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	if (start(path, of, stays ? getpid() : parent, &err) < 0)
		stays = false;
	if (write(fd, &err, sizeof err) != (ssize_t)sizeof err)
		_exit(1);
	/* No pipe and no terminal of the caller's is held open meanwhile. */
	(void)close_range(0, ~0U, 0);
	while (stays)
		(void)pause();
	_exit(0);
}

/* Returns the child's pid, which has done it, or -errno. */
static pid_t have_child_do(const char *path, enum domlet_scope_of of, bool stays, struct domlet_error *err)
{
	struct domlet_error told = { .code = 0 };
	struct pollfd p = { .events = POLLIN };
	pid_t parent = getpid(), child;
	ssize_t n = 0;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return domlet_error_set(err, errno, "can't make a pipe: %s", domlet_strerror(errno));
	child = fork();
	if (child == 0)
		be_child(path, of, parent, stays, fds[1]);
	close(fds[1]);
	p.fd = fds[0];
	if (child > 0 && poll(&p, 1, (ANSWER_S + 5) * 1000) > 0)
		n = read(fds[0], &told, sizeof told);
	close(fds[0]);
	if (child < 0)
		return domlet_error_set(err, EAGAIN, "can't fork: %s", domlet_strerror(EAGAIN));
	if (n == (ssize_t)sizeof told && told.code == 0)
		return child;
	domlet_scope_release(child);
	if (n == (ssize_t)sizeof told)
		return domlet_error_set(err, told.code, "%s", told.text);
	return domlet_error_set(err, EIO, "systemd has not answered");
}

int domlet_scope_check(struct domlet_error *err)
{
	struct bus b = { .close = NULL };
	void *bus = NULL;
	int r = load(&b, err);

	if (r == 0)
		r = reach(&b, &bus, err);
	if (bus)
		(void)b.close(bus);
	return r;
}

bool domlet_scope_systemd(void)
{
	return access(SYSTEMD_RUNS, F_OK) == 0;
}

bool domlet_scope_is(const char *path)
{
	size_t len = strlen(path);

	return len > 6 && strcmp(path + len - 6, ".scope") == 0 && strrchr(path, '/') && domlet_scope_systemd();
}

int domlet_scope_enter(const char *path, enum domlet_scope_of of, struct domlet_error *err)
{
	pid_t child = have_child_do(path, of, false, err);

	if (child < 0)
		return child;
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

pid_t domlet_scope_hold(const char *path, enum domlet_scope_of of, struct domlet_error *err)
{
	return have_child_do(path, of, true, err);
}

void domlet_scope_release(pid_t holder)
{
	if (holder <= 0)
		return;
	(void)kill(holder, SIGKILL);
	while (waitpid(holder, NULL, 0) < 0 && errno == EINTR)
		;
}
