/* SPDX-License-Identifier: MIT */
#include "sha256.h"

#include <string.h>

static const uint32_t round_key[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t v, unsigned int n)
{
	return (v >> n) | (v << (32 - n));
}

static void compress(uint32_t h[8], const uint8_t *p)
{
	uint32_t w[64], v[8];

	for (unsigned int i = 0; i < 16; i++, p += 4)
		w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	for (unsigned int i = 16; i < 64; i++) {
		uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3);
		uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10);

		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	memcpy(v, h, sizeof(v));
	for (unsigned int i = 0; i < 64; i++) {
		uint32_t e = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
		uint32_t choose = (v[4] & v[5]) ^ (~v[4] & v[6]);
		uint32_t t1 = v[7] + e + choose + round_key[i] + w[i];
		uint32_t a = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
		uint32_t major = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + a + major;
	}
	for (unsigned int i = 0; i < 8; i++)
		h[i] += v[i];
}

void domlet_sha256_init(struct domlet_sha256 *s)
{
	static const uint32_t start[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};

	memcpy(s->h, start, sizeof(start));
	s->total = 0;
}

void domlet_sha256_update(struct domlet_sha256 *s, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t held = s->total % sizeof(s->block);

	if (len == 0)
		return;
	s->total += len;
	if (held > 0) {
		size_t n = sizeof(s->block) - held < len ? sizeof(s->block) - held : len;

		memcpy(s->block + held, p, n);
		p += n;
		len -= n;
		if (held + n < sizeof(s->block))
			return;
		compress(s->h, s->block);
	}
	for (; len >= sizeof(s->block); p += sizeof(s->block), len -= sizeof(s->block))
		compress(s->h, p);
	if (len > 0)
		memcpy(s->block, p, len);
}

void domlet_sha256_final(struct domlet_sha256 *s, uint8_t out[32])
{
	uint64_t bits = s->total * 8;
	size_t held = s->total % sizeof(s->block);

	s->block[held++] = 0x80;
	if (held > sizeof(s->block) - 8) {
		memset(s->block + held, 0, sizeof(s->block) - held);
		compress(s->h, s->block);
		held = 0;
	}
	memset(s->block + held, 0, sizeof(s->block) - 8 - held);
	for (unsigned int i = 0; i < 8; i++)
		s->block[sizeof(s->block) - 1 - i] = (uint8_t)(bits >> (8 * i));
	compress(s->h, s->block);
	for (unsigned int i = 0; i < 8; i++)
		for (unsigned int j = 0; j < 4; j++)
			out[4 * i + j] = (uint8_t)(s->h[i] >> (24 - 8 * j));
}

void domlet_sha256(const void *data, size_t len, uint8_t out[32])
{
	struct domlet_sha256 s;

	domlet_sha256_init(&s);
	domlet_sha256_update(&s, data, len);
	domlet_sha256_final(&s, out);
}
