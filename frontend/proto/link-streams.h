/* SPDX-License-Identifier: MIT */
#ifndef DOMLET_PROTO_LINK_STREAMS_H
#define DOMLET_PROTO_LINK_STREAMS_H

/* What link.c and link-receive.c have in common: the table of streams. */

#include <string.h>

#include "link.h"

/* Whether the side with ROLE is STREAM's sender. */
static inline bool link_sends(enum domlet_ring_role role, uint32_t stream)
{
	uint32_t kind = stream & 3;
	bool to_guest = kind == DOMLET_STREAM_STDIN || kind == DOMLET_STREAM_CONFIG;

	return to_guest == (role == DOMLET_RING_HOST);
}

/* Open or closed by us, with frames still to come; else NULL. */
static inline struct domlet_link_stream *link_find(struct domlet_link *l, uint32_t stream)
{
	return domlet_stream_in_range(stream) && l->streams[stream].known ? &l->streams[stream] : NULL;
}

static inline struct domlet_link_stream *link_find_open(struct domlet_link *l, uint32_t stream)
{
	struct domlet_link_stream *s = link_find(l, stream);

	return s && !s->closing ? s : NULL;
}

static inline void link_forget(struct domlet_link_stream *s)
{
	memset(s, 0, sizeof(*s));
}

/* The peer must not wait until a long batch ends. */
static inline void link_publish_quarter(struct domlet_link *l)
{
	const struct domlet_ring *r = l->ring;

	if (r->in_taken - r->in_cons >= r->size / 4 || r->out_written - r->out_prod >= r->size / 4)
		domlet_ring_publish(l->ring);
}

#endif
