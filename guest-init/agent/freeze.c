// SPDX-License-Identifier: GPL-2.0-or-later
#include "freeze.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../container/cgroup.h"
#include "reply.h"
#include "table.h"

/* For its processes to stop, once all is written out. Who waits in the kernel for what never comes doesn't. */
#define FREEZE_MS 5000

/* The child keeps nothing of ours open: a pipe whose end it had would have none as long as it waits. */
static _Noreturn void wait_in_child(int cgroup_fd)
{
	int kept = STDERR_FILENO, r = 0;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (cgroup_fd >= 0)
		kept = dup2(cgroup_fd, STDERR_FILENO + 1);
	if (kept >= 0)
		(void)close_range((unsigned int)kept + 1, ~0U, 0);
	sync();
	if (cgroup_fd >= 0)
		r = kept < 0 ? -EMFILE : domlet_cgroup_freeze(kept, FREEZE_MS);
	_exit(-r & 127);
}

static int begin(struct guest_wait *w, uint32_t request, int cgroup_fd, struct domlet_failure *failure)
{
	pid_t pid = fork();

	if (pid == 0)
		wait_in_child(cgroup_fd);
	if (pid < 0)
		return domlet_failure_set(failure, errno,
					  "the guest can't make a process that writes out what is dirty: %s",
					  domlet_failure_name(errno));
	*w = (struct guest_wait){ .pid = pid, .request = request };
	return 0;
}

void domlet_freeze_sync(struct agent *a, uint32_t request)
{
	struct domlet_failure failure = { 0 };

	if (a->sync.pid)
		(void)domlet_failure_set(&failure, EAGAIN, "the guest is still writing out what was dirty before");
	else
		(void)begin(&a->sync, request, -1, &failure);
	if (failure.code)
		domlet_reply_send(a, request, &failure);
}

static int check(struct agent *a, struct guest_container *c, struct domlet_failure *failure)
{
	const struct guest_process *first = c ? domlet_table_first(a, c) : NULL;

	if (!c || c->deleting)
		return domlet_failure_set(failure, ENOENT, "container does not exist");
	if (c->stopped || !first || first->stage < STAGE_READY)
		return domlet_failure_set(failure, EINVAL, "container not running");
	if (c->cgroup_fd < 0)
		return domlet_failure_set(failure, ENOTSUP,
					  "the guest has no cgroup for the container, and can't freeze it");
	if (c->freezer.pid)
		return domlet_failure_set(failure, EAGAIN, "the guest is still pausing the container");
	return 0;
}

void domlet_freeze_begin(struct agent *a, uint32_t request, const struct domlet_msg_freeze *m)
{
	struct guest_container *c = domlet_table_container(a, m->container);
	struct domlet_failure failure = { 0 };

	if (check(a, c, &failure) == 0)
		(void)begin(&c->freezer, request, c->cgroup_fd, &failure);
	if (failure.code)
		domlet_reply_send(a, request, &failure);
}

void domlet_freeze_thaw(struct agent *a, uint32_t request, const struct domlet_msg_thaw *m)
{
	struct guest_container *c = domlet_table_container(a, m->container);
	struct domlet_failure failure = { 0 };
	int r = 0;

	if (c && c->freezer.pid) { /* whether it has frozen it, is known when it has ended */
		c->freezer.unwanted = true;
		(void)kill(c->freezer.pid, SIGKILL);
	}
	if (!c || c->deleting)
		(void)domlet_failure_set(&failure, ENOENT, "container does not exist");
	else if (c->cgroup_fd >= 0)
		r = domlet_cgroup_thaw(c->cgroup_fd);
	if (r < 0)
		(void)domlet_failure_set(&failure, -r, "the guest can't let the container go on: %s",
					 domlet_failure_name(-r));
	domlet_reply_send(a, request, &failure);
}

static void freezer_ended(struct agent *a, struct guest_container *c, int status)
{
	struct domlet_failure failure = { 0 };
	int code = c->freezer.unwanted || !WIFEXITED(status) ? ECANCELED : WEXITSTATUS(status);
	uint32_t request = c->freezer.request;

	c->freezer = (struct guest_wait){ 0 };
	if (code == ECANCELED)
		(void)domlet_failure_set(&failure, code, "the container was to go on before it was paused");
	else if (code == ETIMEDOUT)
		(void)domlet_failure_set(&failure, code, "not all processes of the container stopped within %d s",
					 FREEZE_MS / 1000);
	else if (code)
		(void)domlet_failure_set(&failure, code, "the guest can't freeze the container: %s",
					 domlet_failure_name(code));
	if (code)
		(void)domlet_cgroup_thaw(c->cgroup_fd);
	domlet_reply_send(a, request, &failure);
}

bool domlet_freeze_ended(struct agent *a, pid_t pid, int status)
{
	struct domlet_failure failure = { 0 };

	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (a->containers[i].used && a->containers[i].freezer.pid == pid) {
			freezer_ended(a, &a->containers[i], status);
			return true;
		}
	if (a->sync.pid != pid)
		return false;
	if (!WIFEXITED(status))
		(void)domlet_failure_set(&failure, EIO, "what wrote out what is dirty in the guest was killed");
	domlet_reply_send(a, a->sync.request, &failure);
	a->sync = (struct guest_wait){ 0 };
	return true;
}

void domlet_freeze_stop(struct agent *a, struct guest_container *c)
{
	struct domlet_failure failure = { 0 };

	if (!c->freezer.pid)
		return;
	(void)kill(c->freezer.pid, SIGKILL);
	(void)domlet_failure_set(&failure, ESRCH, "container not running");
	domlet_reply_send(a, c->freezer.request, &failure);
	c->freezer = (struct guest_wait){ 0 };
}
