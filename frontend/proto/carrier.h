/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_CARRIER_H
#define DOMLET_PROTO_CARRIER_H

/*
 * A container's files go over a ring of their own, as messages of the FUSE protocol (linux/fuse.h), one after
 * the other: requests of the guest's kernel in one direction, replies in the other. Before each comes the number of the
 * export that it is about, a u32, as each export is a connection of that protocol; a message begins with
 * its length in bytes, a u32 that counts itself. A message may be longer than the ring, so that it is put
 * together here, and taken apart. This code is the same on both sides: no allocation, no system call. Memory
 * belongs to the caller.
 *
 * The peer is hostile: a message is copied out of the ring before anybody looks at it, and its length is read
 * once. One that can't be true ends the share (-EPROTO from then on).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring.h"

/* Its bytes from here on are what a FUSE header has at least: of a reply. */
#define DOMLET_SHARE_MESSAGE_MIN 16u

struct domlet_carrier {
	struct domlet_ring *ring;
	uint8_t *in; /* of DOMLET_SHARE_MESSAGE_MAX bytes */
	uint32_t in_export, in_len, in_have;
	const uint8_t *out; /* NULL: nothing is on its way */
	uint32_t out_export, out_len, out_done;
	bool out_begun; /* the export's number is out */
};

void domlet_carrier_init(struct domlet_carrier *c, struct domlet_ring *ring, uint8_t *in);
/* Takes what has come: the length of a whole message at c->in, which stays there until the next call, as does c->in_export, the
 * peer's word for which export that is; 0: it isn't whole yet; -EPROTO. */
int64_t domlet_carrier_take(struct domlet_carrier *c);
/* Begins to send the LEN bytes at MESSAGE about EXPORT, which is the caller's and stays as it is until domlet_carrier_go_on() has said
 * that it is out. Nothing else is on its way. */
void domlet_carrier_send(struct domlet_carrier *c, uint32_t export, const uint8_t *message, uint32_t len);
/* Puts as much of it into the ring as there is room for, and publishes: 1: nothing is on its way any more; 0: it waits for
 * room; -EPROTO. */
int domlet_carrier_go_on(struct domlet_carrier *c);

#endif
