// SPDX-License-Identifier: GPL-2.0-or-later
#include "make.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "../container/cgroup.h"
#include "reply.h"
#include "share.h"
#include "join.h"
#include "streams.h"
#include "table.h"

void domlet_make_refuse(struct agent *a, struct guest_process *g, const struct domlet_failure *failure)
{
	struct guest_container *c = g->container;

	if (g->first) { /* its number is free when that is answered */
		c->deleting = true;
		c->delete_request = g->request;
		c->refusal = *failure;
	} else {
		domlet_reply_send(a, g->request, failure);
	}
	domlet_table_release(a, g);
}

static int create_first(struct agent *a, struct guest_process *g, const char *text, size_t len,
			struct domlet_failure *failure)
{
	struct guest_container *c = g->container;
	struct domlet_namespaces join;
	int r = domlet_config_parse(&c->config, text, len, failure);

	if (r == 0)
		r = domlet_join_take(a, c, &join, failure);
	if (r == 0)
		r = domlet_door_open(a, c, failure);
	if (r == 0)
		r = domlet_share_begin(a, c, failure);
	if (r == 0 && a->cgroups)
		r = c->cgroup_fd = domlet_cgroup_create(c->number, &c->config.resources, failure);
	if (r >= 0)
		r = domlet_spawn_create(&g->p, &c->config, c->number, &join, c->cgroup_fd, failure);
	if (r < 0)
		return r;
	c->pidfd = pidfd_open(g->p.pid, 0);
	if (c->pidfd >= 0)
		return 0;
	r = domlet_failure_set(failure, errno, "can't hold the container's first process: %s",
			       domlet_failure_name(errno));
	(void)kill(g->p.pid, SIGKILL);
	return r;
}

/* Consumes CGROUP_FD. */
static int exec_in(struct guest_process *g, const struct domlet_process_config *p, int cgroup_fd,
		   struct domlet_failure *failure)
{
	const struct guest_container *c = g->container;
	int r = cgroup_fd < 0 ? cgroup_fd : domlet_spawn_exec(&g->p, p, &c->config, c->pidfd, cgroup_fd, failure);

	if (cgroup_fd >= 0)
		close(cgroup_fd);
	return r;
}

static int exec_further(struct agent *a, struct guest_process *g, const char *text, size_t len,
			struct domlet_failure *failure)
{
	const struct guest_container *c = g->container;
	struct domlet_process_config process;
	int r;

	if (c->stopped || c->pidfd < 0)
		return domlet_failure_set(failure, ESRCH, "cannot exec in a stopped container");
	r = domlet_config_parse_process(&process, &c->config.process, text, len, failure);
	if (r < 0)
		return r;
	if (process.cgroup) {
		r = exec_in(g, &process, domlet_cgroup_below(c->cgroup_fd, process.cgroup, failure), failure);
		if (r == -EBUSY)
			(void)domlet_failure_set(failure, EBUSY,
						 "the container's cgroup \"%.256s\" holds others, and so no processes",
						 process.cgroup);
	} else {
		r = domlet_spawn_exec(&g->p, &process, &c->config, c->pidfd, c->cgroup_fd, failure);
		if (r == -EBUSY) /* its own cgroup holds others, and so no processes */
			r = exec_in(g, &process, domlet_cgroup_of(domlet_table_first(a, c)->p.pid), failure);
	}
	domlet_config_free_process(&process);
	return r;
}

void domlet_make_process(struct agent *a, struct guest_process *g, const char *text, size_t len)
{
	struct domlet_failure failure = { 0 };
	int r = g->first ? create_first(a, g, text, len, &failure) : exec_further(a, g, text, len, &failure);

	if (r < 0) {
		domlet_make_refuse(a, g, &failure);
		return;
	}
	g->stage = STAGE_SETUP;
	domlet_streams_open(a, g);
}

int domlet_make_await(struct agent *a, struct guest_process *g, uint32_t len, struct domlet_failure *failure)
{
	if (len == 0 || len > DOMLET_CONFIG_MAX)
		return domlet_failure_set(failure, EMSGSIZE,
					  "a configuration of %u bytes is none, or larger than the %u possible", len,
					  DOMLET_CONFIG_MAX);
	g->document = malloc(len);
	if (!g->document)
		return domlet_failure_set(failure, ENOMEM, "the guest has no memory for a configuration of %u bytes",
					  len);
	g->document_len = len;
	(void)domlet_link_open(&a->link, domlet_stream_id(g->p.number, DOMLET_STREAM_CONFIG));
	return 0;
}

void domlet_make_take(struct agent *a, struct guest_process *g, const struct domlet_link_event *ev)
{
	struct domlet_failure failure = { 0 };
	char *document = g->document;

	if (g->stage != STAGE_DOCUMENT)
		return;
	if (ev->type == DOMLET_LINK_DATA && ev->len <= g->document_len - g->document_have) {
		memcpy(document + g->document_have, ev->data, ev->len);
		g->document_have += (uint32_t)ev->len;
		domlet_link_credit(&a->link, ev->stream, ev->len);
		return;
	}
	if (ev->type != DOMLET_LINK_EOF || g->document_have != g->document_len)
		(void)domlet_failure_set(&failure, EBADMSG,
					 "the configuration has not the %u bytes that were announced", g->document_len);
	else if (g->first)
		(void)domlet_fetch_check(document, g->document_len, g->sha256, &failure);
	domlet_link_close(&a->link, ev->stream);
	if (failure.code) {
		domlet_make_refuse(a, g, &failure);
		return;
	}
	g->document = NULL;
	domlet_make_process(a, g, document, g->document_len);
	free(document);
}

/* Checks what xenstore has of container M, and makes it when its document is there, too. */
int domlet_make_announced(struct agent *a, struct guest_process *g, const struct domlet_msg_create *m,
			  struct domlet_failure *failure)
{
	int r;

	if (a->ahead.container != m->container || !a->ahead.length) {
		domlet_fetch_free(&a->ahead);
		domlet_fetch_read(&a->ahead, a->xs, m->container);
	}
	r = domlet_fetch_announced(&a->ahead, m->generation, m->length, m->sha256.ptr, failure);
	if (r == 0 && m->source == 0) {
		r = domlet_fetch_document(&a->ahead, m->length, m->sha256.ptr, failure);
		if (r == 0)
			domlet_make_process(a, g, a->ahead.document, m->length);
	}
	domlet_fetch_free(&a->ahead);
	return r;
}
