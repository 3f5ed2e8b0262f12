/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "turn.h"

#include <fcntl.h>
#include <unistd.h>

/*
 * libxl gives xenconsoled, backends and hotplug programs ten seconds each, and
 * gives the domain up, or leaves a disk behind, when they take longer: with
 * twenty domains at once on a busy host they do. So of all monitors a few build
 * or destroy at a time, and the others wait for a turn: a lock on one byte of a
 * file that only dom0's root may open. It leaves nothing behind, and ends with
 * whoever holds it.
 */

#define TURNS_MIN 4
#define RETRY_MS 20
/* Longer than libxl needs for anything; who still has no turn goes without. */
#define PATIENCE_MS 120000

const char *domlet_xen_turn_file = "/dev/xen/privcmd";

/* A descriptor, -1: all turns are taken, or -2: there are none here. */
static int take_turn(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int fd = open(domlet_xen_turn_file, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -2;
	for (long i = 0; i < (processors > TURNS_MIN ? processors : TURNS_MIN); i++) {
		struct flock turn = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1 };

		if (fcntl(fd, F_OFD_SETLK, &turn) == 0)
			return fd;
	}
	close(fd);
	return -1;
}

int domlet_xen_turn_take(void)
{
	int fd = take_turn();

	for (unsigned int ms = 0; fd == -1 && ms < PATIENCE_MS; ms += RETRY_MS) {
		(void)usleep(RETRY_MS * 1000);
		fd = take_turn();
	}
	return fd;
}

void domlet_xen_turn_init(struct domlet_xen_turn *turn, struct domlet_xen_loop *loop)
{
	turn->loop = loop;
	turn->fd = -1;
	(void)uv_timer_init(loop->uv, &turn->timer); /* which can't fail */
	domlet_xen_loop_hold(loop, (uv_handle_t *)&turn->timer, turn);
}

static void on_retry(uv_timer_t *t);
static void go_on(struct domlet_xen_turn *turn);

void domlet_xen_turn_wait(struct domlet_xen_turn *turn, void (*then)(void *user), void *user)
{
	turn->then = then;
	turn->user = user;
	turn->fd = take_turn();
	turn->waited_ms = 0;
	if (turn->fd != -1 || uv_timer_start(&turn->timer, on_retry, RETRY_MS, RETRY_MS) != 0)
		go_on(turn);
}

bool domlet_xen_turn_waits(const struct domlet_xen_turn *turn)
{
	return turn->then != NULL;
}

static void on_retry(uv_timer_t *t)
{
	struct domlet_xen_turn *turn = t->data;

	turn->fd = take_turn();
	turn->waited_ms += RETRY_MS;
	if (turn->fd == -1 && turn->waited_ms < PATIENCE_MS)
		return;
	uv_timer_stop(t);
	go_on(turn);
}

static void go_on(struct domlet_xen_turn *turn)
{
	void (*then)(void *user) = turn->then;

	turn->then = NULL;
	then(turn->user);
}

void domlet_xen_turn_end(struct domlet_xen_turn *turn)
{
	if (turn->then)
		uv_timer_stop(&turn->timer);
	turn->then = NULL;
	if (turn->fd >= 0)
		close(turn->fd);
	turn->fd = -1;
}

void domlet_xen_turn_close(struct domlet_xen_turn *turn)
{
	if (!turn->loop)
		return;
	domlet_xen_turn_end(turn);
	domlet_xen_loop_drop(turn->loop, (uv_handle_t *)&turn->timer);
}
