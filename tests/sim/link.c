// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A host and a guest, each with its link, over one ring. The host creates
 * processes (one number after the other again and again), feeds them, reads
 * what they write and asks questions; both are interrupted between any two
 * calls. Some seeds stop readers, kill a side or write garbage into the
 * shared pages.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "link-sides.h"

#define STEPS_MAX 3000000u

/* --- invariants ---------------------------------------------------------- */

static const struct domlet_link_stream *stream_of(const struct domlet_link *l, uint32_t stream)
{
	return l->streams[stream].known ? &l->streams[stream] : NULL;
}

static void check_flow(struct world *w, const struct flow *f)
{
	bool to_guest = sends(host(w), f);
	const struct domlet_link *from = &w->link[to_guest ? DOMLET_RING_HOST : DOMLET_RING_GUEST];
	const struct domlet_link *to = &w->link[to_guest ? DOMLET_RING_GUEST : DOMLET_RING_HOST];
	const struct domlet_link_stream *a = f->sender_open ? stream_of(from, f->stream) : NULL;
	const struct domlet_link_stream *b = f->receiver_open ? stream_of(to, f->stream) : NULL;
	uint64_t rest = to->in_open && !to->in_drop && to->in.type == DOMLET_FRAME_DATA && to->in.stream == f->stream ?
				to->in_left :
				0;

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

/* All that can be done now, as the real loops do before they sleep. */
static bool sweep(struct world *w, struct side *s)
{
	bool any = side_commit(s, false);

	s->full = false;
	while (!s->broken && side_receive(w, s))
		any = true;
	for (uint32_t i = 0; !s->broken && i < w->process_count; i++)
		any = side_talk(w, s, &w->process[i]) || any;
	for (uint32_t i = 0; !s->broken && i < w->process_count; i++)
		for (uint32_t k = 0; w->process[i].life && k < KINDS; k++)
			any = side_send_flow(w, s, &w->process[i].flow[k], false) || any;
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
		(void)side_receive(w, s);
	} else if (dice < 60) {
		(void)side_talk(w, s, p);
	} else if (dice < 70) {
		flush(w, s);
	} else if (dice < 75) {
		(void)side_commit(s, sim_chance(w->sim, 30));
	} else if (p->life && dice < 90) {
		(void)side_send_flow(w, s, f, sim_chance(w->sim, 30));
	} else if (p->life) {
		(void)side_outside(w, s, f);
	}
}

static void outside_step(struct world *w, struct side *s)
{
	for (uint32_t i = 0; i < w->process_count; i++)
		for (uint32_t k = 0; w->process[i].life && k < KINDS; k++)
			(void)side_outside(w, s, &w->process[i].flow[k]);
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
		if (side_has_outside(w, s)) {
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

		if (!s->dead && !s->broken && (!s->asleep || s->event || side_has_outside(w, s)))
			return false;
	}
	return w->event_count == 0;
}

static void start(struct world *w)
{
	struct sim *s = w->sim;
	uint32_t at = sim_chance(s, 50) ? UINT32_MAX - sim_pick(s, 100000) : 0;
	bool high = s->seed % 50 == 7; /* which takes its time: a link then looks at all its table */

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
		w->process[i].number = high ? DOMLET_PROCESS_MAX - i : i + 1;
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
	memset(w, 0, offsetof(struct world, link));
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
