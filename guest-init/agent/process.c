// SPDX-License-Identifier: GPL-2.0-or-later
#include "process.h"

#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../container/cgroup.h"
#include "../container/device_filter.h"
#include "freeze.h"
#include "make.h"
#include "net.h"
#include "reply.h"
#include "share.h"
#include "stats.h"
#include "streams.h"
#include "table.h"
#include "update.h"

/* Kills for want of memory up to now, but for those whose ends are told by this, say nothing about later ends. */
static void forget_oom_kills(struct agent *a, struct guest_container *c)
{
	uint64_t oom_kills = domlet_cgroup_oom_kills(c->cgroup_fd);

	domlet_process_reap(a);
	if (c->oom_kills < oom_kills)
		c->oom_kills = oom_kills;
}

void domlet_process_exec(struct agent *a, uint32_t request, const struct domlet_msg_exec *m)
{
	struct domlet_failure failure = { 0 };
	struct guest_container *c = domlet_table_container(a, m->container);
	struct guest_process *g = NULL;

	if (c && c->deleting) /* perhaps one that failed, and whose first process is in the table no more */
		c = NULL;
	if (c && !c->stopped && domlet_cgroup_is_frozen(c->cgroup_fd))
		(void)domlet_failure_set(&failure, EBUSY, "cannot exec in a paused container: resume it first");
	else if (c && domlet_table_is_free(a, m->process, &failure))
		g = domlet_table_claim(a, m->process, c, request, &failure);
	if (!c)
		(void)domlet_failure_set(&failure, ENOENT, "container does not exist");
	if (!g) {
		domlet_reply_send(a, request, &failure);
		return;
	}
	forget_oom_kills(a, c);
	if (m->process_json.len)
		domlet_make_process(a, g, (const char *)m->process_json.ptr, m->process_json.len);
	else if (domlet_make_await(a, g, m->length, &failure) < 0)
		domlet_make_refuse(a, g, &failure);
}

int domlet_process_signal_all(struct agent *a, const struct guest_container *c, int signo)
{
	int r = -ESRCH;

	if (c->cgroup_fd >= 0)
		return domlet_cgroup_signal(c->cgroup_fd, signo);
	for (struct guest_process *g = a->processes; g; g = g->next)
		if (g->container == c && !g->exited && g->p.pid > 0 && kill(g->p.pid, signo) == 0)
			r = 0;
	return r;
}

void domlet_process_signal(struct agent *a, uint32_t request, const struct domlet_msg_signal *m)
{
	struct domlet_failure failure = { 0 };
	struct guest_container *c = domlet_table_container(a, m->container);
	struct guest_process *g = domlet_table_process(a, m->process);
	int r = -ESRCH;

	if (!m->all && g)
		c = g->container;
	if (m->signo == SIGKILL && c) /* whom this ends wasn't killed for want of memory */
		forget_oom_kills(a, c);
	if (m->signo > (uint32_t)SIGRTMAX)
		r = -EINVAL;
	else if (m->all && c)
		r = domlet_process_signal_all(a, c, (int)m->signo);
	else if (!m->all && g && !g->exited && g->p.pid > 0)
		r = kill(g->p.pid, (int)m->signo) < 0 ? -errno : 0;
	if (r == -ESRCH)
		(void)domlet_failure_set(&failure, ESRCH, "os: process already finished");
	else if (r < 0)
		(void)domlet_failure_set(&failure, -r, "signal %u can't be sent: %s", m->signo, domlet_failure_name(-r));
	domlet_reply_send(a, request, &failure);
}

void domlet_process_winsize(struct agent *a, uint32_t request, const struct domlet_msg_winsize *m)
{
	struct guest_process *g = domlet_table_process(a, m->process);
	struct winsize ws = { .ws_row = (unsigned short)m->rows, .ws_col = (unsigned short)m->cols };

	if (g && g->p.terminal && g->p.in_fd >= 0)
		(void)ioctl(g->p.in_fd, TIOCSWINSZ, &ws);
	domlet_reply_send(a, request, NULL);
}

void domlet_process_go(struct guest_process *g)
{
	g->stage = STAGE_EXEC;
	(void)!write(g->p.go_fd, "g", 1);
	close(g->p.go_fd);
	g->p.go_fd = -1;
}

static void set_up_failed(struct agent *a, struct guest_process *g, const struct domlet_failure *failure)
{
	if (!g->first || g->stage == STAGE_SETUP) {
		domlet_make_refuse(a, g, failure);
		return;
	}
	domlet_reply_send(a, g->request, failure);
	g->request = 0;
	g->stage = STAGE_RUNNING; /* START failed: its EXITED follows */
}

/* It stands before exec. */
static void on_ready(struct agent *a, struct guest_process *g, const struct domlet_spawn_status *status)
{
	struct domlet_failure failure = { 0 };

	/* Until now the child has used devices of the guest's, as its root. */
	if ((g->first && g->container->cgroup_fd >= 0 &&
	     domlet_device_filter_attach(g->container->cgroup_fd, &g->container->config, &failure) < 0) ||
	    domlet_spawn_ready(&g->p, status, &failure) < 0 ||
	    (g->first && domlet_namespaces_open(&g->container->held, g->p.pid, &failure) < 0)) {
		(void)kill(g->p.pid, SIGKILL);
		set_up_failed(a, g, &failure);
	} else if (g->first) {
		g->stage = STAGE_READY;
		domlet_reply_send(a, g->request, NULL);
		g->request = 0;
	} else {
		domlet_process_go(g);
	}
}

bool domlet_process_read_status(struct agent *a, struct guest_process *g)
{
	struct domlet_spawn_status status;
	ssize_t n = read(g->p.status_fd, &status, sizeof status);

	if (n < 0)
		return false;
	status.failure.text[sizeof status.failure.text - 1] = '\0';
	if (n == (ssize_t)sizeof status && status.failure.code != 0) {
		set_up_failed(a, g, &status.failure);
	} else if (n == (ssize_t)sizeof status && g->stage == STAGE_SETUP) {
		on_ready(a, g, &status);
	} else if (g->stage == STAGE_SETUP) {
		(void)domlet_failure_set(&status.failure, ECHILD, "the process died while it was set up");
		set_up_failed(a, g, &status.failure);
	} else { /* the end: it has executed its command, or was killed */
		close(g->p.status_fd);
		g->p.status_fd = -1;
		g->stage = STAGE_RUNNING;
		domlet_reply_send(a, g->request, NULL);
		g->request = 0;
	}
	return true;
}

static void on_end(struct agent *a, struct guest_process *g, int status)
{
	struct guest_container *c = g->container;
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	uint64_t oom_kills = killed ? domlet_cgroup_oom_kills(c->cgroup_fd) : 0;

	g->exited = true;
	g->status = status;
	g->oom = oom_kills > c->oom_kills;
	if (g->oom) /* told once; a kill after it was read is another's */
		c->oom_kills = oom_kills;
	domlet_streams_bound(g);
	if (g->first) {
		c->stopped = true;
		domlet_share_flush(c);
		domlet_door_leave(a, c);
		close(c->pidfd);
		c->pidfd = -1;
		/* Else the kernel kills the others. */
		if (!(c->config.namespaces & CLONE_NEWPID))
			(void)domlet_process_signal_all(a, c, SIGKILL);
	}
}

void domlet_process_reap(struct agent *a)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (domlet_freeze_ended(a, pid, status) || domlet_update_ended(a, pid, status) ||
		    domlet_agent_net_ended(a, pid, status) || domlet_share_ended(a, pid))
			continue;
		for (struct guest_process *g = a->processes; g; g = g->next)
			if (g->p.pid == pid && !g->exited)
				on_end(a, g, status);
	}
}

void domlet_process_report(struct agent *a, struct guest_process *g)
{
	struct domlet_msg m = { .type = DOMLET_MSG_EXITED };

	if (!g->exited || !domlet_streams_settled(g) || g->p.status_fd >= 0 ||
	    (g->first && (domlet_share_flushes(g->container) || domlet_door_owes(a, g->container))))
		return;
	m.exited.process = g->p.number;
	m.exited.signo = WIFSIGNALED(g->status) ? (uint32_t)WTERMSIG(g->status) : 0;
	m.exited.code = m.exited.signo ? 128 + m.exited.signo : (uint32_t)WEXITSTATUS(g->status);
	m.exited.oom = g->oom;
	domlet_stats_look(a, g->container);
	domlet_reply_message(a, &m);
	g->reported = true;
}
