// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A container's network, by the monitor: when its guest is told of it, what follows a change, and
 * what fails. The namespace, libxl and the guest are fakes.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "../fakes/net_fake.h"
#include "monitor_run.h"

static int changes = -1; /* the writing end */

static int set_up_network(void **state)
{
	int ends[2];

	(void)state;
	net_fake = mmap(NULL, sizeof *net_fake, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ring_fake_net = mmap(NULL, sizeof *ring_fake_net, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(net_fake != MAP_FAILED && ring_fake_net != MAP_FAILED && pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
	net_fake_changes = ends[0];
	changes = ends[1];
	detached = true;
	ring_fake_guest = RING_FAKE_SLEEPS;
	return 0;
}

static int tear_down_network(void **state)
{
	(void)munmap(net_fake, sizeof *net_fake);
	(void)munmap(ring_fake_net, sizeof *ring_fake_net);
	net_fake = NULL;
	ring_fake_net = NULL;
	(void)close(net_fake_changes);
	(void)close(changes);
	net_fake_changes = -1;
	return tear_down_attached(state);
}

static struct domlet_net_device *put_link(const char *name, uint32_t index)
{
	struct domlet_net_device *d = &net_fake->view.devices[net_fake->view.device_count];

	*d = (struct domlet_net_device){ .index = index, .up = true, .link = { .mtu = 1500 } };
	d->link.mac[5] = (uint8_t)index;
	(void)snprintf(d->link.name, sizeof d->link.name, "%s", name);
	net_fake->view.device_count++;
	return d;
}

static void put_address(uint32_t index, uint8_t last)
{
	net_fake->view.addresses[net_fake->view.address_count].index = index;
	net_fake->view.addresses[net_fake->view.address_count++].address = (struct domlet_net_address){
		.family = AF_INET, .prefix = 16, .address = { 172, 17, 0, last }, .peer = { 172, 17, 0, last }
	};
}

static void change(void)
{
	assert_int_equal(write(changes, "c", 1), 1);
}

/* The monitor's process does it, sooner or later. */
static void await(const volatile unsigned int *what, unsigned int value)
{
	for (int ms = 0; *what != value && ms < 10000; ms += 10)
		uv_sleep(10);
	assert_int_equal(*what, value);
}

static void a_network_is_there_before_the_start(void **state)
{
	struct run r;

	(void)state;
	put_link("eth0", 12);
	put_address(12, 2);
	begin(&r, 0);
	await(&ring_fake_net->times, 1); /* which is before anybody asks for the start */
	start(&r);
	assert_true(good(r.started));
	assert_int_equal(ring_fake_net->times, 1);
	assert_int_equal(ring_fake_net->before_start, 1);
	assert_int_equal(net_fake->moved, 1);
	assert_int_equal(net_fake->joined, 1);
	assert_int_equal(net_fake->set, 1);
	assert_int_equal(net_fake->passed, 1);
	assert_int_equal(net_fake->open_joins, 0); /* it sends nothing before its filter is there */
	assert_false(net_fake->forges);
	assert_int_equal(net_fake->sender.links[net_fake->sender_link].mac[5], 12);
	assert_int_equal(net_fake->sender.address_count, 1);
	assert_int_equal(ring_fake_net->asked.link_count, 1);
	assert_int_equal(ring_fake_net->asked.links[0].device, 0);
	assert_string_equal(ring_fake_net->asked.links[0].name, "eth0");
	assert_int_equal(ring_fake_net->asked.address_count, 1);
	end_by(&r, SIGTERM);
	assert_int_equal(net_fake->parted, 1);
}

/* A kernel without bpf(2). */
static void a_network_is_there_without_what_the_engine_asks(void **state)
{
	struct run r;

	(void)state;
	put_link("eth0", 12);
	net_fake->pass_fails = ENOSYS;
	begin(&r, 0);
	start(&r);
	assert_true(good(r.started));
	assert_int_equal(ring_fake_net->before_start, 1);
	end_by(&r, SIGTERM);
}

static void who_may_forge_has_no_filter(void **state)
{
	struct run r;

	(void)state;
	put_link("eth0", 12);
	forges = true;
	begin(&r, 0);
	start(&r);
	forges = false;
	assert_true(good(r.started));
	assert_int_equal(net_fake->open_joins, 1);
	assert_true(net_fake->forges);
	end_by(&r, SIGTERM);
}

static void none_takes_nothing(void **state)
{
	struct run r;

	(void)state;
	put_link("lo", 1)->kind = DOMLET_NET_OTHER;
	put_link("eth0", 12)->up = false;
	begin(&r, 0);
	start(&r);
	assert_true(good(r.started));
	end_by(&r, SIGTERM);
	assert_int_equal(ring_fake_net->times + net_fake->moved, 0);
	assert_true(net_fake->views >= 2);
}

/* As docker from 28 on fills it: after the create, and before the start; no change is told. */
static void what_comes_after_the_create_is_there_before_the_start(void **state)
{
	struct run r;

	(void)state;
	begin(&r, 0);
	put_link("eth0", 12);
	start(&r);
	assert_true(good(r.started));
	assert_int_equal(ring_fake_net->before_start, 1);
	end_by(&r, SIGTERM);
}

static void what_changes_is_followed(void **state)
{
	struct run r;

	(void)state;
	put_link("eth0", 12);
	begin(&r, 0);
	start(&r);
	put_link("eth1", 15);
	put_address(15, 3);
	change();
	await(&ring_fake_net->times, 2);
	assert_int_equal(net_fake->sender.address_count, 1);
	assert_int_equal(net_fake->sender_link, 1);
	assert_int_equal(ring_fake_net->asked.link_count, 2);
	assert_int_equal(ring_fake_net->asked.links[1].device, 1);

	change(); /* which was none */
	uv_sleep(200);
	assert_int_equal(ring_fake_net->times, 2);

	net_fake->view.devices[0] = net_fake->view.devices[1];
	net_fake->view.device_count = 1;
	change();
	await(&ring_fake_net->times, 3);
	assert_int_equal(ring_fake_net->asked.link_count, 1);
	assert_string_equal(ring_fake_net->asked.links[0].name, "eth1");

	uv_sleep(200); /* its vif has gone, and its number is free again */
	put_link("eth0", 17);
	change();
	await(&ring_fake_net->times, 4);
	assert_int_equal(ring_fake_net->asked.links[0].device + ring_fake_net->asked.links[1].device, 1);
	assert_int_equal(net_fake->joined, 3);
	end_by(&r, SIGTERM);
}

static void a_start_without_its_network_fails(void **state)
{
	static const char *const reasons[] = {
		" can't be moved", "vif7.0 can't be joined", "it has no such device",
		"its network namespace is that of a container in another domain (vif9.3 is there)",
		"a filter can't be had"
	};
	struct run r;

	(void)state;
	for (int i = 0; i < 5; i++) {
		memset(net_fake, 0, sizeof *net_fake);
		memset(ring_fake_net, 0, sizeof *ring_fake_net);
		put_link("eth0", 12);
		net_fake->move_fails = i == 0 ? EBUSY : 0;
		net_fake->join_fails = i == 1 ? ENOENT : 0;
		ring_fake_net->code = i == 2 ? ENODEV : 0;
		net_fake->filter_fails = i == 4 ? ENOSYS : 0;
		if (i == 3)
			put_link("vif9.3", 13)->kind = DOMLET_NET_VIF;
		begin(&r, 0);
		start(&r);
		assert_non_null(strstr(r.started, "container c1 can't have its network: "));
		if (!strstr(r.started, reasons[i]))
			fail_msg("%s: %s", reasons[i], r.started);
		finish(&r);
		assert_true(net_fake->views < 10); /* who can't do it does not try for ever */
		(void)tear_down(NULL);
	}
}

static void each_call_may_fail(void **state)
{
	unsigned int k = 0;
	bool failed;
	struct run r;

	(void)state;
	do {
		memset(net_fake, 0, sizeof *net_fake);
		memset(ring_fake_net, 0, sizeof *ring_fake_net);
		put_link("eth0", 12);
		begin(&r, ++k);
		start(&r);
		if (good(r.started)) {
			assert_int_equal(ring_fake_net->before_start, 1);
			send_signal(r.proxy, SIGTERM);
		} else {
			reasoned(r.started[0] ? r.started : r.answer);
		}
		finish(&r);
		failed = seen->failed[0] != '\0';
		(void)tear_down(NULL);
	} while (failed);
	assert_true(k > 30);
}

int main(void)
{
#define WITH_NETWORK(name) cmocka_unit_test_setup_teardown(name, set_up_network, tear_down_network)
	const struct CMUnitTest tests[] = {
		WITH_NETWORK(a_network_is_there_before_the_start),
		WITH_NETWORK(a_network_is_there_without_what_the_engine_asks),
		WITH_NETWORK(who_may_forge_has_no_filter),
		WITH_NETWORK(none_takes_nothing),
		WITH_NETWORK(what_comes_after_the_create_is_there_before_the_start),
		WITH_NETWORK(what_changes_is_followed),
		WITH_NETWORK(a_start_without_its_network_fails),
		WITH_NETWORK(each_call_may_fail),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down_all);
}
