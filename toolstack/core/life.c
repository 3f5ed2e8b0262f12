// SPDX-License-Identifier: GPL-2.0-or-later
#include "life.h"

static enum domlet_container_home home(const struct domlet_domain_life *d)
{
	switch (d->state) {
	case DOMLET_DOMAIN_BUILDING: return DOMLET_HOME_BUILDING;
	case DOMLET_DOMAIN_BOOTING:
	case DOMLET_DOMAIN_ATTACHED:
	case DOMLET_DOMAIN_PAUSING:
	case DOMLET_DOMAIN_PAUSED: return DOMLET_HOME_BUILT;
	case DOMLET_DOMAIN_READY: return DOMLET_HOME_READY;
	case DOMLET_DOMAIN_DYING: return DOMLET_HOME_LOST;
	case DOMLET_DOMAIN_GONE: return DOMLET_HOME_GONE;
	default: return DOMLET_HOME_NONE;
	}
}

static struct domlet_container_place place(const struct domlet_life *life, uint32_t number)
{
	struct domlet_container_place at = { .number = number, .home = home(&life->domain), .only = true };

	at.last = life->container[number].keeps;
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		const struct domlet_container_life *c = &life->container[i];

		if (i == number)
			continue;
		at.last = at.last && !(c->keeps && domlet_container_life_goes_on(c));
		at.only = at.only && c->state == DOMLET_CONTAINER_NONE;
	}
	return at;
}

static void tell_all(struct domlet_life *life, enum domlet_domain_news news, struct domlet_life_actions *out)
{
	for (uint32_t i = 0; news != DOMLET_NEWS_NONE && i < DOMLET_CONTAINER_MAX; i++) {
		struct domlet_container_place at = place(life, i);

		domlet_container_life_hear(&life->container[i], &at, news, out);
	}
	if (news == DOMLET_NEWS_LOST)
		domlet_domain_life_destroy(&life->domain, out);
}

/* Whether a container is paused with its domain, or is to be. */
static bool somebody_is_held(const struct domlet_life *life)
{
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (life->container[i].held)
			return true;
	return false;
}

static void step_domain(struct domlet_life *life, enum domlet_life_event_type type, struct domlet_life_actions *out)
{
	enum domlet_domain_news news;

	for (uint32_t i = 0; type == DOMLET_EV_DESTROY && i < DOMLET_CONTAINER_MAX; i++) {
		struct domlet_container_place at = place(life, i);

		domlet_container_life_cut(&life->container[i], &at, out);
	}
	news = domlet_domain_life_step(&life->domain, type, out);
	tell_all(life, news, out);
	/* What nobody asks to resume again, nobody hears of again. */
	if (news == DOMLET_NEWS_RESUME_FAILED && !somebody_is_held(life))
		tell_all(life, domlet_domain_life_end(&life->domain, out), out);
}

static bool all_are_over(const struct domlet_life *life)
{
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (domlet_container_life_goes_on(&life->container[i]))
			return false;
	return true;
}

/* The container AT is over. Others may still be told by their engine to end, and have something to do then. */
static void release(struct domlet_life *life, const struct domlet_container_place *at, struct domlet_life_actions *out)
{
	for (uint32_t i = 0; at->last && at->home < DOMLET_HOME_LOST && i < DOMLET_CONTAINER_MAX; i++)
		if (domlet_container_life_goes_on(&life->container[i]))
			domlet_life_act(out, DOMLET_ACT_STOP, i);
	life->closing = life->closing || at->last;
	if (life->closing && all_are_over(life))
		tell_all(life, domlet_domain_life_end(&life->domain, out), out);
}

static void step_container(struct domlet_life *life, const struct domlet_life_event *ev, struct domlet_life_actions *out)
{
	struct domlet_container_place at = place(life, ev->container);

	switch (domlet_container_life_step(&life->container[ev->container], &at, ev->type, ev->code, out)) {
	case DOMLET_WISH_NONE: return;
	case DOMLET_WISH_RELEASE: release(life, &at, out); return;
	case DOMLET_WISH_CONDEMN: tell_all(life, domlet_domain_life_end(&life->domain, out), out); return;
	case DOMLET_WISH_PAUSE: tell_all(life, domlet_domain_life_pause(&life->domain, out), out); return;
	case DOMLET_WISH_RESUME: tell_all(life, domlet_domain_life_resume(&life->domain, out), out); return;
	}
}

/* Whether a document that the guest looks for when it boots is still to be published. */
static bool documents_are_missing(const struct domlet_life *life)
{
	for (uint32_t i = 0; i < DOMLET_CONTAINER_MAX; i++) {
		const struct domlet_container_life *c = &life->container[i];

		if (c->state == DOMLET_CONTAINER_WAITING && c->early && !c->published)
			return true;
	}
	return false;
}

void domlet_life_step(struct domlet_life *life, const struct domlet_life_event *ev, struct domlet_life_actions *out)
{
	out->len = 0;
	if (life->domain.finished || ev->type >= DOMLET_EV_COUNT)
		return;
	if (ev->type < DOMLET_EV_ARRIVE)
		step_domain(life, ev->type, out);
	else if (ev->container < DOMLET_CONTAINER_MAX)
		step_container(life, ev, out);
	if (!documents_are_missing(life))
		domlet_domain_life_unpause(&life->domain, out);
	if (all_are_over(life))
		domlet_domain_life_finish(&life->domain, out);
}

bool domlet_life_owes_boot(const struct domlet_life *life)
{
	return life->domain.state <= DOMLET_DOMAIN_ATTACHED;
}

bool domlet_life_owes_answer(const struct domlet_life *life, uint32_t container)
{
	enum domlet_container_state s = life->container[container].state;

	return life->domain.state == DOMLET_DOMAIN_READY &&
	       (s == DOMLET_CONTAINER_CREATING || s == DOMLET_CONTAINER_STARTING || s == DOMLET_CONTAINER_DELETING);
}

bool domlet_life_owes_sync(const struct domlet_life *life)
{
	return life->domain.state == DOMLET_DOMAIN_PAUSING && life->domain.syncing;
}

bool domlet_life_takes_requests(const struct domlet_life *life, uint32_t container)
{
	enum domlet_container_state s = life->container[container].state;

	return s >= DOMLET_CONTAINER_CREATED && s <= DOMLET_CONTAINER_PAUSED;
}

const char *domlet_life_event_type_name(enum domlet_life_event_type type)
{
	static const char *const names[] = {
#define E(name) #name,
		DOMLET_DOMAIN_EVENTS(E) DOMLET_CONTAINER_EVENTS(E)
#undef E
	};

	return type < DOMLET_EV_COUNT ? names[type] : "?";
}

const char *domlet_life_action_type_name(enum domlet_life_action_type type)
{
	static const char *const names[] = {
#define A(name) #name,
		DOMLET_LIFE_ACTIONS(A)
#undef A
	};

	return type < DOMLET_ACT_COUNT ? names[type] : "?";
}

const char *domlet_life_stage(const struct domlet_life *life, uint32_t container)
{
	enum domlet_container_state s = life->container[container].state;

	switch (life->domain.state) {
	case DOMLET_DOMAIN_NONE: return "preparing the domain";
	case DOMLET_DOMAIN_BUILDING: return "building the domain";
	case DOMLET_DOMAIN_BOOTING:
		return life->domain.unpaused ? "booting the guest kernel" : "publishing the configuration";
	case DOMLET_DOMAIN_ATTACHED: return "waiting for domlet-init's greeting";
	case DOMLET_DOMAIN_READY:
		return s == DOMLET_CONTAINER_WAITING || s == DOMLET_CONTAINER_CREATING ? "setting up the container" :
		       s == DOMLET_CONTAINER_STARTING                                  ? "starting the container" :
											 "running the container";
	case DOMLET_DOMAIN_PAUSING:
	case DOMLET_DOMAIN_PAUSED: return "pausing the container";
	default: return "destroying the domain";
	}
}
