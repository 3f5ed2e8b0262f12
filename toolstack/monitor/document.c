// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static uint32_t stream(const struct process *p)
{
	return domlet_stream_id(p->number, DOMLET_STREAM_CONFIG);
}

void domlet_document_open(struct monitor *m, struct process *p, const char *text, size_t len, char *owned)
{
	(void)domlet_link_open(&m->link, stream(p));
	p->document = (struct document){ .text = text, .len = len, .owned = owned };
}

void domlet_document_close(struct monitor *m, struct process *p)
{
	if (p->document.text && m->attached) {
		(void)domlet_link_send_eof(&m->link, stream(p)); /* unless it was sent */
		domlet_link_close(&m->link, stream(p));
	}
	free(p->document.owned);
	p->document = (struct document){ 0 };
}

void domlet_document_cut(struct process *p)
{
	p->document.len = p->document.sent;
}

/* Whether the guest still waits for it: it may have refused it before its end. */
static bool is_awaited(const struct monitor *m, const struct process *p)
{
	return p->number == FIRST_PROCESS ? m->life.container[CONTAINER].state == DOMLET_CONTAINER_CREATING :
					    p->phase == PROCESS_STARTING;
}

static bool send_some(struct monitor *m, struct process *p)
{
	struct document *d = &p->document;
	size_t len = d->len - d->sent;
	uint8_t *span;

	if (!is_awaited(m, p)) {
		domlet_document_close(m, p);
		return false;
	}
	if (len == 0) {
		if (domlet_link_send_eof(&m->link, stream(p)) < 0)
			return false;
		domlet_document_close(m, p);
		domlet_process_open_streams(m, p);
		return true;
	}
	span = domlet_link_reserve(&m->link, stream(p), &len);
	if (!span) {
		m->wants_room = domlet_link_has_credit(&m->link, stream(p)) || m->wants_room;
		return false;
	}
	memcpy(span, d->text + d->sent, len);
	domlet_link_commit(&m->link, len);
	d->sent += len;
	return true;
}

bool domlet_document_send(struct monitor *m)
{
	bool any = false;

	for (uint32_t i = 0; m->attached && i < m->processes_used; i++)
		if (m->processes[i].document.text)
			any = send_some(m, &m->processes[i]) || any;
	return any;
}
