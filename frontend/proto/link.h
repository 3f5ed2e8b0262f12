/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_LINK_H
#define DOMLET_PROTO_LINK_H

/*
 * A link: frames, streams with credit, and messages over one ring. It is the
 * same state machine in domlet-init and in the monitor; it does no I/O and
 * no allocation, and is driven by calls. Memory belongs to the caller, and is
 * zero at first; a link is about 350 KiB, of which only what is used is ever
 * touched (64 bytes for a process that has streams), so put it where untouched
 * pages are none: a static variable, or calloc().
 *
 * Receiving: call domlet_link_next() until DOMLET_LINK_IDLE. A DATA event
 * points into the ring, valid until the next call on the link; take up to
 * len bytes (write() them or copy them) and say how much with
 * domlet_link_taken(): those bytes leave the ring. All of the event's bytes
 * must be taken before next() is called again (copy what the sink refuses
 * into a buffer of at most DOMLET_STREAM_WINDOW bytes): so no stream blocks
 * another. A caller may stop before IDLE to be fair to others, but must then
 * come back by itself instead of sleeping (domlet_ring_arm).
 * domlet_link_credit() returns credit when bytes reached their sink; it
 * batches, and sends a CREDIT frame at half a window.
 *
 * Sending: domlet_link_reserve() gives a span inside the ring to read() into,
 * domlet_link_commit() sends what was put there. Messages queue in a bounded
 * outbox when the ring is full and go first.
 *
 * After work: domlet_link_flush(), then domlet_ring_take_notify(). Consumed
 * bytes are given back to the peer, and sent ones published, at the latest each
 * quarter of the ring, so a caller with long batches may also ask take_notify
 * between events.
 *
 * A stream has one direction: STDIN and CONFIG host to guest, STDOUT and
 * STDERR guest to host. The link knows which end it is. A connection has two.
 */

#include "frame.h"
#include "msg.h"
#include "ring.h"

struct domlet_link_stream {
	uint32_t send_credit; /* bytes we may still send */
	uint32_t recv_credit; /* bytes the peer may still send */
	uint32_t recv_owed;   /* taken by the sink, not yet granted again */
	bool known : 1;       /* open, or closing */
	bool closing : 1;     /* closed by us: what still comes is dropped */
	bool send_eof : 1, recv_eof : 1, reset : 1;
};

struct domlet_link {
	struct domlet_ring *ring;
	enum domlet_ring_role role;
	uint32_t epoch;
	uint32_t send_seq, recv_seq, peer_ack, acked;
	uint32_t outbox_head, outbox_len; /* unsent: [head, len) */
	struct domlet_frame in;           /* frame being received */
	uint32_t in_left;                 /* its payload bytes not yet taken */
	bool in_open;
	bool in_drop;      /* the rest of this DATA frame is dropped */
	bool credit_waits; /* a stream owes credit that found the outbox full */
	uint32_t reserved_stream, reserved_len, reserved_ack;
	bool bounded;       /* domlet_link_allow() was called ... */
	uint32_t bound;     /* ... and this is where it ends, as ring->in_taken counts */
	const char *broken; /* sticky: why the peer was wrong */
	uint32_t top;       /* of the streams of processes that were ever known */
	uint8_t outbox[DOMLET_LINK_OUTBOX_MAX];
	uint8_t msg_copy[DOMLET_MSG_MAX];
	struct domlet_link_stream streams[DOMLET_STREAM_END]; /* by their numbers */
};

enum domlet_link_event_type {
	DOMLET_LINK_IDLE,  /* nothing complete in the ring */
	DOMLET_LINK_MSG,   /* ev->msg; slices live until the next call */
	DOMLET_LINK_DATA,  /* ev->stream, ev->data, ev->len */
	DOMLET_LINK_EOF,   /* ev->stream */
	DOMLET_LINK_ROOM,  /* ev->stream got credit */
	DOMLET_LINK_BUSY,  /* what domlet_link_allow() allows is used up; there may be more */
	DOMLET_LINK_RESET, /* ev->stream: the peer wants no more of it */
	DOMLET_LINK_BROKEN /* ev->reason; sticky */
};

struct domlet_link_event {
	enum domlet_link_event_type type;
	uint32_t stream;
	const uint8_t *data;
	size_t len;
	struct domlet_msg msg;
	const char *reason;
};

/* L is zero, or was a link before. */
void domlet_link_init(struct domlet_link *l, struct domlet_ring *ring, enum domlet_ring_role role, uint32_t epoch);

/* Both sides open the same streams when a process is created: -EEXIST when open,
 * -EINVAL when out of range. */
int domlet_link_open(struct domlet_link *l, uint32_t stream);
/* Sends nothing (send_eof, send_reset do). Late frames of a closed stream are
 * dropped: its DATA up to the credit that was out, and its EOF, CREDIT and
 * RESET. DATA of a stream that never was open breaks a host's link; a guest's
 * drops it as if it had been open, because the host may send before it learns
 * that CREATE failed. Opening it again begins afresh: the host uses a process
 * number again only after its EXITED or its failed CREATE. */
void domlet_link_close(struct domlet_link *l, uint32_t stream);

/* From here on next() takes BYTES out of the ring, or a frame's part more, and
 * then says BUSY until it is allowed more. All bytes count, also of frames that
 * are no event: a peer that refills the ring with these would keep next() going
 * as long as it likes. Without a call there is no bound, as of a guest, which
 * trusts its host. */
void domlet_link_allow(struct domlet_link *l, uint32_t bytes);
void domlet_link_next(struct domlet_link *l, struct domlet_link_event *ev);
void domlet_link_taken(struct domlet_link *l, size_t len);
void domlet_link_credit(struct domlet_link *l, uint32_t stream, size_t len);

/* 0, -EAGAIN when the outbox is full, -EMSGSIZE, -EINVAL when the message is
 * not this side's to send, -EPROTO when broken. */
int domlet_link_send(struct domlet_link *l, const struct domlet_msg *m);
/* 0, -EAGAIN, -EPROTO as above; -ENOENT when not open, -EINVAL when it is the
 * other side's to send, -EALREADY when sent before. After send_reset the link
 * drops the stream's DATA; its EOF still comes as an event. After a RESET event
 * reserve gives nothing more; the sender still owes its EOF. */
int domlet_link_send_eof(struct domlet_link *l, uint32_t stream);
int domlet_link_send_reset(struct domlet_link *l, uint32_t stream);

/* Whether reserve() finds room; if not, sleep for room (domlet_ring_arm) instead
 * of for the data's source. */
bool domlet_link_has_room(const struct domlet_link *l);

/* Span for up to *len bytes of STREAM, *len set to its size; NULL when there is
 * no credit, no room or messages wait (*len 0). One reservation at a time; what
 * is sent meanwhile waits in the outbox. */
uint8_t *domlet_link_reserve(struct domlet_link *l, uint32_t stream, size_t *len);
void domlet_link_commit(struct domlet_link *l, size_t len); /* 0 cancels */
/* True when STREAM has credit left: if reserve gave NULL all the same, the
 * ring is full and the caller should arm for room. */
bool domlet_link_has_credit(const struct domlet_link *l, uint32_t stream);

/* Moves the outbox into the ring and publishes. True when something waits
 * for room (arm with want_room). */
bool domlet_link_flush(struct domlet_link *l);

#endif
