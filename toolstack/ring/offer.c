/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "offer.h"

#include <errno.h>
#include <string.h>

/* What the guest can change while we look is read through this, once. */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))

#define NUMBER_DIGITS_MAX 10u

const char *const domlet_ring_offer_node[DOMLET_RING_OFFER_NODES] = {
	"version", "order", "ring-ref", "event-channel", "epoch",
};

bool domlet_ring_offer_is_ready(struct domlet_ring_text state)
{
	static const char ready[] = "ready";

	return state.text && state.len == sizeof(ready) - 1 && memcmp(state.text, ready, state.len) == 0;
}

/* Decimal digits and nothing else. */
static bool parse_number(struct domlet_ring_text node, uint32_t *out)
{
	uint64_t value = 0;

	if (!node.text || node.len == 0 || node.len > NUMBER_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < node.len; i++) {
		if (node.text[i] < '0' || node.text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(node.text[i] - '0');
	}
	*out = (uint32_t)value;
	return value <= UINT32_MAX;
}

static int check_version(uint32_t version, uint32_t domid, struct domlet_error *err)
{
	if (version == DOMLET_PROTO_VERSION)
		return 0;
	return domlet_error_set(err, EPROTO,
				"domain %u speaks version %u of the ring protocol and dom0 version %u: install the guest initrd of this version",
				domid, version, DOMLET_PROTO_VERSION);
}

int domlet_ring_offer_parse(const struct domlet_ring_text text[DOMLET_RING_OFFER_NODES], uint32_t domid,
			    struct domlet_ring_offer *offer, struct domlet_error *err)
{
	uint32_t number[DOMLET_RING_OFFER_NODES];
	int rc;

	for (size_t i = 0; i < DOMLET_RING_OFFER_NODES; i++)
		if (!parse_number(text[i], &number[i]))
			return domlet_error_set(err, EPROTO,
						"domain %u offers a ring whose xenstore node '%s' holds no number", domid,
						domlet_ring_offer_node[i]);
	rc = check_version(number[0], domid, err);
	if (rc)
		return rc;
	if (number[1] > DOMLET_RING_ORDER_MAX)
		return domlet_error_set(err, EPROTO,
					"domain %u offers a ring of order %u, more than %u: guest and dom0 have different versions of domlet, install the guest initrd of this version",
					domid, number[1], DOMLET_RING_ORDER_MAX);
	*offer = (struct domlet_ring_offer){ number[1], number[2], number[3], number[4] };
	return 0;
}

int domlet_ring_offer_check_page(const struct domlet_ring_page *page, uint32_t domid,
				 const struct domlet_ring_offer *offer, struct domlet_error *err)
{
	uint32_t magic = READ_ONCE(page->magic);
	uint32_t version = READ_ONCE(page->version);
	uint32_t order = READ_ONCE(page->order);
	uint32_t epoch = READ_ONCE(page->epoch);
	int rc;

	if (magic != DOMLET_RING_MAGIC)
		return domlet_error_set(err, EPROTO, "the index page of domain %u has the magic 0x%08x, not 0x%08x: its ring is no domlet ring",
					domid, magic, DOMLET_RING_MAGIC);
	rc = check_version(version, domid, err);
	if (rc)
		return rc;
	if (order != offer->order || epoch != offer->epoch)
		return domlet_error_set(err, EPROTO,
					"the index page of domain %u says order %u and epoch %u, xenstore says %u and %u",
					domid, order, epoch, offer->order, offer->epoch);
	return 0;
}
