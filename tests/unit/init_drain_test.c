/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read of outputs that nobody wants, and how fast. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../guest-init/agent/drain.h"

#define WRITERS 8
#define FOR_MS 400

static struct domlet_drain drain;
static unsigned int wakeups;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Its writer's end; what that holds is in *SIZE. */
static int add(size_t *size)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	*size = (size_t)fcntl(ends[0], F_GETPIPE_SZ);
	domlet_drain_take(&drain, ends[0]);
	return ends[1];
}

static void turn(int ms)
{
	struct pollfd p = { .fd = domlet_drain_fd(&drain), .events = POLLIN };

	if (p.fd < 0 || poll(&p, 1, ms) < 1)
		return;
	wakeups++;
	domlet_drain_read(&drain);
}

/* As much as each pipe takes. */
static size_t fill(const int *fds, size_t count, size_t *written)
{
	static const uint8_t much[65536];
	size_t all = 0;

	for (size_t i = 0; i < count; i++) {
		ssize_t n;

		while ((n = write(fds[i], much, sizeof much)) > 0) {
			written[i] += (size_t)n;
			all += (size_t)n;
		}
		assert_int_equal(errno, EAGAIN);
	}
	return all;
}

/* Writers without end are held up by their pipes, each of them gets on, and process 1 sleeps. */
static void writers_are_bounded(void **state)
{
	int fds[WRITERS];
	size_t written[WRITERS] = { 0 }, held = 0, all = 0, looks;
	int64_t begin, passed;

	(void)state;
	for (size_t i = 0; i < WRITERS; i++) {
		size_t size;

		fds[i] = add(&size);
		held += size;
	}
	wakeups = 0;
	begin = now_ms();
	while ((passed = now_ms() - begin) < FOR_MS) {
		all += fill(fds, WRITERS, written);
		turn(100);
	}
	looks = (size_t)passed / DOMLET_DRAIN_PAUSE_MS + 2;
	assert_uint_in_range(all, held + 1, held + looks * DOMLET_DRAIN_BYTES);
	assert_uint_in_range(wakeups, 2, 2 * looks);
	for (size_t i = 0; i < WRITERS; i++)
		assert_true(written[i] > held / WRITERS);
	/* The ends are seen, and then there is nothing to wait for. */
	for (size_t i = 0; i < WRITERS; i++)
		close(fds[i]);
	for (begin = now_ms(); domlet_drain_fd(&drain) >= 0 && now_ms() - begin < 10000;)
		turn(100);
	assert_int_equal(domlet_drain_fd(&drain), -1);
	assert_int_equal(drain.count, 0);
}

/* Single bytes don't wake it each for itself. */
static void drops_are_bounded(void **state)
{
	size_t size;
	int fd = add(&size);
	int64_t begin = now_ms(), passed;

	(void)state;
	wakeups = 0;
	while ((passed = now_ms() - begin) < FOR_MS) {
		(void)!write(fd, "x", 1);
		turn(0);
	}
	assert_uint_in_range(wakeups, 2, 2 * ((size_t)passed / DOMLET_DRAIN_PAUSE_MS + 2));
	close(fd);
	for (begin = now_ms(); domlet_drain_fd(&drain) >= 0 && now_ms() - begin < 10000;)
		turn(100);
	assert_int_equal(drain.count, 0);
}

/* A writer that is silent again wakes it no more. */
static void silence_is_slept_through(void **state)
{
	struct pollfd p = { .events = POLLIN };
	size_t size;
	int fd = add(&size);

	(void)state;
	wakeups = 0;
	assert_int_equal(write(fd, "x", 1), 1);
	for (int i = 0; i < 4; i++)
		turn(5 * DOMLET_DRAIN_PAUSE_MS);
	assert_int_equal(wakeups, 2); /* the byte, and the pause's end */
	p.fd = domlet_drain_fd(&drain);
	assert_true(p.fd >= 0);
	assert_int_equal(poll(&p, 1, 0), 0);
	/* And the next byte does. */
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(poll(&p, 1, 1000), 1);
	close(fd);
	for (int64_t begin = now_ms(); domlet_drain_fd(&drain) >= 0 && now_ms() - begin < 10000;)
		turn(100);
	assert_int_equal(drain.count, 0);
}

/* Those that it has no place for lose their reader. */
static void places_are_bounded(void **state)
{
	int ends[2], one_more;
	size_t size;

	(void)state;
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	for (size_t i = 0; i < DOMLET_DRAIN_MAX; i++)
		domlet_drain_take(&drain, dup(ends[0]));
	assert_int_equal(drain.count, DOMLET_DRAIN_MAX);
	one_more = add(&size);
	assert_int_equal(drain.count, DOMLET_DRAIN_MAX);
	assert_int_equal(write(one_more, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(one_more);
	close(ends[1]);
	for (int64_t begin = now_ms(); domlet_drain_fd(&drain) >= 0 && now_ms() - begin < 10000;)
		turn(100);
	assert_int_equal(drain.count, 0);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writers_are_bounded),
		cmocka_unit_test(drops_are_bounded),
		cmocka_unit_test(silence_is_slept_through),
		cmocka_unit_test(places_are_bounded),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("init_drain", tests, NULL, NULL);
}
