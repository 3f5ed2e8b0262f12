// SPDX-License-Identifier: GPL-2.0-or-later
/* What decodes as a network must encode to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "../../frontend/proto/net.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[DOMLET_NET_ENCODED_MAX];
	static struct domlet_net net;
	const char *reason;

	if (domlet_net_decode(data, size, &net, &reason) < 0) {
		if (!reason)
			abort();
		return 0;
	}
	if (domlet_net_encode(&net, again) != size || memcmp(again, data, size) != 0)
		abort();
	return 0;
}
