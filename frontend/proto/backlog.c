/* SPDX-License-Identifier: MIT */
#include "backlog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool domlet_backlog_add(struct domlet_backlog *b, const uint8_t *data, size_t len)
{
	if (len > DOMLET_STREAM_WINDOW - b->len)
		return false;
	if (!b->bytes)
		b->bytes = malloc(DOMLET_STREAM_WINDOW);
	if (!b->bytes)
		return false;
	if (len > DOMLET_STREAM_WINDOW - b->len - b->from) {
		memmove(b->bytes, b->bytes + b->from, b->len);
		b->from = 0;
	}
	memcpy(b->bytes + b->from + b->len, data, len);
	b->len += (uint32_t)len;
	return true;
}

void domlet_backlog_drop(struct domlet_backlog *b, size_t n)
{
	assert(n <= b->len);
	b->len -= (uint32_t)n;
	b->from = b->len ? b->from + (uint32_t)n : 0;
}

void domlet_backlog_free(struct domlet_backlog *b)
{
	free(b->bytes);
	*b = (struct domlet_backlog){ 0 };
}
