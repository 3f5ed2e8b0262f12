// SPDX-License-Identifier: GPL-2.0-or-later
#include "link-sides.h"

static struct process *process_of(const struct world *w, uint32_t stream)
{
	for (uint32_t i = 0; i < w->process_count; i++)
		if (w->process[i].number == stream >> 2)
			return (struct process *)&w->process[i];
	return NULL;
}

static struct flow *flow_of(struct world *w, uint32_t stream)
{
	struct process *p = process_of(w, stream);

	return p ? &p->flow[stream & 3] : NULL;
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

		*f = (struct flow){ .stream = domlet_stream_id(p->number, k),
				    .total = some_size(w->sim),
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
	return p->flow[DOMLET_STREAM_STDOUT].eof_seen && p->flow[DOMLET_STREAM_STDERR].eof_seen &&
	       !p->flow[DOMLET_STREAM_STDOUT].held && !p->flow[DOMLET_STREAM_STDERR].held;
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

static bool outputs_ended(const struct process *p)
{
	return p->flow[DOMLET_STREAM_STDOUT].eof_sent && p->flow[DOMLET_STREAM_STDERR].eof_sent;
}

/* With EXITED and the ends of its outputs, whichever comes last, its number is free. */
static void guest_ends(struct side *s, struct process *p)
{
	if (s->role != DOMLET_RING_GUEST || p->guest != LINGERING || !outputs_ended(p))
		return;
	for (uint32_t k = 0; k < KINDS; k++)
		close_flow(s, &p->flow[k]);
	p->guest = EXITED;
}

static bool guest_talks(struct world *w, struct side *s, struct process *p)
{
	struct domlet_msg m = { .type = DOMLET_MSG_EXITED };

	/* Others that it has left running may have its outputs open still. */
	if (p->guest != LIVE || (!outputs_ended(p) && !sim_chance(w->sim, 2)))
		return guest_replies(w, s);
	m.exited.process = p->number;
	m.exited.code = p->life;
	if (domlet_link_send(s->link, &m) < 0)
		return false;
	p->guest = LINGERING;
	guest_ends(s, p);
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
		p->host = EXITED;
	}
}

bool side_talk(struct world *w, struct side *s, struct process *p)
{
	return s->role == DOMLET_RING_HOST ? host_talks(w, p) : guest_talks(w, s, p);
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

bool side_receive(struct world *w, struct side *s)
{
	struct domlet_link_event ev;
	struct flow *f;

	if (s->role == DOMLET_RING_HOST && sim_chance(w->sim, 20))
		domlet_link_allow(s->link, sim_pick(w->sim, 3000));
	domlet_link_next(s->link, &ev);
	f = flow_of(w, ev.stream);
	switch (ev.type) {
	case DOMLET_LINK_IDLE: return false;
	case DOMLET_LINK_BUSY: domlet_link_allow(s->link, 1 + sim_pick(w->sim, 3000)); return true;
	case DOMLET_LINK_MSG:
		if (s->role == DOMLET_RING_HOST)
			host_hears(w, &ev.msg);
		else
			guest_hears(w, s, &ev.msg);
		return true;
	case DOMLET_LINK_DATA: take_data(w, s, f, &ev); return true;
	case DOMLET_LINK_EOF: take_end(w, s, f); return true;
	case DOMLET_LINK_RESET:
		CHECK(w, f && f->reset_sent && !f->reset_seen, "a reset that nobody sent");
		if (f)
			f->reset_seen = true;
		return true;
	case DOMLET_LINK_ROOM: CHECK(w, f && f->sender_open, "credit for a stream nobody sends"); return true;
	case DOMLET_LINK_BROKEN:
		CHECK(w, false, "broken: %s", ev.reason);
		sim_note(w->sim, "side %d: broken: %s", s->role, ev.reason);
		s->broken = true;
		return true;
	}
	return true;
}

bool side_commit(struct side *s, bool cancel)
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
	const struct process *p = process_of(w, f->stream);
	enum life seen = s->role == DOMLET_RING_HOST ? p->host : p->guest;

	return sends(s, f) && f->sender_open && !f->eof_sent &&
	       (seen == LIVE || (seen == LINGERING && (f->stream & 3) != DOMLET_STREAM_STDIN) ||
		(f->stream & 3) == DOMLET_STREAM_CONFIG);
}

bool side_send_flow(struct world *w, struct side *s, struct flow *f, bool later)
{
	size_t len = (size_t)(f->offered - f->sent);
	uint8_t *span;

	if (!is_sendable(w, s, f) || s->link->reserved_len)
		return false;
	if (f->sent == f->total || f->reset_seen) {
		f->eof_sent = domlet_link_send_eof(s->link, f->stream) == 0;
		guest_ends(s, process_of(w, f->stream)); /* before the number can come again */
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
	return later ? true : side_commit(s, false);
}

bool side_outside(struct world *w, struct side *s, struct flow *f)
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

bool side_has_outside(const struct world *w, const struct side *s)
{
	const struct side *peer = &w->side[!s->role];
	/* Nobody makes room any more: what is to be said stays unsaid. */
	bool stuck = s->full && (peer->dead || peer->broken);

	for (uint32_t i = 0; i < w->process_count; i++) {
		const struct process *p = &w->process[i];

		if (s->role == DOMLET_RING_HOST && p->host == NONE && p->lives_left && !stuck)
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
