// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest's half of a container's network, in namespaces of the test's own: pairs of veth take the place of Xen's
 * devices, which the working directory names as /sys/devices does. It takes root and ip(8), and says so.
 */
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../guest-init/container/net.h"

static char top[] = "/tmp/init-net-test-XXXXXX";
static int home = -1, container = -1;
static struct domlet_net before, wanted;
static struct domlet_failure *failure; /* which a child sets */

static int open_namespace(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* True: ip(8) does it, and in the container's namespace where its name is INSIDE. */
static bool ip(bool inside, const char *arguments)
{
	char command[512];
	bool good;

	(void)snprintf(command, sizeof command, "ip %s", arguments);
	assert_int_equal(setns(inside ? container : home, CLONE_NEWNET), 0);
	good = system(command) == 0;
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	return good;
}

/* Whether TEXT is in what ip ARGUMENTS says of the container's namespace. */
static bool says(const char *arguments, const char *text)
{
	char command[512];

	(void)snprintf(command, sizeof command, "%s | tr -s ' \\n' ' ' | grep -qF -- '%s'", arguments, text);
	return ip(true, command);
}

static void plug(uint32_t number)
{
	char text[128];

	(void)snprintf(text, sizeof text, "link add x%u type veth peer name far%u && ip link set far%u up", number,
		       number, number);
	assert_true(ip(false, text));
	(void)snprintf(text, sizeof text, "mkdir -p devices/vif-%u/net/x%u", number, number);
	assert_int_equal(system(text), 0);
}

static int set_up(void **state)
{
	(void)state;
	if (geteuid() != 0 || system("command -v ip >/dev/null") != 0 || unshare(CLONE_NEWNET) < 0)
		return 0;
	home = open_namespace();
	(void)strcpy(top + sizeof top - 7, "XXXXXX");
	failure = mmap(NULL, sizeof *failure, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (failure == MAP_FAILED || !mkdtemp(top) || chdir(top) < 0 || unshare(CLONE_NEWNET) < 0)
		return -1;
	container = open_namespace();
	memset(&before, 0, sizeof before);
	memset(&wanted, 0, sizeof wanted);
	return setns(home, CLONE_NEWNET);
}

static int tear_down(void **state)
{
	char text[64];

	(void)state;
	if (container < 0)
		return 0;
	(void)close(home);
	(void)close(container);
	home = container = -1;
	(void)munmap(failure, sizeof *failure);
	(void)snprintf(text, sizeof text, "rm -r %s", top);
	return chdir("/") < 0 || system(text) != 0 ? -1 : 0;
}

static void need_namespaces(void)
{
	if (container < 0) {
		print_message("it takes root, ip(8) and network namespaces\n");
		skip();
	}
}

static int make(void)
{
	pid_t pid = fork();
	int status = -1;

	memset(failure, 0, sizeof *failure);
	if (pid == 0)
		_exit(domlet_net_make(container, &before, &wanted, failure) < 0);
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status) != 0, failure->code != 0);
	if (!failure->code)
		before = wanted;
	return failure->code;
}

static void want_link(uint32_t device, const char *name, uint8_t last_of_mac)
{
	struct domlet_net_link *l = &wanted.links[wanted.link_count++];

	l->device = device;
	l->mtu = 1450;
	l->mac[0] = 2;
	l->mac[5] = last_of_mac;
	(void)snprintf(l->name, sizeof l->name, "%s", name);
}

static void want_address(uint8_t link, const char *four, uint8_t prefix)
{
	struct domlet_net_address *a = &wanted.addresses[wanted.address_count++];

	a->family = AF_INET;
	a->prefix = prefix;
	a->link = link;
	memcpy(a->address, four, 4);
	memcpy(a->peer, four, 4);
}

static struct domlet_net_route *want_route(uint8_t link, const char *to, uint8_t prefix, const char *gateway)
{
	struct domlet_net_route *r = &wanted.routes[wanted.route_count++];

	r->family = AF_INET;
	r->type = RTN_UNICAST;
	r->prefix = prefix;
	r->link = link;
	r->scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	memcpy(r->destination, to, 4);
	if (gateway) {
		r->gateway_family = AF_INET;
		memcpy(r->gateway, gateway, 4);
	}
	return r;
}

static void want_dockers_bridge(void)
{
	want_link(0, "eth0", 7);
	wanted.links[0].no_ipv6 = 1;
	want_address(0, "\xac\x11\x00\x02", 16);
	memcpy(wanted.addresses[0].broadcast, "\xac\x11\xff\xff", 4);
	(void)want_route(0, "\0\0\0\0", 0, "\xac\x11\x00\x01");
}

static void test_dockers_bridge(void **state)
{
	(void)state;
	need_namespaces();
	plug(0);
	want_dockers_bridge();
	assert_int_equal(make(), 0);
	assert_true(says("link show eth0", "mtu 1450"));
	assert_true(says("link show eth0", "02:00:00:00:00:07"));
	assert_true(says("link show eth0", "UP"));
	assert_true(says("addr show eth0", "inet 172.17.0.2/16 brd 172.17.255.255 scope global"));
	assert_false(says("addr show eth0", "inet6"));
	assert_true(says("route", "default via 172.17.0.1 dev eth0"));
	assert_true(says("route", "172.17.0.0/16 dev eth0 proto kernel scope link src 172.17.0.2"));
	assert_int_equal(make(), 0); /* again, which changes nothing */
}

static bool shell(const char *command)
{
	bool good;

	assert_int_equal(setns(container, CLONE_NEWNET), 0);
	good = system(command) == 0;
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	return good;
}

/* Whether the container's namespace has PORTS as those that nobody gets by chance. */
static bool reserves(const char *ports)
{
	char text[128];

	(void)snprintf(text, sizeof text, "test \"$(cat /proc/sys/net/ipv4/ip_local_reserved_ports)\" = \"%s\"", ports);
	return shell(text);
}

static void test_ports_of_dom0s_sockets(void **state)
{
	(void)state;
	need_namespaces();
	plug(0);
	want_dockers_bridge();
	assert_true(reserves(""));
	assert_int_equal(make(), 0);
	assert_true(reserves("63488-65535"));
	assert_true(shell("echo 8080 >/proc/sys/net/ipv4/ip_local_reserved_ports"));
	assert_int_equal(make(), 0); /* what the container has said counts */
	assert_true(reserves("8080"));
}

static void test_all_that_a_host_has(void **state)
{
	struct domlet_net_route *r;

	(void)state;
	need_namespaces();
	plug(3);
	want_link(3, "net1", 1);
	wanted.links[0].no_arp = 1;
	want_address(0, "\x0a\xd5\x05\x02", 32);
	wanted.addresses[wanted.address_count++] = (struct domlet_net_address){
		.family = AF_INET6, .prefix = 64, .address = { 0xfd, [15] = 2 }, .peer = { 0xfd, [15] = 2 }
	};
	r = want_route(0, "\x0a\x14\x00\x00", 16, NULL);
	r->metric = 7;
	r->mtu = 1300;
	r->advmss = 1200;
	r->has_source = 1;
	memcpy(r->source, "\x0a\xd5\x05\x02", 4);
	r = want_route(DOMLET_NET_NO_LINK, "\x0a\x1e\x00\x00", 16, NULL);
	r->type = RTN_BLACKHOLE;
	r->scope = 0;
	want_route(0, "\0\0\0\0", 0, "\xa9\xfe\x01\x01")->on_link = 1;
	r = want_route(0, "\x0a\x3c\x00\x00", 16, "\xfd\0\0\0");
	r->gateway_family = AF_INET6;
	r->gateway[15] = 1;
	r = want_route(0, "\0\0\0\0", 0, "\xfd\0\0\0");
	r->family = r->gateway_family = AF_INET6;
	r->gateway[15] = 1;
	r->metric = 512;
	wanted.neighbours[wanted.neighbour_count++] = (struct domlet_net_neighbour){
		.family = AF_INET, .address = { 169, 254, 1, 1 }, .mac = { 0xee, 0xee, 0xee, 0xee, 0xee, 0xee }
	};
	assert_int_equal(make(), 0);
	assert_true(says("link show net1", "NOARP"));
	assert_true(says("addr show net1", "inet 10.213.5.2/32 scope global net1"));
	assert_true(says("addr show net1", "inet6 fd00::2/64"));
	assert_false(says("addr show net1", "fd00::2/64 scope global tentative"));
	assert_true(says("route", "10.20.0.0/16 dev net1 scope link src 10.213.5.2 metric 7 mtu 1300 advmss 1200"));
	assert_true(says("route", "blackhole 10.30.0.0/16"));
	assert_true(says("route", "default via 169.254.1.1 dev net1 onlink"));
	assert_true(says("route", "10.60.0.0/16 via inet6 fd00::1 dev net1"));
	assert_true(says("-6 route", "default via fd00::1 dev net1 metric 512"));
	assert_true(says("neigh", "169.254.1.1 dev net1 lladdr ee:ee:ee:ee:ee:ee PERMANENT"));

	wanted.route_count = wanted.neighbour_count = 0; /* nothing is left of what isn't wanted any more */
	wanted.address_count = 1;
	assert_int_equal(make(), 0);
	assert_false(says("route", "default"));
	assert_false(says("route", "blackhole"));
	assert_false(says("-6 route", "default"));
	assert_false(says("neigh", "PERMANENT"));
	assert_false(says("addr show net1", "fd00::2"));
	assert_true(says("addr show net1", "10.213.5.2"));
}

/* Also of a network that has nothing else. */
static void test_addresses_of_lo(void **state)
{
	(void)state;
	need_namespaces();
	want_address(DOMLET_NET_LOOPBACK, "\x0a\x07\x07\x07", 32);
	assert_int_equal(make(), 0);
	assert_true(says("addr show lo", "inet 10.7.7.7/32"));
	plug(0);
	want_dockers_bridge();
	assert_int_equal(make(), 0);
	assert_true(says("addr show lo", "inet 10.7.7.7/32"));
	assert_true(says("addr show eth0", "172.17.0.2/16"));
	wanted.addresses[0] = wanted.addresses[--wanted.address_count];
	assert_int_equal(make(), 0);
	assert_false(says("addr show lo", "10.7.7.7"));
	assert_true(says("addr show eth0", "172.17.0.2/16"));
}

static void test_a_network_comes_and_goes(void **state)
{
	(void)state;
	need_namespaces();
	plug(0);
	plug(1);
	want_dockers_bridge();
	assert_int_equal(make(), 0);
	want_link(1, "eth1", 8);
	want_address(1, "\xac\x12\x00\x05", 16);
	assert_int_equal(make(), 0);
	assert_true(says("addr show eth1", "172.18.0.5/16"));
	assert_true(says("route", "default via 172.17.0.1 dev eth0"));

	/* The first one goes, and the other one takes its place among the links and the default route. */
	memset(&wanted, 0, sizeof wanted);
	want_link(1, "eth1", 8);
	want_address(0, "\xac\x12\x00\x05", 16);
	(void)want_route(0, "\0\0\0\0", 0, "\xac\x12\x00\x01");
	assert_int_equal(make(), 0);
	assert_true(says("route", "default via 172.18.0.1 dev eth1"));
	assert_false(ip(true, "link show eth0 2>/dev/null"));
	assert_true(ip(false, "link show vif-0 >/dev/null"));

	/* Another one under its name, while the old device is still there. */
	plug(2);
	want_link(2, "eth0", 9);
	want_address(1, "\xac\x11\x00\x03", 16);
	assert_int_equal(make(), 0);
	assert_true(says("addr show eth0", "172.17.0.3/16"));

	wanted.links[1].mac[5] = 10; /* a link that is made again under another MAC keeps all else */
	assert_int_equal(system("mv devices/vif-2/net/x2 devices/vif-2/net/vif-2"),
			 0); /* as it is called when it is back */
	assert_int_equal(make(), 0);
	assert_true(says("link show eth0", "02:00:00:00:00:0a"));
	assert_true(says("addr show eth0", "172.17.0.3/16"));
	assert_true(says("route", "default via 172.18.0.1 dev eth1"));
}

static void test_what_fails_is_said_and_taken_back(void **state)
{
	(void)state;
	need_namespaces();
	plug(0);
	want_dockers_bridge();
	want_link(1, "eth1", 8); /* whose device doesn't come */
	assert_int_equal(make(), ENODEV);
	assert_non_null(strstr(failure->text, "no device vif-1 for eth1"));
	assert_true(ip(false, "link show vif-0 >/dev/null"));
	assert_int_equal(system("mv devices/vif-0/net/x0 devices/vif-0/net/vif-0"), 0);

	wanted.link_count = 1;
	(void)want_route(0, "\x0a\0\0\0", 8, "\x0b\0\0\1"); /* by a gateway that nobody knows a way to */
	assert_int_equal(make(), ENETUNREACH);
	assert_non_null(strstr(failure->text, "can't make a route by eth0 in the guest: ENETUNREACH"));
	assert_true(ip(false, "link show vif-0 >/dev/null"));

	wanted.route_count--;
	assert_int_equal(make(), 0);
	assert_true(says("route", "default via 172.17.0.1 dev eth0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dockers_bridge, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ports_of_dom0s_sockets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all_that_a_host_has, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_addresses_of_lo, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_network_comes_and_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_fails_is_said_and_taken_back, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
