// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life cycle of a domain with four containers, and everything around it
 * simulated: libxl, the guest at the other end of a ring, the callers, the
 * readers of the output. In some seeds domains vanish, builds fail, callers
 * go, readers stop, guests lie. Always: each question is answered once, each
 * exit is reported once, no domain is left, and then it is finished; and where
 * nothing went wrong, each guest's exit code is reported after its last byte
 * was read.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "../../frontend/proto/link.h"
#include "../../toolstack/core/life.h"
#include "../unit/ring_pair.h"
#include "sim.h"

#define EVENTS 256u
#define STEPS_MAX 400000u
#define CONTAINERS 4u
#define KILL_PATIENCE 3000u
#define PROCESS(n) ((n) + 1u)
#define OUTPUT(n) domlet_stream_id(PROCESS(n), DOMLET_STREAM_STDOUT)

enum event {
	BUILT,
	UNPAUSED,
	BOOTED,
	RING_SEEN,
	DESTROYED,
	SYNCED,
	PAUSED,
	RESUMED,
	LATE_FAILURE, /* of a SYNC or a pause that is over */
	/* of a container */
	ARRIVES,
	START,
	GUEST_CREATED,
	GUEST_STARTED,
	GUEST_FROZEN,
	GUEST_THAWED,
	GUEST_DELETED,
	PAUSES,
	RESUMES,
	DELETES,
	CALLER_GOES,
	KILL_UNCONFIRMED,
	/* what else may happen */
	SHUTDOWN,
	VANISHES,
	ATTACK,
	FAULT
};

struct container {
	bool arrived, keeps;
	bool told;    /* to stop, as nobody keeps its domain any more */
	bool stopped; /* nobody reads its output */
	bool cut;     /* somebody wants no more of it */
	bool doomed;  /* must now end without being told */
	bool heard_created, heard_exited;
	uint32_t create_request, start_request, delete_request; /* the monitor's */
	uint32_t code, reported;
	uint64_t total, sent, received, held;
	struct { /* as the guest has it */
		uint32_t create_asked, start_asked, delete_asked;
		bool created, started, frozen, eof, exited, killed;
		uint64_t stays;     /* until then it runs, whatever it has written */
		uint64_t frozen_at; /* a thaw comes after its freeze */
	} guest;
	unsigned int create_answers, starts, start_answers, pauses, pause_answers, resumes, resume_answers;
	unsigned int deletes, delete_answers, reports;
};

struct world {
	struct sim *sim;
	struct domlet_life life;
	struct ring_pair pair;
	struct {
		uint64_t at;
		enum event what;
		uint32_t container;
	} events[EVENTS];
	uint32_t event_count;
	bool exists, building, destroying, destroyed_outside, attached, finished; /* the domain; the monitor */
	bool alive, lies, paused;                                                 /* the guest */
	bool pausing;                                                             /* libxl is at it */
	bool faulty;  /* something went wrong: no promise but a clean end */
	bool stopped; /* a reader of output has */
	bool doomed;  /* must now end without being told */
	bool lost;    /* nothing more comes of the guest */
	uint32_t request;
	struct container c[CONTAINERS];
	unsigned int builds, finishes, destroys;
	struct domlet_link link[2]; /* by role; not cleared from one seed to the next, as each begins by domlet_link_init() */
};

#define CHECK(w, cond, ...)                              \
	do {                                             \
		if (!(cond))                             \
			sim_fail((w)->sim, __VA_ARGS__); \
	} while (0)

static void feed(struct world *w, enum domlet_life_event_type type, uint32_t n, uint32_t code);

static void later(struct world *w, enum event what, uint32_t n, uint32_t most)
{
	CHECK(w, w->event_count < EVENTS, "the simulation is too small");
	w->events[w->event_count].at = w->sim->now + 1 + sim_pick(w->sim, most);
	w->events[w->event_count].container = n;
	w->events[w->event_count++].what = what;
}

static void send(struct domlet_link *l, struct domlet_msg *m)
{
	(void)domlet_link_send(l, m);
	(void)domlet_link_flush(l);
}

/* --- the monitor ----------------------------------------------------------- */

static void ask_create(struct world *w, uint32_t n)
{
	struct domlet_msg m = { .type = DOMLET_MSG_CREATE, .request = ++w->request };

	for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR; k++)
		(void)domlet_link_open(&w->link[DOMLET_RING_HOST], domlet_stream_id(PROCESS(n), k));
	m.create.container = n;
	m.create.process = PROCESS(n);
	w->c[n].create_request = m.request;
	send(&w->link[DOMLET_RING_HOST], &m);
}

static void ask(struct world *w, uint32_t type, uint32_t n, uint32_t *request)
{
	struct domlet_msg m = { .type = type, .request = ++w->request };

	if (type == DOMLET_MSG_START)
		m.start.container = n;
	else
		m.delete_.container = n;
	*request = m.request;
	send(&w->link[DOMLET_RING_HOST], &m);
}

static void kill_container(struct world *w, uint32_t n)
{
	struct domlet_msg m = { .type = DOMLET_MSG_SIGNAL,
				.signal = { .container = n, .process = PROCESS(n), .signo = 9 } };

	send(&w->link[DOMLET_RING_HOST], &m);
	later(w, KILL_UNCONFIRMED, n, 1);
	w->events[w->event_count - 1].at += KILL_PATIENCE;
}

static void unpause(struct world *w)
{
	CHECK(w, w->exists && !w->destroying, "a domain that is none is unpaused");
	if (sim_chance(w->sim, 3)) {
		w->faulty = w->doomed = true;
		feed(w, DOMLET_EV_UNPAUSE_FAILED, 0, 0);
		return;
	}
	later(w, UNPAUSED, 0, 100);
	later(w, BOOTED, 0, 100);
}

static void destroy(struct world *w)
{
	CHECK(w, ++w->destroys == 1, "destroyed twice");
	CHECK(w, !w->attached, "destroyed while the ring is mapped");
	w->destroying = true;
	later(w, DESTROYED, 0, 100);
}

static void detach(struct world *w)
{
	w->attached = false;
	w->lost = true;
}

static bool a_keeper_failed(const struct world *w)
{
	for (uint32_t i = 0; i < CONTAINERS; i++)
		if (w->c[i].keeps && w->life.container[i].failed)
			return true;
	return false;
}

static void report(struct world *w, uint32_t n)
{
	const struct domlet_container_life *life = &w->life.container[n];
	struct container *c = &w->c[n];

	CHECK(w, ++c->reports == 1, "exit of %u reported twice", n);
	c->reported = life->exit_code;
	CHECK(w, !c->heard_exited || w->lies || c->cut || life->failed || (c->reported == c->code && !c->held),
	      "exit %u of %u reported, but the guest's was %u, with %llu bytes unread", c->reported, n, c->code,
	      (unsigned long long)c->held);
	/* A domain that nobody keeps any more goes on until all are over; one that was kept for what has failed does not. */
	CHECK(w,
	      w->faulty || life->failed || (w->lost && !c->keeps && a_keeper_failed(w)) ||
		      (c->reported == c->code && c->received == c->total && !c->held),
	      "exit %u of %u reported, but the guest's is %u, with %llu of %llu bytes read", c->reported, n, c->code,
	      (unsigned long long)(c->received - c->held), (unsigned long long)c->total);
	if (!w->finished && sim_chance(w->sim, 50))
		later(w, DELETES, n, 100);
}

static void finish(struct world *w)
{
	w->finishes++;
	CHECK(w, !w->exists && !w->building && !w->attached, "finished, but a domain is left");
	for (uint32_t i = 0; i < CONTAINERS; i++) {
		const struct container *c = &w->c[i];

		CHECK(w, !c->arrived || (c->create_answers == 1 && c->start_answers == c->starts && c->reports == 1),
		      "finished with %u of 1 CREATE, %u of %u STARTs, %u of 1 exits of %u said", c->create_answers,
		      c->start_answers, c->starts, c->reports, i);
		CHECK(w,
		      c->pauses == c->pause_answers && c->resumes == c->resume_answers && c->deletes == c->delete_answers,
		      "finished with %u of %u PAUSEs, %u of %u RESUMEs, %u of %u DELETEs of %u answered",
		      c->pause_answers, c->pauses, c->resume_answers, c->resumes, c->delete_answers, c->deletes, i);
	}
	w->finished = true;
}

static void perform_domain(struct world *w, enum domlet_life_action_type a)
{
	switch (a) {
	case DOMLET_ACT_BUILD:
		CHECK(w, ++w->builds == 1, "built twice");
		w->building = true;
		later(w, BUILT, 0, 200);
		return;
	case DOMLET_ACT_UNPAUSE: unpause(w); return;
	case DOMLET_ACT_SYNC:
		later(w, SYNCED, 0, 50);
		if (sim_chance(w->sim, 20))
			later(w, LATE_FAILURE, 0, 200);
		return;
	case DOMLET_ACT_PAUSE:
		w->pausing = true;
		later(w, PAUSED, 0, 50);
		return;
	case DOMLET_ACT_RESUME: later(w, RESUMED, 0, 50); return;
	case DOMLET_ACT_DETACH: detach(w); return;
	case DOMLET_ACT_DESTROY: destroy(w); return;
	case DOMLET_ACT_FINISH: finish(w); return;
	default: return;
	}
}

static void answered_create(struct world *w, uint32_t n)
{
	const struct domlet_container_life *life = &w->life.container[n];
	struct container *c = &w->c[n];

	CHECK(w, ++c->create_answers == 1, "CREATE of %u answered twice", n);
	CHECK(w, life->failed || c->heard_created, "CREATE of %u answered with success, but the guest didn't say so", n);
	if (!life->failed)
		later(w, START, n, 200);
}

/* It is about to end by itself, or somebody ends it. */
static void stop(struct world *w, uint32_t n)
{
	if (w->c[n].told || sim_chance(w->sim, 70))
		return;
	w->c[n].told = true;
	w->faulty = w->c[n].cut = w->c[n].doomed = true;
	later(w, CALLER_GOES, n, 50);
}

static void perform_container(struct world *w, enum domlet_life_action_type a, uint32_t n)
{
	struct container *c = &w->c[n];
	bool paused = w->life.container[n].state == DOMLET_CONTAINER_PAUSED;

	CHECK(w, c->arrived, "%s for a container %u that there never was", domlet_life_action_type_name(a), n);
	CHECK(w, w->attached || (a != DOMLET_ACT_SEND_CREATE && a != DOMLET_ACT_SEND_START && a != DOMLET_ACT_KILL),
	      "%s of %u without a ring", domlet_life_action_type_name(a), n);
	switch (a) {
	case DOMLET_ACT_PUBLISH:
		CHECK(w, w->exists, "published for no domain");
		if (!sim_chance(w->sim, 2)) {
			feed(w, DOMLET_EV_PUBLISHED, n, 0);
			return;
		}
		w->faulty = true;
		feed(w, DOMLET_EV_PUBLISH_FAILED, n, 0);
		return;
	case DOMLET_ACT_SEND_CREATE: ask_create(w, n); return;
	case DOMLET_ACT_ANSWER_CREATE: answered_create(w, n); return;
	case DOMLET_ACT_SEND_START:
		c->starts++;
		ask(w, DOMLET_MSG_START, n, &c->start_request);
		return;
	case DOMLET_ACT_ANSWER_START:
		CHECK(w, ++c->start_answers <= c->starts, "START of %u answered too often", n);
		if (sim_chance(w->sim, 50))
			later(w, PAUSES, n, 500);
		return;
	case DOMLET_ACT_SEND_FREEZE:
		later(w, GUEST_FROZEN, n, 50);
		c->guest.frozen_at = w->events[w->event_count - 1].at;
		return;
	case DOMLET_ACT_ANSWER_PAUSE:
		CHECK(w, ++c->pause_answers <= c->pauses, "PAUSE of %u answered too often", n);
		CHECK(w, !paused || c->guest.frozen || w->paused || w->lies, "%u is not paused", n);
		later(w, paused ? RESUMES : PAUSES, n, 500);
		return;
	case DOMLET_ACT_SEND_THAW:
		later(w, GUEST_THAWED, n, 50);
		if (w->events[w->event_count - 1].at <= c->guest.frozen_at)
			w->events[w->event_count - 1].at = c->guest.frozen_at + 1;
		return;
	case DOMLET_ACT_ANSWER_RESUME:
		CHECK(w, ++c->resume_answers <= c->resumes, "RESUME of %u answered too often", n);
		if (paused)
			later(w, RESUMES, n, 500);
		return;
	case DOMLET_ACT_KILL: kill_container(w, n); return;
	case DOMLET_ACT_STOP: stop(w, n); return;
	case DOMLET_ACT_REPORT_EXIT: report(w, n); return;
	case DOMLET_ACT_SEND_DELETE: ask(w, DOMLET_MSG_DELETE, n, &c->delete_request); return;
	case DOMLET_ACT_ANSWER_DELETE:
		CHECK(w, ++c->delete_answers <= c->deletes, "DELETE of %u answered too often", n);
		return;
	default: return;
	}
}

/* Who asks counts what was taken, as the one who waits for the answer. */
static void count_questions(struct world *w, uint32_t n, const struct domlet_container_life *was,
			    enum domlet_life_event_type type)
{
	const struct domlet_container_life *is = &w->life.container[n];

	w->c[n].pauses += is->pause_pending && !was->pause_pending;
	w->c[n].resumes += is->resume_pending && !was->resume_pending;
	w->c[n].deletes += type == DOMLET_EV_DELETE && was->state != DOMLET_CONTAINER_NONE && !was->delete_pending &&
			   !w->finished;
}

/* Actions that are events at once (a publication) nest only as deep as there are such. */
static void feed(struct world *w, enum domlet_life_event_type type, uint32_t n, uint32_t code)
{
	struct domlet_life_event ev = { type, n, code };
	struct domlet_container_life was = w->life.container[n];
	struct domlet_life_actions out;

	domlet_life_step(&w->life, &ev, &out);
	sim_note(w->sim, "%s %u: domain %s, containers %s %s %s %s", domlet_life_event_type_name(type), n,
		 domlet_domain_state_name(w->life.domain.state), domlet_container_state_name(w->life.container[0].state),
		 domlet_container_state_name(w->life.container[1].state),
		 domlet_container_state_name(w->life.container[2].state),
		 domlet_container_state_name(w->life.container[3].state));
	CHECK(w, w->life.domain.state != DOMLET_DOMAIN_READY || !w->paused, "the domain is paused, and taken for ready");
	count_questions(w, n, &was, type);
	for (size_t i = 0; i < out.len; i++) {
		CHECK(w, !w->finished, "%s after FINISH", domlet_life_action_type_name(out.act[i].type));
		if (out.act[i].type < DOMLET_ACT_PUBLISH)
			perform_domain(w, out.act[i].type);
		else
			perform_container(w, out.act[i].type, out.act[i].container);
	}
}

static void monitor_hears_reply(struct world *w, const struct domlet_msg *m)
{
	bool ok = m->reply.code == 0;

	for (uint32_t i = 0; i < CONTAINERS && m->request; i++) {
		struct container *c = &w->c[i];

		if (m->request == c->create_request) {
			c->heard_created = c->heard_created || ok;
			feed(w, ok ? DOMLET_EV_CREATED : DOMLET_EV_CREATE_FAILED, i, 0);
		} else if (m->request == c->start_request) {
			feed(w, ok ? DOMLET_EV_STARTED : DOMLET_EV_START_FAILED, i, 0);
		} else if (m->request == c->delete_request) {
			feed(w, ok ? DOMLET_EV_DELETED : DOMLET_EV_DELETE_FAILED, i, 0);
		} else {
			continue;
		}
		return;
	}
}

static void monitor_hears(struct world *w, const struct domlet_msg *m)
{
	uint32_t n = m->exited.process - 1;

	switch (m->type) {
	case DOMLET_MSG_HELLO: feed(w, DOMLET_EV_HELLO, 0, 0); return;
	case DOMLET_MSG_EXITED:
		if (n >= CONTAINERS)
			return;
		w->c[n].heard_exited = true;
		feed(w, DOMLET_EV_EXITED, n, m->exited.code & 255);
		return;
	case DOMLET_MSG_REPLY: monitor_hears_reply(w, m); return;
	default: return;
	}
}

static void monitor_receives(struct world *w, const struct domlet_link_event *ev)
{
	for (uint32_t n = 0; n < CONTAINERS; n++) {
		struct container *c = &w->c[n];

		if (ev->stream != OUTPUT(n))
			continue;
		for (size_t i = 0; !w->lies && i < ev->len; i++)
			CHECK(w, ev->data[i] == (uint8_t)((c->received + i) * 7 + n),
			      "a byte of the output of %u is wrong", n);
		c->received += ev->len;
		c->held += ev->len;
		CHECK(w, c->held <= DOMLET_STREAM_WINDOW, "more than a window is held");
	}
	domlet_link_taken(&w->link[DOMLET_RING_HOST], ev->len);
}

static void reader_turn(struct world *w, uint32_t n)
{
	struct container *c = &w->c[n];
	uint32_t taken;

	if (c->held && !c->stopped && sim_chance(w->sim, 30)) {
		taken = sim_pick(w->sim, c->held < 5000 ? (uint32_t)c->held : 5000) + 1;
		c->held -= taken;
		if (w->attached)
			domlet_link_credit(&w->link[DOMLET_RING_HOST], OUTPUT(n), taken);
	}
	if (w->life.container[n].state == DOMLET_CONTAINER_DRAINING && !c->held)
		feed(w, DOMLET_EV_DRAINED, n, 0);
}

static void monitor_turn(struct world *w)
{
	uint32_t most = sim_pick(w->sim, 20);
	struct domlet_link_event ev;

	if (w->attached)
		domlet_link_allow(&w->link[DOMLET_RING_HOST], 1 + sim_pick(w->sim, 5000));
	for (uint32_t i = 0; i < most && w->attached; i++) {
		domlet_link_next(&w->link[DOMLET_RING_HOST], &ev);
		if (ev.type == DOMLET_LINK_IDLE || ev.type == DOMLET_LINK_BUSY)
			break;
		if (ev.type == DOMLET_LINK_MSG) {
			monitor_hears(w, &ev.msg);
		} else if (ev.type == DOMLET_LINK_DATA) {
			monitor_receives(w, &ev);
		} else if (ev.type == DOMLET_LINK_BROKEN) {
			CHECK(w, w->lies, "the guest broke the protocol: %s", ev.reason);
			feed(w, DOMLET_EV_BROKEN, 0, 0);
		}
	}
	for (uint32_t i = 0; i < CONTAINERS; i++)
		reader_turn(w, i);
	if (w->attached)
		(void)domlet_link_flush(&w->link[DOMLET_RING_HOST]);
}

static void ring_seen(struct world *w)
{
	if (w->life.domain.state != DOMLET_DOMAIN_BOOTING)
		return;
	feed(w, DOMLET_EV_RING_READY, 0, 0); /* before UNPAUSED sometimes */
	if (sim_chance(w->sim, 3)) {
		w->faulty = w->doomed = true;
		feed(w, DOMLET_EV_ATTACH_FAILED, 0, 0);
		return;
	}
	domlet_link_init(&w->link[DOMLET_RING_HOST], &w->pair.host, DOMLET_RING_HOST, RING_PAIR_EPOCH);
	w->attached = true;
}

/* --- the guest ------------------------------------------------------------- */

static bool guest_reply(struct world *w, uint32_t request, uint32_t chance)
{
	struct domlet_msg m = { .type = DOMLET_MSG_REPLY, .request = request };

	m.reply.code = sim_chance(w->sim, chance) ? 0 : 2;
	send(&w->link[DOMLET_RING_GUEST], &m);
	return m.reply.code == 0;
}

static void guest_exits(struct world *w, uint32_t n)
{
	struct container *c = &w->c[n];
	struct domlet_msg m = { .type = DOMLET_MSG_EXITED, .exited = { PROCESS(n), c->code, 0, 0 } };

	if (!c->guest.started || c->guest.frozen || c->sent < c->total ||
	    (w->sim->now < c->guest.stays && !c->guest.killed))
		return; /* guest_turn() comes back to it */
	if (!c->guest.eof)
		c->guest.eof = domlet_link_send_eof(&w->link[DOMLET_RING_GUEST], OUTPUT(n)) == 0;
	if (c->guest.eof && !c->guest.exited)
		c->guest.exited = domlet_link_send(&w->link[DOMLET_RING_GUEST], &m) == 0;
}

static void guest_ends(struct container *c, uint32_t code)
{
	if (!c->guest.created || c->guest.eof || c->guest.killed)
		return;
	c->guest.started = c->guest.killed = true;
	c->total = c->sent;
	c->code = code;
}

static void guest_created(struct world *w, uint32_t n)
{
	for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR; k++)
		(void)domlet_link_open(&w->link[DOMLET_RING_GUEST], domlet_stream_id(PROCESS(n), k));
	w->c[n].guest.created = guest_reply(w, w->c[n].guest.create_asked, 90);
}

static void guest_started(struct world *w, uint32_t n)
{
	struct container *c = &w->c[n];
	bool first = sim_chance(w->sim, 30); /* its end comes before the answer */

	if (c->guest.started) /* it was killed */
		return;
	c->guest.started = true;
	c->guest.stays = w->sim->now + (sim_chance(w->sim, 50) ? sim_pick(w->sim, 2000) : 0);
	if (first)
		guest_exits(w, n);
	if (guest_reply(w, c->guest.start_asked, 90) || first)
		return;
	c->guest.started = false;
	guest_ends(c, 255);
}

static void guest_lies(struct world *w)
{
	struct domlet_msg m = { .type = sim_chance(w->sim, 50) ? DOMLET_MSG_REPLY : DOMLET_MSG_EXITED,
				.request = sim_pick(w->sim, 12) };

	if (sim_chance(w->sim, 10))
		m.type = DOMLET_MSG_HELLO;
	else if (m.type == DOMLET_MSG_REPLY)
		m.reply.code = (int32_t)sim_pick(w->sim, 2);
	else
		m.exited.process = sim_pick(w->sim, 6);
	send(&w->link[DOMLET_RING_GUEST], &m);
	if (sim_chance(w->sim, 5))
		w->pair.page->to_host.prod += 5000;
	if (sim_chance(w->sim, 20))
		w->pair.to_host[sim_pick(w->sim, w->pair.host.size)] ^= 0x41;
}

static void guest_hears(struct world *w, const struct domlet_msg *m)
{
	uint32_t n = m->type == DOMLET_MSG_CREATE ? m->create.container :
		     m->type == DOMLET_MSG_START  ? m->start.container :
		     m->type == DOMLET_MSG_SIGNAL ? m->signal.container :
		     m->type == DOMLET_MSG_DELETE ? m->delete_.container :
						    0;
	struct container *c = &w->c[n];

	if (m->type == DOMLET_MSG_CREATE) {
		c->guest.create_asked = m->request;
		later(w, GUEST_CREATED, n, 100);
	} else if (m->type == DOMLET_MSG_START) {
		c->guest.start_asked = m->request;
		later(w, GUEST_STARTED, n, 100);
	} else if (m->type == DOMLET_MSG_SIGNAL) {
		guest_ends(c, 137);
	} else if (m->type == DOMLET_MSG_DELETE) {
		CHECK(w, c->guest.exited || w->lies, "the guest is to delete %u, which lives", n);
		c->guest.delete_asked = m->request;
		later(w, GUEST_DELETED, n, 100);
	}
}

static void guest_writes(struct world *w, uint32_t n)
{
	struct container *c = &w->c[n];
	size_t len = (size_t)(c->total - c->sent);
	uint8_t *span;

	if (len > 1)
		len = sim_pick(w->sim, len < 5000 ? (uint32_t)len : 5000) + 1;
	span = c->guest.started && !c->guest.frozen && len ?
		       domlet_link_reserve(&w->link[DOMLET_RING_GUEST], OUTPUT(n), &len) :
		       NULL;
	if (span) {
		for (size_t i = 0; i < len; i++)
			span[i] = (uint8_t)((c->sent + i) * 7 + n);
		domlet_link_commit(&w->link[DOMLET_RING_GUEST], len);
		c->sent += len;
	}
	guest_exits(w, n);
}

static void guest_turn(struct world *w)
{
	struct domlet_link_event ev;

	if (!w->alive || w->paused)
		return;
	for (domlet_link_next(&w->link[DOMLET_RING_GUEST], &ev); ev.type != DOMLET_LINK_IDLE;
	     domlet_link_next(&w->link[DOMLET_RING_GUEST], &ev)) {
		if (ev.type == DOMLET_LINK_BROKEN) {
			CHECK(w, w->lies, "the monitor broke the protocol: %s", ev.reason);
			w->alive = false;
			return;
		}
		if (ev.type == DOMLET_LINK_MSG)
			guest_hears(w, &ev.msg);
	}
	for (uint32_t i = 0; i < CONTAINERS; i++)
		guest_writes(w, i);
	if (w->lies && sim_chance(w->sim, 30))
		guest_lies(w);
	(void)domlet_link_flush(&w->link[DOMLET_RING_GUEST]);
}

static void guest_boots(struct world *w)
{
	struct domlet_msg m = { .type = DOMLET_MSG_HELLO, .hello.version = DOMLET_PROTO_VERSION };

	if (!w->exists)
		return;
	w->alive = true;
	domlet_link_init(&w->link[DOMLET_RING_GUEST], &w->pair.guest, DOMLET_RING_GUEST, RING_PAIR_EPOCH);
	send(&w->link[DOMLET_RING_GUEST], &m);
	later(w, RING_SEEN, 0, 50);
}

/* --- everything else --------------------------------------------------------- */

static void fault(struct world *w)
{
	static const enum domlet_life_event_type any[] = {
		DOMLET_EV_BOOT_TIMEOUT, DOMLET_EV_ANSWER_TIMEOUT, DOMLET_EV_KILL_TIMEOUT, DOMLET_EV_PROXY_LOST,
		DOMLET_EV_CALLER_LOST,  DOMLET_EV_DELETE,         DOMLET_EV_DESTROY,      DOMLET_EV_BROKEN,
	};
	enum domlet_life_event_type ev = any[sim_pick(w->sim, sizeof(any) / sizeof(any[0]))];
	uint32_t n = sim_pick(w->sim, CONTAINERS);
	bool of_one = ev >= DOMLET_EV_ARRIVE;

	w->faulty = true;
	w->doomed = w->doomed || ev == DOMLET_EV_DESTROY || (ev == DOMLET_EV_BROKEN && !w->stopped);
	for (uint32_t i = 0; i < CONTAINERS; i++)
		w->c[i].cut = w->c[i].cut || ev == DOMLET_EV_DESTROY ||
			      (i == n && of_one && ev != DOMLET_EV_ANSWER_TIMEOUT);
	w->c[n].doomed = w->c[n].doomed || (of_one && ev != DOMLET_EV_ANSWER_TIMEOUT && w->c[n].arrived);
	feed(w, ev, n, 0);
}

static void built(struct world *w)
{
	w->building = false;
	if (w->destroyed_outside || sim_chance(w->sim, 5)) {
		w->faulty = w->doomed = true;
		feed(w, DOMLET_EV_BUILD_FAILED, 0, 0);
		return;
	}
	w->exists = true;
	feed(w, DOMLET_EV_BUILT, 0, 0);
}

static void domain_paused(struct world *w, bool paused)
{
	bool ok = sim_chance(w->sim, 90);

	w->pausing = w->pausing && !paused;
	if (!w->exists || w->destroying)
		return;
	if (ok)
		w->paused = paused;
	if (paused)
		feed(w, ok ? DOMLET_EV_PAUSED : DOMLET_EV_PAUSE_FAILED, 0, 0);
	else
		feed(w, ok ? DOMLET_EV_RESUMED : DOMLET_EV_RESUME_FAILED, 0, 0);
}

static void arrives(struct world *w, uint32_t n)
{
	if (w->finished)
		return;
	w->c[n].arrived = true;
	feed(w, DOMLET_EV_ARRIVE, n, w->c[n].keeps);
}

static void happen_outside(struct world *w, enum event what)
{
	switch (what) {
	case SHUTDOWN:
		if (!w->exists)
			return;
		w->faulty = true;
		w->doomed = w->doomed || !w->stopped;
		w->alive = false;
		feed(w, DOMLET_EV_SHUTDOWN, 0, 0);
		return;
	case VANISHES:
		if (!w->exists && !w->building)
			return;
		w->faulty = w->destroyed_outside = true;
		w->doomed = w->doomed || !w->stopped;
		w->exists = w->alive = false;
		feed(w, DOMLET_EV_VANISHED, 0, 0);
		return;
	case ATTACK: w->lies = w->faulty = true; return;
	default: fault(w); return;
	}
}

static void happen_in_guest(struct world *w, enum event what, uint32_t n)
{
	struct container *c = &w->c[n];

	if (!w->alive)
		return;
	if (w->paused) { /* when it runs again */
		later(w, what, n, 100);
		return;
	}
	switch (what) {
	case GUEST_CREATED: guest_created(w, n); return;
	case GUEST_STARTED: guest_started(w, n); return;
	case GUEST_FROZEN:
		c->guest.frozen = !c->guest.exited && sim_chance(w->sim, 90);
		feed(w, c->guest.frozen ? DOMLET_EV_FROZEN : DOMLET_EV_FREEZE_FAILED, n, 0);
		return;
	case GUEST_THAWED:
		c->guest.frozen = false;
		feed(w, DOMLET_EV_THAWED, n, 0);
		return;
	default: (void)guest_reply(w, c->guest.delete_asked, 90); return; /* GUEST_DELETED */
	}
}

static void happen(struct world *w, enum event what, uint32_t n)
{
	switch (what) {
	case BUILT: built(w); return;
	case UNPAUSED:
		if (w->exists)
			feed(w, DOMLET_EV_UNPAUSED, 0, 0);
		return;
	case BOOTED: guest_boots(w); return;
	case RING_SEEN: ring_seen(w); return;
	case DESTROYED:
		w->exists = w->alive = false;
		feed(w, DOMLET_EV_DESTROYED, 0, 0);
		return;
	case SYNCED:
		if (w->alive)
			feed(w, sim_chance(w->sim, 90) ? DOMLET_EV_SYNCED : DOMLET_EV_SYNC_FAILED, 0, 0);
		return;
	case LATE_FAILURE: feed(w, w->pausing ? DOMLET_EV_SYNC_FAILED : DOMLET_EV_PAUSE_FAILED, 0, 0); return;
	case PAUSED:
	case RESUMED: domain_paused(w, what == PAUSED); return;
	case ARRIVES: arrives(w, n); return;
	case START: feed(w, DOMLET_EV_START, n, 0); return;
	case PAUSES: feed(w, DOMLET_EV_PAUSE, n, 0); return;
	case RESUMES: feed(w, DOMLET_EV_RESUME, n, 0); return;
	case DELETES: feed(w, DOMLET_EV_DELETE, n, 0); return;
	case CALLER_GOES: feed(w, DOMLET_EV_CALLER_LOST, n, 0); return;
	case KILL_UNCONFIRMED:
		if (w->c[n].reports)
			return;
		CHECK(w, w->faulty, "the guest has not ended %u in time", n);
		feed(w, DOMLET_EV_KILL_TIMEOUT, n, 0);
		return;
	default: break;
	}
	if (what >= SHUTDOWN)
		happen_outside(w, what);
	else
		happen_in_guest(w, what, n);
}

static uint64_t bytes_moved(const struct world *w)
{
	uint64_t moved = 0;

	for (uint32_t i = 0; i < CONTAINERS; i++)
		moved += w->c[i].sent + w->c[i].received - w->c[i].held;
	return moved;
}

static bool somebody_stays(const struct world *w)
{
	for (uint32_t i = 0; i < CONTAINERS && w->alive && !w->paused; i++)
		if (w->sim->now < w->c[i].guest.stays && !w->c[i].guest.exited)
			return true;
	return false;
}

/* True while something is still to come by itself. */
static bool step(struct world *w)
{
	uint64_t moved = bytes_moved(w);
	uint32_t first = 0;

	CHECK(w, w->sim->now++ < STEPS_MAX, "does not end");
	for (uint32_t i = 1; i < w->event_count; i++)
		if (w->events[i].at < w->events[first].at)
			first = i;
	if (w->event_count && w->events[first].at <= w->sim->now) {
		enum event what = w->events[first].what;
		uint32_t n = w->events[first].container;

		w->events[first] = w->events[--w->event_count];
		happen(w, what, n);
		return true;
	}
	if (w->event_count) {
		if (sim_chance(w->sim, 30))
			guest_turn(w);
		if (sim_chance(w->sim, 30))
			monitor_turn(w);
		return true;
	}
	for (int i = 0; i < 200 && !w->event_count; i++) { /* some turns do nothing */
		guest_turn(w);
		monitor_turn(w);
	}
	return w->event_count || moved != bytes_moved(w) || somebody_stays(w);
}

static void start(struct world *w)
{
	struct sim *s = w->sim;
	bool stopped = (s->seed % 4 == 1 && sim_chance(s, 50)) || (s->seed % 4 == 3 && sim_chance(s, 20));

	bool alone = sim_chance(s, 30);

	ring_pair_open(&w->pair, sim_pick(s, 3));
	for (uint32_t i = 0; i < CONTAINERS; i++) {
		struct container *c = &w->c[i];

		c->code = sim_pick(s, 256);
		c->total = sim_pick(s, 2) ? sim_pick(s, 50000) : sim_pick(s, 100);
		c->keeps = i == 0 || sim_chance(s, 30);
		c->stopped = stopped && sim_chance(s, 50);
		w->stopped = w->stopped || c->stopped;
		if (i && !alone)
			later(w, ARRIVES, i, 800);
	}
	w->faulty = w->stopped;
	if (s->seed % 4 == 2)
		later(w, ATTACK, 0, 500);
	for (uint32_t n = s->seed % 4 == 3 ? sim_pick(s, 3) + 1 : 0; n; n--)
		later(w, (enum event)(SHUTDOWN + sim_pick(s, 4)), 0, 1200);
	arrives(w, 0);
	feed(w, DOMLET_EV_LAUNCH, 0, 0);
}

static const char *describe(const struct world *w, char *text, size_t len)
{
	size_t used = (size_t)snprintf(text, len, "domain %s", domlet_domain_state_name(w->life.domain.state));

	for (uint32_t i = 0; i < CONTAINERS && used < len; i++)
		used += (size_t)snprintf(text + used, len - used, ", %u %s", i,
					 domlet_container_state_name(w->life.container[i].state));
	return text;
}

void sim_life(struct sim *s)
{
	static struct world world;
	struct world *w = &world;
	char text[256];

	memset(w, 0, offsetof(struct world, link));
	w->sim = s;
	start(w);
	while (step(w) && !w->finished)
		;
	CHECK(w, w->finished || (w->faulty && !w->doomed), "all is quiet, but it is not finished: %s",
	      describe(w, text, sizeof text));
	for (uint32_t i = 0; i < CONTAINERS; i++)
		CHECK(w, !w->c[i].doomed || w->lies || w->lost || w->c[i].reports,
		      "all is quiet, but %u is not over: %s", i, describe(w, text, sizeof text));
	if (!w->finished) { /* the end that somebody asks for */
		for (uint32_t i = 0; i < CONTAINERS; i++)
			w->c[i].cut = true;
		feed(w, DOMLET_EV_DESTROY, 0, 0);
		while (!w->finished && step(w))
			;
	}
	CHECK(w, w->finished, "destroyed, but not finished: %s", describe(w, text, sizeof text));
	for (int i = 0; i < 50; i++) /* late events must do nothing */
		feed(w, (enum domlet_life_event_type)sim_pick(s, DOMLET_EV_COUNT), sim_pick(s, CONTAINERS), 0);
	ring_pair_close(&w->pair);
}
