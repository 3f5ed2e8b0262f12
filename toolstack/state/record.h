/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STATE_RECORD_H
#define DOMLET_STATE_RECORD_H

/*
 * The text of domlet.json: struct domlet_state to JSON and back. Only state/
 * includes this. Returned texts are malloc'ed.
 */

#include <stddef.h>

#include "state.h"

/* NULL: out of memory. */
char *domlet_record_text(const struct domlet_state *st);
/* Fills all but root and id. PATH is for the error's sentence. */
int domlet_record_parse(const char *text, size_t len, const char *path, struct domlet_state *st,
			struct domlet_error *err);

#endif
