/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_SHA256_H
#define DOMLET_INIT_SHA256_H

/*
 * SHA-256 (FIPS 180-4) of one buffer: guards the configuration against a
 * torn or stale read. No allocation.
 */

#include <stddef.h>
#include <stdint.h>

void domlet_sha256_digest(const void *data, size_t len, uint8_t out[static 32]);

#endif
