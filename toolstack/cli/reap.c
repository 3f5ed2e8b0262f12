// SPDX-License-Identifier: GPL-2.0-or-later
#include "reap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../dom0/cgroup.h"
#include "../dom0/pid.h"
#include "../state/domain.h"
#include "../storage/image.h"
#include "../xen/xen.h"
#include "ask.h"

#ifndef MONITOR_END_MS /* a test's patience ends earlier */
#define MONITOR_END_MS 30000
#endif
#define MONITOR_RETRY_MS 1000
#define MONITOR_LOOK_MS 50
#define KILLED_END_MS 5000
/* Whoever makes a container may pack an image first. */
#ifndef CREATOR_MS
#define CREATOR_MS 30000
#endif
#define CREATOR_RETRY_MS 100
#define PROXY_END_MS 2000

static bool is_me(const struct domlet_pid *p)
{
	return p->pid == getpid() && domlet_pid_may_live(p);
}

/* Destroys the domain of D, whose lock the caller holds, and whose monitor has ended. A command that
 * starts a domain has none before it has a monitor. */
static int end_domain_locked(const struct domlet_domain_record *d, struct domlet_error *err)
{
	if (!is_me(&d->monitor) && domlet_xen_destroy_uuid(d->uuid, d->domid, err) < 0)
		return -err->code;
	domlet_cgroup_remove(d->monitor_cgroup);
	return domlet_domain_record_remove(d, err);
}

/* Destroys the domain UUID, unless its monitor lives. 0 also when there is none. */
static int end_domain(const struct domlet_cli *cli, const char *uuid, int patience_ms, struct domlet_error *err)
{
	struct domlet_domain_record d;
	cleanup_close int lock = -1;
	int r = 0;

	if (!domlet_domain_record_exists(cli->domains, uuid))
		return 0;
	lock = domlet_domain_record_lock(cli->domains, uuid, patience_ms, &d, err);
	if (lock < 0)
		return lock == -ENOENT ? 0 : lock;
	if (!domlet_pid_may_live(&d.monitor) || is_me(&d.monitor))
		r = end_domain_locked(&d, err);
	domlet_domain_record_free(&d);
	return r;
}

/* Whether there may be a domain that nobody looks after. */
static bool is_domain_left(const struct domlet_cli *cli, const char *uuid)
{
	struct domlet_domain_record d;
	bool left;

	if (!domlet_domain_record_exists(cli->domains, uuid) ||
	    domlet_domain_record_load(cli->domains, uuid, &d, NULL) < 0)
		return false;
	left = !domlet_pid_may_live(&d.monitor);
	domlet_domain_record_free(&d);
	return left;
}

/* Ends what outlives a monitor that was killed: its domain, and its proxies. */
static int end_remains(const struct domlet_cli *cli, const struct domlet_state *st, struct domlet_error *err)
{
	int r = end_domain(cli, st->uuid, DOMLET_STATE_LOCK_MS, err);
	int killed = domlet_pid_kill(&st->proxy);

	if (r == 0)
		domlet_image_forget(st->image);
	if (r == 0 && killed < 0) /* the record is all that is known of the proxy */
		r = domlet_error_set(err, -killed,
				     "the proxy of container %s, process %d, can't be ended: %s; try again", st->id,
				     st->proxy.pid, domlet_strerror(-killed));
	return r;
}

/* Removes the container ST, whose lock the caller holds. */
static int remove_locked(const struct domlet_cli *cli, const struct domlet_state *st, struct domlet_error *err)
{
	if (end_remains(cli, st, err) < 0)
		return -err->code;
	domlet_pid_wait(&st->proxy, PROXY_END_MS);
	domlet_cgroup_remove(st->cgroup_kept ? NULL : st->cgroup);
	return domlet_state_remove(st, err);
}

/* Whether two records are of two containers that had one id, one after the other. A record
 * that has a place in a domain never loses that; the record of a container that we are making may
 * have none yet. */
static bool is_another(const struct domlet_state *known, const struct domlet_state *now)
{
	bool same = strcmp(known->uuid, now->uuid) == 0 && known->generation == now->generation;

	return known->uuid[0] && !same && (now->uuid[0] || !is_me(&now->monitor));
}

/* Reads *ST anew, under the lock that is returned. -ENOENT: that container is gone. */
static int lock_again(struct domlet_state *st, struct domlet_error *err)
{
	struct domlet_state now;
	cleanup_close int lock = domlet_state_lock(st->root, st->id, DOMLET_STATE_LOCK_MS, &now, err);

	if (lock < 0)
		return lock;
	if (is_another(st, &now)) {
		domlet_state_free(&now);
		return domlet_error_set(err, ENOENT, "container does not exist: %s", st->id);
	}
	if (is_me(&now.monitor)) {
		/* We are making this container, and know more than its record: a monitor that had
		 * no time to save the record, a proxy. */
		domlet_state_free(&now);
		return take_fd(&lock);
	}
	domlet_state_free(st);
	*st = now;
	return take_fd(&lock);
}

/* Whether a command is making the container: until there are a proxy and a monitor, that
 * command is in the monitor's place. It listens to nobody, but hands over or gives up. */
static bool is_being_made(const struct domlet_state *st)
{
	return st->status == DOMLET_STATUS_CREATING && st->proxy.pid == 0;
}

int domlet_cli_kill_monitor(const struct domlet_state *st, struct domlet_error *err)
{
	int r = domlet_pid_kill(&st->monitor);

	if (r < 0)
		return domlet_error_set(err, -r,
					"the monitor of container %s, process %d, can't be ended: %s; try again",
					st->id, st->monitor.pid, domlet_strerror(-r));
	domlet_pid_wait(&st->monitor, KILLED_END_MS);
	if (!domlet_pid_may_live(&st->monitor))
		return 0;
	return domlet_error_set(
		err, EBUSY,
		"the monitor of container %s, process %d, does not end, not even by SIGKILL: the kernel holds it",
		st->id, st->monitor.pid);
}

/* Whether the record of ST says that it is nobody's to write any more, or there is none. */
static bool is_let_go(const struct domlet_state *st)
{
	struct domlet_state now;
	bool let_go;
	int r = domlet_state_load(st->root, st->id, &now, NULL);

	if (r < 0)
		return r == -ENOENT;
	let_go = now.monitor.pid == 0 || is_another(st, &now);
	domlet_state_free(&now);
	return let_go;
}

/* Whether others than ST are in its domain. */
static bool has_others(const struct domlet_cli *cli, const struct domlet_state *st)
{
	struct domlet_domain_record d;
	bool found = false;

	if (domlet_domain_record_load(cli->domains, st->uuid, &d, NULL) < 0)
		return false;
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++)
		found = found || (n != st->number && d.members[n].id && domlet_pid_may_live(&d.members[n].proxy));
	domlet_domain_record_free(&d);
	return found;
}

/* Has the monitor end the container, and its domain if it is kept for that alone. A monitor that hangs, in
 * libxl or by SIGSTOP, is killed; its domain is our business then. */
static int end_container(const struct domlet_cli *cli, const struct domlet_state *st, struct domlet_error *err)
{
	/* The monitor is told more than once: it may not listen yet, or have too many callers. */
	for (int ms = 0; ms < MONITOR_END_MS; ms += MONITOR_LOOK_MS) {
		if (!domlet_pid_may_live(&st->monitor) || is_let_go(st))
			return 0;
		if (ms % MONITOR_RETRY_MS == 0)
			domlet_cli_tell(cli->domains, st, "{\"verb\":\"destroy\"}");
		domlet_pid_wait(&st->monitor, MONITOR_LOOK_MS);
	}
	if (has_others(cli, st))
		return domlet_error_set(
			err, EBUSY,
			"container %s is not ended by its domain's monitor, process %d, which has others: try again, or kill that",
			st->id, st->monitor.pid);
	return domlet_cli_kill_monitor(st, err);
}

int domlet_cli_remove(const struct domlet_cli *cli, struct domlet_state *st, bool force, struct domlet_error *err)
{
	for (int waited_ms = 0;;) {
		cleanup_close int lock = lock_again(st, err);
		enum domlet_status status = domlet_state_status(st);
		int r = 0;

		if (lock < 0)
			return lock == -ENOENT ? 0 : lock;
		if (!force && domlet_state_know(st, err) < 0)
			return -err->code;
		if (!force && (status == DOMLET_STATUS_RUNNING || status == DOMLET_STATUS_PAUSED))
			return domlet_error_set(err, EBUSY, "cannot delete container %s that is not stopped: %s",
						st->id, domlet_status_name(status));
		if (!domlet_pid_may_live(&st->monitor) || is_me(&st->monitor)) {
			r = remove_locked(cli, st, err);
			return r < 0 ? r : 1;
		}
		/* Whoever is to end may want the lock for that. */
		close(take_fd(&lock));
		if (!is_being_made(st)) {
			r = end_container(cli, st, err);
		} else if (waited_ms < CREATOR_MS) {
			domlet_pid_wait(&st->monitor, CREATOR_RETRY_MS);
			waited_ms += CREATOR_RETRY_MS;
		} else {
			r = domlet_error_set(
				err, EBUSY,
				"container %s is still being created by process %d: end that, or try again later",
				st->id, st->monitor.pid);
		}
		if (r < 0)
			return r;
	}
}

struct reaper {
	struct domlet_cli *cli;
	int patience_ms; /* where somebody else is at a container already */
	int reaped;
};

static bool is_left_alone(const struct domlet_cli *cli, const struct domlet_state *st)
{
	return domlet_pid_may_live(&st->monitor) ||
	       (st->status == DOMLET_STATUS_STOPPED && !is_domain_left(cli, st->uuid));
}

static int reap_locked(struct domlet_cli *cli, struct domlet_state *st)
{
	struct domlet_error err;
	int r;

	if (st->status == DOMLET_STATUS_STOPPED)
		domlet_log_notice(
			&cli->log,
			"container %s has stopped, but nothing says that its domain was destroyed: making sure", st->id);
	else
		domlet_log_notice(&cli->log, "cleaning up after the monitor of container %s, which was killed", st->id);
	r = st->status == DOMLET_STATUS_CREATING ? remove_locked(cli, st, &err) : end_remains(cli, st, &err);
	if (r == 0 && st->status != DOMLET_STATUS_CREATING) {
		if (st->status != DOMLET_STATUS_STOPPED) {
			st->exit_code = 137;
			free(st->reason);
			st->reason = strdup("its monitor was killed");
		}
		st->status = DOMLET_STATUS_STOPPED;
		r = domlet_state_save(st, &err);
	}
	if (r < 0) /* the next command tries again */
		domlet_log_notice(&cli->log, "%s", err.text);
	return r;
}

static int reap_one(struct domlet_state *st, void *arg)
{
	struct reaper *reaper = arg;
	struct domlet_error err;
	struct domlet_state now;
	int lock;

	if (is_left_alone(reaper->cli, st))
		return 0;
	/* Its domain was tried a moment ago: another command is at it, or it can't be destroyed now. */
	if (!reaper->patience_ms && is_domain_left(reaper->cli, st->uuid))
		return 0;
	lock = domlet_state_lock(st->root, st->id, reaper->patience_ms, &now, &err);
	if (lock == -ETIMEDOUT && reaper->patience_ms)
		domlet_log_notice(&reaper->cli->log, "%s", err.text);
	if (lock < 0)
		return 0; /* somebody else is at this container, or was */
	if (!is_left_alone(reaper->cli, &now) && reap_locked(reaper->cli, &now) == 0)
		reaper->reaped++;
	close(lock);
	domlet_state_free(&now);
	return 0;
}

void domlet_cli_reap(struct domlet_cli *cli, const char *id)
{
	struct reaper reaper = { .cli = cli, .patience_ms = DOMLET_STATE_LOCK_MS };
	struct domlet_error ignored;
	struct domlet_state st;

	if (domlet_state_load(cli->root, id, &st, &ignored) < 0)
		return;
	(void)reap_one(&st, &reaper);
	domlet_state_free(&st);
}

/* A domain whose containers are in another root, or have no record any more. */
static int reap_domain(struct domlet_domain_record *d, void *arg)
{
	struct reaper *reaper = arg;
	struct domlet_error err;
	int r;

	if (domlet_pid_may_live(&d->monitor))
		return 0;
	domlet_log_notice(&reaper->cli->log, "cleaning up after the monitor of domain %s, which was killed", d->name);
	r = end_domain(reaper->cli, d->uuid, reaper->patience_ms, &err);
	if (r == 0)
		reaper->reaped++;
	else if (r != -ETIMEDOUT) /* the next command tries again */
		domlet_log_notice(&reaper->cli->log, "%s", err.text);
	return 0;
}

int domlet_cli_reap_all(struct domlet_cli *cli)
{
	struct reaper reaper = { .cli = cli };
	struct domlet_error ignored;

	(void)domlet_domain_record_each(cli->domains, reap_domain, &reaper);
	(void)domlet_state_each(cli->root, reap_one, &reaper, &ignored);
	return reaper.reaped;
}

static int find_left_over(struct domlet_state *st, void *arg)
{
	return is_left_alone(arg, st) ? 0 : 1;
}

static int find_left_domain(struct domlet_domain_record *d, void *arg)
{
	(void)arg;
	return domlet_pid_may_live(&d->monitor) ? 0 : 1;
}

static bool is_something_left(struct domlet_cli *cli)
{
	struct domlet_error ignored;

	return domlet_domain_record_each(cli->domains, find_left_domain, NULL) == 1 ||
	       domlet_state_each(cli->root, find_left_over, cli, &ignored) == 1;
}

/* Takes the lock that is held as long as somebody reaps: twenty commands need no twenty
 * reapers. The lock is on the directory itself, so that it leaves nothing behind. */
static int lock_root(const char *root)
{
	cleanup_close int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 ? take_fd(&fd) : -1;
}

#define LOCK_FD 3

/* Keeps nothing of the caller's but LOCK: somebody may wait for the end of a pipe, and the
 * caller's signal handlers are for a process of its own. */
static void leave_caller(int lock)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (lock != LOCK_FD)
		(void)dup3(lock, LOCK_FD, O_CLOEXEC);
	(void)close_range(LOCK_FD + 1, ~0u, 0);
	for (int i = 0; i <= 2; i++) {
		close(i);
		(void)open("/dev/null", O_RDWR);
	}
	(void)!chdir("/"); /* nor is the caller's directory kept */
	(void)prctl(PR_SET_NAME, "domlet-reaper");
}

#ifndef REAPER_STAYS /* a test's reaper stays, in the cgroup of its caller */
#define REAPER_STAYS false
#endif

#define REAPER_CGROUP_LEN 4096u

/* Each root has one, of which there is one reaper at a time. */
static void cgroup_of_reaper(const char *root, char path[REAPER_CGROUP_LEN])
{
	struct stat st = { 0 };
	char name[64];

	(void)stat(root, &st);
	(void)snprintf(name, sizeof name, "reaper-%jx-%jx", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	domlet_cgroup_of_monitor(name, path, REAPER_CGROUP_LEN);
}

/* What a reaper that was killed has left. */
static void remove_cgroup_of_reaper(const char *root)
{
	char path[REAPER_CGROUP_LEN];

	cgroup_of_reaper(root, path);
	(void)rmdir(path); /* not while one is in it */
}

/* Reaps until a round brings nothing any more, since another container may have been left
 * meanwhile. The reaper has a cgroup like a monitor's: its caller's may be removed, or
 * killed, as a whole. */
static _Noreturn void be_reaper(const struct domlet_cli *caller, int lock)
{
	char cgroup[REAPER_CGROUP_LEN];
	struct domlet_error ignored;
	bool entered;
	struct domlet_cli cli = { .root = caller->root,
				  .domains = caller->domains,
				  .log = { .fd = -1, .background = true, .system = caller->log.system } };

	leave_caller(lock);
	cgroup_of_reaper(caller->root, cgroup);
	entered = !REAPER_STAYS && domlet_cgroup_enter(cgroup, &ignored) == 0;
	while (domlet_cli_reap_all(&cli) > 0)
		;
	if (entered)
		domlet_cgroup_leave(cgroup);
	_exit(0);
}

void domlet_cli_reap_others(struct domlet_cli *cli)
{
	int lock;
	pid_t pid;

	domlet_state_sweep(cli->root);
	domlet_domain_record_sweep(cli->domains);
	if (!is_something_left(cli)) {
		remove_cgroup_of_reaper(cli->root);
		return;
	}
	lock = lock_root(cli->root);
	if (lock < 0)
		return; /* there is a reaper, or there can't be one: the next command tries again */
	pid = fork();
	if (pid == 0) {
		(void)setsid();
		/* The reaper is not the command's child: a caller that adopts those (conmon)
		 * waits for them at its own end. */
		if (fork() != 0)
			_exit(0);
		be_reaper(cli, lock);
	}
	close(lock);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
