// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring_host time|count DOMID RUNS: measures domlet's ring and a vchan to the
 * domain that runs ring_guest.c, in turn, and prints one "NAME SIDE VALUE UNIT"
 * a line. "count" counts system calls, for which the program is traced and so
 * slow.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libxenvchan.h>
#include <xenstore.h>

#include "../../toolstack/ring/host.h"
#include "channel.h"

#define ECHOES 500u
#define ECHO_BYTES 64u
#define BLOCKS 64u /* of a MiB */

static struct bench_channel ring, vchan;
static struct domlet_host_ring host_ring;
static uint8_t data[BENCH_SIZE_MAX];

static int notify(void *d)
{
	return domlet_host_ring_notify(d);
}

static int drain(void *d)
{
	return domlet_host_ring_drain(d);
}

static _Noreturn void end(const char *why)
{
	(void)fprintf(stderr, "ring_host: %s\n", why);
	exit(1);
}

static void attach(const char *domid)
{
	uint32_t number = (uint32_t)strtoul(domid, NULL, 10);
	struct xs_handle *xs = xs_open(0);
	struct domlet_ring_offer offer;
	char path[96], *text = NULL;
	struct domlet_error err;
	unsigned int n;

	(void)snprintf(path, sizeof path, "/local/domain/%s/data/domlet/ring/0", domid);
	if (!xs || !xs_watch(xs, path, "ring"))
		end("no xenstore");
	while (!text) {
		free(xs_read_watch(xs, &n));
		text = xs_read(xs, XBT_NULL, path, &n);
	}
	if (domlet_ring_offer_parse(text, n, number, &offer, &err) < 0)
		end(err.text);
	free(text);
	if (domlet_host_ring_map(&host_ring, number, &offer, &err) < 0)
		end(err.text);
	ring.device = &host_ring;
	ring.fd = domlet_host_ring_fd(&host_ring);
	ring.notify = notify;
	ring.drain = drain;
	ring.relax = domlet_host_ring_pause;
	bench_channel_open(&ring, &host_ring.ring, DOMLET_RING_HOST, 1);
	(void)snprintf(path, sizeof path, "/local/domain/%s/data/vchan", domid);
	vchan.vchan = libxenvchan_client_init(NULL, (int)number, path);
	if (!vchan.vchan)
		end("can't attach to the vchan");
	vchan.vchan->blocking = -1; /* true: a signed bit */
	xs_close(xs);
}

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds; COST[0] is the host's, COST[1] the guest's. */
static double run(bool use_vchan, enum bench_op op, uint32_t size, uint32_t count, struct bench_cost cost[2])
{
	struct bench_command cmd = { .op = op, .vchan = use_vchan, .size = size, .count = count };
	struct bench_channel *c = use_vchan ? &vchan : &ring;
	struct bench_cost before;
	double start, seconds;

	bench_channel_send(&ring, &cmd, sizeof cmd);
	bench_channel_flush(&ring); /* what follows may go through the vchan */
	bench_cost_read(c, &before);
	start = now_s();
	for (uint32_t i = 0; i < count; i++) {
		if (op != BENCH_OUT)
			bench_channel_send(c, data, size);
		if (op != BENCH_IN)
			bench_channel_receive(c, data, size);
	}
	bench_cost_read(c, &cost[0]);
	/* What was sent counts when the guest has all of it. */
	bench_channel_receive(&ring, &cost[1], sizeof cost[1]);
	seconds = now_s() - start;
	cost[0].system_calls -= before.system_calls;
	cost[0].switches -= before.switches;
	cost[0].notifications -= before.notifications;
	return seconds;
}

static void report(const char *name, bool use_vchan, double value, const char *unit)
{
	(void)printf("%s %s %.4f %s\n", name, use_vchan ? "peer" : "ours", value, unit);
	(void)fflush(stdout);
}

static void measure_times(bool use_vchan)
{
	struct bench_cost cost[2];
	double s = run(use_vchan, BENCH_ECHO, ECHO_BYTES, ECHOES, cost);

	report("ring-rtt", use_vchan, s * 1e6 / ECHOES, "us");
	for (int in = 0; in < 2; in++) {
		s = run(use_vchan, in ? BENCH_IN : BENCH_OUT, BENCH_SIZE_MAX, BLOCKS, cost);
		report(in ? "ring-in" : "ring-out", use_vchan, BLOCKS / s, "MiB/s");
		if (!use_vchan)
			report(in ? "ring-notify-in" : "ring-notify-out", use_vchan,
			       (double)(cost[0].notifications + cost[1].notifications) / BLOCKS, "1/MiB");
	}
}

static void measure_counts(bool use_vchan)
{
	struct bench_cost cost[2];

	(void)run(use_vchan, BENCH_ECHO, ECHO_BYTES, ECHOES, cost);
	report("rtt-syscalls-dom0", use_vchan, (double)cost[0].system_calls / ECHOES, "calls");
	report("rtt-syscalls-guest", use_vchan, (double)cost[1].system_calls / ECHOES, "calls");
}

static void measure_switches(bool use_vchan)
{
	struct bench_cost cost[2];

	(void)run(use_vchan, BENCH_ECHO, ECHO_BYTES, ECHOES, cost);
	report("rtt-switches-dom0", use_vchan, (double)cost[0].switches / ECHOES, "switches");
	report("rtt-switches-guest", use_vchan, (double)cost[1].switches / ECHOES, "switches");
}

int main(int argc, char **argv)
{
	struct bench_cost cost[2];
	bool count;

	if (argc != 4) {
		(void)fprintf(stderr, "usage: bench-ring-host time|count DOMID RUNS\n");
		return 2;
	}
	count = strcmp(argv[1], "count") == 0;
	if (count)
		bench_trace();
	memset(data, 'd', sizeof data);
	attach(argv[2]);
	for (int warm = 0; warm < 2; warm++)
		(void)run(warm, BENCH_ECHO, ECHO_BYTES, ECHOES / 10, cost);
	for (int i = 0; i < 2 * atoi(argv[3]); i++) {
		if (count) {
			measure_counts(i & 1);
			continue;
		}
		measure_times(i & 1);
		measure_switches(i & 1);
	}
	return 0;
}
