/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_FRAME_H
#define DOMLET_PROTO_FRAME_H

/*
 * Frames: what the byte rings carry. A fixed 24-byte little-endian header,
 * then LENGTH bytes of payload. Pure functions; memory is the caller's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "limits.h"

#define DOMLET_FRAME_HEADER_LEN 24u

enum domlet_frame_type {
	DOMLET_FRAME_MSG = 1,    /* payload: one message (msg.h); stream 0 */
	DOMLET_FRAME_DATA = 2,   /* payload: bytes of STREAM, 1..PAYLOAD_MAX */
	DOMLET_FRAME_EOF = 3,    /* STREAM's sender will send no more; no payload */
	DOMLET_FRAME_CREDIT = 4, /* payload: u32 bytes more may be sent on STREAM */
	DOMLET_FRAME_ACK = 5,    /* only its header's ack matters; no payload */
	DOMLET_FRAME_RESET = 6,  /* STREAM's receiver wants no more bytes: sender drops; no payload */
};

struct domlet_frame {
	uint32_t length; /* payload bytes */
	uint8_t type;
	uint8_t flags; /* 0 in this version */
	uint16_t zero;
	uint32_t stream; /* process or connection << 2 | enum domlet_stream_kind, 0 for MSG and ACK */
	uint32_t seq;    /* of MSG frames, from 1, else 0: what a new monitor replays */
	uint32_t ack;    /* last MSG seq of the peer that was handled */
	uint32_t epoch;  /* the attachment this frame belongs to */
};

enum domlet_stream_kind {
	DOMLET_STREAM_STDIN = 0,
	DOMLET_STREAM_STDOUT = 1,
	DOMLET_STREAM_STDERR = 2,
	DOMLET_STREAM_CONFIG = 3, /* a configuration too large for xenstore */
};

static inline uint32_t domlet_stream_id(uint32_t process, enum domlet_stream_kind kind)
{
	return process << 2 | (uint32_t)kind;
}

/* Connections to the host's sockets, from 0, are numbered after the processes. Host to guest they are
 * STDIN, guest to host STDOUT. */
#define DOMLET_STREAM_CONNECTION (DOMLET_PROCESS_MAX + 1)
/* All streams' numbers are below. */
#define DOMLET_STREAM_END ((DOMLET_STREAM_CONNECTION + DOMLET_FORWARD_CONNECTION_MAX) << 2)

static inline bool domlet_stream_is_connection(uint32_t stream)
{
	return stream >> 2 >= DOMLET_STREAM_CONNECTION;
}

/* Whether it may be a stream at all. */
static inline bool domlet_stream_in_range(uint32_t stream)
{
	uint32_t number = stream >> 2;

	if (domlet_stream_is_connection(stream))
		return number - DOMLET_STREAM_CONNECTION < DOMLET_FORWARD_CONNECTION_MAX &&
		       (stream & 3) <= DOMLET_STREAM_STDOUT;
	return number >= 1;
}

void domlet_frame_encode(const struct domlet_frame *f, uint8_t out[static DOMLET_FRAME_HEADER_LEN]);

/* Decodes and checks everything that can be checked without state: type,
 * flags, zero, length for its type, stream range. 0 or -EPROTO, and then
 * *reason is a static sentence. */
int domlet_frame_decode(const uint8_t in[static DOMLET_FRAME_HEADER_LEN], struct domlet_frame *f, const char **reason);

#endif
