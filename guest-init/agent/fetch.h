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

#include "../config/failure.h"

struct xs_handle;

/* What xenstore says of a container, unchecked: text, NULL where it has none.
 * All zero is empty. */
struct domlet_fetch {
	uint32_t container;
	char *length, *generation, *sha256;
	char *document; /* LEN bytes and a NUL; NULL also when it comes over the ring */
	uint32_t len;
};

/* Reads all that is there of CONTAINER; who calls it ahead saves the time later. */
void domlet_fetch_read(struct domlet_fetch *f, struct xs_handle *xs, uint32_t container);
void domlet_fetch_free(struct domlet_fetch *f);
/* What xenstore announced is what the ring announced. 0 or -errno with *failure. */
int domlet_fetch_announced(const struct domlet_fetch *f, uint64_t generation, uint32_t len,
			   const uint8_t sha256[static 32], struct domlet_failure *failure);
/* The document in *f is the announced one. 0 or -errno with *failure. */
int domlet_fetch_document(const struct domlet_fetch *f, uint32_t len, const uint8_t sha256[static 32],
			  struct domlet_failure *failure);
/* The check alone, for a document that came over the ring. */
int domlet_fetch_check(const char *text, uint32_t len, const uint8_t sha256[static 32], struct domlet_failure *failure);

#endif
