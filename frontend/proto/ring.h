/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_RING_H
#define DOMLET_PROTO_RING_H

/*
 * The shared-memory ring: one index page and two byte rings of equal,
 * power-of-two size, one per direction (the idea and the barriers are those of
 * xen/include/public/io/ring.h, DEFINE_XEN_FLEX_RING). This code is the same
 * in the guest, in dom0 and in the tests: no allocation, no system call, no
 * global. Memory belongs to the caller and must outlive the ring.
 *
 * The peer is hostile. Its two fields (its producer and consumer index) are
 * read once per call into private copies and checked against our own private
 * cursors; a value that can't be true makes the ring broken for good
 * (every later call returns -EPROTO). What we did to the ring ourselves is
 * asserted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

/* Free-running indices, little endian as the machine (x86 only). Fields of
 * one writer share a cache line, those of the other have another. The asleep
 * flags are advice: a peer that lies gets too many events or none, no more. */
struct domlet_ring_half {
	uint32_t prod;        /* written by this half's producer */
	uint32_t prod_asleep; /* producer waits for room; set by it, cleared by who wakes it */
	uint32_t pad0[14];
	uint32_t cons;        /* written by this half's consumer */
	uint32_t cons_asleep; /* consumer waits for data; set by it, cleared by who wakes it */
	uint32_t pad1[14];
};

#define DOMLET_RING_MAGIC 0x31544c44u /* "DLT1" */

/* The index page. Data pages' grant references follow in ref[]: first all of
 * the guest-to-host direction, then all of host-to-guest. */
struct domlet_ring_page {
	uint32_t magic;
	uint32_t version;
	uint32_t order; /* 1 << order data pages per direction */
	uint32_t epoch; /* raised by the guest at each new attachment */
	uint32_t pad[12];
	struct domlet_ring_half to_host;
	struct domlet_ring_half to_guest;
	uint32_t ref[2u << DOMLET_RING_ORDER_MAX];
};

enum domlet_ring_role { DOMLET_RING_GUEST, DOMLET_RING_HOST };

struct domlet_ring {
	struct domlet_ring_half *out; /* we produce */
	struct domlet_ring_half *in;  /* we consume */
	uint8_t *out_data;
	const uint8_t *in_data;
	uint32_t size;     /* bytes per direction, a power of two */
	uint32_t out_prod; /* private: published up to here */
	uint32_t out_cons; /* last checked copy of the peer's */
	uint32_t in_cons;
	uint32_t in_prod;
	uint32_t out_written;   /* >= out_prod: copied in, not yet published */
	uint32_t in_taken;      /* >= in_cons: consumed, not yet published */
	uint16_t linger_misses; /* in a row */
	uint16_t linger_skip;   /* sleeps to come without a look */
	bool notify;            /* the peer asked for an event since last asked */
	bool broken;
};

/* Formats a fresh index page (guest or test only). */
void domlet_ring_page_init(struct domlet_ring_page *page, uint32_t order, uint32_t epoch);

/* Attaches to a page; size is taken from ORDER as checked by the caller's
 * private copy, never re-read from the page. data_* point to 1 << order pages. */
void domlet_ring_attach(struct domlet_ring *r, struct domlet_ring_page *page, uint8_t *data_to_host,
			uint8_t *data_to_guest, uint32_t order, enum domlet_ring_role role);

/* Bytes free to write / ready to read; -EPROTO when broken. Reads the peer's
 * index once (acquire). */
int64_t domlet_ring_room(struct domlet_ring *r);
int64_t domlet_ring_ready(struct domlet_ring *r);

/* Contiguous span to fill / to read at OFFSET from the private cursor. *len
 * is how much is wanted (SIZE_MAX: all there is) and is cut at the wrap and at
 * what room/ready last said. NULL when 0 bytes. */
uint8_t *domlet_ring_out_span(struct domlet_ring *r, uint32_t offset, size_t *len);
const uint8_t *domlet_ring_in_span(struct domlet_ring *r, uint32_t offset, size_t *len);

/* Copies across the wrap; the caller has checked room/ready for LEN bytes. */
void domlet_ring_copy_in(struct domlet_ring *r, uint32_t offset, const void *src, size_t len);
void domlet_ring_copy_out(struct domlet_ring *r, uint32_t offset, void *dst, size_t len);

/* Advances the private cursors by LEN without publishing. */
void domlet_ring_produce(struct domlet_ring *r, uint32_t len);
void domlet_ring_consume(struct domlet_ring *r, uint32_t len);

/* Publishes produced/consumed bytes (sequentially consistent: the sleeper's
 * flag is looked at after), and notes in r->notify whether the peer sleeps on
 * them; its flag is cleared then, so that a sleep gets one event. Room is announced
 * only when at least half of the ring is free, so that a bulk sender isn't woken for
 * each frame. */
void domlet_ring_publish(struct domlet_ring *r);

/* True once per needed event: the caller then signals the event channel. */
bool domlet_ring_take_notify(struct domlet_ring *r);

/* Before arming: looks for some 100 microseconds whether the peer is about to
 * bring what arm would wait for, and says true when so (or the ring is broken: go
 * round again). An event costs both sides more than such a look. RELAX is called
 * now and then, and ends it by false. A look that was in vain is not repeated for
 * the next sleeps, 1, 2, 4 and at most 16 of them: a ring that is seldom used
 * costs nothing. */
bool domlet_ring_linger(struct domlet_ring *r, bool want_room, bool (*relax)(void));

/* Arms "wake me when there is data" and, if want_room, "... or room"; full
 * barrier; returns true (and disarms) when there already is, or the ring is
 * broken: do not sleep, go round again. Data means bytes that ready() hasn't
 * counted yet, so half a frame that was seen doesn't keep the caller awake; a
 * caller that stops before it has looked at all of ready() must come back by
 * itself. Room means half of the ring, as in publish. */
bool domlet_ring_arm(struct domlet_ring *r, bool want_room);
/* After waking up: no event wanted while awake. */
void domlet_ring_disarm(struct domlet_ring *r);

#endif
