// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "internal.h"

static uint32_t stream(void)
{
	return domlet_stream_id(FIRST_PROCESS, DOMLET_STREAM_CONFIG);
}

bool domlet_document_is_large(const struct monitor *m)
{
	return m->launch->plan->document_len > DOMLET_CONFIG_XENSTORE_MAX;
}

void domlet_document_open(struct monitor *m)
{
	m->document = (struct document){ .open = domlet_link_open(&m->link, stream()) == 0 };
}

static void close_document(struct monitor *m)
{
	domlet_link_close(&m->link, stream());
	m->document.open = false;
}

bool domlet_document_send(struct monitor *m)
{
	struct document *d = &m->document;
	size_t left = m->launch->plan->document_len - d->sent, len = left;
	uint8_t *span;

	if (!d->open || !m->attached)
		return false;
	if (m->life.container != DOMLET_CONTAINER_CREATING) { /* refused before its end */
		close_document(m);
		return false;
	}
	if (left == 0) {
		if (domlet_link_send_eof(&m->link, stream()) < 0)
			return false;
		close_document(m);
		return true;
	}
	span = domlet_link_reserve(&m->link, stream(), &len);
	if (!span) {
		m->wants_room = domlet_link_has_credit(&m->link, stream()) || m->wants_room;
		return false;
	}
	memcpy(span, m->launch->plan->document + d->sent, len);
	domlet_link_commit(&m->link, len);
	d->sent += len;
	return true;
}
