/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_SHA256_H
#define DOMLET_PROTO_SHA256_H

/*
 * SHA-256 (FIPS 180-4), for the check that a document arrived whole and for the names
 * of cached images. There is no allocation; the context is the caller's, and so are
 * lengths, which are in bytes.
 */

#include <stddef.h>
#include <stdint.h>

struct domlet_sha256 {
	uint32_t h[8];
	uint64_t total; /* bytes taken so far */
	uint8_t block[64];
};

void domlet_sha256_init(struct domlet_sha256 *s);
void domlet_sha256_update(struct domlet_sha256 *s, const void *data, size_t len);
/* The context must be initialised again before it is used again. */
void domlet_sha256_final(struct domlet_sha256 *s, uint8_t out[32]);
/* All three at once. */
void domlet_sha256(const void *data, size_t len, uint8_t out[32]);

#endif
