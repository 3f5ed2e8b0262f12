// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A namespace as the kernel lists it (tests/unit/net/, recorded), what is read of it, and what
 * follows from that for the guest.
 */
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "../../toolstack/net/compare.h"

static const char *folder;
static struct domlet_net_view view;
static struct domlet_net_changes changes;
static struct domlet_net_nic nics[DOMLET_NET_LINKS_MAX];

/* In memory of that length, whose bounds a sanitizer sees. */
static void take_cut(const struct nlmsghdr *m, uint32_t cut)
{
	uint32_t len = m->nlmsg_len > cut ? m->nlmsg_len - cut : 0;
	struct nlmsghdr *copy = len >= sizeof *m ? malloc(len) : NULL;

	if (!copy)
		return;
	memcpy(copy, m, len);
	copy->nlmsg_len = len;
	(void)domlet_net_view_take(&view, copy);
	free(copy);
}

/* Gives each message that is recorded in the file, CUT bytes shorter. */
static void read_record(const char *name, uint32_t cut)
{
	static char line[65536];
	static uint32_t message[8192];
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "re");
	assert_non_null(f);
	memset(&view, 0, sizeof view);
	while (fgets(line, sizeof line, f)) {
		size_t len = strcspn(line, "\n") / 2;
		struct nlmsghdr *m = (void *)message;

		if (line[0] == '#')
			continue;
		for (size_t i = 0; i < len; i++)
			assert_int_equal(sscanf(line + 2 * i, "%2hhx", (unsigned char *)message + i), 1);
		take_cut(m, cut);
	}
	(void)fclose(f);
}

static const struct domlet_net_device *find(const char *name)
{
	for (uint32_t i = 0; i < view.device_count; i++)
		if (strcmp(view.devices[i].link.name, name) == 0)
			return &view.devices[i];
	return NULL;
}

static void compare(void)
{
	domlet_net_compare(&view, nics, &changes);
}

static int reset(void **state)
{
	(void)state;
	memset(nics, 0, sizeof nics);
	return 0;
}

static void give_nic(uint32_t place, const char *name)
{
	nics[place] = (struct domlet_net_nic){ .used = true, .device = place + 10, .link = find(name)->index };
}

static void test_dockers_bridge(void **state)
{
	const struct domlet_net_device *eth0;

	(void)state;
	read_record("docker.txt", 0);
	eth0 = find("eth0");
	assert_int_equal(eth0->kind, DOMLET_NET_ENGINES);
	assert_true(eth0->up);
	assert_true(eth0->link.no_ipv6);
	assert_false(eth0->link.no_arp);
	assert_int_equal(eth0->link.mtu, 1500);
	assert_memory_equal(eth0->link.mac, "\x02\x42\xac\x11\x00\x02", 6);
	assert_int_equal(find("lo")->kind, DOMLET_NET_LO);
	assert_int_equal(find("vif3.0")->kind, DOMLET_NET_VIF);
	assert_true(domlet_net_has_links(&view));
	assert_true(domlet_net_has_vif(&view));
	assert_int_equal(view.address_count, 1); /* not lo's 127.0.0.1, whose scope is the host */
	assert_int_equal(view.left_out, 0);

	compare();
	assert_int_equal(changes.add_count, 1);
	assert_int_equal(changes.add[0], eth0->index);
	assert_int_equal(changes.remove, 0);
	assert_int_equal(changes.wanted.link_count + changes.wanted.address_count + changes.wanted.route_count, 0);

	give_nic(0, "eth0");
	compare();
	assert_int_equal(changes.add_count, 0);
	assert_int_equal(changes.wanted.link_count, 1);
	assert_int_equal(changes.wanted.links[0].device, 10);
	assert_string_equal(changes.wanted.links[0].name, "eth0");
	assert_int_equal(changes.wanted.address_count, 1);
	assert_int_equal(changes.wanted.addresses[0].family, AF_INET);
	assert_int_equal(changes.wanted.addresses[0].prefix, 16);
	assert_memory_equal(changes.wanted.addresses[0].address, "\xac\x11\x00\x02", 4);
	assert_memory_equal(changes.wanted.addresses[0].peer, "\xac\x11\x00\x02", 4);
	assert_memory_equal(changes.wanted.addresses[0].broadcast, "\xac\x11\xff\xff", 4);
	assert_int_equal(changes.wanted.route_count, 1);
	assert_int_equal(changes.wanted.routes[0].prefix, 0);
	assert_int_equal(changes.wanted.routes[0].link, 0);
	assert_int_equal(changes.wanted.routes[0].gateway_family, AF_INET);
	assert_memory_equal(changes.wanted.routes[0].gateway, "\xac\x11\x00\x01", 4);
}

static const struct domlet_net_route *find_route(uint8_t family, const char *destination, uint8_t prefix)
{
	for (uint32_t i = 0; i < changes.wanted.route_count; i++) {
		const struct domlet_net_route *r = &changes.wanted.routes[i];

		if (r->family == family && r->prefix == prefix && memcmp(r->destination, destination, prefix / 8) == 0)
			return r;
	}
	return NULL;
}

static void test_all_that_a_host_has(void **state)
{
	const struct domlet_net_route *r;
	const struct domlet_net_address *peer = NULL, *own = NULL;

	(void)state;
	read_record("rich.txt", 0);
	assert_true(find("eth0")->link.no_arp);
	assert_int_equal(find("eth0")->link.mtu, 1400);
	assert_false(find("eth1")->link.no_ipv6);
	assert_false(find("eth2")->up);
	give_nic(3, "eth0");
	give_nic(5, "eth1");
	compare();
	assert_int_equal(changes.wanted.link_count, 2);
	assert_int_equal(changes.wanted.links[0].device, 13);
	assert_int_equal(changes.wanted.links[1].device, 15);

	assert_int_equal(changes.wanted.address_count, 4); /* fe80:: is the guest's own to make, and so is 127.0.0.1 */
	for (uint32_t i = 0; i < 4; i++)
		if (changes.wanted.addresses[i].link == DOMLET_NET_LOOPBACK)
			own = &changes.wanted.addresses[i];
	assert_non_null(own);
	assert_memory_equal(own->address, "\x0a\x07\x07\x07", 4);
	for (uint32_t i = 0; i < 4; i++)
		if (changes.wanted.addresses[i].family == AF_INET && changes.wanted.addresses[i].link == 1)
			peer = &changes.wanted.addresses[i];
	assert_non_null(peer);
	assert_memory_equal(peer->address, "\x0a\x09\x00\x02", 4);
	assert_memory_equal(peer->peer, "\x0a\x09\x00\x01", 4);

	r = find_route(AF_INET, "", 0);
	assert_true(r->on_link);
	assert_int_equal(r->link, 0);
	assert_memory_equal(r->gateway, "\xa9\xfe\x01\x01", 4);
	r = find_route(AF_INET, "\x0a\x14", 16);
	assert_int_equal(r->metric, 7);
	assert_int_equal(r->mtu, 1300);
	assert_int_equal(r->advmss, 1200);
	assert_true(r->has_source);
	assert_memory_equal(r->source, "\x0a\x09\x00\x02", 4);
	assert_int_equal(r->scope, RT_SCOPE_LINK);
	r = find_route(AF_INET, "\x0a\x1e", 16);
	assert_int_equal(r->type, RTN_BLACKHOLE);
	assert_int_equal(r->link, DOMLET_NET_NO_LINK);
	r = find_route(AF_INET, "\x0a\x3c", 16);
	assert_int_equal(r->gateway_family, AF_INET6);
	assert_memory_equal(r->gateway, "\xfd\x00\x00\x05\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
	r = find_route(AF_INET6, "", 0);
	assert_int_equal(r->metric, 512);
	assert_int_equal(r->gateway_family, AF_INET6);
	assert_null(find_route(AF_INET, "\x0a\x32", 16)); /* of another table */
	assert_null(find_route(AF_INET, "\x0a\x28", 16)); /* over two gateways at once ... */
	assert_int_equal(view.left_out, 1);               /* ... which is told */
	assert_int_equal(changes.wanted.route_count, 5);

	assert_int_equal(changes.wanted.neighbour_count, 2);
}

static void test_routes_by_a_gateway_come_last(void **state)
{
	bool by_gateway = false;

	(void)state;
	read_record("rich.txt", 0);
	give_nic(0, "eth0");
	give_nic(1, "eth1");
	compare();
	for (uint32_t i = 0; i < changes.wanted.route_count; i++) {
		assert_true(!by_gateway || changes.wanted.routes[i].gateway_family);
		by_gateway = changes.wanted.routes[i].gateway_family != 0;
	}
	assert_true(by_gateway);
}

static void test_a_link_counts_from_its_carrier_until_it_is_gone(void **state)
{
	struct domlet_net_device *eth1, *eth2;

	(void)state;
	read_record("rich.txt", 0);
	eth1 = (void *)find("eth1"), eth2 = (void *)find("eth2");
	give_nic(0, "eth0");
	give_nic(1, "eth1");
	compare();
	assert_int_equal(changes.add_count, 1); /* "other", and not eth2, which is down */
	assert_int_equal(changes.add[0], find("other")->index);
	eth2->up = true;
	eth1->up = false;
	compare();
	assert_int_equal(changes.add_count, 2);
	assert_int_equal(changes.remove, 0);
	assert_int_equal(changes.wanted.link_count, 2);
	eth1->index = 1000;
	compare();
	assert_int_equal(changes.remove, 1u << 1);
	assert_int_equal(changes.wanted.link_count, 1);
	assert_int_equal(changes.wanted.address_count, 2); /* and lo's */
	assert_int_equal(changes.wanted.neighbour_count, 1);
	assert_null(find_route(AF_INET6, "", 0));
	assert_non_null(find_route(AF_INET, "\x0a\x1e", 16)); /* which is no link's */
}

/* The kernel sends no such messages; whatever is read must be within one, all the same. */
static void test_a_message_that_is_cut_is_read_within_its_bounds(void **state)
{
	(void)state;
	for (uint32_t cut = 0; cut < 3000; cut += 4) {
		read_record("rich.txt", cut);
		assert_true(view.device_count <= 7);
	}
}

static void test_what_is_too_much_is_counted(void **state)
{
	(void)state;
	read_record("rich.txt", 0);
	for (uint32_t i = 0; i < DOMLET_NET_DEVICES_MAX; i++)
		view.devices[i] = (struct domlet_net_device){ .index = i + 1, .up = true };
	view.device_count = DOMLET_NET_DEVICES_MAX;
	compare();
	assert_int_equal(changes.add_count, DOMLET_NET_LINKS_MAX);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_dockers_bridge, reset),
		cmocka_unit_test_setup(test_all_that_a_host_has, reset),
		cmocka_unit_test_setup(test_routes_by_a_gateway_come_last, reset),
		cmocka_unit_test_setup(test_a_link_counts_from_its_carrier_until_it_is_gone, reset),
		cmocka_unit_test_setup(test_a_message_that_is_cut_is_read_within_its_bounds, reset),
		cmocka_unit_test_setup(test_what_is_too_much_is_counted, reset),
	};

	folder = argc > 1 ? argv[1] : "tests/unit/net";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
