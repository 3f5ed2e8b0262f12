// SPDX-License-Identifier: GPL-2.0-or-later
/* What decodes must encode to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "../../frontend/proto/msg.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[DOMLET_MSG_MAX];
	struct domlet_msg m;
	const char *reason;
	int len;

	if (domlet_msg_decode(data, size, &m, &reason) < 0) {
		if (!reason)
			abort();
		return 0;
	}
	len = domlet_msg_encode(&m, again, sizeof(again));
	if (len < 0 || (size_t)len != size || memcmp(again, data, size) != 0)
		abort();
	return 0;
}
