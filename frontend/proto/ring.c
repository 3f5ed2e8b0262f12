/* SPDX-License-Identifier: MIT */
#include "ring.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/*
 * Sleeping is Dekker's handshake: the sleeper stores its flag and then loads
 * the index, the waker stores the index and then loads the flag. All four are
 * sequentially consistent operations, so at least one of the two sees the
 * other. (Stand-alone fences would do too, but ThreadSanitizer can't see them.)
 */

/* On hardware some 100 microseconds, longer than an event takes: the peer may
 * be asleep itself when it is to answer. */
#define LINGER_ROUNDS 64
#define LINGER_LOOKS 1024
#define LINGER_MISSES_MAX 4 /* then 1 sleep in 16 is preceded by a look */

_Static_assert(sizeof(struct domlet_ring_half) == 128, "two cache lines");
_Static_assert(offsetof(struct domlet_ring_half, cons) == 64, "one writer a line");
_Static_assert(offsetof(struct domlet_ring_page, to_host) == 64, "cache line");
_Static_assert(sizeof(struct domlet_ring_page) <= DOMLET_PAGE_SIZE, "one page");

void domlet_ring_page_init(struct domlet_ring_page *page, uint32_t order, uint32_t epoch)
{
	assert(order <= DOMLET_RING_ORDER_MAX);
	memset(page, 0, sizeof(*page));
	page->magic = DOMLET_RING_MAGIC;
	page->version = DOMLET_PROTO_VERSION;
	page->order = order;
	page->epoch = epoch;
}

void domlet_ring_attach(struct domlet_ring *r, struct domlet_ring_page *page, uint8_t *data_to_host,
			uint8_t *data_to_guest, uint32_t order, enum domlet_ring_role role)
{
	bool guest = role == DOMLET_RING_GUEST;

	assert(order <= DOMLET_RING_ORDER_MAX);
	memset(r, 0, sizeof(*r));
	r->out = guest ? &page->to_host : &page->to_guest;
	r->in = guest ? &page->to_guest : &page->to_host;
	r->out_data = guest ? data_to_host : data_to_guest;
	r->in_data = guest ? data_to_guest : data_to_host;
	r->size = DOMLET_PAGE_SIZE << order;
}

static uint32_t room(const struct domlet_ring *r)
{
	return r->size - (r->out_written - r->out_cons);
}

static uint32_t ready(const struct domlet_ring *r)
{
	return r->in_prod - r->in_taken;
}

/* The peer can't have consumed less than before, nor more than we published. */
static bool accept_cons(struct domlet_ring *r, uint32_t cons)
{
	if (cons - r->out_cons > r->out_prod - r->out_cons) {
		r->broken = true;
		return false;
	}
	r->out_cons = cons;
	return true;
}

/* The peer can't have produced less than before, nor more than fits beside
 * what we have not yet published as consumed. */
static bool accept_prod(struct domlet_ring *r, uint32_t prod)
{
	if (prod - r->in_prod > r->size - (r->in_prod - r->in_cons)) {
		r->broken = true;
		return false;
	}
	r->in_prod = prod;
	return true;
}

int64_t domlet_ring_room(struct domlet_ring *r)
{
	if (r->broken || !accept_cons(r, __atomic_load_n(&r->out->cons, __ATOMIC_ACQUIRE)))
		return -EPROTO;
	return room(r);
}

int64_t domlet_ring_ready(struct domlet_ring *r)
{
	if (r->broken || !accept_prod(r, __atomic_load_n(&r->in->prod, __ATOMIC_ACQUIRE)))
		return -EPROTO;
	return ready(r);
}

/* Bytes from AT up to the wrap, at most LEFT, at most WANT. */
static size_t cut(const struct domlet_ring *r, uint32_t at, uint32_t left, size_t want)
{
	size_t len = r->size - (at & (r->size - 1));

	if (len > left)
		len = left;
	return len < want ? len : want;
}

uint8_t *domlet_ring_out_span(struct domlet_ring *r, uint32_t offset, size_t *len)
{
	uint32_t at = r->out_written + offset;

	*len = r->broken || offset >= room(r) ? 0 : cut(r, at, room(r) - offset, *len);
	return *len ? r->out_data + (at & (r->size - 1)) : NULL;
}

const uint8_t *domlet_ring_in_span(struct domlet_ring *r, uint32_t offset, size_t *len)
{
	uint32_t at = r->in_taken + offset;

	*len = r->broken || offset >= ready(r) ? 0 : cut(r, at, ready(r) - offset, *len);
	return *len ? r->in_data + (at & (r->size - 1)) : NULL;
}

void domlet_ring_copy_in(struct domlet_ring *r, uint32_t offset, const void *src, size_t len)
{
	const uint8_t *from = src;

	assert((uint64_t)offset + len <= room(r));
	while (len) {
		uint32_t at = r->out_written + offset;
		size_t n = cut(r, at, r->size, len);

		memcpy(r->out_data + (at & (r->size - 1)), from, n);
		from += n;
		offset += (uint32_t)n;
		len -= n;
	}
}

void domlet_ring_copy_out(struct domlet_ring *r, uint32_t offset, void *dst, size_t len)
{
	uint8_t *to = dst;

	assert((uint64_t)offset + len <= ready(r));
	while (len) {
		uint32_t at = r->in_taken + offset;
		size_t n = cut(r, at, r->size, len);

		memcpy(to, r->in_data + (at & (r->size - 1)), n);
		to += n;
		offset += (uint32_t)n;
		len -= n;
	}
}

void domlet_ring_produce(struct domlet_ring *r, uint32_t len)
{
	assert(len <= room(r));
	r->out_written += len;
}

void domlet_ring_consume(struct domlet_ring *r, uint32_t len)
{
	assert(len <= ready(r));
	r->in_taken += len;
}

/* Exchanging the flag makes it one event a sleep: whoever finds it already 0
 * knows that an event was sent or that the sleeper is awake. */
static void wake(struct domlet_ring *r, uint32_t *asleep)
{
	if (__atomic_load_n(asleep, __ATOMIC_SEQ_CST) && __atomic_exchange_n(asleep, 0, __ATOMIC_SEQ_CST))
		r->notify = true;
}

void domlet_ring_publish(struct domlet_ring *r)
{
	if (r->broken)
		return;
	if (r->out_written != r->out_prod) {
		r->out_prod = r->out_written;
		__atomic_store_n(&r->out->prod, r->out_prod, __ATOMIC_SEQ_CST);
		wake(r, &r->out->cons_asleep);
	}
	if (r->in_taken != r->in_cons) {
		r->in_cons = r->in_taken;
		__atomic_store_n(&r->in->cons, r->in_cons, __ATOMIC_SEQ_CST);
		/* in_prod may be old, then this wakes early: never too late. */
		if (ready(r) <= r->size / 2)
			wake(r, &r->in->prod_asleep);
	}
}

bool domlet_ring_take_notify(struct domlet_ring *r)
{
	bool notify = r->notify;

	r->notify = false;
	return notify;
}

/* Whether what a sleeper would wait for is there, or the ring is broken. The
 * same half as in publish, or a wake-up could be missed. */
static bool is_worth_waking(struct domlet_ring *r, bool want_room)
{
	if (__atomic_load_n(&r->in->prod, __ATOMIC_SEQ_CST) != r->in_prod)
		return true;
	return want_room &&
	       (!accept_cons(r, __atomic_load_n(&r->out->cons, __ATOMIC_SEQ_CST)) || room(r) >= r->size / 2);
}

bool domlet_ring_linger(struct domlet_ring *r, bool want_room, bool (*relax)(void))
{
	if (r->broken)
		return true;
	if (r->linger_skip) {
		r->linger_skip--;
		return false;
	}
	for (int round = 0; round < LINGER_ROUNDS && (round == 0 || relax()); round++) {
		for (int look = 0; look < LINGER_LOOKS; look++) {
			if (is_worth_waking(r, want_room)) {
				r->linger_misses = 0;
				return true;
			}
		}
	}
	r->linger_skip = (uint16_t)(1u << r->linger_misses);
	if (r->linger_misses < LINGER_MISSES_MAX)
		r->linger_misses++;
	return false;
}

bool domlet_ring_arm(struct domlet_ring *r, bool want_room)
{
	bool again;

	if (r->broken)
		return true;
	__atomic_exchange_n(&r->in->cons_asleep, 1, __ATOMIC_SEQ_CST);
	if (want_room)
		__atomic_exchange_n(&r->out->prod_asleep, 1, __ATOMIC_SEQ_CST);
	else if (__atomic_load_n(&r->out->prod_asleep, __ATOMIC_RELAXED))
		__atomic_store_n(&r->out->prod_asleep, 0, __ATOMIC_RELAXED);
	again = is_worth_waking(r, want_room);
	if (again)
		domlet_ring_disarm(r);
	return again;
}

void domlet_ring_disarm(struct domlet_ring *r)
{
	/* Loads first: an awake ring's lines stay shared. */
	if (__atomic_load_n(&r->in->cons_asleep, __ATOMIC_RELAXED))
		__atomic_store_n(&r->in->cons_asleep, 0, __ATOMIC_RELAXED);
	if (__atomic_load_n(&r->out->prod_asleep, __ATOMIC_RELAXED))
		__atomic_store_n(&r->out->prod_asleep, 0, __ATOMIC_RELAXED);
}
