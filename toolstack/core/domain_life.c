// SPDX-License-Identifier: GPL-2.0-or-later
#include "domain_life.h"

static bool exists(const struct domlet_domain_life *d)
{
	return d->state >= DOMLET_DOMAIN_BOOTING && d->state <= DOMLET_DOMAIN_PAUSED;
}

enum domlet_domain_news domlet_domain_life_end(struct domlet_domain_life *d, struct domlet_life_actions *out)
{
	if (d->state == DOMLET_DOMAIN_NONE) {
		d->state = DOMLET_DOMAIN_GONE;
		return DOMLET_NEWS_GONE;
	}
	if (d->state == DOMLET_DOMAIN_BUILDING) {
		if (!d->doomed)
			domlet_life_act(out, DOMLET_ACT_CANCEL_BUILD, 0);
		d->doomed = true;
	}
	if (!exists(d))
		return DOMLET_NEWS_NONE;
	d->state = DOMLET_DOMAIN_DYING;
	domlet_life_act(out, DOMLET_ACT_DETACH, 0);
	return DOMLET_NEWS_LOST;
}

void domlet_domain_life_destroy(struct domlet_domain_life *d, struct domlet_life_actions *out)
{
	if (d->state == DOMLET_DOMAIN_DYING)
		domlet_life_act(out, DOMLET_ACT_DESTROY, 0);
}

void domlet_domain_life_finish(struct domlet_domain_life *d, struct domlet_life_actions *out)
{
	if (d->state != DOMLET_DOMAIN_GONE || d->finished)
		return;
	d->finished = true;
	domlet_life_act(out, DOMLET_ACT_FINISH, 0);
}

void domlet_domain_life_unpause(struct domlet_domain_life *d, struct domlet_life_actions *out)
{
	if (d->state != DOMLET_DOMAIN_BOOTING || d->unpausing)
		return;
	d->unpausing = true;
	domlet_life_act(out, DOMLET_ACT_UNPAUSE, 0);
}

enum domlet_domain_news domlet_domain_life_pause(struct domlet_domain_life *d, struct domlet_life_actions *out)
{
	if (d->state != DOMLET_DOMAIN_READY)
		return DOMLET_NEWS_NONE;
	d->state = DOMLET_DOMAIN_PAUSING;
	d->syncing = true;
	d->resuming = false;
	domlet_life_act(out, DOMLET_ACT_SYNC, 0);
	return DOMLET_NEWS_NONE;
}

enum domlet_domain_news domlet_domain_life_resume(struct domlet_domain_life *d, struct domlet_life_actions *out)
{
	if (d->state == DOMLET_DOMAIN_PAUSING && d->syncing) {
		d->state = DOMLET_DOMAIN_READY;
		return DOMLET_NEWS_RESUMED;
	}
	if (d->state == DOMLET_DOMAIN_PAUSED && !d->resuming)
		domlet_life_act(out, DOMLET_ACT_RESUME, 0);
	d->resuming = d->state == DOMLET_DOMAIN_PAUSED || d->state == DOMLET_DOMAIN_PAUSING;
	return DOMLET_NEWS_NONE;
}

static enum domlet_domain_news step_boot(struct domlet_domain_life *d, enum domlet_life_event_type type,
					 struct domlet_life_actions *out)
{
	switch (type) {
	case DOMLET_EV_LAUNCH:
		if (d->state != DOMLET_DOMAIN_NONE)
			return DOMLET_NEWS_NONE;
		d->state = DOMLET_DOMAIN_BUILDING;
		domlet_life_act(out, DOMLET_ACT_BUILD, 0);
		return DOMLET_NEWS_NONE;
	case DOMLET_EV_BUILT:
		if (d->state != DOMLET_DOMAIN_BUILDING)
			return DOMLET_NEWS_NONE;
		d->state = DOMLET_DOMAIN_BOOTING;
		return d->doomed ? domlet_domain_life_end(d, out) : DOMLET_NEWS_BUILT;
	case DOMLET_EV_BUILD_FAILED:
		if (d->state != DOMLET_DOMAIN_BUILDING)
			return DOMLET_NEWS_NONE;
		d->state = DOMLET_DOMAIN_GONE; /* libxl has destroyed what it had built */
		return DOMLET_NEWS_GONE;
	case DOMLET_EV_UNPAUSED:
	case DOMLET_EV_RING_READY: /* may come before libxl's word that the domain runs */
		if (d->state != DOMLET_DOMAIN_BOOTING || !d->unpausing)
			return DOMLET_NEWS_NONE;
		if (!d->unpaused)
			domlet_life_act(out, DOMLET_ACT_ARM_BOOT_TIMER, 0);
		d->unpaused = true;
		if (type == DOMLET_EV_UNPAUSED)
			return DOMLET_NEWS_NONE;
		d->state = DOMLET_DOMAIN_ATTACHED;
		domlet_life_act(out, DOMLET_ACT_ATTACH, 0);
		return DOMLET_NEWS_NONE;
	case DOMLET_EV_HELLO:
		if (d->state != DOMLET_DOMAIN_ATTACHED)
			return DOMLET_NEWS_NONE;
		d->state = DOMLET_DOMAIN_READY;
		d->greeted = true;
		return DOMLET_NEWS_READY;
	case DOMLET_EV_BOOT_TIMEOUT:
		return d->state <= DOMLET_DOMAIN_ATTACHED ? domlet_domain_life_end(d, out) : DOMLET_NEWS_NONE;
	default: return domlet_domain_life_end(d, out); /* UNPAUSE_FAILED, ATTACH_FAILED */
	}
}

static enum domlet_domain_news step_pause(struct domlet_domain_life *d, enum domlet_life_event_type type,
					  struct domlet_life_actions *out)
{
	switch (type) {
	case DOMLET_EV_SYNCED:
		if (d->state != DOMLET_DOMAIN_PAUSING || !d->syncing)
			return DOMLET_NEWS_NONE;
		d->syncing = false;
		domlet_life_act(out, DOMLET_ACT_PAUSE, 0);
		return DOMLET_NEWS_NONE;
	case DOMLET_EV_PAUSED:
		if (d->state != DOMLET_DOMAIN_PAUSING || d->syncing)
			return DOMLET_NEWS_NONE;
		d->state = DOMLET_DOMAIN_PAUSED;
		if (!d->resuming)
			return DOMLET_NEWS_PAUSED;
		domlet_life_act(out, DOMLET_ACT_RESUME, 0);
		return DOMLET_NEWS_NONE;
	case DOMLET_EV_SYNC_FAILED:
	case DOMLET_EV_PAUSE_FAILED: /* one that comes late is no word of what libxl does meanwhile */
		if (d->state != DOMLET_DOMAIN_PAUSING || d->syncing != (type == DOMLET_EV_SYNC_FAILED))
			return DOMLET_NEWS_NONE;
		d->state = DOMLET_DOMAIN_READY;
		return DOMLET_NEWS_PAUSE_FAILED;
	case DOMLET_EV_RESUMED:
		if (d->state != DOMLET_DOMAIN_PAUSED || !d->resuming)
			return DOMLET_NEWS_NONE;
		d->state = DOMLET_DOMAIN_READY;
		return DOMLET_NEWS_RESUMED;
	default: /* RESUME_FAILED */
		if (d->state != DOMLET_DOMAIN_PAUSED || !d->resuming)
			return DOMLET_NEWS_NONE;
		d->resuming = false;
		return DOMLET_NEWS_RESUME_FAILED;
	}
}

enum domlet_domain_news domlet_domain_life_step(struct domlet_domain_life *d, enum domlet_life_event_type type,
						struct domlet_life_actions *out)
{
	switch (type) {
	case DOMLET_EV_SYNCED:
	case DOMLET_EV_SYNC_FAILED:
	case DOMLET_EV_PAUSED:
	case DOMLET_EV_PAUSE_FAILED:
	case DOMLET_EV_RESUMED:
	case DOMLET_EV_RESUME_FAILED: return step_pause(d, type, out);
	case DOMLET_EV_SHUTDOWN:
	case DOMLET_EV_BROKEN:
	case DOMLET_EV_DESTROY: return domlet_domain_life_end(d, out);
	case DOMLET_EV_VANISHED:
		if (!exists(d)) /* DYING, BUILDING: DESTROYED or BUILD_FAILED follows */
			return DOMLET_NEWS_NONE;
		d->state = DOMLET_DOMAIN_GONE;
		domlet_life_act(out, DOMLET_ACT_DETACH, 0);
		return DOMLET_NEWS_GONE;
	case DOMLET_EV_DESTROYED:
		if (d->state != DOMLET_DOMAIN_DYING)
			return DOMLET_NEWS_NONE;
		d->state = DOMLET_DOMAIN_GONE;
		return DOMLET_NEWS_GONE;
	default: return step_boot(d, type, out);
	}
}

const char *domlet_domain_state_name(enum domlet_domain_state s)
{
	static const char *const names[] = { "none",    "building", "booting", "attached", "ready",
					     "pausing", "paused",   "dying",   "gone" };

	return names[s];
}
