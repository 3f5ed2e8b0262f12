/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STATE_RECORD_H
#define DOMLET_STATE_RECORD_H

/*
 * The text of domlet.json: struct domlet_state to JSON and back, without a look at
 * any file. Only state/ includes this. The caller frees what is returned.
 */

#include <stddef.h>

#include "state.h"

/* The record of ST as text; NULL: out of memory. */
char *domlet_record_text(const struct domlet_state *st);
/* Fills *ST, but for root and id, from the LEN bytes of TEXT; PATH is for the sentence.
 * 0 or -errno: -EUCLEAN: the record is damaged; -EPROTO: it has another version. What
 * was filled in before an error is the caller's to free. */
int domlet_record_parse(const char *text, size_t len, const char *path, struct domlet_state *st,
			struct domlet_error *err);

#endif
