// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two threads, one at each end of a ring, that send and receive at once and
 * sleep on event descriptors. Made for ThreadSanitizer; a lost wake-up ends
 * as a time-out.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ring_pair.h"

#define WATCHDOG_S 50

struct end {
	struct domlet_ring *ring;
	int wake_fd, peer_fd;
	uint32_t seed;
	uint32_t step;  /* bytes: most steps are below */
	uint64_t ahead; /* bytes it may have sent more than received */
	uint64_t total, sent, received;
	uint64_t arms, sleeps, events_sent;
};

static uint32_t pick(struct end *e, uint32_t below)
{
	e->seed = e->seed * 1664525u + 1013904223u;
	return (e->seed >> 8) % below;
}

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "ring_threads: %s\n", what);
	_exit(1);
}

static uint8_t byte_at(uint64_t at)
{
	return (uint8_t)(at * 7 + (at >> 12));
}

static bool may_send(const struct end *e)
{
	return e->sent < e->total && e->sent < e->received + e->ahead;
}

static uint32_t step_size(struct end *e, uint64_t most)
{
	uint32_t n = pick(e, pick(e, 64) ? e->step : e->ring->size) + 1;

	return n < most ? n : (uint32_t)most;
}

/* True when the ring had room. */
static bool send_some(struct end *e)
{
	uint8_t bytes[DOMLET_PAGE_SIZE << 2];
	int64_t room = domlet_ring_room(e->ring);
	uint32_t n;

	if (room < 0)
		give_up("the ring broke while sending");
	if (room == 0)
		return false;
	n = step_size(e, (uint64_t)room);
	if (n > e->total - e->sent)
		n = (uint32_t)(e->total - e->sent);
	if (n > e->received + e->ahead - e->sent)
		n = (uint32_t)(e->received + e->ahead - e->sent);
	for (uint32_t i = 0; i < n; i++)
		bytes[i] = byte_at(e->sent + i);
	domlet_ring_copy_in(e->ring, 0, bytes, n);
	domlet_ring_produce(e->ring, n);
	e->sent += n;
	return true;
}

static bool receive_some(struct end *e)
{
	uint8_t bytes[DOMLET_PAGE_SIZE << 2];
	int64_t ready = domlet_ring_ready(e->ring);
	uint32_t n;

	if (ready < 0)
		give_up("the ring broke while receiving");
	if (ready == 0)
		return false;
	n = step_size(e, (uint64_t)ready);
	domlet_ring_copy_out(e->ring, 0, bytes, n);
	for (uint32_t i = 0; i < n; i++)
		if (bytes[i] != byte_at(e->received + i))
			give_up("a byte was lost, doubled or changed");
	domlet_ring_consume(e->ring, n);
	e->received += n;
	return true;
}

static void tell(struct end *e)
{
	uint64_t one = 1;

	domlet_ring_publish(e->ring);
	if (!domlet_ring_take_notify(e->ring))
		return;
	e->events_sent++;
	if (write(e->peer_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		give_up("can't write to an eventfd");
}

static bool relax(void)
{
	return true;
}

static void *run(void *arg)
{
	struct end *e = arg;
	uint64_t count;

	for (;;) {
		bool full = false, moved = false;

		for (uint32_t i = pick(e, 4); may_send(e) && !full; i--) {
			full = !send_some(e);
			moved = moved || !full;
			if (i == 0)
				break;
		}
		moved = receive_some(e) || moved;
		/* What wasn't looked at would be slept over. */
		if (moved && (pick(e, 4) || domlet_ring_ready(e->ring) != 0)) {
			if (pick(e, 3) == 0)
				tell(e);
			continue;
		}
		tell(e);
		if (e->sent == e->total && e->received == e->total)
			return NULL;
		if (pick(e, 2) && domlet_ring_linger(e->ring, may_send(e), relax))
			continue;
		e->arms++;
		if (domlet_ring_arm(e->ring, may_send(e)))
			continue;
		e->sleeps++;
		if (read(e->wake_fd, &count, sizeof(count)) != (ssize_t)sizeof(count))
			give_up("can't read an eventfd");
		domlet_ring_disarm(e->ring);
	}
}

static void on_alarm(int signo)
{
	static const char text[] = "ring_threads: a wake-up was lost: both ends sleep\n";

	(void)signo;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(1);
}

static void run_pair(uint32_t order, uint32_t step, uint64_t ahead, uint64_t total, uint32_t seed)
{
	struct ring_pair pair;
	struct end ends[2];
	pthread_t threads[2];

	ring_pair_open(&pair, order);
	ring_pair_start_at(&pair, UINT32_MAX - 100000);
	memset(ends, 0, sizeof(ends));
	for (int i = 0; i < 2; i++) {
		ends[i].ring = i ? &pair.host : &pair.guest;
		ends[i].wake_fd = eventfd(0, EFD_CLOEXEC);
		ends[i].seed = seed * 2 + (uint32_t)i;
		ends[i].step = step;
		ends[i].ahead = ahead;
		ends[i].total = total;
	}
	for (int i = 0; i < 2; i++) {
		ends[i].peer_fd = ends[1 - i].wake_fd;
		if (ends[i].wake_fd < 0)
			give_up("no eventfd");
	}
	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, run, &ends[i]))
			give_up("no thread");
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 2; i++) {
		/* A sleep asks for at most two events: data and room. */
		if (ends[1 - i].events_sent > 2 * ends[i].arms)
			give_up("more events than sleeps");
		printf("order %u, steps of %u: %llu bytes, %llu arms, %llu sleeps, %llu events\n", order, step,
		       (unsigned long long)total, (unsigned long long)ends[i].arms, (unsigned long long)ends[i].sleeps,
		       (unsigned long long)ends[1 - i].events_sent);
		close(ends[i].wake_fd);
	}
	ring_pair_close(&pair);
}

int main(void)
{
	signal(SIGALRM, on_alarm);
	alarm(WATCHDOG_S);
	for (uint32_t seed = 1; seed <= 4; seed++) {
		run_pair(0, 8, 12, 100000, seed); /* each waits for the other */
		run_pair(0, 400, UINT32_MAX, 2u << 20, seed);
		run_pair(2, 4000, UINT32_MAX, 8u << 20, seed);
	}
	return 0;
}
