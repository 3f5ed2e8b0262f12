/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_PUMP_H
#define DOMLET_PROTO_PUMP_H

/*
 * A ring over a byte socket: the socket end plays the ring's peer in private
 * memory, so that links run unchanged where there is no Xen (tests, fuzzing,
 * sanitizers). The caller owns MEM (DOMLET_PUMP_MEM_SIZE, page aligned) and
 * moves bytes with the two calls; no system calls here.
 */

#include "ring.h"

#define DOMLET_PUMP_MEM_SIZE ((size_t)DOMLET_PAGE_SIZE * (1u + (2u << DOMLET_RING_ORDER_DEFAULT)))

struct domlet_pump {
	struct domlet_ring near; /* what the link uses */
	struct domlet_ring far;  /* what the socket side uses */
};

/* Makes a pump over MEM, of DOMLET_PUMP_MEM_SIZE bytes; NEAR_ROLE is the role of the link. */
void domlet_pump_init(struct domlet_pump *p, void *mem, enum domlet_ring_role near_role, uint32_t epoch);
/* The bytes that the link has produced, *LEN of them, to be written to the socket; NULL:
 * there are none. As many as were written are then given to domlet_pump_sent(). */
const uint8_t *domlet_pump_to_send(struct domlet_pump *p, size_t *len);
void domlet_pump_sent(struct domlet_pump *p, size_t len);
/* Space for *LEN bytes of the socket's; NULL: there is none. As many as were read are then
 * given to domlet_pump_received(). */
uint8_t *domlet_pump_space(struct domlet_pump *p, size_t *len);
void domlet_pump_received(struct domlet_pump *p, size_t len);

#endif
