/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_BACKLOG_H
#define DOMLET_PROTO_BACKLOG_H

/*
 * Bytes of one stream that came over the link and that their sink refused for now: a
 * queue of at most DOMLET_STREAM_WINDOW bytes, since no stream brings more before it is
 * credited. Both sides use it. A backlog that is all zero is empty; one that isn't owns
 * its bytes until domlet_backlog_free().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

struct domlet_backlog {
	uint8_t *bytes;     /* DOMLET_STREAM_WINDOW of them, or NULL; owned */
	uint32_t from, len; /* what waits */
};

/* Adds the LEN bytes of DATA. False: they do not fit, or there is no memory, and nothing
 * was added. */
bool domlet_backlog_add(struct domlet_backlog *b, const uint8_t *data, size_t len);
/* The LEN bytes that wait; NULL when none do. */
static inline const uint8_t *domlet_backlog_front(const struct domlet_backlog *b)
{
	return b->len ? b->bytes + b->from : NULL;
}
/* Drops the first N bytes, at most as many as wait: the sink has taken them. */
void domlet_backlog_drop(struct domlet_backlog *b, size_t n);
/* Empties B and frees its memory. */
void domlet_backlog_free(struct domlet_backlog *b);

#endif
