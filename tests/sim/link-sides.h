/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_SIM_LINK_SIDES_H
#define DOMLET_SIM_LINK_SIDES_H

/*
 * The host and the guest of the simulated link: what each says, sends and takes
 * in one step, and what is known of every stream from both ends. When each step
 * comes, and what goes wrong, is link.c's.
 */

#include "../../frontend/proto/link.h"
#include "../unit/ring_pair.h"
#include "sim.h"

#define PROCESSES 4u
#define KINDS 4u
#define WINDOW DOMLET_STREAM_WINDOW
#define REQUESTS 512u
#define EVENTS 64u

struct flow { /* one stream of one life of a process, seen from both ends */
	uint32_t stream;
	uint64_t total, offered, sent, received, held; /* held: taken, not yet consumed */
	bool sender_open, receiver_open;
	bool eof_sent, eof_seen, reset_sent, reset_seen, stopped;
	uint8_t salt;
};

enum life { NONE, CREATING, LIVE, FAILED, LINGERING, EXITED };

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
	bool full;
	int to_sleep; /* 1: swept, 2: flushed too, next comes arm */
	struct flow *reserved;
	size_t reserved_len;
};

struct world {
	struct sim *sim;
	struct ring_pair pair;
	struct side side[2];
	struct process process[PROCESSES];
	uint32_t process_count;
	uint32_t asks_left, request;
	bool asked[REQUESTS], answered[REQUESTS];
	struct reply replies[REQUESTS]; /* the guest's, not yet sent */
	uint32_t reply_count;
	struct {
		uint64_t at;
		struct side *to;
	} events[EVENTS];
	uint32_t event_count;
	bool tainted; /* garbage was written: contents mean nothing any more */
	uint64_t garbage_at, death_at;
	struct domlet_link link[2]; /* not cleared from one seed to the next, as each begins by domlet_link_init() */
};

#define CHECK(w, cond, ...)                              \
	do {                                             \
		if (!(w)->tainted && !(cond))            \
			sim_fail((w)->sim, __VA_ARGS__); \
	} while (0)

static inline struct side *host(struct world *w)
{
	return &w->side[DOMLET_RING_HOST];
}

/* Whether S is the sender of F. */
static inline bool sends(const struct side *s, const struct flow *f)
{
	uint32_t kind = f->stream & 3;

	return (kind == DOMLET_STREAM_STDIN || kind == DOMLET_STREAM_CONFIG) == (s->role == DOMLET_RING_HOST);
}

/* Each returns whether it did something. */
bool side_talk(struct world *w, struct side *s, struct process *p);
bool side_receive(struct world *w, struct side *s); /* one event */
/* Some of F, or its end; the commit may be left for LATER. */
bool side_send_flow(struct world *w, struct side *s, struct flow *f, bool later);
bool side_commit(struct side *s, bool cancel);

/* What happens outside: readers read, sources get more to say. */
bool side_outside(struct world *w, struct side *s, struct flow *f);
bool side_has_outside(const struct world *w, const struct side *s);

#endif
