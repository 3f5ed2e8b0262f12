// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domlet-init on a socket: a container's network, of devices that pairs of veth take the place of, in a network
 * namespace of the test's own.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../frontend/proto/net.h"
#include "guest.h"
#include "requests.h"

#define OWN_NETWORK ", \"namespaces\": [{\"type\": \"mount\"}, {\"type\": \"network\"}]"
#define JOINED_NETWORK "], \"join\": {\"network\": 0}, \"end\": ["

static struct domlet_net net;
static uint8_t bytes[DOMLET_NET_ENCODED_MAX];

static void call(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static int open_with_device(void **state)
{
	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	call("mkdir -p " NET_DEVICES "/vif-4/net/x4 && ip link add x4 type veth peer name far");
	memset(&net, 0, sizeof net);
	net.link_count = net.address_count = net.route_count = 1;
	net.links[0] = (struct domlet_net_link){ .device = 4, .mtu = 1400, .mac = { 2, 0, 0, 0, 0, 9 }, .name = "eth0" };
	net.addresses[0] = (struct domlet_net_address){
		.family = AF_INET, .prefix = 24, .address = { 10, 1, 2, 3 }, .peer = { 10, 1, 2, 3 }
	};
	net.routes[0] = (struct domlet_net_route){
		.family = AF_INET, .type = RTN_UNICAST, .gateway_family = AF_INET, .gateway = { 10, 1, 2, 1 }
	};
	return open_agent(state);
}

static int close_with_device(void **state)
{
	int r = close_agent(state);

	call("rm -r " NET_DEVICES);
	return r;
}

static uint32_t send_net(uint32_t container, uint64_t revision)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_NET };

	msg.net.container = container;
	msg.net.revision = revision;
	msg.net.state = (struct domlet_slice){ bytes, (uint32_t)domlet_net_encode(&net, bytes) };
	return monitor_send(&m, &msg);
}

static int set_net(uint32_t container, uint64_t revision)
{
	return monitor_reply(&m, send_net(container, revision));
}

static void create_sleeper(uint32_t container, uint32_t process, const char *own, const char *plan)
{
	assert_int_equal(create_document(container, process,
					 document_with(PROCESS ", \"args\": [\"sleep\", \"1000\"]", "", plan, "", own)),
			 0);
}

/* TEXT is in what a command in CONTAINER says. */
static void expect_said(uint32_t container, const char *command, const char *text)
{
	static uint32_t process = 60;
	char *json = text_of("{" PROCESS ", \"args\": [\"sh\", \"-c\", \"%s; true\"]}", command);

	assert_int_equal(exec(container, ++process, json), 0);
	free(json);
	assert_int_equal(monitor_wait(&m, process), 0);
	await_output(process, text);
}

static void end_container(uint32_t container, uint32_t process)
{
	assert_int_equal(send_signal(container, process, SIGKILL, false), 0);
	assert_int_equal(monitor_wait(&m, process), 137);
	assert_int_equal(delete_container(container), 0);
}

static void test_a_network_is_there_before_the_start(void **state)
{
	(void)state;
	create_sleeper(0, 1, OWN_NETWORK, "");
	assert_int_equal(set_net(0, 1), 0);
	assert_int_equal(start(0), 0);
	expect_said(0, "ip addr show eth0", "inet 10.1.2.3/24");
	expect_said(0, "ip link show eth0", "02:00:00:00:00:09");
	expect_said(0, "ip route", "default via 10.1.2.1 dev eth0");

	net.addresses[0].address[3] = net.addresses[0].peer[3] = 4;
	assert_int_equal(set_net(0, 5), 0);
	expect_said(0, "ip -o -4 addr show eth0 | grep -c inet; ip addr show eth0", "1\n");
	expect_said(0, "ip addr show eth0", "inet 10.1.2.4/24");

	assert_int_equal(set_net(0, 5), ESTALE);
	create_sleeper(1, 2, ", \"namespaces\": [{\"type\": \"mount\"}]", JOINED_NETWORK);
	assert_int_equal(start(1), 0);
	expect_said(1, "ip addr show eth0", "inet 10.1.2.4/24"); /* it is the member's, too */
	assert_int_equal(set_net(1, 1), EINVAL);
	assert_string_equal(last_text(), "the network of container 1 is that of container 0");
	end_container(1, 2);
	end_container(0, 1);
}

static void test_what_can_not_be_is_refused(void **state)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_NET };

	(void)state;
	assert_int_equal(set_net(0, 1), ENOENT);
	assert_int_equal(set_net(DOMLET_CONTAINER_MAX, 1), ENOENT);
	create_sleeper(0, 1, OWN_NETWORK, "");
	msg.net.revision = 1;
	msg.net.state = (struct domlet_slice){ bytes, 15 };
	assert_int_equal(monitor_ask(&m, &msg), EPROTO);
	net.links[0].device = 5;
	assert_int_equal(set_net(0, 1), ENODEV);
	assert_non_null(strstr(last_text(), "no device vif-5 for eth0"));
	net.links[0].device = 4;
	assert_int_equal(set_net(0, 2), 0);
	end_container(0, 1);
}

/* A device that the kernel is about to register has a name in sysfs, and no link of that name is there yet. */
static void test_a_device_that_is_half_there(void **state)
{
	uint32_t first;

	(void)state;
	create_sleeper(0, 1, OWN_NETWORK, "");
	call("ip link set x4 name y4");
	first = send_net(0, 1);
	assert_int_equal(set_net(0, 2), EAGAIN);
	(void)usleep(200000);
	call("ip link set y4 name x4");
	assert_int_equal(monitor_reply(&m, first), 0);
	end_container(0, 1);
}

/* It is waited for, and everything else is answered meanwhile. */
static void test_a_device_that_comes_late(void **state)
{
	uint32_t first;

	(void)state;
	create_sleeper(0, 1, OWN_NETWORK, "");
	call("mv " NET_DEVICES " " NET_DEVICES ".late");
	first = send_net(0, 1);
	assert_int_equal(set_net(0, 2), EAGAIN);
	assert_string_equal(last_text(), "the guest is still making the container's network");
	call("mv " NET_DEVICES ".late " NET_DEVICES);
	assert_int_equal(monitor_reply(&m, first), 0);

	/* Whoever ends meanwhile is answered. */
	call("rmdir " NET_DEVICES "/vif-4/net/x4");
	net.links[0].device = 6;
	first = send_net(0, 3);
	assert_int_equal(send_signal(0, 1, SIGKILL, false), 0);
	assert_int_equal(monitor_reply(&m, first), ESRCH);
	assert_int_equal(monitor_wait(&m, 1), 137);
	assert_int_equal(set_net(0, 4), EINVAL);
	assert_int_equal(delete_container(0), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_network_is_there_before_the_start, open_with_device,
						close_with_device),
		cmocka_unit_test_setup_teardown(test_what_can_not_be_is_refused, open_with_device, close_with_device),
		cmocka_unit_test_setup_teardown(test_a_device_that_is_half_there, open_with_device, close_with_device),
		cmocka_unit_test_setup_teardown(test_a_device_that_comes_late, open_with_device, close_with_device),
	};

	if (!guest_take_arguments(argc, argv))
		return 2;
	if (!guest_may_mount() || system("command -v ip >/dev/null") != 0)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
