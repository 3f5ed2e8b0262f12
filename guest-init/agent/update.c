// SPDX-License-Identifier: GPL-2.0-or-later
#include "update.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../container/cgroup.h"
#include "reply.h"
#include "table.h"

static int check(struct agent *a, const struct guest_container *c, struct domlet_failure *failure)
{
	int r = domlet_table_counted(a, c, "can't limit it", failure);

	if (r < 0)
		return r;
	if (c->updater.pid)
		return domlet_failure_set(failure, EAGAIN, "the guest is still at an earlier update of the container");
	return 0;
}

/* It keeps nothing of ours open: a pipe whose end it had would have none as long as it runs. */
static _Noreturn void change_in_child(const struct guest_container *c, const struct domlet_resources_config *asked)
{
	int kept;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	kept = dup2(c->cgroup_fd, STDERR_FILENO + 1);
	if (kept < 0)
		_exit(1);
	(void)close_range((unsigned int)kept + 1, ~0U, 0);
	(void)domlet_cgroup_update(kept, asked, &c->updated, c->update_failure);
	_exit(0);
}

static int begin(struct guest_container *c, uint32_t request, const struct domlet_resources_config *asked,
		 struct domlet_failure *failure)
{
	void *shared = mmap(NULL, sizeof *c->update_failure, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (shared == MAP_FAILED)
		return domlet_failure_set(failure, ENOMEM, "the guest has no memory for an update");
	c->update_failure = shared;
	pid = fork();
	if (pid == 0)
		change_in_child(c, asked);
	if (pid > 0) {
		c->updater = (struct guest_wait){ .pid = pid, .request = request };
		return 0;
	}
	(void)domlet_failure_set(failure, errno, "the guest can't make a process that changes limits: %s",
				 domlet_failure_name(errno));
	(void)munmap(shared, sizeof *c->update_failure);
	c->update_failure = NULL;
	return -failure->code;
}

void domlet_update_begin(struct agent *a, uint32_t request, const struct domlet_msg_update *m)
{
	struct guest_container *c = domlet_table_container(a, m->container);
	struct domlet_failure failure = { 0 };
	struct domlet_resources_config asked;
	struct json_object *document = NULL;
	int r = check(a, c, &failure);

	if (r == 0)
		r = domlet_resources_read((const char *)m->resources.ptr, m->resources.len, &asked, &document, &failure);
	if (r == 0)
		r = domlet_resources_merge(&c->config.resources, &asked, &c->updated, &failure);
	if (r == 0)
		r = begin(c, request, &asked, &failure);
	json_object_put(document);
	if (r < 0)
		domlet_reply_send(a, request, &failure);
}

/* Its answer is to come, or was given. */
static void forget(struct guest_container *c)
{
	(void)munmap(c->update_failure, sizeof *c->update_failure);
	c->update_failure = NULL;
	c->updater = (struct guest_wait){ 0 };
}

bool domlet_update_ended(struct agent *a, pid_t pid, int status)
{
	struct domlet_failure failure;
	struct guest_container *c = NULL;
	uint32_t request;

	for (size_t i = 0; i < DOMLET_CONTAINER_MAX && !c; i++)
		if (a->containers[i].used && a->containers[i].updater.pid == pid)
			c = &a->containers[i];
	if (!c)
		return false;
	failure = *c->update_failure;
	request = c->updater.request;
	forget(c);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		(void)domlet_failure_set(&failure, EIO, "what changed the container's limits in the guest was killed");
	if (!failure.code)
		c->config.resources = c->updated;
	domlet_reply_send(a, request, &failure);
	return true;
}

void domlet_update_stop(struct agent *a, struct guest_container *c)
{
	struct domlet_failure failure = { 0 };
	uint32_t request = c->updater.request;

	if (!c->updater.pid)
		return;
	(void)kill(c->updater.pid, SIGKILL);
	forget(c);
	(void)domlet_failure_set(&failure, ESRCH, "container not running");
	domlet_reply_send(a, request, &failure);
}
