// SPDX-License-Identifier: GPL-2.0-or-later
#include "lifecycle.h"

#include <assert.h>

static void act(struct domlet_life_actions *out, enum domlet_life_action a)
{
	assert(out->len < DOMLET_LIFE_ACTIONS_MAX);
	out->act[out->len++] = a;
}

static bool domain_exists(const struct domlet_lifecycle *lc)
{
	return lc->domain >= DOMLET_DOMAIN_PAUSED && lc->domain <= DOMLET_DOMAIN_READY;
}

static bool container_lives(const struct domlet_lifecycle *lc)
{
	return lc->container >= DOMLET_CONTAINER_CREATED && lc->container <= DOMLET_CONTAINER_DRAINING;
}

static void answer_open_questions(struct domlet_lifecycle *lc, struct domlet_life_actions *out)
{
	if (!lc->create_answered) {
		lc->create_answered = true;
		act(out, DOMLET_ACT_ANSWER_CREATE);
	}
	if (lc->start_pending) {
		lc->start_pending = false;
		act(out, DOMLET_ACT_ANSWER_START);
	}
}

static void report_exit(struct domlet_lifecycle *lc, struct domlet_life_actions *out)
{
	if (lc->exit_reported)
		return;
	if (!lc->exit_known) {
		lc->exit_known = true;
		lc->exit_code = DOMLET_EXIT_KILLED;
	}
	lc->exit_reported = true;
	lc->container = DOMLET_CONTAINER_STOPPED;
	act(out, DOMLET_ACT_REPORT_EXIT);
}

/* Ends everything from wherever we are; the build alone can't be cut short. */
static void doom(struct domlet_lifecycle *lc, struct domlet_life_actions *out)
{
	if (lc->domain == DOMLET_DOMAIN_BUILDING) {
		lc->doomed = true;
		return;
	}
	if (domain_exists(lc)) {
		lc->domain = DOMLET_DOMAIN_DYING;
		act(out, DOMLET_ACT_DETACH);
		answer_open_questions(lc, out);
		act(out, DOMLET_ACT_DESTROY);
	} else if (lc->domain == DOMLET_DOMAIN_NONE) {
		lc->domain = DOMLET_DOMAIN_GONE;
		answer_open_questions(lc, out);
		report_exit(lc, out);
		act(out, DOMLET_ACT_FINISH);
	}
}

static void fail(struct domlet_lifecycle *lc, struct domlet_life_actions *out)
{
	if (!lc->create_answered || lc->start_pending)
		lc->failed = true;
	doom(lc, out);
}

/* The container has ended, by itself or because its domain died: what the guest
 * wrote while it lived is still owed to the readers. False: it had ended before. */
static bool owe_output(struct domlet_lifecycle *lc, uint32_t code)
{
	if (!container_lives(lc) || lc->exit_known)
		return false;
	lc->exit_known = true;
	lc->exit_code = code;
	lc->container = DOMLET_CONTAINER_DRAINING;
	lc->output_waits = true;
	return true;
}

static void gone(struct domlet_lifecycle *lc, struct domlet_life_actions *out)
{
	if (lc->domain == DOMLET_DOMAIN_GONE || lc->domain == DOMLET_DOMAIN_NONE)
		return;
	lc->domain = DOMLET_DOMAIN_GONE;
	answer_open_questions(lc, out);
	if (lc->output_waits)
		return; /* bytes that the guest sent while it lived are still owed */
	report_exit(lc, out);
	act(out, DOMLET_ACT_FINISH);
}

bool domlet_lifecycle_takes_requests(const struct domlet_lifecycle *lc)
{
	return lc->container >= DOMLET_CONTAINER_CREATED && lc->container <= DOMLET_CONTAINER_RUNNING;
}

bool domlet_lifecycle_guest_owes(const struct domlet_lifecycle *lc)
{
	return lc->domain <= DOMLET_DOMAIN_ATTACHED ||
	       (lc->domain == DOMLET_DOMAIN_READY &&
		(lc->container == DOMLET_CONTAINER_CREATING || lc->container == DOMLET_CONTAINER_STARTING));
}

static void step_boot(struct domlet_lifecycle *lc, enum domlet_life_event ev, struct domlet_life_actions *out)
{
	switch (ev) {
	case DOMLET_EV_LAUNCH:
		if (lc->domain != DOMLET_DOMAIN_NONE)
			return;
		lc->domain = DOMLET_DOMAIN_BUILDING;
		act(out, DOMLET_ACT_BUILD);
		return;
	case DOMLET_EV_BUILT:
		if (lc->domain != DOMLET_DOMAIN_BUILDING)
			return;
		lc->domain = DOMLET_DOMAIN_PAUSED;
		if (lc->doomed)
			doom(lc, out);
		else
			act(out, DOMLET_ACT_PUBLISH_AND_UNPAUSE);
		return;
	case DOMLET_EV_BUILD_FAILED:
		if (lc->domain != DOMLET_DOMAIN_BUILDING)
			return;
		lc->failed = true;
		gone(lc, out); /* libxl has destroyed what it had built */
		return;
	case DOMLET_EV_UNPAUSED:
		if (lc->domain != DOMLET_DOMAIN_PAUSED)
			return;
		lc->domain = DOMLET_DOMAIN_BOOTING;
		act(out, DOMLET_ACT_ARM_BOOT_TIMER);
		return;
	case DOMLET_EV_RING_READY:
		if (lc->domain != DOMLET_DOMAIN_BOOTING)
			return;
		lc->domain = DOMLET_DOMAIN_ATTACHED;
		act(out, DOMLET_ACT_ATTACH);
		return;
	case DOMLET_EV_HELLO:
		if (lc->domain != DOMLET_DOMAIN_ATTACHED)
			return;
		lc->domain = DOMLET_DOMAIN_READY;
		lc->container = DOMLET_CONTAINER_CREATING;
		act(out, DOMLET_ACT_SEND_CREATE);
		return;
	case DOMLET_EV_BOOT_TIMEOUT:
		if (domlet_lifecycle_guest_owes(lc))
			fail(lc, out);
		return;
	default: fail(lc, out); /* UNPAUSE_FAILED, ATTACH_FAILED */
	}
}

static void step_container(struct domlet_lifecycle *lc, enum domlet_life_event ev, uint32_t code,
			   struct domlet_life_actions *out)
{
	switch (ev) {
	case DOMLET_EV_CREATED:
		if (lc->container != DOMLET_CONTAINER_CREATING)
			return;
		lc->container = DOMLET_CONTAINER_CREATED;
		lc->create_answered = true;
		act(out, DOMLET_ACT_ANSWER_CREATE);
		return;
	case DOMLET_EV_CREATE_FAILED:
		if (lc->container == DOMLET_CONTAINER_CREATING)
			fail(lc, out);
		return;
	case DOMLET_EV_START:
		if (lc->container != DOMLET_CONTAINER_CREATED || lc->domain != DOMLET_DOMAIN_READY)
			return;
		lc->container = DOMLET_CONTAINER_STARTING;
		lc->start_pending = true;
		act(out, DOMLET_ACT_SEND_START);
		return;
	case DOMLET_EV_STARTED:
		if (lc->container != DOMLET_CONTAINER_STARTING)
			return;
		lc->container = DOMLET_CONTAINER_RUNNING;
		lc->start_pending = false;
		act(out, DOMLET_ACT_ANSWER_START);
		return;
	case DOMLET_EV_START_FAILED:
		if (lc->container == DOMLET_CONTAINER_STARTING)
			fail(lc, out);
		return;
	case DOMLET_EV_EXITED:
		if (!owe_output(lc, code))
			return;
		if (lc->start_pending) { /* so short that its end came first */
			lc->start_pending = false;
			act(out, DOMLET_ACT_ANSWER_START);
		}
		return;
	case DOMLET_EV_DRAINED:
		if (lc->container != DOMLET_CONTAINER_DRAINING)
			return;
		lc->output_waits = false;
		report_exit(lc, out);
		if (lc->domain == DOMLET_DOMAIN_GONE)
			act(out, DOMLET_ACT_FINISH);
		else
			doom(lc, out);
		return;
	default: return;
	}
}

void domlet_lifecycle_step(struct domlet_lifecycle *lc, enum domlet_life_event ev, uint32_t code,
			   struct domlet_life_actions *out)
{
	bool existed = domain_exists(lc);

	out->len = 0;
	switch (ev) {
	case DOMLET_EV_LAUNCH:
	case DOMLET_EV_BUILT:
	case DOMLET_EV_BUILD_FAILED:
	case DOMLET_EV_UNPAUSED:
	case DOMLET_EV_UNPAUSE_FAILED:
	case DOMLET_EV_RING_READY:
	case DOMLET_EV_ATTACH_FAILED:
	case DOMLET_EV_HELLO:
	case DOMLET_EV_BOOT_TIMEOUT: step_boot(lc, ev, out); return;
	case DOMLET_EV_CREATED:
	case DOMLET_EV_CREATE_FAILED:
	case DOMLET_EV_START:
	case DOMLET_EV_STARTED:
	case DOMLET_EV_START_FAILED:
	case DOMLET_EV_EXITED:
	case DOMLET_EV_DRAINED: step_container(lc, ev, code, out); return;
	case DOMLET_EV_SHUTDOWN:
	case DOMLET_EV_BROKEN:
		fail(lc, out);
		if (existed)
			(void)owe_output(lc, DOMLET_EXIT_KILLED);
		return;
	case DOMLET_EV_VANISHED:
		if (lc->domain == DOMLET_DOMAIN_DYING || lc->domain == DOMLET_DOMAIN_BUILDING)
			return; /* DESTROYED or BUILD_FAILED follows */
		if (existed) {
			if (!lc->create_answered || lc->start_pending)
				lc->failed = true;
			act(out, DOMLET_ACT_DETACH);
			(void)owe_output(lc, DOMLET_EXIT_KILLED);
			gone(lc, out);
		}
		return;
	case DOMLET_EV_KILL_TIMEOUT:
	case DOMLET_EV_PROXY_LOST:
	case DOMLET_EV_CALLER_LOST:
	case DOMLET_EV_DESTROY:
		lc->output_waits = false;
		if (lc->domain == DOMLET_DOMAIN_GONE && !lc->exit_reported) {
			report_exit(lc, out);
			act(out, DOMLET_ACT_FINISH);
			return;
		}
		fail(lc, out);
		return;
	case DOMLET_EV_DESTROYED:
		if (lc->domain == DOMLET_DOMAIN_DYING)
			gone(lc, out);
		return;
	default: return;
	}
}

const char *domlet_domain_life_name(enum domlet_domain_life s)
{
	static const char *const names[] = { "none",     "building", "paused", "booting",
					     "attached", "ready",    "dying",  "gone" };
	return names[s];
}

const char *domlet_container_life_name(enum domlet_container_life s)
{
	static const char *const names[] = { "none", "creating", "created", "starting", "running", "draining", "stopped" };
	return names[s];
}

const char *domlet_life_event_name(enum domlet_life_event ev)
{
	static const char *const names[] = {
#define E(name) #name,
		DOMLET_LIFE_EVENTS(E)
#undef E
	};
	return ev < DOMLET_EV_COUNT ? names[ev] : "?";
}

const char *domlet_lifecycle_stage(const struct domlet_lifecycle *lc)
{
	switch (lc->domain) {
	case DOMLET_DOMAIN_NONE: return "preparing the domain";
	case DOMLET_DOMAIN_BUILDING: return "building the domain";
	case DOMLET_DOMAIN_PAUSED: return "publishing the configuration";
	case DOMLET_DOMAIN_BOOTING: return "booting the guest kernel";
	case DOMLET_DOMAIN_ATTACHED: return "waiting for domlet-init's greeting";
	case DOMLET_DOMAIN_READY:
		return lc->container == DOMLET_CONTAINER_CREATING ? "setting up the container" :
		       lc->container == DOMLET_CONTAINER_STARTING ? "starting the container" :
								    "running the container";
	default: return "destroying the domain";
	}
}
