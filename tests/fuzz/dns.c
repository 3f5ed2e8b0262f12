// SPDX-License-Identifier: GPL-2.0-or-later
/* A message of a container's, or of a name server's: lowered, and cut. What was cut is cut already. */
#include <stdlib.h>
#include <string.h>

#include "../../guest-init/agent/dns.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *m = malloc(size ? size : 1);
	size_t len, differ = 0;

	if (!m)
		return 0;
	memcpy(m, data, size);
	domlet_dns_lower(m, size);
	for (size_t i = 0; i < size; i++)
		differ += m[i] != data[i];
	if (differ > 2)
		abort();
	len = domlet_dns_cut(m, size);
	if (len > size || (len && domlet_dns_cut(m, len) != len))
		abort();
	free(m);
	return 0;
}
