// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The monitor's life cycle with everything around it simulated: libxl, the
 * guest at the other end of a ring, the caller, the reader of the output. In
 * some seeds domains vanish, builds fail, callers go, readers stop, guests
 * lie. Always: each question is answered once, the exit is reported once, no
 * domain is left, and then it is finished; and where nothing went wrong, the
 * guest's exit code is reported after its last byte was read.
 */
#include <string.h>

#include "../../frontend/proto/link.h"
#include "../../toolstack/core/lifecycle.h"
#include "../unit/ring_pair.h"
#include "sim.h"

#define EVENTS 64u
#define STEPS_MAX 200000u
#define PROCESS 1u
#define OUTPUT domlet_stream_id(PROCESS, DOMLET_STREAM_STDOUT)

enum event {
	BUILT,
	UNPAUSED,
	BOOTED,
	RING_SEEN,
	DESTROYED,
	START,
	GUEST_CREATED,
	GUEST_STARTED,
	SHUTDOWN,
	VANISHES,
	ATTACK,
	/* what else may happen: */ FAULT
};

struct world {
	struct sim *sim;
	struct domlet_lifecycle lc;
	struct ring_pair pair;
	struct domlet_link host, guest;
	struct {
		uint64_t at;
		enum event what;
	} events[EVENTS];
	uint32_t event_count;
	bool exists, building, destroying, destroyed_outside, attached, finished; /* the domain; the monitor */
	bool alive, lies, started;                                                /* the guest */
	bool faulty;  /* something went wrong: no promise but a clean end */
	bool stopped; /* nobody reads the output */
	bool doomed;  /* must now end without being told */
	bool heard_created, heard_exited;
	bool cut;                                        /* somebody wants no more output */
	uint32_t request, create_request, start_request; /* the monitor's */
	uint32_t create_asked, start_asked;              /* as the guest heard them */
	uint32_t code, reported;
	uint64_t total, sent, received, held;
	bool eof, exited;
	unsigned int builds, create_answers, starts, start_answers, reports, finishes, destroys;
};

#define CHECK(w, cond, ...)                              \
	do {                                             \
		if (!(cond))                             \
			sim_fail((w)->sim, __VA_ARGS__); \
	} while (0)

static void feed(struct world *w, enum domlet_life_event ev, uint32_t code);

static void later(struct world *w, enum event what, uint32_t most)
{
	CHECK(w, w->event_count < EVENTS, "the simulation is too small");
	w->events[w->event_count].at = w->sim->now + 1 + sim_pick(w->sim, most);
	w->events[w->event_count++].what = what;
}

static void send(struct world *w, struct domlet_link *l, struct domlet_msg *m)
{
	(void)w;
	(void)domlet_link_send(l, m);
	(void)domlet_link_flush(l);
}

/* --- the monitor ----------------------------------------------------------- */

static void ask_create(struct world *w)
{
	struct domlet_msg m = { .type = DOMLET_MSG_CREATE, .request = ++w->request };

	CHECK(w, w->attached, "CREATE without a ring");
	for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR; k++)
		(void)domlet_link_open(&w->host, domlet_stream_id(PROCESS, k));
	m.create.process = PROCESS;
	w->create_request = m.request;
	send(w, &w->host, &m);
}

static void ask_start(struct world *w)
{
	struct domlet_msg m = { .type = DOMLET_MSG_START, .request = ++w->request };

	CHECK(w, w->attached, "START without a ring");
	w->starts++;
	w->start_request = m.request;
	send(w, &w->host, &m);
}

static void publish(struct world *w)
{
	CHECK(w, w->exists && !w->destroying, "a domain that is none is unpaused");
	if (sim_chance(w->sim, 3)) {
		w->faulty = w->doomed = true;
		feed(w, DOMLET_EV_UNPAUSE_FAILED, 0);
		return;
	}
	later(w, UNPAUSED, 100);
	later(w, BOOTED, 100);
}

static void destroy(struct world *w)
{
	CHECK(w, ++w->destroys == 1, "destroyed twice");
	CHECK(w, !w->attached, "destroyed while the ring is mapped");
	w->destroying = true;
	later(w, DESTROYED, 100);
}

static void perform(struct world *w, enum domlet_life_action a)
{
	CHECK(w, !w->finished, "action %u after FINISH", a);
	switch (a) {
	case DOMLET_ACT_BUILD:
		CHECK(w, ++w->builds == 1, "built twice");
		w->building = true;
		later(w, BUILT, 200);
		return;
	case DOMLET_ACT_PUBLISH_AND_UNPAUSE: publish(w); return;
	case DOMLET_ACT_ARM_BOOT_TIMER:
	case DOMLET_ACT_ATTACH: return;
	case DOMLET_ACT_SEND_CREATE: ask_create(w); return;
	case DOMLET_ACT_ANSWER_CREATE:
		CHECK(w, ++w->create_answers == 1, "CREATE answered twice");
		CHECK(w, w->lc.failed || w->heard_created, "CREATE answered with success, but the guest didn't say so");
		if (!w->lc.failed)
			later(w, START, 200);
		return;
	case DOMLET_ACT_SEND_START: ask_start(w); return;
	case DOMLET_ACT_ANSWER_START: CHECK(w, ++w->start_answers <= w->starts, "START answered too often"); return;
	case DOMLET_ACT_DETACH: w->attached = false; return;
	case DOMLET_ACT_DESTROY: destroy(w); return;
	case DOMLET_ACT_REPORT_EXIT:
		CHECK(w, ++w->reports == 1, "exit reported twice");
		w->reported = w->lc.exit_code;
		CHECK(w, !w->heard_exited || w->lies || w->cut || (w->reported == w->code && !w->held),
		      "exit %u reported, but the guest's was %u, with %llu bytes unread", w->reported, w->code,
		      (unsigned long long)w->held);
		CHECK(w, w->faulty || w->lc.failed || (w->reported == w->code && w->received == w->total && !w->held),
		      "exit %u reported, but the guest's is %u, with %llu of %llu bytes read", w->reported, w->code,
		      (unsigned long long)(w->received - w->held), (unsigned long long)w->total);
		return;
	case DOMLET_ACT_FINISH:
		w->finishes++;
		CHECK(w, !w->exists && !w->building && !w->attached, "finished, but a domain is left");
		CHECK(w, w->create_answers == 1 && w->start_answers == w->starts && w->reports == 1,
		      "finished with %u of 1 CREATE, %u of %u STARTs, %u of 1 exits said", w->create_answers,
		      w->start_answers, w->starts, w->reports);
		w->finished = true;
		return;
	}
}

static void feed(struct world *w, enum domlet_life_event ev, uint32_t code)
{
	struct domlet_life_actions out;

	domlet_lifecycle_step(&w->lc, ev, code, &out);
	sim_note(w->sim, "%s: domain %s, container %s", domlet_life_event_name(ev),
		 domlet_domain_life_name(w->lc.domain), domlet_container_life_name(w->lc.container));
	for (size_t i = 0; i < out.len; i++)
		perform(w, out.act[i]);
}

static void monitor_hears(struct world *w, const struct domlet_msg *m)
{
	bool create = m->request == w->create_request;

	switch (m->type) {
	case DOMLET_MSG_HELLO: feed(w, DOMLET_EV_HELLO, 0); return;
	case DOMLET_MSG_EXITED:
		w->heard_exited = true;
		if (m->exited.process == PROCESS)
			feed(w, DOMLET_EV_EXITED, m->exited.code & 255);
		return;
	case DOMLET_MSG_REPLY:
		w->heard_created = w->heard_created || (create && m->reply.code == 0);
		if (!create && m->request != w->start_request)
			return;
		if (m->reply.code == 0)
			feed(w, create ? DOMLET_EV_CREATED : DOMLET_EV_STARTED, 0);
		else
			feed(w, create ? DOMLET_EV_CREATE_FAILED : DOMLET_EV_START_FAILED, 0);
		return;
	default: return;
	}
}

static void monitor_receives(struct world *w, const struct domlet_link_event *ev)
{
	for (size_t i = 0; ev->stream == OUTPUT && !w->lies && i < ev->len; i++)
		CHECK(w, ev->data[i] == (uint8_t)((w->received + i) * 7), "a byte of the output is wrong");
	domlet_link_taken(&w->host, ev->len);
	if (ev->stream != OUTPUT)
		return;
	w->received += ev->len;
	w->held += ev->len;
	CHECK(w, w->held <= DOMLET_STREAM_WINDOW, "more than a window is held");
}

static void monitor_turn(struct world *w)
{
	uint32_t most = sim_pick(w->sim, 20);
	struct domlet_link_event ev;
	uint32_t n;

	if (w->attached)
		domlet_link_allow(&w->host, 1 + sim_pick(w->sim, 5000));
	for (uint32_t i = 0; i < most && w->attached; i++) {
		domlet_link_next(&w->host, &ev);
		if (ev.type == DOMLET_LINK_IDLE || ev.type == DOMLET_LINK_BUSY)
			break;
		if (ev.type == DOMLET_LINK_MSG) {
			monitor_hears(w, &ev.msg);
		} else if (ev.type == DOMLET_LINK_DATA) {
			monitor_receives(w, &ev);
		} else if (ev.type == DOMLET_LINK_BROKEN) {
			CHECK(w, w->lies, "the guest broke the protocol: %s", ev.reason);
			feed(w, DOMLET_EV_BROKEN, 0);
		}
	}
	if (w->held && !w->stopped && sim_chance(w->sim, 30)) {
		n = sim_pick(w->sim, w->held < 5000 ? (uint32_t)w->held : 5000) + 1;
		w->held -= n;
		if (w->attached)
			domlet_link_credit(&w->host, OUTPUT, n);
	}
	if (w->lc.container == DOMLET_CONTAINER_DRAINING && !w->held)
		feed(w, DOMLET_EV_DRAINED, 0);
	if (w->attached)
		(void)domlet_link_flush(&w->host);
}

static void ring_seen(struct world *w)
{
	if (w->lc.domain == DOMLET_DOMAIN_PAUSED)
		feed(w, DOMLET_EV_UNPAUSED, 0);
	if (w->lc.domain != DOMLET_DOMAIN_BOOTING)
		return;
	feed(w, DOMLET_EV_RING_READY, 0);
	if (sim_chance(w->sim, 3)) {
		w->faulty = w->doomed = true;
		feed(w, DOMLET_EV_ATTACH_FAILED, 0);
		return;
	}
	domlet_link_init(&w->host, &w->pair.host, DOMLET_RING_HOST, RING_PAIR_EPOCH);
	w->attached = true;
}

/* --- the guest ------------------------------------------------------------- */

static void guest_reply(struct world *w, uint32_t request, bool *ok)
{
	struct domlet_msg m = { .type = DOMLET_MSG_REPLY, .request = request };

	*ok = sim_chance(w->sim, 90);
	m.reply.code = *ok ? 0 : 2;
	send(w, &w->guest, &m);
}

static void guest_exits(struct world *w)
{
	struct domlet_msg m = { .type = DOMLET_MSG_EXITED, .exited = { PROCESS, w->code, 0, 0 } };

	if (!w->started || w->sent < w->total)
		return; /* guest_turn() comes back to it */
	if (!w->eof)
		w->eof = domlet_link_send_eof(&w->guest, OUTPUT) == 0;
	if (w->eof && !w->exited)
		w->exited = domlet_link_send(&w->guest, &m) == 0;
}

static void guest_started(struct world *w)
{
	bool ok, first = sim_chance(w->sim, 30); /* its end comes before the answer */

	w->started = true;
	if (first)
		guest_exits(w);
	guest_reply(w, w->start_asked, &ok);
	if (ok || first)
		return;
	w->started = false;
	w->total = w->sent;
}

static void guest_lies(struct world *w)
{
	struct domlet_msg m = { .type = sim_chance(w->sim, 50) ? DOMLET_MSG_REPLY : DOMLET_MSG_EXITED,
				.request = sim_pick(w->sim, 4) };

	if (sim_chance(w->sim, 10))
		m.type = DOMLET_MSG_HELLO;
	else if (m.type == DOMLET_MSG_REPLY)
		m.reply.code = (int32_t)sim_pick(w->sim, 2);
	else
		m.exited.process = sim_pick(w->sim, 3);
	send(w, &w->guest, &m);
	if (sim_chance(w->sim, 5))
		w->pair.page->to_host.prod += 5000;
	if (sim_chance(w->sim, 20))
		w->pair.to_host[sim_pick(w->sim, w->pair.host.size)] ^= 0x41;
}

static void guest_turn(struct world *w)
{
	struct domlet_link_event ev;
	size_t len = (size_t)(w->total - w->sent);
	uint8_t *span;

	if (len > 1)
		len = sim_pick(w->sim, len < 5000 ? (uint32_t)len : 5000) + 1;
	if (!w->alive)
		return;
	for (domlet_link_next(&w->guest, &ev); ev.type != DOMLET_LINK_IDLE; domlet_link_next(&w->guest, &ev)) {
		if (ev.type == DOMLET_LINK_BROKEN) {
			CHECK(w, w->lies, "the monitor broke the protocol: %s", ev.reason);
			w->alive = false;
			return;
		}
		if (ev.type == DOMLET_LINK_MSG && ev.msg.type == DOMLET_MSG_CREATE) {
			w->create_asked = ev.msg.request;
			later(w, GUEST_CREATED, 100);
		} else if (ev.type == DOMLET_LINK_MSG && ev.msg.type == DOMLET_MSG_START) {
			w->start_asked = ev.msg.request;
			later(w, GUEST_STARTED, 100);
		}
	}
	span = w->started && len ? domlet_link_reserve(&w->guest, OUTPUT, &len) : NULL;
	if (span) {
		for (size_t i = 0; i < len; i++)
			span[i] = (uint8_t)((w->sent + i) * 7);
		domlet_link_commit(&w->guest, len);
		w->sent += len;
	}
	guest_exits(w);
	if (w->lies && sim_chance(w->sim, 30))
		guest_lies(w);
	(void)domlet_link_flush(&w->guest);
}

static void guest_boots(struct world *w)
{
	struct domlet_msg m = { .type = DOMLET_MSG_HELLO, .hello.version = DOMLET_PROTO_VERSION };

	if (!w->exists)
		return;
	w->alive = true;
	domlet_link_init(&w->guest, &w->pair.guest, DOMLET_RING_GUEST, RING_PAIR_EPOCH);
	send(w, &w->guest, &m);
	later(w, RING_SEEN, 50);
}

/* --- everything else --------------------------------------------------------- */

static void fault(struct world *w)
{
	static const enum domlet_life_event any[] = {
		DOMLET_EV_BOOT_TIMEOUT, DOMLET_EV_KILL_TIMEOUT, DOMLET_EV_PROXY_LOST,
		DOMLET_EV_CALLER_LOST,  DOMLET_EV_DESTROY,      DOMLET_EV_BROKEN,
	};

	enum domlet_life_event ev = any[sim_pick(w->sim, sizeof(any) / sizeof(any[0]))];

	w->faulty = true;
	w->doomed = w->doomed || (ev != DOMLET_EV_BOOT_TIMEOUT && (ev != DOMLET_EV_BROKEN || !w->stopped));
	w->cut = w->cut || (ev != DOMLET_EV_BOOT_TIMEOUT && ev != DOMLET_EV_BROKEN);
	feed(w, ev, 0);
}

static void built(struct world *w)
{
	w->building = false;
	if (w->destroyed_outside || sim_chance(w->sim, 5)) {
		w->faulty = w->doomed = true;
		feed(w, DOMLET_EV_BUILD_FAILED, 0);
		return;
	}
	w->exists = true;
	feed(w, DOMLET_EV_BUILT, 0);
}

static void happen(struct world *w, enum event what)
{
	bool ok;

	switch (what) {
	case BUILT: built(w); return;
	case UNPAUSED:
		if (w->exists)
			feed(w, DOMLET_EV_UNPAUSED, 0);
		return;
	case BOOTED: guest_boots(w); return;
	case RING_SEEN: ring_seen(w); return;
	case DESTROYED:
		w->exists = w->alive = false;
		feed(w, DOMLET_EV_DESTROYED, 0);
		return;
	case START: feed(w, DOMLET_EV_START, 0); return;
	case GUEST_CREATED:
		if (!w->alive)
			return;
		for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR; k++)
			(void)domlet_link_open(&w->guest, domlet_stream_id(PROCESS, k));
		guest_reply(w, w->create_asked, &ok);
		return;
	case GUEST_STARTED:
		if (w->alive)
			guest_started(w);
		return;
	case SHUTDOWN:
		if (!w->exists)
			return;
		w->faulty = true;
		w->doomed = w->doomed || !w->stopped;
		w->alive = false;
		feed(w, DOMLET_EV_SHUTDOWN, 0);
		return;
	case VANISHES:
		if (!w->exists && !w->building)
			return;
		w->faulty = w->destroyed_outside = true;
		w->doomed = w->doomed || !w->stopped;
		w->exists = w->alive = false;
		feed(w, DOMLET_EV_VANISHED, 0);
		return;
	case ATTACK: w->lies = w->faulty = true; return;
	case FAULT: fault(w); return;
	}
}

/* True while something is still to come by itself. */
static bool step(struct world *w)
{
	uint64_t moved = w->sent + w->received - w->held;
	uint32_t first = 0;

	CHECK(w, w->sim->now++ < STEPS_MAX, "does not end");
	for (uint32_t i = 1; i < w->event_count; i++)
		if (w->events[i].at < w->events[first].at)
			first = i;
	if (w->event_count && w->events[first].at <= w->sim->now) {
		enum event what = w->events[first].what;

		w->events[first] = w->events[--w->event_count];
		happen(w, what);
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
	return w->event_count || moved != w->sent + w->received - w->held;
}

static void start(struct world *w)
{
	struct sim *s = w->sim;

	ring_pair_open(&w->pair, sim_pick(s, 3));
	w->code = sim_pick(s, 256);
	w->total = sim_pick(s, 2) ? sim_pick(s, 100000) : sim_pick(s, 100);
	switch (s->seed % 4) {
	case 0: break;
	case 1: w->stopped = w->faulty = sim_chance(s, 50); break;
	case 2: later(w, ATTACK, 500); break;
	default:
		w->stopped = w->faulty = sim_chance(s, 20);
		for (uint32_t n = sim_pick(s, 3) + 1; n; n--)
			later(w, (enum event)(SHUTDOWN + sim_pick(s, 4)), 800);
	}
	feed(w, DOMLET_EV_LAUNCH, 0);
}

void sim_lifecycle(struct sim *s)
{
	struct world w = { .sim = s };

	start(&w);
	while (step(&w) && !w.finished)
		;
	CHECK(&w, w.finished || (w.faulty && !w.doomed), "all is quiet, but it is not finished: domain %s, container %s",
	      domlet_domain_life_name(w.lc.domain), domlet_container_life_name(w.lc.container));
	if (!w.finished) { /* `domlet delete` */
		w.cut = true;
		feed(&w, DOMLET_EV_DESTROY, 0);
		while (!w.finished && step(&w))
			;
	}
	CHECK(&w, w.finished, "deleted, but not finished: domain %s, container %s",
	      domlet_domain_life_name(w.lc.domain), domlet_container_life_name(w.lc.container));
	for (int i = 0; i < 50; i++) /* late events must do nothing */
		feed(&w, (enum domlet_life_event)sim_pick(s, DOMLET_EV_COUNT), 0);
	ring_pair_close(&w.pair);
}
