// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines: the xenstore nodes that a guest writes; after them its index page. */
#include <stdlib.h>
#include <string.h>

#include "../../toolstack/ring/offer.h"
#include "fuzz.h"

static struct domlet_ring_text next_line(const uint8_t **data, size_t *size)
{
	const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
	struct domlet_ring_text line = { NULL, 0 };

	if (!end)
		return line;
	line.len = (size_t)(end - *data);
	/* A copy of its own size, as xenstore's values are. */
	line.text = malloc(line.len ? line.len : 1);
	if (line.text)
		memcpy((char *)line.text, *data, line.len);
	*size -= line.len + 1;
	*data = end + 1;
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct domlet_ring_text state = next_line(&data, &size), text[DOMLET_RING_OFFER_NODES];
	struct domlet_ring_page page = { 0 };
	struct domlet_ring_offer offer;
	struct domlet_error err = { 0 };
	int rc;

	for (size_t i = 0; i < DOMLET_RING_OFFER_NODES; i++)
		text[i] = next_line(&data, &size);
	(void)domlet_ring_offer_is_ready(state);
	rc = domlet_ring_offer_parse(text, 1, &offer, &err);
	if ((rc == 0 && offer.order > DOMLET_RING_ORDER_MAX) || (rc != 0 && !err.text[0]))
		abort();
	memcpy(&page, data, size < sizeof(page) ? size : sizeof(page));
	if (rc == 0 && domlet_ring_offer_check_page(&page, 1, &offer, &err) == 0 && page.order != offer.order)
		abort();
	free((char *)state.text);
	for (size_t i = 0; i < DOMLET_RING_OFFER_NODES; i++)
		free((char *)text[i].text);
	return 0;
}
