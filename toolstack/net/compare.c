// SPDX-License-Identifier: GPL-2.0-or-later
#include "compare.h"

#include <string.h>

static const struct domlet_net_nic *find_nic(const struct domlet_net_nic nics[DOMLET_NET_LINKS_MAX], uint32_t link)
{
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++)
		if (nics[i].used && nics[i].link == link)
			return &nics[i];
	return NULL;
}

static const struct domlet_net_device *find_link(const struct domlet_net_view *view, uint32_t index)
{
	const struct domlet_net_device *d = domlet_net_view_find(view, index);

	return d && d->kind == DOMLET_NET_ENGINES ? d : NULL;
}

static bool counts(const struct domlet_net_device *d)
{
	return d->kind == DOMLET_NET_ENGINES && d->up;
}

bool domlet_net_has_links(const struct domlet_net_view *view)
{
	for (uint32_t i = 0; i < view->device_count; i++)
		if (counts(&view->devices[i]))
			return true;
	return false;
}

bool domlet_net_has_vif(const struct domlet_net_view *view)
{
	for (uint32_t i = 0; i < view->device_count; i++)
		if (view->devices[i].kind == DOMLET_NET_VIF)
			return true;
	return false;
}

/* Whom what follows is about: links[N]'s index among dom0's devices. */
struct places {
	uint32_t count;
	uint32_t index[DOMLET_NET_LINKS_MAX];
};

/* False: that device is none of the guest's. */
static bool find_place(const struct places *p, uint32_t index, uint8_t *place)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (p->index[i] == index) {
			*place = (uint8_t)i;
			return true;
		}
	return false;
}

static void want_links(const struct domlet_net_view *view, const struct domlet_net_nic nics[DOMLET_NET_LINKS_MAX],
		       struct domlet_net *wanted, struct places *p)
{
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++) {
		const struct domlet_net_device *d = nics[i].used ? find_link(view, nics[i].link) : NULL;

		if (!d)
			continue;
		p->index[p->count++] = d->index;
		wanted->links[wanted->link_count] = d->link;
		wanted->links[wanted->link_count++].device = nics[i].device;
	}
}

static void want_addresses(const struct domlet_net_view *view, struct domlet_net *wanted, const struct places *p)
{
	uint8_t place;

	for (uint32_t i = 0; i < view->address_count; i++) {
		const struct domlet_net_device *d = domlet_net_view_find(view, view->addresses[i].index);

		if (d && d->kind == DOMLET_NET_LO)
			place = DOMLET_NET_LOOPBACK;
		else if (!find_place(p, view->addresses[i].index, &place))
			continue;
		wanted->addresses[wanted->address_count] = view->addresses[i].address;
		wanted->addresses[wanted->address_count++].link = place;
	}
}

/* Those that need no other one come first: a gateway has to be reachable when a route by it is made. */
static void want_routes(const struct domlet_net_view *view, bool by_gateway, struct domlet_net *wanted,
			const struct places *p)
{
	for (uint32_t i = 0; i < view->route_count; i++) {
		uint8_t place = DOMLET_NET_NO_LINK;

		if ((view->routes[i].route.gateway_family != 0) != by_gateway ||
		    (view->routes[i].index && !find_place(p, view->routes[i].index, &place)))
			continue;
		wanted->routes[wanted->route_count] = view->routes[i].route;
		wanted->routes[wanted->route_count++].link = place;
	}
}

static void want_neighbours(const struct domlet_net_view *view, struct domlet_net *wanted, const struct places *p)
{
	uint8_t place;

	for (uint32_t i = 0; i < view->neighbour_count; i++) {
		if (!find_place(p, view->neighbours[i].index, &place))
			continue;
		wanted->neighbours[wanted->neighbour_count] = view->neighbours[i].neighbour;
		wanted->neighbours[wanted->neighbour_count++].link = place;
	}
}

void domlet_net_compare(const struct domlet_net_view *view, const struct domlet_net_nic nics[DOMLET_NET_LINKS_MAX],
			struct domlet_net_changes *changes)
{
	struct places places = { 0 };

	memset(changes, 0, sizeof *changes);
	for (uint32_t i = 0; i < view->device_count && changes->add_count < DOMLET_NET_LINKS_MAX; i++)
		if (counts(&view->devices[i]) && !find_nic(nics, view->devices[i].index))
			changes->add[changes->add_count++] = view->devices[i].index;
	for (uint32_t i = 0; i < DOMLET_NET_LINKS_MAX; i++)
		if (nics[i].used && !find_link(view, nics[i].link))
			changes->remove |= 1u << i;
	want_links(view, nics, &changes->wanted, &places);
	want_addresses(view, &changes->wanted, &places);
	want_routes(view, false, &changes->wanted, &places);
	want_routes(view, true, &changes->wanted, &places);
	want_neighbours(view, &changes->wanted, &places);
}
