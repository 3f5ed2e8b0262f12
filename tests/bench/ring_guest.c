// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Process 1 of a domain that only measures: offers a domlet ring and a vchan
 * of equal size to dom0, and does what ring_host.c tells it.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libxenvchan.h>
#include <xenstore.h>

#include "../../frontend/device.h"
#include "channel.h"

#define RING_BYTES ((size_t)DOMLET_PAGE_SIZE << DOMLET_RING_ORDER_DEFAULT)

static struct bench_channel ring, vchan;
static struct domlet_device device;
static uint8_t data[BENCH_SIZE_MAX];

static int notify(void *d)
{
	return domlet_device_notify(d);
}

static int drain(void *d)
{
	return domlet_device_drain(d);
}

static void serve(const struct bench_command *cmd)
{
	struct bench_channel *c = cmd->vchan ? &vchan : &ring;
	struct bench_cost before, after;

	bench_cost_read(c, &before);
	for (uint32_t i = 0; i < cmd->count; i++) {
		if (cmd->op != BENCH_OUT)
			bench_channel_receive(c, data, cmd->size);
		if (cmd->op != BENCH_IN)
			bench_channel_send(c, data, cmd->size);
	}
	bench_cost_read(c, &after);
	after.system_calls -= before.system_calls;
	after.switches -= before.switches;
	after.notifications -= before.notifications;
	bench_channel_send(&ring, &after, sizeof after);
}

int main(int argc, char **argv)
{
	struct bench_command cmd;
	struct xs_handle *xs;
	char err[256] = "";

	(void)mount("proc", "/proc", "proc", 0, NULL);
	(void)mount("sysfs", "/sys", "sysfs", 0, NULL);
	(void)mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	if (argc > 1 && strcmp(argv[1], "count") == 0)
		bench_trace();
	xs = xs_open(0);
	vchan.vchan = libxenvchan_server_init(NULL, 0, "data/vchan", RING_BYTES, RING_BYTES);
	if (!xs || !vchan.vchan || domlet_device_open(&device, DOMLET_RING_ORDER_DEFAULT, 1, err, sizeof err) < 0 ||
	    domlet_device_announce(&device, xs, err, sizeof err) < 0) {
		(void)fprintf(stderr, "bench-guest: no channel: %s\n", err);
		sleep(1000);
		return 1;
	}
	vchan.vchan->blocking = -1; /* true: a signed bit */
	ring.device = &device;
	ring.fd = domlet_device_fd(&device);
	ring.notify = notify;
	ring.drain = drain;
	ring.relax = domlet_device_yield;
	bench_channel_open(&ring, &device.ring, DOMLET_RING_GUEST, 1);
	for (;;) {
		bench_channel_receive(&ring, &cmd, sizeof cmd);
		if (cmd.size <= sizeof data)
			serve(&cmd);
	}
}
