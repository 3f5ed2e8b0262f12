/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "place.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/cleanup.h"
#include "../base/error.h"
#include "../dom0/pid.h"
#include "../oci/plan.h"
#include "../state/domain.h"
#include "../state/state.h"

/* A container that has what is looked for. */
struct owner {
	char uuid[37]; /* of its domain; "": none is found */
	char id[DOMLET_ID_MAX + 1];
	uint32_t number;
	struct domlet_pid proxy;
	bool lost; /* its domain has no monitor any more */
};

struct search {
	const struct domlet_plan *plan;
	const char *root;     /* absolute, without links; NULL: there is no such directory */
	bool wants_sandbox;   /* of the plan's sandbox_id */
	struct owner sandbox; /* its container, alive */
	struct owner joins[DOMLET_PLAN_JOINS];
	struct domlet_error *err;
};

static int unknown(const struct search *s, const struct domlet_domain_member *m, int code)
{
	return domlet_error_set(s->err, code,
				"it can't be known now what the process %d, which stands for container %s, shares: %s",
				m->proxy.pid, m->id, domlet_strerror(code));
}

/* 1: the process M's proxy is in the namespace J. */
static int is_in(const struct search *s, const struct domlet_domain_member *m, const struct domlet_plan_join *j)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof path, "/proc/%d/ns/%s", m->proxy.pid, j->file);
	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ESRCH ? 0 : unknown(s, m, errno);
	return st.st_ino == j->ino && st.st_dev == j->dev;
}

static void take(struct owner *o, const struct domlet_domain_record *d, uint32_t number)
{
	const struct domlet_domain_member *m = &d->members[number];

	(void)snprintf(o->uuid, sizeof o->uuid, "%s", d->uuid);
	(void)snprintf(o->id, sizeof o->id, "%s", m->id);
	o->number = number;
	o->proxy = m->proxy;
	o->lost = domlet_pid_look(&d->monitor) == 0;
}

static int two_domains(const struct search *s, const struct owner *a, const struct owner *b)
{
	return domlet_error_set(
		s->err, ENOTSUP,
		"container %s can't be in the domain of container %s and in that of container %s at once: let it join containers of one domain only",
		s->plan->id, a->id, b->id);
}

/* Of those that have the same namespace the oldest one is taken: it is set up. */
static int take_join(const struct search *s, struct owner *o, const struct domlet_domain_record *d, uint32_t number)
{
	struct owner other = { 0 };

	take(&other, d, number);
	if (o->uuid[0] && strcmp(o->uuid, other.uuid) != 0)
		return two_domains(s, o, &other);
	if (!o->uuid[0] || other.proxy.start_ticks < o->proxy.start_ticks)
		*o = other;
	return 0;
}

static int look_at_member(struct search *s, const struct domlet_domain_record *d, uint32_t number)
{
	const struct domlet_domain_member *m = &d->members[number];
	bool in[DOMLET_PLAN_JOINS] = { false };
	int alive = domlet_pid_look(&m->proxy), r = 0;

	for (size_t i = 0; i < s->plan->join_count && alive > 0 && r >= 0; i++) {
		r = is_in(s, m, &s->plan->joins[i]);
		in[i] = r > 0;
	}
	/* The number may be another process's by now, and those were its namespaces. */
	if (alive > 0 && r >= 0)
		alive = domlet_pid_look(&m->proxy);
	if (r < 0 || alive < 0)
		return r < 0 ? r : unknown(s, m, -alive);
	if (alive == 0)
		return 0;
	if (s->wants_sandbox && s->root && strcmp(m->root, s->root) == 0 && strcmp(m->id, s->plan->sandbox_id) == 0)
		take(&s->sandbox, d, number);
	for (size_t i = 0, rest = s->plan->join_count; i < rest && r >= 0; i++)
		if (in[i])
			r = take_join(s, &s->joins[i], d, number);
	return r < 0 ? r : 0;
}

static int look_at_domain(struct domlet_domain_record *d, void *arg)
{
	struct search *s = arg;
	int r = 0;

	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX && r == 0; n++)
		if (d->members[n].id)
			r = look_at_member(s, d, n);
	return r;
}

/* A sandbox that no living container is: it has stopped, or never was. */
static int refuse_sandbox(const struct search *s, const char *root)
{
	struct domlet_state st = { 0 };
	int r = domlet_state_load(root, s->plan->sandbox_id, &st, NULL);

	domlet_state_free(&st);
	return domlet_error_set(
		s->err, ESRCH, "container %s belongs to the sandbox %s, which %s", s->plan->id, s->plan->sandbox_id,
		r == 0 ? "has stopped: delete both, and make the sandbox anew" :
			 "is none of domlet's containers: make the sandbox first, with domlet as its runtime");
}

/* Has FIRST, whose domain the container is to be in, and refuses O where that is another
 * domain's. */
static int agree(const struct search *s, const struct owner **first, const struct owner *o)
{
	if (!o->uuid[0])
		return 0;
	if (!*first)
		*first = o;
	if (strcmp((*first)->uuid, o->uuid) != 0)
		return two_domains(s, *first, o);
	if (o->lost)
		return domlet_error_set(
			s->err, ESRCH,
			"container %s can't be in the domain of container %s: the monitor of that domain has ended",
			s->plan->id, o->id);
	return 0;
}

/* A network that an engine has made for the container alone has a name of its own. */
static bool is_of_process(const char *path)
{
	return strncmp(path, "/proc/", strlen("/proc/")) == 0;
}

static int decide(const struct search *s, const char *root, struct domlet_plan *plan, struct domlet_placed *placed)
{
	const struct owner *first = NULL;
	bool member = plan->sandbox_role == DOMLET_SANDBOX_CONTAINER || plan->by_libpod;
	int r = 0;

	for (size_t i = 0; i < plan->join_count && r == 0; i++) {
		const struct domlet_plan_join *j = &plan->joins[i];

		if (s->joins[i].uuid[0])
			r = agree(s, &first, &s->joins[i]);
		else if (strcmp(j->type, "network") != 0 || is_of_process(j->path))
			r = domlet_error_set(
				s->err, ENOTSUP,
				"the %s namespace %s can't be joined: no running container of domlet's is in it, so that it is another runtime's, or nobody's",
				j->type, j->path);
	}
	if (r == 0 && s->wants_sandbox && !s->sandbox.uuid[0] && !plan->by_libpod)
		r = refuse_sandbox(s, root);
	/* What podman's annotations say may be an image's: they can only contradict. */
	if (r == 0 && (first || !plan->by_libpod))
		r = agree(s, &first, &s->sandbox);
	if (r < 0)
		return r;
	if (first)
		(void)snprintf(placed->uuid, sizeof placed->uuid, "%s", first->uuid);
	placed->keeps = !first || !member;
	for (size_t i = 0; i < plan->join_count; i++)
		if (s->joins[i].uuid[0]) {
			const struct owner *o = &s->joins[i];

			(void)domlet_plan_join(plan, plan->joins[i].type, o->number);
			placed->beside[placed->beside_count++] = (struct domlet_placed_beside){ .number = o->number,
												.proxy = o->proxy };
		}
	return 0;
}

int domlet_cli_place(const char *domains, const char *root, struct domlet_plan *plan, struct domlet_placed *placed,
		     struct domlet_error *err)
{
	cleanup_free char *real = realpath(root, NULL);
	struct search s = {
		.plan = plan, .root = real, .wants_sandbox = plan->sandbox_role == DOMLET_SANDBOX_CONTAINER, .err = err
	};
	int r = 0;

	*placed = (struct domlet_placed){ .keeps = true };
	if (plan->join_count > 0 || s.wants_sandbox)
		r = domlet_domain_record_each(domains, look_at_domain, &s);
	return r < 0 ? r : decide(&s, root, plan, placed);
}

int domlet_cli_place_check(const char *domains, const struct domlet_placed *placed, struct domlet_error *err)
{
	struct domlet_domain_record d;
	int r = 0;

	/* A domain that has gone has no numbers any more. */
	if (placed->beside_count == 0 || domlet_domain_record_load(domains, placed->uuid, &d, NULL) < 0)
		return 0;
	for (size_t i = 0; i < placed->beside_count && r == 0; i++) {
		const struct domlet_placed_beside *b = &placed->beside[i];
		const struct domlet_domain_member *m = &d.members[b->number];

		if (m->id && (m->proxy.pid != b->proxy.pid || m->proxy.start_ticks != b->proxy.start_ticks))
			r = domlet_error_set(
				err, EAGAIN,
				"a container whose namespaces were to be joined has ended meanwhile, and container %s has taken its place in domain %s: look what is to be joined, and try again",
				m->id, d.name);
	}
	domlet_domain_record_free(&d);
	return r;
}
