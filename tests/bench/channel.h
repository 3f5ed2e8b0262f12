/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_BENCH_CHANNEL_H
#define DOMLET_BENCH_CHANNEL_H

/*
 * The two channels that are compared: domlet's link on its ring, as
 * domlet-init and the monitor drive it (poll, drain, link, then flush and notify when nothing more can be done), and
 * libxenvchan. The same code on both sides. A channel belongs to its caller.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../frontend/proto/link.h"

struct libxenvchan;

struct bench_channel {
	struct libxenvchan *vchan; /* set: this is the peer's channel */
	struct domlet_link link;
	struct domlet_ring *ring;
	uint32_t in, out; /* streams */
	void *device;
	int fd;
	int (*notify)(void *device);
	int (*drain)(void *device);
	bool (*relax)(void);
	uint64_t notifications; /* sent by this side */
};

void bench_channel_open(struct bench_channel *c, struct domlet_ring *ring, enum domlet_ring_role role, uint32_t epoch);
/* Both end the program when the other side is gone or wrong. */
void bench_channel_send(struct bench_channel *c, const void *data, size_t len);
/* Sent bytes are published at the latest here, or by the next receive. */
void bench_channel_flush(struct bench_channel *c);
void bench_channel_receive(struct bench_channel *c, void *data, size_t len);

/* What the host tells the guest to do, always by domlet's channel. */
enum bench_op { BENCH_ECHO, BENCH_OUT, BENCH_IN };

struct bench_command {
	uint32_t op, vchan, size, count;
};

/* What it cost this side. */
struct bench_cost {
	uint64_t system_calls, switches, notifications;
};

#define BENCH_SIZE_MAX (1u << 20)

/* The cost so far; system calls are counted under bench_trace only. */
void bench_cost_read(const struct bench_channel *c, struct bench_cost *cost);
/* Goes on in a child whose system calls are counted. */
void bench_trace(void);

#endif
