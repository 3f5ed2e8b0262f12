// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A host and a guest, each with its link, over one ring. The host creates
 * processes (one number after the other again and again), feeds them, reads
 * what they write and asks questions; both are interrupted between any two
 * calls. Some seeds stop readers, kill a side or write garbage into the
 * shared pages.
 */
#include <stdlib.h>
#include <string.h>

#include "../../frontend/proto/link.h"
#include "../unit/ring_pair.h"
#include "sim.h"

#define PROCESSES 4u
#define KINDS 4u
#define WINDOW DOMLET_STREAM_WINDOW
#define REQUESTS 512u
#define EVENTS 64u
#define STEPS_MAX 3000000u

struct flow { /* one stream of one life of a process, seen from both ends */
	uint32_t stream;
	uint64_t total, offered, sent, received, held; /* held: taken, not yet consumed */
	bool sender_open, receiver_open;
	bool eof_sent, eof_seen, reset_sent, reset_seen, stopped;
	uint8_t salt;
};

enum life { NONE, CREATING, LIVE, FAILED, EXITED };

struct process {
	uint32_t number, lives_left, life, request;
	enum life host, guest; /* as each side sees it */
	bool fails;            /* this life's CREATE */
	struct flow flow[KINDS];
};

struct reply {
	uint32_t request;
	int32_t code;
};

struct side {
	enum domlet_ring_role role;
	struct domlet_ring *ring;
	struct domlet_link *link;
	bool asleep, event, dead, broken;
	bool progress, full;
	int to_sleep; /* 1: swept, 2: flushed too, next comes arm */
	struct flow *reserved;
	size_t reserved_len;
};

struct world {
	struct sim *sim;
	struct ring_pair pair;
	struct domlet_link link[2];
	struct side side[2];
	struct process process[PROCESSES];
	uint32_t process_count;
	uint32_t asks_left, request;
	bool asked[REQUESTS], answered[REQUESTS];
	struct reply replies[REQUESTS]; /* the guest's, not yet sent */
	uint32_t reply_count;
	struct { uint64_t at; struct side *to; } events[EVENTS];
	uint32_t event_count;
	bool tainted; /* garbage was written: contents mean nothing any more */
	uint64_t garbage_at, death_at;
};

#define CHECK(w, cond, ...)                                       \
	do {                                                      \
		if (!(w)->tainted && !(cond))                     \
			sim_fail((w)->sim, __VA_ARGS__);          \
	} while (0)

static struct side *host(struct world *w)
{
	return &w->side[DOMLET_RING_HOST];
}

static bool sends(const struct side *s, const struct flow *f)
{
	uint32_t kind = f->stream & 3;

	return (kind == DOMLET_STREAM_STDIN || kind == DOMLET_STREAM_CONFIG) == (s->role == DOMLET_RING_HOST);
}

static struct flow *flow_of(struct world *w, uint32_t stream)
{
	for (uint32_t i = 0; i < w->process_count; i++)
		if (w->process[i].number == stream >> 2)
			return &w->process[i].flow[stream & 3];
	return NULL;
}

/* --- what the host and the guest say ------------------------------------ */

static uint64_t some_size(struct sim *s)
{
	static const uint32_t most[] = { 1, 100, 5000, 40000, 400000 };

	return sim_pick(s, most[sim_pick(s, 5)]);
}

static void close_flow(struct side *s, struct flow *f)
{
	bool *open = sends(s, f) ? &f->sender_open : &f->receiver_open;

	if (*open)
		domlet_link_close(s->link, f->stream);
	*open = false;
	if (s->reserved == f)
		s->reserved = NULL;
	if (!sends(s, f))
		f->held = 0;
}

static void open_flow(struct world *w, struct side *s, struct flow *f)
{
	int rc = domlet_link_open(s->link, f->stream);

	CHECK(w, rc == 0, "stream %u can't be opened: %d", f->stream, rc);
	*(sends(s, f) ? &f->sender_open : &f->receiver_open) = rc == 0;
}

static bool begin_life(struct world *w, struct process *p)
{
	struct domlet_msg m = { .type = DOMLET_MSG_CREATE, .request = w->request + 1 };
	bool config = sim_chance(w->sim, 40);

	if (w->request + 1 >= REQUESTS)
		return false;
	m.create.process = p->number;
	m.create.generation = p->life + 1;
	m.create.source = config;
	if (domlet_link_send(host(w)->link, &m) < 0)
		return false;
	p->request = ++w->request;
	w->asked[p->request] = true;
	p->life++;
	p->lives_left--;
	p->host = CREATING;
	p->fails = sim_chance(w->sim, 20);
	for (uint32_t k = 0; k < KINDS; k++) {
		struct flow *f = &p->flow[k];

		*f = (struct flow){ .stream = domlet_stream_id(p->number, k), .total = some_size(w->sim),
				    .salt = (uint8_t)(p->life * 17 + p->number * 5 + k) };
		f->stopped = w->sim->seed % 5 == 1 && k != DOMLET_STREAM_CONFIG && sim_chance(w->sim, 20);
		if (k != DOMLET_STREAM_CONFIG || config)
			open_flow(w, host(w), f);
	}
	sim_note(w->sim, "process %u begins life %u%s", p->number, p->life, p->fails ? ", which fails" : "");
	return true;
}

/* Called until all it has to say is said; true when it said something. */
static bool end_config(struct world *w, struct process *p)
{
	struct flow *f = &p->flow[DOMLET_STREAM_CONFIG];

	if (f->sender_open && !f->eof_sent && domlet_link_send_eof(host(w)->link, f->stream) < 0)
		return false;
	for (uint32_t k = 0; k < KINDS; k++)
		close_flow(host(w), &p->flow[k]);
	p->host = NONE;
	return true;
}

static bool host_drained(const struct process *p)
{
	return !p->flow[DOMLET_STREAM_STDOUT].held && !p->flow[DOMLET_STREAM_STDERR].held;
}

static bool host_talks(struct world *w, struct process *p)
{
	static uint8_t large[DOMLET_MSG_MAX - 20];
	struct domlet_msg ping = { .type = DOMLET_MSG_PING, .request = w->request + 1 };

	if (p->host == NONE && p->lives_left)
		return begin_life(w, p);
	if (p->host == FAILED)
		return end_config(w, p);
	if (p->host == EXITED && host_drained(p)) {
		for (uint32_t k = 0; k < KINDS; k++)
			close_flow(host(w), &p->flow[k]);
		p->host = NONE;
		return true;
	}
	if (!w->asks_left || w->request + 1 >= REQUESTS)
		return false;
	if (sim_chance(w->sim, 10)) { /* an EXEC that the guest refuses */
		ping.type = DOMLET_MSG_EXEC;
		ping.exec.process_json = (struct domlet_slice){ large, sim_pick(w->sim, sizeof(large)) };
	}
	if (domlet_link_send(host(w)->link, &ping) < 0)
		return false;
	w->asked[++w->request] = true;
	w->asks_left--;
	return true;
}

static void answer(struct world *w, uint32_t request, int32_t code)
{
	if (w->reply_count < REQUESTS)
		w->replies[w->reply_count++] = (struct reply){ request, code };
}

/* In any order, as answers come from processes of their own. */
static bool guest_replies(struct world *w, struct side *s)
{
	uint32_t i = w->reply_count ? sim_pick(w->sim, w->reply_count) : 0;
	struct domlet_msg m = { .type = DOMLET_MSG_REPLY };

	if (!w->reply_count)
		return false;
	m.request = w->replies[i].request;
	m.reply.code = w->replies[i].code;
	if (domlet_link_send(s->link, &m) < 0)
		return false;
	w->replies[i] = w->replies[--w->reply_count];
	return true;
}

static bool guest_talks(struct world *w, struct side *s, struct process *p)
{
	struct domlet_msg m = { .type = DOMLET_MSG_EXITED };

	if (p->guest != LIVE || !p->flow[DOMLET_STREAM_STDOUT].eof_sent || !p->flow[DOMLET_STREAM_STDERR].eof_sent)
		return guest_replies(w, s);
	m.exited.process = p->number;
	m.exited.code = p->life;
	if (domlet_link_send(s->link, &m) < 0)
		return false;
	for (uint32_t k = 0; k < KINDS; k++)
		close_flow(s, &p->flow[k]);
	p->guest = EXITED;
	return true;
}

static void guest_hears(struct world *w, struct side *s, const struct domlet_msg *m)
{
	struct flow *config;
	struct process *p = NULL;

	for (uint32_t i = 0; m->type == DOMLET_MSG_CREATE && i < w->process_count; i++)
		if (w->process[i].number == m->create.process)
			p = &w->process[i];
	if (!p) {
		CHECK(w, m->type != DOMLET_MSG_CREATE, "CREATE of a process that is none");
		answer(w, m->request, m->type == DOMLET_MSG_PING ? 0 : 38);
		return;
	}
	CHECK(w, p->guest == NONE || p->guest == EXITED, "CREATE of a process that lives");
	if (p->fails) {
		answer(w, m->request, 22);
		return;
	}
	config = &p->flow[DOMLET_STREAM_CONFIG];
	for (uint32_t k = 0; k < KINDS; k++)
		if (k != DOMLET_STREAM_CONFIG || m->create.source)
			open_flow(w, s, &p->flow[k]);
	p->guest = config->receiver_open ? CREATING : LIVE;
	if (p->guest == LIVE)
		answer(w, m->request, 0);
}

static void host_hears_reply(struct world *w, const struct domlet_msg *m)
{
	bool known = m->request < REQUESTS && w->asked[m->request];

	CHECK(w, known, "an answer to request %u, which was not asked", m->request);
	if (!known)
		return;
	CHECK(w, !w->answered[m->request], "request %u is answered twice", m->request);
	w->answered[m->request] = true;
	for (uint32_t i = 0; i < w->process_count; i++)
		if (w->process[i].request == m->request && w->process[i].host == CREATING)
			w->process[i].host = m->reply.code ? FAILED : LIVE;
}

static void host_hears(struct world *w, const struct domlet_msg *m)
{
	if (m->type == DOMLET_MSG_REPLY) {
		host_hears_reply(w, m);
		return;
	}
	for (uint32_t i = 0; m->type == DOMLET_MSG_EXITED && i < w->process_count; i++) {
		struct process *p = &w->process[i];

		if (p->number != m->exited.process)
			continue;
		CHECK(w, m->exited.code == p->life, "EXITED of life %u, not %u", m->exited.code, p->life);
		CHECK(w, p->flow[DOMLET_STREAM_STDOUT].eof_seen && p->flow[DOMLET_STREAM_STDERR].eof_seen,
		      "EXITED before the end of the outputs");
		p->host = EXITED;
	}
}

/* --- moving bytes -------------------------------------------------------- */

static uint8_t byte_of(const struct flow *f, uint64_t at)
{
	return (uint8_t)(at * 131 + (at >> 8) + f->salt);
}

static void take_data(struct world *w, struct side *s, struct flow *f, const struct domlet_link_event *ev)
{
	CHECK(w, f && f->receiver_open && !f->eof_seen && !f->reset_sent, "data of a stream nobody reads");
	for (size_t i = 0; f && !w->tainted && i < ev->len; i++)
		CHECK(w, ev->data[i] == byte_of(f, f->received + i), "stream %u, byte %llu is wrong", f->stream,
		      (unsigned long long)(f->received + i));
	domlet_link_taken(s->link, ev->len);
	if (!f)
		return;
	f->received += ev->len;
	f->held += ev->len;
	CHECK(w, f->received <= f->sent, "more received than sent");
	if (f->held > WINDOW) /* whatever the peer does: this bounds memory */
		sim_fail(w->sim, "more than a window is held");
}

static void take_end(struct world *w, struct side *s, struct flow *f)
{
	CHECK(w, f && f->receiver_open, "end of a stream nobody reads");
	if (!f)
		return;
	CHECK(w, !f->eof_seen && f->eof_sent, "stream %u ends early or twice", f->stream);
	CHECK(w, f->reset_sent || f->received == f->sent, "stream %u ends with bytes lost", f->stream);
	f->eof_seen = true;
	if ((f->stream & 3) == DOMLET_STREAM_CONFIG) {
		for (uint32_t i = 0; i < w->process_count; i++)
			if (w->process[i].number == f->stream >> 2) {
				answer(w, w->process[i].request, 0);
				w->process[i].guest = LIVE;
			}
		close_flow(s, f);
	}
}

/* One event. True when there was one. */
static bool receive(struct world *w, struct side *s)
{
	struct domlet_link_event ev;
	struct flow *f;

	domlet_link_next(s->link, &ev);
	f = flow_of(w, ev.stream);
	switch (ev.type) {
	case DOMLET_LINK_IDLE:
		return false;
	case DOMLET_LINK_MSG:
		if (s->role == DOMLET_RING_HOST)
			host_hears(w, &ev.msg);
		else
			guest_hears(w, s, &ev.msg);
		return true;
	case DOMLET_LINK_DATA:
		take_data(w, s, f, &ev);
		return true;
	case DOMLET_LINK_EOF:
		take_end(w, s, f);
		return true;
	case DOMLET_LINK_RESET:
		CHECK(w, f && f->reset_sent && !f->reset_seen, "a reset that nobody sent");
		if (f)
			f->reset_seen = true;
		return true;
	case DOMLET_LINK_ROOM:
		CHECK(w, f && f->sender_open, "credit for a stream nobody sends");
		return true;
	case DOMLET_LINK_BROKEN:
		CHECK(w, false, "broken: %s", ev.reason);
		sim_note(w->sim, "side %d: broken: %s", s->role, ev.reason);
		s->broken = true;
		return true;
	}
	return true;
}

static bool commit(struct side *s, bool cancel)
{
	struct flow *f = s->reserved;
	size_t n = f && !cancel ? s->reserved_len : 0;

	if (s->link->reserved_len == 0)
		return false;
	domlet_link_commit(s->link, n);
	if (f && !s->link->broken && !s->ring->broken)
		f->sent += n;
	s->reserved = NULL;
	return n > 0;
}

static bool is_sendable(const struct world *w, const struct side *s, const struct flow *f)
{
	const struct process *p = &w->process[(f->stream >> 2) - 1];
	enum life seen = s->role == DOMLET_RING_HOST ? p->host : p->guest;

	return sends(s, f) && f->sender_open && !f->eof_sent &&
	       (seen == LIVE || (f->stream & 3) == DOMLET_STREAM_CONFIG);
}

/* Sends some of F, or its end; the commit may be left for later. */
static bool send_flow(struct world *w, struct side *s, struct flow *f, bool later)
{
	size_t len = (size_t)(f->offered - f->sent);
	uint8_t *span;

	if (!is_sendable(w, s, f) || s->link->reserved_len)
		return false;
	if (f->sent == f->total || f->reset_seen) {
		f->eof_sent = domlet_link_send_eof(s->link, f->stream) == 0;
		return f->eof_sent;
	}
	if (len == 0)
		return false;
	if (len > 1 && sim_chance(w->sim, 50))
		len = sim_pick(w->sim, (uint32_t)len) + 1;
	span = domlet_link_reserve(s->link, f->stream, &len);
	if (!span) {
		s->full = s->full || domlet_link_has_credit(s->link, f->stream);
		return false;
	}
	for (size_t i = 0; i < len; i++)
		span[i] = byte_of(f, f->sent + i);
	s->reserved = f;
	s->reserved_len = len;
	return later ? true : commit(s, false);
}

/* What happens outside: readers read, sources get more to say. */
static bool outside(struct world *w, struct side *s, struct flow *f)
{
	if (is_sendable(w, s, f) && f->offered < f->total) {
		f->offered += sim_pick(w->sim, (uint32_t)(f->total - f->offered)) + 1;
		return true;
	}
	if (sends(s, f) || !f->receiver_open)
		return false;
	if (!f->reset_sent && !f->eof_seen && (f->stream & 3) != DOMLET_STREAM_CONFIG && sim_chance(w->sim, 1)) {
		f->reset_sent = domlet_link_send_reset(s->link, f->stream) == 0;
		return f->reset_sent;
	}
	if (f->held && !f->stopped) {
		uint32_t n = sim_pick(w->sim, (uint32_t)f->held) + 1;

		f->held -= n;
		domlet_link_credit(s->link, f->stream, n);
		return true;
	}
	return false;
}

static bool has_outside(const struct world *w, const struct side *s)
{
	for (uint32_t i = 0; i < w->process_count; i++) {
		const struct process *p = &w->process[i];

		if (s->role == DOMLET_RING_HOST && p->host == NONE && p->lives_left)
			return true;
		for (uint32_t k = 0; p->life && k < KINDS; k++) {
			const struct flow *f = &p->flow[k];

			if ((is_sendable(w, s, f) && f->offered < f->total) ||
			    (!sends(s, f) && f->receiver_open && f->held && !f->stopped))
				return true;
		}
	}
	return false;
}

/* --- invariants ---------------------------------------------------------- */

static const struct domlet_link_stream *stream_of(const struct domlet_link *l, uint32_t stream)
{
	return l->slot[stream] ? &l->streams[l->slot[stream] - 1] : NULL;
}

static void check_flow(struct world *w, const struct flow *f)
{
	bool to_guest = sends(host(w), f);
	const struct domlet_link *from = &w->link[to_guest ? DOMLET_RING_HOST : DOMLET_RING_GUEST];
	const struct domlet_link *to = &w->link[to_guest ? DOMLET_RING_GUEST : DOMLET_RING_HOST];
	const struct domlet_link_stream *a = f->sender_open ? stream_of(from, f->stream) : NULL;
	const struct domlet_link_stream *b = f->receiver_open ? stream_of(to, f->stream) : NULL;
	uint64_t rest = to->in_open && !to->in_drop && to->in.type == DOMLET_FRAME_DATA && to->in.stream == f->stream ?
				to->in_left : 0;

	if (a && b && a->send_credit > b->recv_credit)
		sim_fail(w->sim, "stream %u: the sender has more credit than was given", f->stream);
	if (b && !f->reset_sent && b->recv_credit + b->recv_owed + f->held + rest != WINDOW)
		sim_fail(w->sim, "stream %u: credit %u, owed %u, held %llu and %llu coming are no window", f->stream,
			 b->recv_credit, b->recv_owed, (unsigned long long)f->held, (unsigned long long)rest);
}

static void check_all(struct world *w)
{
	for (uint32_t i = 0; i < w->process_count && !w->tainted; i++)
		for (uint32_t k = 0; w->process[i].life && k < KINDS; k++)
			check_flow(w, &w->process[i].flow[k]);
}

static void check_end(struct world *w)
{
	for (uint32_t i = 0; i < w->process_count; i++) {
		const struct process *p = &w->process[i];
		bool stopped = false;

		for (uint32_t k = DOMLET_STREAM_STDOUT; k <= DOMLET_STREAM_STDERR; k++)
			stopped = stopped || p->flow[k].stopped;
		if (!stopped && (p->lives_left || p->host != NONE))
			sim_fail(w->sim, "all sleep, but process %u is in life %u (host %d, guest %d)", p->number,
				 p->life, p->host, p->guest);
	}
	for (uint32_t r = 1; r <= w->request; r++)
		if (!w->answered[r])
			sim_fail(w->sim, "all sleep, but request %u has no answer", r);
	if (w->asks_left && w->request + 1 < REQUESTS)
		sim_fail(w->sim, "all sleep, but there are questions left");
}

/* --- time ----------------------------------------------------------------- */

static void flush(struct world *w, struct side *s)
{
	s->full = domlet_link_flush(s->link) || s->full;
	if (domlet_ring_take_notify(s->ring) && w->event_count < EVENTS) {
		w->events[w->event_count].at = w->sim->now + 1 + sim_pick(w->sim, 200);
		w->events[w->event_count++].to = &w->side[!s->role];
	}
}

static bool talk(struct world *w, struct side *s, struct process *p)
{
	return s->role == DOMLET_RING_HOST ? host_talks(w, p) : guest_talks(w, s, p);
}

/* All that can be done now, as the real loops do before they sleep. */
static bool sweep(struct world *w, struct side *s)
{
	bool any = commit(s, false);

	s->full = false;
	while (!s->broken && receive(w, s))
		any = true;
	for (uint32_t i = 0; !s->broken && i < w->process_count; i++)
		any = talk(w, s, &w->process[i]) || any;
	for (uint32_t i = 0; !s->broken && i < w->process_count; i++)
		for (uint32_t k = 0; w->process[i].life && k < KINDS; k++)
			any = send_flow(w, s, &w->process[i].flow[k], false) || any;
	return any;
}

static void fall_asleep(struct world *w, struct side *s)
{
	if (s->to_sleep == 0) {
		s->to_sleep = sweep(w, s) ? 0 : 1;
	} else if (s->to_sleep == 1) {
		flush(w, s);
		s->to_sleep = 2;
	} else {
		s->to_sleep = 0;
		s->asleep = !domlet_ring_arm(s->ring, s->full);
	}
}

static void step(struct world *w, struct side *s)
{
	struct process *p = &w->process[sim_pick(w->sim, w->process_count)];
	struct flow *f = &p->flow[sim_pick(w->sim, KINDS)];
	uint32_t dice = sim_pick(w->sim, 100);

	if (s->asleep) {
		s->asleep = s->event = false;
		domlet_ring_disarm(s->ring);
	} else if (s->to_sleep || dice < 15) {
		fall_asleep(w, s);
	} else if (dice < 45) {
		(void)receive(w, s);
	} else if (dice < 60) {
		(void)talk(w, s, p);
	} else if (dice < 70) {
		flush(w, s);
	} else if (dice < 75) {
		(void)commit(s, sim_chance(w->sim, 30));
	} else if (p->life && dice < 90) {
		(void)send_flow(w, s, f, sim_chance(w->sim, 30));
	} else if (p->life) {
		(void)outside(w, s, f);
	}
}

static void outside_step(struct world *w, struct side *s)
{
	for (uint32_t i = 0; i < w->process_count; i++)
		for (uint32_t k = 0; w->process[i].life && k < KINDS; k++)
			(void)outside(w, s, &w->process[i].flow[k]);
}

static void deliver(struct world *w)
{
	for (uint32_t i = 0; i < w->event_count;) {
		if (w->events[i].at > w->sim->now) {
			i++;
			continue;
		}
		w->events[i].to->event = true;
		w->events[i] = w->events[--w->event_count];
	}
}

static void garbage(struct world *w)
{
	struct domlet_ring_half *half = sim_chance(w->sim, 50) ? &w->pair.page->to_host : &w->pair.page->to_guest;
	uint8_t *data = sim_chance(w->sim, 50) ? w->pair.to_host : w->pair.to_guest;
	uint32_t n = sim_pick(w->sim, 200) + 1;

	w->tainted = true;
	sim_note(w->sim, "garbage");
	switch (sim_pick(w->sim, 6)) {
	case 0: half->prod += sim_pick(w->sim, 100000); break;
	case 1: half->cons = (uint32_t)sim_next(w->sim); break;
	case 2: half->prod_asleep = half->cons_asleep = sim_pick(w->sim, 2); break;
	default:
		while (n--) {
			uint32_t at = sim_pick(w->sim, w->pair.host.size);

			/* Small numbers make frames that look right. */
			data[at] = (uint8_t)sim_pick(w->sim, sim_chance(w->sim, 50) ? 8 : 256);
		}
	}
}

static void faults(struct world *w)
{
	if (w->garbage_at && w->sim->now >= w->garbage_at) {
		garbage(w);
		w->garbage_at = sim_chance(w->sim, 80) ? w->sim->now + sim_pick(w->sim, 300) : 0;
	}
	if (w->death_at && w->sim->now >= w->death_at) {
		w->side[sim_pick(w->sim, 2)].dead = true;
		w->death_at = 0;
		sim_note(w->sim, "a side dies");
	}
}

static struct side *who_is_next(struct world *w)
{
	struct side *s = &w->side[sim_pick(w->sim, 2)];

	for (int i = 0; i < 2; i++, s = &w->side[!s->role]) {
		if (s->dead || s->broken)
			continue;
		if (!s->asleep || s->event || (sim_chance(w->sim, 1)))
			return s;
		if (has_outside(w, s)) {
			outside_step(w, s); /* poll() has something */
			return s;
		}
	}
	return NULL;
}

static bool all_sleep(const struct world *w)
{
	for (int i = 0; i < 2; i++) {
		const struct side *s = &w->side[i];

		if (!s->dead && !s->broken && (!s->asleep || s->event || has_outside(w, s)))
			return false;
	}
	return w->event_count == 0;
}

static void start(struct world *w)
{
	struct sim *s = w->sim;
	uint32_t at = sim_chance(s, 50) ? UINT32_MAX - sim_pick(s, 100000) : 0;

	ring_pair_open(&w->pair, sim_chance(s, 90) ? sim_pick(s, 4) : DOMLET_RING_ORDER_DEFAULT);
	ring_pair_start_at(&w->pair, at);
	for (int i = 0; i < 2; i++) {
		w->side[i].role = i ? DOMLET_RING_HOST : DOMLET_RING_GUEST;
		w->side[i].ring = i ? &w->pair.host : &w->pair.guest;
		w->side[i].link = &w->link[w->side[i].role];
		domlet_link_init(w->side[i].link, w->side[i].ring, w->side[i].role, RING_PAIR_EPOCH);
		w->side[i].link->send_seq = w->side[i].link->recv_seq = at;
		w->side[i].link->peer_ack = w->side[i].link->acked = at;
	}
	w->process_count = sim_pick(s, PROCESSES) + 1;
	for (uint32_t i = 0; i < w->process_count; i++) {
		w->process[i].number = i + 1;
		w->process[i].lives_left = sim_pick(s, 4);
	}
	w->asks_left = sim_pick(s, sim_chance(s, 20) ? 400 : 20);
	if (s->seed % 5 == 2)
		w->garbage_at = sim_pick(s, 3000) + 1;
	if (s->seed % 5 == 3)
		w->death_at = sim_pick(s, 3000) + 1;
}

void sim_link(struct sim *s)
{
	static struct world world;
	struct world *w = &world;
	bool died;

	_Static_assert(DOMLET_RING_GUEST == 0 && DOMLET_RING_HOST == 1, "side[role]");
	memset(w, 0, sizeof(*w));
	w->sim = s;
	start(w);
	while (!all_sleep(w)) {
		struct side *next;

		if (s->now++ > STEPS_MAX)
			sim_fail(s, "does not end");
		deliver(w);
		faults(w);
		next = who_is_next(w);
		if (next)
			step(w, next);
		check_all(w);
	}
	died = w->side[0].dead || w->side[1].dead;
	if (!w->tainted && !died)
		check_end(w);
	sim_note(s, "ends");
	ring_pair_close(&w->pair);
}
