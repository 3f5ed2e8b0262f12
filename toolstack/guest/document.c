// SPDX-License-Identifier: GPL-2.0-or-later
#include "document.h"

#include <stdlib.h>
#include <string.h>

void domlet_guest_document_open(struct domlet_guest_document *d, struct domlet_guest_link *l, uint32_t process,
				const char *text, size_t len, char *owned)
{
	*d = (struct domlet_guest_document){
		.text = text, .len = len, .owned = owned, .stream = domlet_stream_id(process, DOMLET_STREAM_CONFIG)
	};
	(void)domlet_link_open(&l->link, d->stream);
}

void domlet_guest_document_close(struct domlet_guest_document *d, struct domlet_guest_link *l)
{
	if (d->text && l->attached) {
		(void)domlet_link_send_eof(&l->link, d->stream); /* unless it was sent */
		domlet_link_close(&l->link, d->stream);
	}
	free(d->owned);
	*d = (struct domlet_guest_document){ 0 };
}

void domlet_guest_document_cut(struct domlet_guest_document *d)
{
	d->len = d->sent;
}

bool domlet_guest_document_send(struct domlet_guest_document *d, struct domlet_guest_link *l)
{
	size_t len = d->len - d->sent;
	uint8_t *span;

	if (len == 0) {
		if (domlet_link_send_eof(&l->link, d->stream) < 0)
			return false;
		domlet_guest_document_close(d, l);
		return true;
	}
	span = domlet_link_reserve(&l->link, d->stream, &len);
	if (!span) {
		l->wants_room = domlet_link_has_credit(&l->link, d->stream) || l->wants_room;
		return false;
	}
	memcpy(span, d->text + d->sent, len);
	domlet_link_commit(&l->link, len);
	d->sent += len;
	return true;
}
