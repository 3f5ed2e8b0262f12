/* SPDX-License-Identifier: MIT */
#include "net.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "limits.h"
#include "wire.h"

_Static_assert(sizeof(struct domlet_net_link) == 32 && sizeof(struct domlet_net_address) == 40 &&
		       sizeof(struct domlet_net_route) == 68 && sizeof(struct domlet_net_neighbour) == 24,
	       "padding, or a field that is not encoded");
_Static_assert(DOMLET_NET_ENCODED_MAX + 64 <= DOMLET_MSG_MAX, "it would not fit into a message");

/* Both ways in one list of fields for each struct: OUT is written, or IN read. */
struct wire {
	uint8_t *out;
	const uint8_t *in;
};

static void code_bytes(struct wire *w, void *field, size_t len)
{
	if (w->out) {
		memcpy(w->out, field, len);
		w->out += len;
	} else {
		memcpy(field, w->in, len);
		w->in += len;
	}
}

static void code_u32(struct wire *w, uint32_t *field)
{
	if (w->out) {
		domlet_wire_put_u32(w->out, *field);
		w->out += 4;
	} else {
		*field = domlet_wire_get_u32(w->in);
		w->in += 4;
	}
}

static void code_link(struct wire *w, struct domlet_net_link *l)
{
	code_u32(w, &l->device);
	code_u32(w, &l->mtu);
	code_bytes(w, l->mac, sizeof l->mac);
	code_bytes(w, &l->no_arp, 1);
	code_bytes(w, &l->no_ipv6, 1);
	code_bytes(w, l->name, sizeof l->name);
}

static void code_route(struct wire *w, struct domlet_net_route *r)
{
	code_bytes(w, r, offsetof(struct domlet_net_route, metric)); /* single bytes */
	code_u32(w, &r->metric);
	code_u32(w, &r->mtu);
	code_u32(w, &r->advmss);
	code_bytes(w, r->destination, sizeof r->destination);
	code_bytes(w, r->gateway, sizeof r->gateway);
	code_bytes(w, r->source, sizeof r->source);
}

static void code_lists(struct wire *w, struct domlet_net *net)
{
	for (uint32_t i = 0; i < net->link_count; i++)
		code_link(w, &net->links[i]);
	for (uint32_t i = 0; i < net->address_count; i++)
		code_bytes(w, &net->addresses[i], sizeof net->addresses[i]);
	for (uint32_t i = 0; i < net->route_count; i++)
		code_route(w, &net->routes[i]);
	for (uint32_t i = 0; i < net->neighbour_count; i++)
		code_bytes(w, &net->neighbours[i], sizeof net->neighbours[i]);
}

static void code_counts(struct wire *w, struct domlet_net *net)
{
	code_u32(w, &net->link_count);
	code_u32(w, &net->address_count);
	code_u32(w, &net->route_count);
	code_u32(w, &net->neighbour_count);
}

size_t domlet_net_encode(const struct domlet_net *net, uint8_t *out)
{
	struct wire w = { .out = out };
	struct domlet_net copy = *net;

	code_counts(&w, &copy);
	code_lists(&w, &copy);
	return (size_t)(w.out - out);
}

/* A name that the kernel takes (net/core/dev.c: dev_valid_name). */
static bool is_name(const char *name)
{
	size_t len = strnlen(name, DOMLET_NET_NAME_LEN);

	if (len == 0 || len == DOMLET_NET_NAME_LEN || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] == '/' || name[i] == ':' || (unsigned char)name[i] <= ' ')
			return false;
	for (size_t i = len; i < DOMLET_NET_NAME_LEN; i++)
		if (name[i])
			return false;
	return true;
}

static bool is_of_family(uint8_t family, uint8_t prefix)
{
	return (family == AF_INET && prefix <= 32) || (family == AF_INET6 && prefix <= 128);
}

static bool is_route(const struct domlet_net_route *r, uint32_t links)
{
	bool nowhere = r->type == RTN_BLACKHOLE || r->type == RTN_UNREACHABLE || r->type == RTN_PROHIBIT;

	return is_of_family(r->family, r->prefix) &&
	       (nowhere ? r->link == DOMLET_NET_NO_LINK && !r->gateway_family :
			  r->type == RTN_UNICAST && r->link < links) &&
	       (!r->gateway_family || is_of_family(r->gateway_family, 0)) && r->on_link <= 1 && r->has_source <= 1;
}

static const char *find_fault(const struct domlet_net *net)
{
	for (uint32_t i = 0; i < net->link_count; i++)
		if (!is_name(net->links[i].name) || net->links[i].no_arp > 1 || net->links[i].no_ipv6 > 1)
			return "a network's link has a name or a flag that can't be";
	for (uint32_t i = 0; i < net->address_count; i++)
		if (!is_of_family(net->addresses[i].family, net->addresses[i].prefix) ||
		    (net->addresses[i].link >= net->link_count && net->addresses[i].link != DOMLET_NET_LOOPBACK))
			return "a network's address has a family, a prefix or a link that can't be";
	for (uint32_t i = 0; i < net->route_count; i++)
		if (!is_route(&net->routes[i], net->link_count))
			return "a network's route has a field that can't be";
	for (uint32_t i = 0; i < net->neighbour_count; i++)
		if (!is_of_family(net->neighbours[i].family, 0) || net->neighbours[i].link >= net->link_count)
			return "a network's neighbour has a family or a link that can't be";
	return NULL;
}

int domlet_net_decode(const uint8_t *in, size_t len, struct domlet_net *net, const char **reason)
{
	struct wire w = { .in = in };

	memset(net, 0, sizeof *net);
	*reason = "a network's lists don't have the length that they say";
	if (len < 16)
		return -EPROTO;
	code_counts(&w, net);
	if (net->link_count > DOMLET_NET_LINKS_MAX || net->address_count > DOMLET_NET_ADDRESSES_MAX ||
	    net->route_count > DOMLET_NET_ROUTES_MAX || net->neighbour_count > DOMLET_NET_NEIGHBOURS_MAX ||
	    len != 16 + net->link_count * sizeof net->links[0] + net->address_count * sizeof net->addresses[0] +
			    net->route_count * sizeof net->routes[0] + net->neighbour_count * sizeof net->neighbours[0])
		return -EPROTO;
	code_lists(&w, net);
	*reason = find_fault(net);
	return *reason ? -EPROTO : 0;
}
