/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "offer.h"

#include <errno.h>

/* Reads X once: the guest can change it while we look. */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))

#define NUMBER_DIGITS_MAX 10u

/* Takes a number off *TEXT, with the space behind it: decimal digits and nothing else. The last
 * number ends with the text. */
static bool take_number(const char **text, size_t *len, bool last, uint32_t *out)
{
	uint64_t value = 0;
	size_t digits = 0;

	while (digits < *len && digits < NUMBER_DIGITS_MAX && (*text)[digits] >= '0' && (*text)[digits] <= '9')
		value = value * 10 + (uint64_t)((*text)[digits++] - '0');
	if (digits == 0 || value > UINT32_MAX || (last ? digits != *len : digits == *len || (*text)[digits] != ' '))
		return false;
	*text += digits + !last;
	*len -= digits + !last;
	*out = (uint32_t)value;
	return true;
}

static int check_version(uint32_t version, uint32_t domid, struct domlet_error *err)
{
	if (version == DOMLET_PROTO_VERSION)
		return 0;
	return domlet_error_set(
		err, EPROTO,
		"domain %u speaks version %u of the ring protocol and dom0 version %u: install the guest initrd of this version",
		domid, version, DOMLET_PROTO_VERSION);
}

int domlet_ring_offer_parse(const char *text, size_t len, uint32_t domid, struct domlet_ring_offer *offer,
			    struct domlet_error *err)
{
	static const char *const names[] = { "version", "order", "ring reference", "event channel", "epoch" };
	const size_t count = sizeof(names) / sizeof(names[0]);
	uint32_t number[sizeof(names) / sizeof(names[0])];
	int rc;

	for (size_t i = 0; i < count; i++) {
		if (!take_number(&text, &len, i + 1 == count, &number[i]))
			return domlet_error_set(
				err, EPROTO,
				"domain %u offers a ring in xenstore whose %s is no number: install the guest initrd of this version",
				domid, names[i]);
		/* What follows another version is that version's business. */
		rc = i == 0 ? check_version(number[0], domid, err) : 0;
		if (rc)
			return rc;
	}
	if (number[1] > DOMLET_RING_ORDER_MAX)
		return domlet_error_set(
			err, EPROTO,
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
		return domlet_error_set(
			err, EPROTO,
			"the index page of domain %u has the magic 0x%08x, not 0x%08x: its ring is no domlet ring",
			domid, magic, DOMLET_RING_MAGIC);
	rc = check_version(version, domid, err);
	if (rc)
		return rc;
	if (order != offer->order || epoch != offer->epoch)
		return domlet_error_set(
			err, EPROTO, "the index page of domain %u says order %u and epoch %u, xenstore says %u and %u",
			domid, order, epoch, offer->order, offer->epoch);
	return 0;
}
