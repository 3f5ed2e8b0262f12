// SPDX-License-Identifier: GPL-2.0-or-later
#include "end.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* How long a killed container may take to end while no reader takes output of
 * it, and how long at all; from the first SIGKILL on. Engines give up waiting
 * after ten seconds. */
#define KILLED_MS 3000
#define KILLED_OUTPUT_MS 30000
/* Between SIGTERM and SIGKILL, as docker and podman have it. */
#ifndef STOP_MS /* a test's patience ends earlier */
#define STOP_MS 10000
#endif
/* Who tells everybody to end (a host that shuts down) tells the proxy, too,
 * which forwards it. Programs take a second SIGTERM for "at once". */
#define SAME_TERM_MS 1000

/* A reader takes output of what has ended, and has not had too long. */
static bool readers_are_busy(struct domlet_end *e)
{
	bool busy = e->output_moved && uv_now(e->loop) - e->killed_at < KILLED_OUTPUT_MS;

	e->output_moved = false;
	domlet_guest_watch_output(e->guest, e->container);
	return busy;
}

static void on_kill_timeout(uv_timer_t *t)
{
	struct domlet_end *e = t->data;

	if (!readers_are_busy(e))
		domlet_queue_post(e->queue, DOMLET_EV_KILL_TIMEOUT, e->container, 0);
}

void domlet_end_expect(struct domlet_end *e)
{
	/* Who kills again and again waits no longer than who kills once. */
	if (uv_is_active((uv_handle_t *)&e->kill_timer))
		return;
	e->killed_at = uv_now(e->loop);
	e->output_moved = false;
	domlet_guest_watch_output(e->guest, e->container);
	uv_timer_start(&e->kill_timer, on_kill_timeout, KILLED_MS, KILLED_MS);
}

bool domlet_end_signal(struct domlet_end *e, uint32_t process, int signo, bool all)
{
	struct domlet_guest_signal order = {
		.container = e->container, .process = process, .signo = (uint32_t)signo, .all = all
	};
	bool term = signo == SIGTERM && process == e->first, sent;

	if (term && e->stopping) /* it has had one */
		return true;
	sent = domlet_guest_signal(e->guest, &order);
	if (sent && term)
		e->term_at = uv_now(e->loop);
	if (signo != SIGKILL || process != e->first)
		return sent;
	domlet_queue_post(e->queue, DOMLET_EV_KILL, e->container, 0); /* a paused one runs, to die */
	domlet_end_expect(e);
	return true;
}

/* The container, by SIGKILL; or it has ended since, but not the reading of its output. */
static void on_stop_timeout(uv_timer_t *t)
{
	struct domlet_end *e = t->data;

	if (domlet_guest_is_attached(e->guest) && domlet_life_takes_requests(e->life, e->container))
		(void)domlet_end_signal(e, e->first, SIGKILL, false);
	else
		domlet_end_expect(e);
}

/* Whose program runs is stopped as by an engine's stop; one that has ended is
 * given the time that a killed one has; another has nothing to lose. */
void domlet_end_stop(struct domlet_end *e, const struct domlet_error *why)
{
	const struct domlet_container_life *life = &e->life->container[e->container];
	enum domlet_container_state state = life->state;
	bool runs = state >= DOMLET_CONTAINER_STARTING && state <= DOMLET_CONTAINER_PAUSED;

	if (state == DOMLET_CONTAINER_NONE || state >= DOMLET_CONTAINER_STOPPED || e->stopping)
		return;
	if (state == DOMLET_CONTAINER_DRAINING) {
		domlet_end_expect(e);
	} else if (!runs || !domlet_guest_is_attached(e->guest)) {
		domlet_queue_post_end(e->queue, DOMLET_EV_CALLER_LOST, e->container, why);
	} else {
		if (state == DOMLET_CONTAINER_PAUSED || life->pause_pending) /* else it would hear nothing of it */
			domlet_queue_post(e->queue, DOMLET_EV_RESUME, e->container, 0);
		if (!e->term_at || uv_now(e->loop) - e->term_at >= SAME_TERM_MS)
			(void)domlet_end_signal(e, e->first, SIGTERM, false);
		uv_timer_start(&e->stop_timer, on_stop_timeout, STOP_MS, 0);
	}
	e->stopping = true;
}

void domlet_end_open(struct domlet_end *e)
{
	uv_timer_init(e->loop, &e->kill_timer);
	uv_timer_init(e->loop, &e->stop_timer);
	e->kill_timer.data = e->stop_timer.data = e;
}

void domlet_end_reset(struct domlet_end *e, uint32_t first)
{
	uv_timer_stop(&e->kill_timer);
	uv_timer_stop(&e->stop_timer);
	e->first = first;
	e->output_moved = e->stopping = false;
	e->term_at = 0;
}
