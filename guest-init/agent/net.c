// SPDX-License-Identifier: GPL-2.0-or-later
#include "net.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../container/net.h"
#include "reply.h"
#include "table.h"

/* Of a container that has one: what was made of it, what is to be made, and what the child says of that, in memory
 * that is shared with it. */
struct guest_net {
	struct domlet_net made, wanted;
	uint64_t revision; /* of the last one that was wanted */
	struct guest_wait child;
	struct domlet_failure failure;
};

static int check(struct agent *a, struct guest_container *c, const struct domlet_msg_net *m,
		 struct domlet_failure *failure)
{
	const struct guest_process *first = c ? domlet_table_first(a, c) : NULL;

	if (!c || c->deleting)
		return domlet_failure_set(failure, ENOENT, "container does not exist");
	if (c->stopped || !first || first->stage < STAGE_READY || c->held.fd[DOMLET_JOIN_NETWORK] < 0)
		return domlet_failure_set(failure, EINVAL, "container not running");
	if (c->config.join[DOMLET_JOIN_NETWORK] >= 0)
		return domlet_failure_set(failure, EINVAL, "the network of container %u is that of container %d",
					  c->number, c->config.join[DOMLET_JOIN_NETWORK]);
	if (c->net && c->net->child.pid)
		return domlet_failure_set(failure, EAGAIN, "the guest is still making the container's network");
	if (c->net && m->revision <= c->net->revision)
		return domlet_failure_set(failure, ESTALE, "the container's network was to be newer than that already");
	return 0;
}

static int take(struct guest_container *c, const struct domlet_msg_net *m, struct domlet_failure *failure)
{
	const char *reason;

	if (!c->net) {
		c->net = mmap(NULL, sizeof *c->net, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (c->net == MAP_FAILED) {
			c->net = NULL;
			return domlet_failure_set(failure, ENOMEM, "the guest has no memory for a network");
		}
	}
	if (domlet_net_decode(m->state.ptr, m->state.len, &c->net->wanted, &reason) < 0)
		return domlet_failure_set(failure, EPROTO, "%s", reason);
	c->net->revision = m->revision;
	memset(&c->net->failure, 0, sizeof c->net->failure);
	return 0;
}

/* It keeps nothing of ours open: a pipe whose end it had would have none as long as it waits. */
static _Noreturn void make_in_child(struct guest_net *net, int namespace)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	namespace = dup2(namespace, STDERR_FILENO + 1);
	(void)close_range(STDERR_FILENO + 2, ~0U, 0);
	_exit(domlet_net_make(namespace, &net->made, &net->wanted, &net->failure) < 0);
}

void domlet_agent_net_begin(struct agent *a, uint32_t request, const struct domlet_msg_net *m)
{
	struct guest_container *c = domlet_table_container(a, m->container);
	struct domlet_failure failure = { 0 };
	pid_t pid = -1;

	if (check(a, c, m, &failure) == 0 && take(c, m, &failure) == 0) {
		pid = fork();
		if (pid == 0)
			make_in_child(c->net, c->held.fd[DOMLET_JOIN_NETWORK]);
		if (pid < 0)
			(void)domlet_failure_set(&failure, errno,
						 "the guest can't make a process that makes the container's network: %s",
						 domlet_failure_name(errno));
	}
	if (failure.code)
		domlet_reply_send(a, request, &failure);
	else
		c->net->child = (struct guest_wait){ .pid = pid, .request = request };
}

static void child_ended(struct agent *a, struct guest_net *net, int status)
{
	uint32_t request = net->child.request;

	net->child = (struct guest_wait){ 0 };
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		net->made = net->wanted;
	else if (!net->failure.code)
		(void)domlet_failure_set(&net->failure, EIO,
					 "what made the container's network in the guest was killed");
	domlet_reply_send(a, request, &net->failure);
}

bool domlet_agent_net_ended(struct agent *a, pid_t pid, int status)
{
	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		struct guest_container *c = &a->containers[i];

		if (c->used && c->net && c->net->child.pid == pid) {
			child_ended(a, c->net, status);
			return true;
		}
	}
	return false;
}

void domlet_agent_net_stop(struct agent *a, struct guest_container *c)
{
	struct domlet_failure failure = { 0 };

	if (!c->net || !c->net->child.pid)
		return;
	(void)kill(c->net->child.pid, SIGKILL);
	(void)domlet_failure_set(&failure, ESRCH, "container not running");
	domlet_reply_send(a, c->net->child.request, &failure);
	c->net->child = (struct guest_wait){ 0 };
}

void domlet_agent_net_free(struct guest_container *c)
{
	if (c->net)
		(void)munmap(c->net, sizeof *c->net);
	c->net = NULL;
}
