// SPDX-License-Identifier: GPL-2.0-or-later
/* How a container is made to end: in how much time, and when the monitor itself is told to. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "internal.h"

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
static bool readers_are_busy(struct monitor *m)
{
	bool busy = m->output_moved && uv_now(&m->loop) - m->killed_at < KILLED_OUTPUT_MS;

	m->output_moved = false;
	return busy;
}

static void on_kill_timeout(uv_timer_t *t)
{
	struct monitor *m = t->data;

	if (!readers_are_busy(m))
		domlet_monitor_cut_off(m);
}

void domlet_monitor_expect_end(struct monitor *m)
{
	/* Who kills again and again waits no longer than who kills once. */
	if (uv_is_active((uv_handle_t *)&m->kill_timer))
		return;
	m->killed_at = uv_now(&m->loop);
	m->output_moved = false;
	uv_timer_start(&m->kill_timer, on_kill_timeout, KILLED_MS, KILLED_MS);
}

void domlet_monitor_signal(struct monitor *m, uint32_t process, int signo, bool all)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_SIGNAL };

	if (signo == SIGTERM && process == FIRST_PROCESS) {
		if (m->stopping) /* it has had one */
			return;
		m->term_at = uv_now(&m->loop);
	}
	msg.signal.container = CONTAINER;
	msg.signal.process = process;
	msg.signal.signo = (uint32_t)signo;
	msg.signal.all = all;
	(void)domlet_monitor_send(m, &msg);
	if (signo == SIGKILL && process == FIRST_PROCESS)
		domlet_monitor_expect_end(m);
}

/* The container, by SIGKILL; or it has ended since, but not the reading of its output. */
static void on_stop_timeout(uv_timer_t *t)
{
	struct monitor *m = t->data;

	if (m->attached && domlet_life_takes_requests(&m->life, CONTAINER))
		domlet_monitor_signal(m, FIRST_PROCESS, SIGKILL, false);
	else
		domlet_monitor_expect_end(m);
	domlet_monitor_turn(m);
}

/* Whose program runs is stopped as by an engine's stop; one that has ended is
 * given the time that a killed one has; another has nothing to lose. */
static void stop(struct monitor *m, const struct domlet_error *why)
{
	enum domlet_container_state state = m->life.container[CONTAINER].state;
	bool runs = state == DOMLET_CONTAINER_STARTING || state == DOMLET_CONTAINER_RUNNING;

	if (state == DOMLET_CONTAINER_DRAINING) {
		domlet_monitor_expect_end(m);
	} else if (!runs || !m->attached) {
		domlet_queue_post_end(&m->queue, DOMLET_EV_DESTROY, why);
	} else {
		if (!m->term_at || uv_now(&m->loop) - m->term_at >= SAME_TERM_MS)
			domlet_monitor_signal(m, FIRST_PROCESS, SIGTERM, false);
		uv_timer_start(&m->stop_timer, on_stop_timeout, STOP_MS, 0);
	}
	m->stopping = true;
}

static void on_signal(uv_signal_t *s, int signo)
{
	struct monitor *m = s->data;
	struct domlet_error why;

	if (m->stopping)
		return;
	(void)domlet_error_set(&why, EINTR, "the monitor of container %s was told to end by SIG%s", m->launch->plan->id,
			       sigabbrev_np(signo));
	domlet_log_notice(m->launch->log, "%s: it stops the container", why.text);
	stop(m, &why);
	domlet_monitor_turn(m);
}

void domlet_monitor_await_end(struct monitor *m)
{
	static const int signals[END_SIGNALS] = { SIGTERM, SIGINT, SIGHUP };

	uv_timer_init(&m->loop, &m->kill_timer);
	uv_timer_init(&m->loop, &m->stop_timer);
	m->kill_timer.data = m->stop_timer.data = m;
	for (size_t i = 0; i < END_SIGNALS; i++) {
		uv_signal_init(&m->loop, &m->end_signals[i]);
		m->end_signals[i].data = m;
		uv_signal_start(&m->end_signals[i], on_signal, signals[i]);
	}
}
