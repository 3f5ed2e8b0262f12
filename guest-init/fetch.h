/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_FETCH_H
#define DOMLET_INIT_FETCH_H

/*
 * A container's document out of xenstore: read chunk by chunk from its node
 * below the domain's own directory, accepted only when length, generation
 * and SHA-256 are those that the ring announced.
 */

#include <stddef.h>
#include <stdint.h>

#include "failure.h"

struct xs_handle;

/* *text is malloc'ed, LEN bytes and a NUL. 0 or -errno with *failure. */
int domlet_fetch_document(struct xs_handle *xs, uint32_t container, uint64_t generation, uint32_t len,
			  const uint8_t sha256[static 32], char **text, struct domlet_failure *failure);
/* The check alone, for a document that came over the ring. */
int domlet_fetch_check(const char *text, uint32_t len, const uint8_t sha256[static 32], struct domlet_failure *failure);

#endif
