/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "internal.h"

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

static void go_on(struct domlet_xen *xen)
{
	void (*then)(struct domlet_xen *) = xen->turn_then;

	xen->turn_then = NULL;
	then(xen);
}

static void on_retry(uv_timer_t *t)
{
	struct domlet_xen *xen = t->data;

	xen->turn_fd = take_turn();
	xen->turn_waited_ms += RETRY_MS;
	if (xen->turn_fd == -1 && xen->turn_waited_ms < PATIENCE_MS)
		return;
	uv_timer_stop(t);
	go_on(xen);
}

void domlet_xen_turn_wait(struct domlet_xen *xen, void (*then)(struct domlet_xen *xen))
{
	xen->turn_then = then;
	xen->turn_fd = take_turn();
	xen->turn_waited_ms = 0;
	if (xen->turn_fd != -1 || uv_timer_start(&xen->turn, on_retry, RETRY_MS, RETRY_MS) != 0)
		go_on(xen);
}

bool domlet_xen_turn_waits(const struct domlet_xen *xen)
{
	return xen->turn_then != NULL;
}

void domlet_xen_turn_end(struct domlet_xen *xen)
{
	if (xen->turn_then)
		uv_timer_stop(&xen->turn);
	xen->turn_then = NULL;
	if (xen->turn_fd >= 0)
		close(xen->turn_fd);
	xen->turn_fd = -1;
}
