/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_GUEST_DOCUMENT_H
#define DOMLET_GUEST_DOCUMENT_H

/*
 * What says how to make a process, on its way over the ring: a configuration
 * too large for xenstore, or a process object too large for a message. The
 * guest makes the process when it has all of it; only then the process's streams are opened,
 * so that a link has three at most for each process.
 */

#include "link.h"

struct domlet_guest_document {
	const char *text; /* NULL: none is */
	char *owned;      /* freed when it is done */
	size_t len, sent;
	uint32_t stream;
};

/* Before CREATE or EXEC announces it. TEXT stays as long as it is open. OWNED:
 * TEXT, to be freed when it is sent; or NULL. */
void domlet_guest_document_open(struct domlet_guest_document *d, struct domlet_guest_link *l, uint32_t process,
				const char *text, size_t len, char *owned);
void domlet_guest_document_close(struct domlet_guest_document *d, struct domlet_guest_link *l);
/* Nobody wants the process any more: the guest gets too short a document, and refuses. */
void domlet_guest_document_cut(struct domlet_guest_document *d);
/* True when bytes moved, or the end; then it is closed. */
bool domlet_guest_document_send(struct domlet_guest_document *d, struct domlet_guest_link *l);

#endif
