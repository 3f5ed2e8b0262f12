// SPDX-License-Identifier: GPL-2.0-or-later
/* A line: the xenstore node that a guest writes; after it its index page. */
#include <stdlib.h>
#include <string.h>

#include "../../toolstack/ring/offer.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t len = end ? (size_t)(end - data) : size, rest = end ? size - len - 1 : 0;
	char *text = malloc(len ? len : 1); /* of its own size, as xenstore's values are */
	struct domlet_ring_page page = { 0 };
	struct domlet_ring_offer offer;
	struct domlet_error err = { 0 };
	int rc;

	if (!text)
		return 0;
	memcpy(text, data, len);
	rc = domlet_ring_offer_parse(text, len, 1, &offer, &err);
	free(text);
	if ((rc == 0 && offer.order > DOMLET_RING_ORDER_MAX) || (rc != 0 && !err.text[0]))
		abort();
	if (rest)
		memcpy(&page, end + 1, rest < sizeof(page) ? rest : sizeof(page));
	if (rc == 0 && domlet_ring_offer_check_page(&page, 1, &offer, &err) == 0 && page.order != offer.order)
		abort();
	return 0;
}
