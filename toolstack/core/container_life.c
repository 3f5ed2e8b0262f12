// SPDX-License-Identifier: GPL-2.0-or-later
#include "container_life.h"

bool domlet_container_life_goes_on(const struct domlet_container_life *c)
{
	return c->state >= DOMLET_CONTAINER_WAITING && c->state <= DOMLET_CONTAINER_DRAINING;
}

/* It has a process in the guest. */
static bool lives(const struct domlet_container_life *c)
{
	return c->state >= DOMLET_CONTAINER_CREATED && c->state <= DOMLET_CONTAINER_PAUSED;
}

static void answer(bool *pending, enum domlet_life_action_type a, const struct domlet_container_place *at,
		   struct domlet_life_actions *out)
{
	if (*pending)
		domlet_life_act(out, a, at->number);
	*pending = false;
}

static void answer_create(struct domlet_container_life *c, const struct domlet_container_place *at,
			  struct domlet_life_actions *out)
{
	if (!c->create_answered)
		domlet_life_act(out, DOMLET_ACT_ANSWER_CREATE, at->number);
	c->create_answered = true;
}

/* All but DELETE's. */
static void answer_open_questions(struct domlet_container_life *c, const struct domlet_container_place *at,
				  struct domlet_life_actions *out)
{
	answer_create(c, at, out);
	answer(&c->start_pending, DOMLET_ACT_ANSWER_START, at, out);
	answer(&c->pause_pending, DOMLET_ACT_ANSWER_PAUSE, at, out);
	answer(&c->resume_pending, DOMLET_ACT_ANSWER_RESUME, at, out);
}

static void report_exit(struct domlet_container_life *c, const struct domlet_container_place *at,
			struct domlet_life_actions *out)
{
	if (c->exit_reported)
		return;
	if (!c->exit_known) {
		c->exit_known = true;
		c->exit_code = DOMLET_EXIT_KILLED;
	}
	c->exit_reported = true;
	c->output_waits = false;
	c->state = DOMLET_CONTAINER_STOPPED;
	domlet_life_act(out, DOMLET_ACT_REPORT_EXIT, at->number);
}

/* What was asked before it could be answered with success never will be. */
static void note_failure(struct domlet_container_life *c)
{
	c->failed = c->failed || !c->create_answered || c->start_pending;
}

/* There is nothing of it in the guest. */
static enum domlet_container_wish end_unborn(struct domlet_container_life *c, const struct domlet_container_place *at,
					     struct domlet_life_actions *out)
{
	answer_create(c, at, out);
	report_exit(c, at, out);
	c->state = DOMLET_CONTAINER_NONE;
	return DOMLET_WISH_RELEASE;
}

/* A killed process dies when it runs. */
static enum domlet_container_wish thaw(struct domlet_container_life *c, const struct domlet_container_place *at,
				       struct domlet_life_actions *out)
{
	if (!c->pause_pending && c->state != DOMLET_CONTAINER_PAUSED)
		return DOMLET_WISH_NONE;
	answer(&c->pause_pending, DOMLET_ACT_ANSWER_PAUSE, at, out);
	if (c->held)
		return DOMLET_WISH_RESUME;
	domlet_life_act(out, DOMLET_ACT_SEND_THAW, at->number);
	return DOMLET_WISH_NONE;
}

/* An end that doesn't wait for output: at once with the domain, if it is this
 * one's alone; else by SIGKILL. */
static enum domlet_container_wish end(struct domlet_container_life *c, const struct domlet_container_place *at,
				      struct domlet_life_actions *out)
{
	if (!domlet_container_life_goes_on(c))
		return DOMLET_WISH_NONE;
	c->cut = true;
	c->output_waits = false;
	if (at->home == DOMLET_HOME_GONE)
		report_exit(c, at, out);
	if (at->home >= DOMLET_HOME_LOST)
		return DOMLET_WISH_NONE;
	note_failure(c);
	if (at->last)
		return DOMLET_WISH_CONDEMN;
	if (c->state == DOMLET_CONTAINER_WAITING)
		return end_unborn(c, at, out);
	if (c->state == DOMLET_CONTAINER_DRAINING) {
		report_exit(c, at, out);
		return DOMLET_WISH_RELEASE;
	}
	answer_create(c, at, out);
	answer(&c->start_pending, DOMLET_ACT_ANSWER_START, at, out);
	if (lives(c) && !c->doomed)
		domlet_life_act(out, DOMLET_ACT_KILL, at->number);
	c->killed = c->doomed = true;
	return thaw(c, at, out);
}

/* The guest can't be trusted to end it. */
static enum domlet_container_wish condemn(struct domlet_container_life *c)
{
	note_failure(c);
	c->cut = true;
	return DOMLET_WISH_CONDEMN;
}

static void create(struct domlet_container_life *c, const struct domlet_container_place *at,
		   struct domlet_life_actions *out)
{
	if (c->state != DOMLET_CONTAINER_WAITING || !c->published || at->home != DOMLET_HOME_READY)
		return;
	c->state = DOMLET_CONTAINER_CREATING;
	domlet_life_act(out, DOMLET_ACT_SEND_CREATE, at->number);
}

/* Goes on with a DELETE as far as it goes now. */
static void go_on_deleting(struct domlet_container_life *c, const struct domlet_container_place *at,
			   struct domlet_life_actions *out)
{
	if (!c->delete_pending)
		return;
	if (c->state == DOMLET_CONTAINER_STOPPED && at->home == DOMLET_HOME_READY) {
		c->state = DOMLET_CONTAINER_DELETING;
		domlet_life_act(out, DOMLET_ACT_SEND_DELETE, at->number);
	} else if (c->state >= DOMLET_CONTAINER_STOPPED && at->home == DOMLET_HOME_GONE) {
		c->state = DOMLET_CONTAINER_NONE;
	}
	if (c->state == DOMLET_CONTAINER_NONE)
		answer(&c->delete_pending, DOMLET_ACT_ANSWER_DELETE, at, out);
}

/* Its domain is lost: what its guest wrote while it lived is still owed to the readers. */
static void lose(struct domlet_container_life *c, const struct domlet_container_place *at,
		 struct domlet_life_actions *out)
{
	bool lived = lives(c);

	if (c->state >= DOMLET_CONTAINER_DRAINING || c->state == DOMLET_CONTAINER_NONE)
		return;
	note_failure(c);
	c->state = DOMLET_CONTAINER_DRAINING;
	c->held = false;
	if (lived && !c->cut) {
		c->exit_known = c->output_waits = true;
		c->exit_code = DOMLET_EXIT_KILLED;
	}
	answer_open_questions(c, at, out);
}

static void arrive(struct domlet_container_life *c, const struct domlet_container_place *at, bool keeps,
		   struct domlet_life_actions *out)
{
	if (c->state != DOMLET_CONTAINER_NONE)
		return;
	*c = (struct domlet_container_life){ .state = DOMLET_CONTAINER_WAITING,
					     .keeps = keeps,
					     .early = at->home == DOMLET_HOME_NONE };
	if (at->home == DOMLET_HOME_BUILT || at->home == DOMLET_HOME_READY)
		domlet_life_act(out, DOMLET_ACT_PUBLISH, at->number);
	if (at->home >= DOMLET_HOME_LOST)
		lose(c, at, out);
	if (at->home == DOMLET_HOME_GONE)
		report_exit(c, at, out);
}

static enum domlet_container_wish step_create(struct domlet_container_life *c, const struct domlet_container_place *at,
					      enum domlet_life_event_type type, struct domlet_life_actions *out)
{
	bool publishing = c->state == DOMLET_CONTAINER_WAITING && !c->published && at->home >= DOMLET_HOME_BUILT;

	switch (type) {
	case DOMLET_EV_PUBLISHED:
		c->published = c->published || publishing;
		create(c, at, out);
		return DOMLET_WISH_NONE;
	case DOMLET_EV_CREATED:
		if (c->state != DOMLET_CONTAINER_CREATING)
			return DOMLET_WISH_NONE;
		c->state = DOMLET_CONTAINER_CREATED;
		if (c->doomed)
			domlet_life_act(out, DOMLET_ACT_KILL, at->number);
		answer_create(c, at, out);
		return DOMLET_WISH_NONE;
	default: /* PUBLISH_FAILED, CREATE_FAILED */
		if (type == DOMLET_EV_PUBLISH_FAILED ? !publishing : c->state != DOMLET_CONTAINER_CREATING)
			return DOMLET_WISH_NONE;
		note_failure(c);
		return at->last ? condemn(c) : end_unborn(c, at, out);
	}
}

static enum domlet_container_wish step_start(struct domlet_container_life *c, const struct domlet_container_place *at,
					     enum domlet_life_event_type type, struct domlet_life_actions *out)
{
	switch (type) {
	case DOMLET_EV_START:
		if (c->state != DOMLET_CONTAINER_CREATED || at->home != DOMLET_HOME_READY || c->doomed)
			return DOMLET_WISH_NONE;
		c->state = DOMLET_CONTAINER_STARTING;
		c->start_pending = true;
		domlet_life_act(out, DOMLET_ACT_SEND_START, at->number);
		return DOMLET_WISH_NONE;
	case DOMLET_EV_STARTED:
		if (c->state != DOMLET_CONTAINER_STARTING)
			return DOMLET_WISH_NONE;
		c->state = DOMLET_CONTAINER_RUNNING;
		answer(&c->start_pending, DOMLET_ACT_ANSWER_START, at, out);
		return DOMLET_WISH_NONE;
	default: /* START_FAILED */
		if (c->state != DOMLET_CONTAINER_STARTING)
			return DOMLET_WISH_NONE;
		return end(c, at, out);
	}
}

static enum domlet_container_wish pause(struct domlet_container_life *c, const struct domlet_container_place *at,
					struct domlet_life_actions *out)
{
	if (c->state != DOMLET_CONTAINER_RUNNING || at->home != DOMLET_HOME_READY || c->pause_pending || c->killed)
		return DOMLET_WISH_NONE;
	c->pause_pending = true;
	c->held = at->only;
	if (c->held)
		return DOMLET_WISH_PAUSE;
	domlet_life_act(out, DOMLET_ACT_SEND_FREEZE, at->number);
	return DOMLET_WISH_NONE;
}

static void paused(struct domlet_container_life *c, const struct domlet_container_place *at, bool done,
		   struct domlet_life_actions *out)
{
	if (!done)
		c->held = false;
	if (done && c->pause_pending)
		c->state = DOMLET_CONTAINER_PAUSED;
	answer(&c->pause_pending, DOMLET_ACT_ANSWER_PAUSE, at, out);
}

static void resumed(struct domlet_container_life *c, const struct domlet_container_place *at, bool done,
		    struct domlet_life_actions *out)
{
	if (done)
		c->held = false;
	if (done && c->state == DOMLET_CONTAINER_PAUSED)
		c->state = DOMLET_CONTAINER_RUNNING;
	answer(&c->resume_pending, DOMLET_ACT_ANSWER_RESUME, at, out);
}

static enum domlet_container_wish step_pause(struct domlet_container_life *c, const struct domlet_container_place *at,
					     enum domlet_life_event_type type, struct domlet_life_actions *out)
{
	enum domlet_container_wish wish;

	if (type == DOMLET_EV_PAUSE)
		return pause(c, at, out);
	if (type == DOMLET_EV_RESUME) {
		if (c->resume_pending)
			return DOMLET_WISH_NONE;
		wish = thaw(c, at, out); /* or ends a pause under way, of which alone there is an answer then */
		c->resume_pending = c->state == DOMLET_CONTAINER_PAUSED;
		return wish;
	}
	if (c->held) /* the guest was asked for nothing */
		return DOMLET_WISH_NONE;
	if (type == DOMLET_EV_FROZEN || type == DOMLET_EV_FREEZE_FAILED)
		paused(c, at, type == DOMLET_EV_FROZEN, out);
	else if (c->state == DOMLET_CONTAINER_PAUSED)
		resumed(c, at, type == DOMLET_EV_THAWED, out);
	return DOMLET_WISH_NONE;
}

static enum domlet_container_wish step_end(struct domlet_container_life *c, const struct domlet_container_place *at,
					   enum domlet_life_event_type type, uint32_t code,
					   struct domlet_life_actions *out)
{
	bool held = c->held;

	if (type == DOMLET_EV_DRAINED) {
		if (c->state != DOMLET_CONTAINER_DRAINING || !c->exit_known)
			return DOMLET_WISH_NONE;
		report_exit(c, at, out);
		return DOMLET_WISH_RELEASE;
	}
	if (!lives(c))
		return DOMLET_WISH_NONE;
	if (type == DOMLET_EV_KILL) {
		c->killed = true;
		return thaw(c, at, out);
	}
	c->exit_known = true; /* EXITED */
	c->exit_code = code;
	c->state = DOMLET_CONTAINER_DRAINING;
	c->output_waits = !c->cut;
	c->held = false;
	answer_open_questions(c, at, out); /* so short that its end came first */
	if (!c->cut)
		return held ? DOMLET_WISH_RESUME : DOMLET_WISH_NONE;
	report_exit(c, at, out);
	return DOMLET_WISH_RELEASE;
}

static enum domlet_container_wish step_timeout(struct domlet_container_life *c, const struct domlet_container_place *at,
					       enum domlet_life_event_type type, struct domlet_life_actions *out)
{
	if (type == DOMLET_EV_KILL_TIMEOUT)
		return lives(c) ? condemn(c) : end(c, at, out);
	if (c->state == DOMLET_CONTAINER_CREATING)
		return condemn(c);
	return c->state == DOMLET_CONTAINER_STARTING ? end(c, at, out) : DOMLET_WISH_NONE;
}

static enum domlet_container_wish step_delete(struct domlet_container_life *c, const struct domlet_container_place *at,
					      enum domlet_life_event_type type, struct domlet_life_actions *out)
{
	if (type == DOMLET_EV_DELETE) {
		c->delete_pending = c->state != DOMLET_CONTAINER_NONE;
		return end(c, at, out);
	}
	if (c->state != DOMLET_CONTAINER_DELETING)
		return DOMLET_WISH_NONE;
	c->state = type == DOMLET_EV_DELETED ? DOMLET_CONTAINER_NONE : DOMLET_CONTAINER_STOPPED;
	answer(&c->delete_pending, DOMLET_ACT_ANSWER_DELETE, at, out);
	return DOMLET_WISH_NONE;
}

static enum domlet_container_wish step(struct domlet_container_life *c, const struct domlet_container_place *at,
				       enum domlet_life_event_type type, uint32_t code, struct domlet_life_actions *out)
{
	switch (type) {
	case DOMLET_EV_ARRIVE: arrive(c, at, code != 0, out); return DOMLET_WISH_NONE;
	case DOMLET_EV_PUBLISHED:
	case DOMLET_EV_PUBLISH_FAILED:
	case DOMLET_EV_CREATED:
	case DOMLET_EV_CREATE_FAILED: return step_create(c, at, type, out);
	case DOMLET_EV_START:
	case DOMLET_EV_STARTED:
	case DOMLET_EV_START_FAILED: return step_start(c, at, type, out);
	case DOMLET_EV_PAUSE:
	case DOMLET_EV_FROZEN:
	case DOMLET_EV_FREEZE_FAILED:
	case DOMLET_EV_RESUME:
	case DOMLET_EV_THAWED:
	case DOMLET_EV_THAW_FAILED: return step_pause(c, at, type, out);
	case DOMLET_EV_KILL:
	case DOMLET_EV_EXITED:
	case DOMLET_EV_DRAINED: return step_end(c, at, type, code, out);
	case DOMLET_EV_ANSWER_TIMEOUT:
		if (c->state == DOMLET_CONTAINER_DELETING)
			return step_delete(c, at, DOMLET_EV_DELETE_FAILED, out);
		return step_timeout(c, at, type, out);
	case DOMLET_EV_KILL_TIMEOUT: return step_timeout(c, at, type, out);
	case DOMLET_EV_DELETE:
	case DOMLET_EV_DELETED:
	case DOMLET_EV_DELETE_FAILED: return step_delete(c, at, type, out);
	default: return end(c, at, out); /* PROXY_LOST, CALLER_LOST */
	}
}

enum domlet_container_wish domlet_container_life_step(struct domlet_container_life *c,
						      const struct domlet_container_place *at,
						      enum domlet_life_event_type type, uint32_t code,
						      struct domlet_life_actions *out)
{
	enum domlet_container_wish wish = step(c, at, type, code, out);

	go_on_deleting(c, at, out);
	return wish;
}

void domlet_container_life_cut(struct domlet_container_life *c, const struct domlet_container_place *at,
			       struct domlet_life_actions *out)
{
	if (!domlet_container_life_goes_on(c))
		return;
	c->cut = true;
	c->output_waits = false;
	if (at->home == DOMLET_HOME_GONE)
		report_exit(c, at, out);
	go_on_deleting(c, at, out);
}

void domlet_container_life_hear(struct domlet_container_life *c, const struct domlet_container_place *at,
				enum domlet_domain_news news, struct domlet_life_actions *out)
{
	switch (news) {
	case DOMLET_NEWS_NONE: return;
	case DOMLET_NEWS_BUILT:
		if (c->state == DOMLET_CONTAINER_WAITING)
			domlet_life_act(out, DOMLET_ACT_PUBLISH, at->number);
		return;
	case DOMLET_NEWS_PAUSED:
	case DOMLET_NEWS_PAUSE_FAILED:
		if (c->held)
			paused(c, at, news == DOMLET_NEWS_PAUSED, out);
		break;
	case DOMLET_NEWS_RESUMED:
	case DOMLET_NEWS_RESUME_FAILED:
		if (c->held)
			resumed(c, at, news == DOMLET_NEWS_RESUMED, out);
		break;
	case DOMLET_NEWS_READY: break;
	case DOMLET_NEWS_LOST: lose(c, at, out); return;
	case DOMLET_NEWS_GONE:
		lose(c, at, out);
		if (c->state == DOMLET_CONTAINER_DRAINING && !c->output_waits)
			report_exit(c, at, out);
		break;
	}
	create(c, at, out);
	go_on_deleting(c, at, out);
}

const char *domlet_container_state_name(enum domlet_container_state s)
{
	static const char *const names[] = { "none",    "waiting", "creating", "created", "starting",
					     "running", "paused",  "draining", "stopped", "deleting" };

	return names[s];
}
