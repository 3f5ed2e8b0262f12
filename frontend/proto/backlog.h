/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_BACKLOG_H
#define DOMLET_PROTO_BACKLOG_H

/*
 * Bytes of one stream that came over the link and that their sink refused
 * for now: a queue of at most DOMLET_STREAM_WINDOW bytes, more than which no
 * stream brings before it is credited. All zero is an empty one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

struct domlet_backlog {
	uint8_t *bytes;     /* DOMLET_STREAM_WINDOW of them, or NULL; owned */
	uint32_t from, len; /* what waits */
};

/* False when it does not fit, or there is no memory: then nothing was added. */
bool domlet_backlog_add(struct domlet_backlog *b, const uint8_t *data, size_t len);
/* The LEN bytes that wait; NULL when none do. */
static inline const uint8_t *domlet_backlog_front(const struct domlet_backlog *b)
{
	return b->len ? b->bytes + b->from : NULL;
}
/* N of them have gone: at most len. */
void domlet_backlog_drop(struct domlet_backlog *b, size_t n);
/* Empties it and frees its memory. */
void domlet_backlog_free(struct domlet_backlog *b);

#endif
