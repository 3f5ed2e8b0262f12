// SPDX-License-Identifier: GPL-2.0-or-later
#include "update.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "container.h"

void domlet_update_forget(struct domlet_update *u)
{
	free(u->limits);
	free(u->resources);
	*u = (struct domlet_update){ 0 };
}

/* Of a domain's first container 0 is what the template gives, of a later one nothing. */
static uint64_t memory_of(const struct domlet_container *c, uint64_t memory_kib)
{
	return memory_kib || c->late ? memory_kib : c->spec->tmpl->memory_kib;
}

static uint32_t vcpus_of(const struct domlet_container *c, uint32_t vcpus)
{
	return vcpus || c->late ? vcpus : c->spec->tmpl->vcpus;
}

uint64_t domlet_update_memory_kib(const struct domlet_container *c)
{
	uint64_t now = memory_of(c, c->memory_kib), then = memory_of(c, c->update.memory_kib);

	return c->update.stage && then > now ? then : now;
}

uint32_t domlet_update_vcpus(const struct domlet_container *c)
{
	uint32_t now = vcpus_of(c, c->vcpus), then = vcpus_of(c, c->update.vcpus);

	return c->update.stage && then > now ? then : now;
}

bool domlet_update_grows(const struct domlet_container *c)
{
	return domlet_update_memory_kib(c) > memory_of(c, c->memory_kib) ||
	       domlet_update_vcpus(c) > vcpus_of(c, c->vcpus);
}

static void answer(struct domlet_container *c, int code, const char *text)
{
	domlet_update_forget(&c->update);
	domlet_control_answer_all(c->control, c->number, DOMLET_CONTROL_UPDATE, code, text);
}

/* Why it can't be now; NULL: it can. */
static const char *no_update(const struct domlet_container *c, const char *was, int *code)
{
	*code = ESRCH;
	if (!domlet_container_takes_requests(c))
		return "container not running";
	*code = EBUSY;
	if (c->life->domain.state != DOMLET_DOMAIN_READY)
		return "the container is paused, and its guest can change nothing: resume it first";
	*code = EAGAIN;
	if (c->update.stage || strcmp(was, c->state.limits ? c->state.limits : "") != 0)
		return "another update of the container is under way, or has just been done: try again";
	return NULL;
}

void domlet_update_request(struct domlet_container *c, struct domlet_connection *from, struct domlet_control_request *r)
{
	cleanup_free char *was = take_ptr(r->update.was), *limits = take_ptr(r->update.limits);
	cleanup_free char *resources = take_ptr(r->update.resources);
	int code;
	const char *why = no_update(c, was, &code);

	if (why) {
		domlet_control_answer(from, code, why);
		return;
	}
	c->update = (struct domlet_update){ .stage = DOMLET_UPDATE_GROWING,
					    .limits = take_ptr(limits),
					    .resources = take_ptr(resources),
					    .memory_kib = r->update.memory_kib,
					    .vcpus = r->update.vcpus,
					    .weight = r->update.weight,
					    .cap = r->update.cap };
	domlet_control_wait(from, DOMLET_CONTROL_UPDATE);
}

void domlet_update_grown(struct domlet_container *c, const struct domlet_error *err)
{
	struct domlet_guest_update order = { .tag = domlet_container_tag(DOMLET_ASKED_UPDATE, c->number),
					     .container = c->number,
					     .resources = c->update.resources,
					     .len = (uint32_t)strlen(c->update.resources) };

	if (!domlet_container_takes_requests(c)) {
		answer(c, ESRCH, "container not running");
	} else if (err) {
		answer(c, err->code, err->text);
	} else {
		c->update.stage = DOMLET_UPDATE_ASKED;
		domlet_guest_update(c->guest, &order);
	}
}

/* The guest has done it: what can't be done of the rest is told, and changes nothing about that. */
static void keep(struct domlet_container *c)
{
	struct domlet_error ignored;

	c->memory_kib = c->update.memory_kib;
	c->vcpus = c->update.vcpus;
	free(c->state.limits);
	c->state.limits = take_ptr(c->update.limits);
	(void)domlet_record_save(&c->record, c->state.status, &ignored);
	if (domlet_container_is_alone(c) && (c->update.weight || c->update.cap >= 0))
		domlet_domain_schedule(c->domain, c->update.weight, c->update.cap);
}

void domlet_update_answered(struct domlet_container *c, const struct domlet_guest_event *ev)
{
	if (c->update.stage != DOMLET_UPDATE_ASKED)
		return;
	if (ev->unheard)
		answer(c, ESRCH, "container not running");
	else if (ev->code)
		answer(c, (int)ev->code, ev->text);
	else
		keep(c), answer(c, 0, NULL);
}
