/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_WIRE_H
#define DOMLET_PROTO_WIRE_H

/*
 * Little-endian integers in byte buffers, for the encoders and decoders of
 * this folder. The caller has checked that 4 bytes are there.
 */

#include <stdint.h>

static inline void domlet_wire_put_u32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v & 0xff);
	p[1] = (uint8_t)(v >> 8 & 0xff);
	p[2] = (uint8_t)(v >> 16 & 0xff);
	p[3] = (uint8_t)(v >> 24);
}

static inline uint32_t domlet_wire_get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

#endif
