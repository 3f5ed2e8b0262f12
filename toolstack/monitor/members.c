// SPDX-License-Identifier: GPL-2.0-or-later
#include "members.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "queue.h"

struct domlet_container *domlet_members_find(struct domlet_members *m, uint32_t number)
{
	struct domlet_container *c = number < DOMLET_CONTAINER_MAX ? m->containers[number] : NULL;

	return c && c->present ? c : NULL;
}

const char *domlet_members_whose(struct domlet_members *m)
{
	static char text[DOMLET_ID_MAX + 16];
	const struct domlet_container *only = NULL;
	unsigned int count = 0;

	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++)
		if (domlet_members_find(m, n)) {
			only = domlet_members_find(m, n);
			count++;
		}
	(void)snprintf(text, sizeof text, "%s %s", count == 1 ? "container" : "domain",
		       count == 1 ? only->state.id : m->spec->record->name);
	return text;
}

bool domlet_members_any(struct domlet_members *m)
{
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++)
		if (domlet_members_find(m, n))
			return true;
	return false;
}

struct domlet_container *domlet_members_of_process(struct domlet_members *m, uint32_t process)
{
	const struct domlet_monitor_process *p = domlet_monitor_process_find(&m->processes, process);

	return p ? domlet_members_find(m, p->container) : NULL;
}

static bool is_closed(const struct domlet_members *m)
{
	return m->life->domain.state >= DOMLET_DOMAIN_DYING || m->life->domain.doomed || m->life->closing || m->finished;
}

static bool is_paused(const struct domlet_members *m)
{
	return m->life->domain.state == DOMLET_DOMAIN_PAUSING || m->life->domain.state == DOMLET_DOMAIN_PAUSED;
}

static void refuse_join(struct domlet_members *m, struct domlet_connection *from, int code, const char *why)
{
	char text[256];

	(void)snprintf(text, sizeof text, "the domain %s %s", m->spec->record->name, why);
	domlet_control_answer(from, code, text);
}

/* Keeps NUMBER for who comes by FROM. False: out of memory. */
static bool reserve(struct domlet_members *m, uint32_t number, struct domlet_connection *from)
{
	struct domlet_container *c = m->containers[number];

	if (!c)
		c = m->containers[number] = calloc(1, sizeof *c);
	if (!c)
		return false;
	c->number = number;
	c->generation = ++m->generation;
	c->reserved = true;
	c->spec = m->spec;
	c->life = m->life;
	c->queue = m->queue;
	c->guest = m->guest;
	c->control = m->control;
	c->domain = m->domain;
	c->processes = &m->processes;
	c->networks = &m->networks;
	c->record.log = m->spec->log;
	c->record.left = m->left;
	c->record.user = c;
	from->container = number;
	from->is_launcher = true;
	return true;
}

static bool is_taken(const struct domlet_members *m, uint32_t number)
{
	const struct domlet_container *c = m->containers[number];

	return c && (c->present || c->reserved);
}

void domlet_members_join(struct domlet_members *m, struct domlet_connection *from)
{
	uint32_t n = 0;

	while (n < DOMLET_CONTAINER_MAX && is_taken(m, n))
		n++;
	if (is_closed(m))
		refuse_join(m, from, ESRCH, "is about to end, and takes no container");
	else if (is_paused(m))
		refuse_join(m, from, EBUSY, "is paused, and takes no container: resume the one in it first");
	else if (from->container != DOMLET_CONTROL_NOBODY)
		refuse_join(m, from, EINVAL, "has given this command a place already");
	else if (n == DOMLET_CONTAINER_MAX)
		refuse_join(m, from, EAGAIN, "has 16 containers, and takes no further one: delete one of them first");
	else if (!reserve(m, n, from))
		refuse_join(m, from, ENOMEM, "takes no container: its monitor is out of memory");
	else
		domlet_control_answer_join(from, n, m->generation);
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static bool has_a_purpose(const struct domlet_members *m)
{
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++)
		if (is_taken(m, n))
			return true;
	return m->life->domain.state != DOMLET_DOMAIN_NONE;
}

/* A monitor that was started for a container which didn't come ends. */
static void end_without_purpose(struct domlet_members *m)
{
	if (!has_a_purpose(m))
		domlet_queue_post(m->queue, DOMLET_EV_DESTROY, 0, 0);
}

/* The number may be another's from now on. */
static void refuse_container(struct domlet_connection *from, const struct domlet_error *err)
{
	domlet_control_answer(from, err->code, err->text);
	from->container = DOMLET_CONTROL_NOBODY;
	from->is_launcher = false;
}

void domlet_members_create(struct domlet_members *m, struct domlet_connection *from, struct domlet_control_request *r)
{
	struct domlet_container *c = from->container < DOMLET_CONTAINER_MAX ? m->containers[from->container] : NULL;
	bool keeps = r->create.keeps;
	struct domlet_error err;

	if (!c || !from->is_launcher || !c->reserved)
		domlet_control_answer(from, EINVAL, "a container that is to be created needs a number first");
	else if (is_closed(m))
		domlet_control_answer(from, ESRCH, "the domain is about to end, and takes no container");
	else if (domlet_container_take(c, m->loop, r, &err) < 0)
		refuse_container(from, &err);
	else
		domlet_queue_post(m->queue, DOMLET_EV_ARRIVE, c->number, keeps);
	if (c && c->present && m->life->domain.state == DOMLET_DOMAIN_NONE)
		domlet_queue_post(m->queue, DOMLET_EV_LAUNCH, 0, 0);
	end_without_purpose(m);
	free(r->create.root);
	free(r->create.id);
	domlet_files_free(&r->create.files);
	close_all((const int[]){ r->fds[0], r->fds[1], r->fds[2], r->fds[3], r->create.document, r->create.lock,
				 r->create.share },
		  7);
	close_all(r->create.sockets, r->create.socket_count);
}

void domlet_members_be_about(struct domlet_members *m, struct domlet_connection *from,
			     const struct domlet_control_request *r)
{
	const struct domlet_container *c = domlet_members_find(m, r->number);

	if (from->container == DOMLET_CONTROL_NOBODY && c && c->generation == r->generation)
		from->container = r->number;
}

void domlet_members_lose(struct domlet_members *m, struct domlet_connection *from)
{
	if (from->is_launcher && from->container < DOMLET_CONTAINER_MAX && !domlet_members_find(m, from->container))
		m->containers[from->container]->reserved = false;
	end_without_purpose(m);
}

void domlet_members_open(struct domlet_members *m)
{
	struct domlet_connection *starter = domlet_control_add(m->control, m->spec->first, 0, DOMLET_CONTROL_NOBODY);

	m->generation = DOMLET_MONITOR_FIRST_GENERATION - 1;
	if (!reserve(m, 0, starter))
		domlet_queue_post(m->queue, DOMLET_EV_DESTROY, 0, 0);
}
