/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_NET_COMPARE_H
#define DOMLET_NET_COMPARE_H

/*
 * From what there is in a namespace, and what the guest has of it, to what is to be done.
 * Nothing is touched here.
 */

#include "view.h"

/* A vif of the container's, by its place in a table of DOMLET_NET_LINKS_MAX. */
struct domlet_net_nic {
	bool used;
	uint32_t device; /* N of vifD.N, and of the guest's vif-N */
	uint32_t link;   /* index of the engine's link that it is for */
};

struct domlet_net_changes {
	uint32_t add_count;
	uint32_t add[DOMLET_NET_LINKS_MAX]; /* indexes of links that are up and have no vif yet */
	uint32_t remove;                    /* a bit for each place in the table whose link is gone */
	struct domlet_net wanted;           /* of the links that have a vif */
};

/* A link counts from when it is up and has a carrier for the first time (an engine makes it under another name, and
 * with another MAC, before) until it is gone. */
void domlet_net_compare(const struct domlet_net_view *view, const struct domlet_net_nic nics[DOMLET_NET_LINKS_MAX],
			struct domlet_net_changes *changes);
/* Whether there is a link that counts; and whether a domain has a vif there already. */
bool domlet_net_has_links(const struct domlet_net_view *view);
bool domlet_net_has_vif(const struct domlet_net_view *view);

#endif
