/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_FETCH_H
#define DOMLET_INIT_FETCH_H

/*
 * A container's document: read chunk by chunk out of xenstore, from its node
 * below the domain's own directory, or come over the ring; accepted only when
 * length, generation and SHA-256 are those announced in both places.
 */

#include <stddef.h>
#include <stdint.h>

#include "failure.h"

struct xs_handle;

/* What xenstore announces of CONTAINER is what the ring announced. */
int domlet_fetch_announced(struct xs_handle *xs, uint32_t container, uint64_t generation, uint32_t len,
			   const uint8_t sha256[static 32], struct domlet_failure *failure);
/* *text is malloc'ed, LEN bytes and a NUL. 0 or -errno with *failure. */
int domlet_fetch_document(struct xs_handle *xs, uint32_t container, uint32_t len, const uint8_t sha256[static 32],
			  char **text, struct domlet_failure *failure);
/* The check alone, for a document that came over the ring. */
int domlet_fetch_check(const char *text, uint32_t len, const uint8_t sha256[static 32], struct domlet_failure *failure);

#endif
