/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "offer.h"

#include <stdio.h>

#include "../base/cleanup.h"

static void look_at_offer(void *user)
{
	struct domlet_xen_offer *offer = user;
	unsigned int len = 0;
	cleanup_free char *text = xs_read(offer->store->xs, XBT_NULL, offer->path, &len);

	if (!text) /* not yet */
		return;
	domlet_xen_store_unwatch(offer->store);
	offer->rc = domlet_ring_offer_parse(text, len, offer->domid, &offer->offer, &offer->err);
	offer->done(offer->user);
}

static void lose(void *user)
{
	struct domlet_xen_offer *offer = user;

	offer->lost(offer->user);
}

int domlet_xen_offer_start(struct domlet_xen_offer *offer, uint32_t domid, struct domlet_error *err)
{
	offer->domid = domid;
	(void)snprintf(offer->path, sizeof(offer->path), "/local/domain/%u/data/domlet/ring/0", domid);
	offer->watch = (struct domlet_xen_watch){
		.path = offer->path,
		.changed = look_at_offer,
		.lost = lose,
		.user = offer,
	};
	return domlet_xen_store_watch(offer->store, &offer->watch, err);
}
