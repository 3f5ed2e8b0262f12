// SPDX-License-Identifier: GPL-2.0-or-later
/* A network's encoding: whole at its bounds, and what is refused beyond them. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "../../frontend/proto/net.h"

static uint8_t bytes[DOMLET_NET_ENCODED_MAX + 1];
static struct domlet_net net, back;
static const char *reason;

/* One of each; every byte of it differs from its neighbours. */
static void fill(uint32_t links, uint32_t others)
{
	memset(&net, 0, sizeof net);
	net.link_count = links;
	net.address_count = net.neighbour_count = others > 64 ? 64 : others;
	net.route_count = others;
	for (uint32_t i = 0; i < links; i++)
		net.links[i] = (struct domlet_net_link){ .device = i,
							 .mtu = 0x01020304,
							 .mac = { 1, 2, 3, 4, 5, 6 },
							 .no_ipv6 = 1,
							 .name = "eth0123456789ab" };
	for (uint32_t i = 0; i < net.address_count; i++) {
		net.addresses[i] = (struct domlet_net_address){ .family = AF_INET6,
								.prefix = 128,
								.link = (uint8_t)(links - 1),
								.scope = 7,
								.broadcast = { 9, 8, 7, 6 } };
		memset(net.addresses[i].address, (int)i + 1, 16);
		memset(net.addresses[i].peer, 0xee, 16);
		net.neighbours[i] = (struct domlet_net_neighbour){ .family = AF_INET,
								   .mac = { 7, 8, 9, 10, 11, 12 },
								   .address = { 169, 254, 1, 1 } };
	}
	for (uint32_t i = 0; i < others; i++)
		net.routes[i] = (struct domlet_net_route){ .family = AF_INET,
							   .prefix = 32,
							   .type = RTN_UNICAST,
							   .scope = RT_SCOPE_LINK,
							   .gateway_family = AF_INET6,
							   .on_link = 1,
							   .has_source = 1,
							   .metric = i,
							   .mtu = 1300,
							   .advmss = 1200,
							   .destination = { 10, 1, 2, 3 },
							   .gateway = { 0xfd },
							   .source = { 10, 9, 8, 7 } };
}

static void test_comes_back_whole(void **state)
{
	(void)state;
	fill(DOMLET_NET_LINKS_MAX, DOMLET_NET_ROUTES_MAX);
	assert_int_equal(domlet_net_encode(&net, bytes), DOMLET_NET_ENCODED_MAX);
	assert_int_equal(domlet_net_decode(bytes, DOMLET_NET_ENCODED_MAX, &back, &reason), 0);
	assert_memory_equal(&net, &back, sizeof net);
	memset(&net, 0, sizeof net);
	assert_int_equal(domlet_net_encode(&net, bytes), 16);
	assert_int_equal(domlet_net_decode(bytes, 16, &back, &reason), 0);
	assert_memory_equal(&net, &back, sizeof net);
}

static void test_another_length_is_refused(void **state)
{
	size_t len;

	(void)state;
	fill(1, 1);
	len = domlet_net_encode(&net, bytes);
	for (size_t n = 0; n < len; n++)
		assert_int_equal(domlet_net_decode(bytes, n, &back, &reason), -EPROTO);
	assert_int_equal(domlet_net_decode(bytes, len, &back, &reason), 0);
	assert_int_equal(domlet_net_decode(bytes, len + 1, &back, &reason), -EPROTO);
}

static void test_more_than_there_is_room_for_is_refused(void **state)
{
	static const uint32_t bounds[] = { DOMLET_NET_LINKS_MAX, DOMLET_NET_ADDRESSES_MAX, DOMLET_NET_ROUTES_MAX,
					   DOMLET_NET_NEIGHBOURS_MAX };
	static const uint32_t sizes[] = { 32, 40, 68, 24 };
	static uint8_t long_one[65536];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		memset(long_one, 0, sizeof long_one);
		long_one[i * 4] = (uint8_t)(bounds[i] + 1);
		assert_int_equal(domlet_net_decode(long_one, 16 + (bounds[i] + 1) * sizes[i], &back, &reason), -EPROTO);
		assert_non_null(strstr(reason, "length"));
		memset(long_one, 0xff, 16); /* whose lengths would overflow */
		assert_int_equal(domlet_net_decode(long_one, sizeof long_one, &back, &reason), -EPROTO);
	}
}

static int decode_again(void)
{
	size_t len = domlet_net_encode(&net, bytes);

	return domlet_net_decode(bytes, len, &back, &reason);
}

static void assert_refused(const char *why)
{
	assert_int_equal(decode_again(), -EPROTO);
	assert_non_null(strstr(reason, why));
	fill(2, 2);
	assert_int_equal(decode_again(), 0);
}

static void set_name(const char *name, size_t len)
{
	memset(net.links[1].name, 0, sizeof net.links[1].name);
	memcpy(net.links[1].name, name, len);
}

static void test_a_name_that_can_not_be_is_refused(void **state)
{
	static const char *const names[] = { "", ".", "..", "a/b", "a b", "a:b", "a\nb" };

	(void)state;
	fill(2, 2);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		set_name(names[i], strlen(names[i]));
		assert_refused("name");
	}
	set_name("0123456789abcdef", 16);
	assert_refused("name");
	set_name("a\0b", 3);
	assert_refused("name");
	set_name("...", 3);
	assert_int_equal(decode_again(), 0);
}

static void test_a_number_that_can_not_be_is_refused(void **state)
{
	(void)state;
	fill(2, 2);
	net.addresses[1].family = 3;
	assert_refused("address");
	net.addresses[1].prefix = 129;
	assert_refused("address");
	net.addresses[1].link = 2;
	assert_refused("address");
	net.addresses[1].link = DOMLET_NET_NO_LINK;
	assert_refused("address");
	net.addresses[1].link = DOMLET_NET_LOOPBACK;
	assert_int_equal(decode_again(), 0);
	net.routes[1].prefix = 33;
	assert_refused("route");
	net.routes[1].link = 2;
	assert_refused("route");
	net.routes[1].link = DOMLET_NET_NO_LINK;
	assert_refused("route");
	net.routes[1].type = RTN_LOCAL;
	assert_refused("route");
	net.routes[1].type = RTN_BLACKHOLE; /* with a link and a gateway */
	assert_refused("route");
	net.routes[1].gateway_family = 4;
	assert_refused("route");
	net.routes[1].on_link = 2;
	assert_refused("route");
	net.neighbours[1].family = 0;
	assert_refused("neighbour");
	net.neighbours[1].link = 2;
	assert_refused("neighbour");
	net.links[0].no_arp = 2;
	assert_refused("flag");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_back_whole),
		cmocka_unit_test(test_another_length_is_refused),
		cmocka_unit_test(test_more_than_there_is_room_for_is_refused),
		cmocka_unit_test(test_a_name_that_can_not_be_is_refused),
		cmocka_unit_test(test_a_number_that_can_not_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
