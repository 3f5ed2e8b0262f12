// SPDX-License-Identifier: GPL-2.0-or-later
#include "caller.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Why a container can't be started; NULL: it can. */
static const char *no_start(enum domlet_container_state state)
{
	if (state == DOMLET_CONTAINER_CREATED)
		return NULL;
	if (state < DOMLET_CONTAINER_CREATED)
		return "cannot start a container that is still being created";
	return state > DOMLET_CONTAINER_PAUSED ? "cannot start a container that has stopped" :
						 "cannot start an already running container";
}

static void request_start(struct domlet_container *c, struct domlet_connection *from)
{
	/* `domlet run` asks between the container's creation and its unexpected end. */
	if (c->foreground && domlet_container_life(c)->state > DOMLET_CONTAINER_PAUSED && c->err.code) {
		domlet_control_answer(from, c->err.code, c->err.text);
		return;
	}
	if (no_start(domlet_container_life(c)->state)) {
		domlet_control_answer(from, EBUSY, no_start(domlet_container_life(c)->state));
		return;
	}
	domlet_control_wait(from, DOMLET_CONTROL_START);
	domlet_queue_post(c->queue, DOMLET_EV_START, c->number, 0);
}

static void request_pause(struct domlet_container *c, struct domlet_connection *from)
{
	const struct domlet_container_life *life = domlet_container_life(c);

	if (life->state != DOMLET_CONTAINER_RUNNING || life->killed || c->end.stopping) {
		domlet_control_answer(from, ESRCH, "container not running");
		return;
	}
	domlet_control_wait(from, DOMLET_CONTROL_PAUSE);
	domlet_queue_post(c->queue, DOMLET_EV_PAUSE, c->number, 0);
}

static void request_resume(struct domlet_container *c, struct domlet_connection *from)
{
	if (domlet_container_life(c)->state != DOMLET_CONTAINER_PAUSED) {
		domlet_control_answer(from, EBUSY, "container not paused");
		return;
	}
	domlet_control_wait(from, DOMLET_CONTROL_RESUME);
	domlet_queue_post(c->queue, DOMLET_EV_RESUME, c->number, 0);
}

/* The container, with its domain if it is the only one there. */
static void end_at_once(struct domlet_container *c)
{
	domlet_guest_drop_further(c->guest, c->number);
	if (domlet_container_is_alone(c))
		domlet_queue_post(c->queue, DOMLET_EV_DESTROY, 0, 0);
	else
		domlet_queue_post(c->queue, DOMLET_EV_DELETE, c->number, 0);
}

static void request_signal(struct domlet_container *c, struct domlet_connection *from, int signo, bool all)
{
	uint32_t process = from->process ? from->process : c->first;
	bool last = signo == SIGKILL && process == c->first;

	if (!domlet_container_takes_requests(c)) {
		if (last)
			end_at_once(c);
		domlet_control_answer(from, last ? 0 : ESRCH, last ? NULL : "container not running");
		return;
	}
	if (domlet_end_signal(&c->end, process, signo, all))
		domlet_control_answer(from, 0, NULL);
	else
		domlet_control_answer(from, EAGAIN,
				      "the container is paused and takes no more signals: try again when it goes on");
}

static void request_size(struct domlet_container *c, const struct domlet_connection *from,
			 const struct domlet_control_request *r)
{
	struct domlet_guest_size order = { .process = from->process ? from->process : c->first,
					   .rows = r->rows,
					   .cols = r->cols };

	if (domlet_guest_is_attached(c->guest))
		domlet_guest_resize(c->guest, &order);
}

/* One question at a time: whoever asks meanwhile gets the same answer. */
static void ask_for_figures(struct domlet_container *c)
{
	if (c->counts)
		return;
	c->counts = true;
	c->watch_asked = c->watch;
	domlet_guest_stats(c->guest, domlet_container_tag(DOMLET_ASKED_STATS, c->number), c->number, c->watch);
}

static void request_stats(struct domlet_container *c, struct domlet_connection *from, bool watch)
{
	if (!domlet_container_takes_requests(c)) {
		domlet_control_answer(from, ESRCH, "container not running");
		return;
	}
	from->watches = from->watches || watch;
	c->watch = c->watch || watch;
	if (c->life->domain.state != DOMLET_DOMAIN_READY) {
		domlet_control_answer(from, EBUSY,
				      "the container is paused, and its guest counts nothing: resume it first");
		return;
	}
	domlet_control_wait(from, DOMLET_CONTROL_STATS);
	ask_for_figures(c);
}

void domlet_caller_counted(struct domlet_container *c, const struct domlet_guest_event *ev)
{
	c->counts = false;
	if (ev->unheard)
		domlet_control_answer_all(c->control, c->number, DOMLET_CONTROL_STATS, ESRCH, "container not running");
	else if (ev->code)
		domlet_control_answer_all(c->control, c->number, DOMLET_CONTROL_STATS, (int)ev->code, ev->text);
	else
		domlet_control_answer_figures(c->control, c->number, &ev->figures);
	if (c->watch && !c->watch_asked && domlet_container_takes_requests(c))
		ask_for_figures(c);
}

static void refuse_exec(struct domlet_connection *from, struct domlet_control_request *r, int code, const char *text)
{
	domlet_control_answer(from, code, text);
	free(r->object);
	for (int i = 0; i < 4; i++)
		if (r->fds[i] >= 0)
			close(r->fds[i]);
}

static void request_exec(struct domlet_container *c, struct domlet_connection *from, struct domlet_control_request *r)
{
	struct domlet_guest_exec order = { .container = c->number,
					   .object = r->object,
					   .len = r->object_len,
					   .terminal = r->terminal,
					   .timeout_ms = c->spec->tmpl->boot_timeout_s * UINT64_C(1000) };
	char text[160];

	if (!domlet_container_takes_requests(c)) {
		refuse_exec(from, r, ESRCH, "cannot exec in a stopped container");
		return;
	}
	domlet_guest_make_room(c->guest);
	order.process = domlet_monitor_process_add(c->processes, c->number, false);
	if (!order.process) {
		(void)snprintf(text, sizeof text,
			       "%u processes were started in the container's domain and still run: no more are possible",
			       DOMLET_PROCESS_MAX - 1);
		refuse_exec(from, r, EAGAIN, text);
		return;
	}
	if (!domlet_control_add(c->control, r->fds[3], order.process, c->number)) {
		domlet_monitor_process_find(c->processes, order.process)->used = false;
		refuse_exec(from, r, EAGAIN, "the container's monitor has too many connections: try again");
		return;
	}
	order.tag = domlet_container_tag(DOMLET_ASKED_EXEC, order.process);
	memcpy(order.stdio, r->fds, sizeof order.stdio);
	domlet_monitor_process_find(c->processes, order.process)->asker = from;
	domlet_guest_exec(c->guest, &order);
}

void domlet_caller_ask(struct domlet_container *c, struct domlet_connection *from, struct domlet_control_request *r)
{
	switch (r->verb) {
	case DOMLET_CONTROL_START: request_start(c, from); return;
	case DOMLET_CONTROL_PAUSE: request_pause(c, from); return;
	case DOMLET_CONTROL_RESUME: request_resume(c, from); return;
	case DOMLET_CONTROL_SIGNAL: request_signal(c, from, r->signo, r->all); return;
	case DOMLET_CONTROL_SIZE: request_size(c, from, r); return;
	case DOMLET_CONTROL_EXEC: request_exec(c, from, r); return;
	case DOMLET_CONTROL_DESTROY: end_at_once(c); return;
	case DOMLET_CONTROL_DONE: c->done = c->done || (from->is_launcher && c->created); return;
	case DOMLET_CONTROL_STATS: request_stats(c, from, r->watch); return;
	case DOMLET_CONTROL_UPDATE: domlet_update_request(c, from, r); return;
	case DOMLET_CONTROL_JOIN:
	case DOMLET_CONTROL_CREATE:
	case DOMLET_CONTROL_ABOUT: return; /* of who comes */
	}
}

/* Until it has done its part (it writes the pid file last) nobody else knows of
 * the container: who asked for it was not told, and will not delete it. */
static void lose_launcher(struct domlet_container *c)
{
	if (c->done)
		return;
	if (!c->keep || domlet_container_life(c)->state < DOMLET_CONTAINER_RUNNING)
		c->created = false; /* nothing stays */
	domlet_queue_post(c->queue, DOMLET_EV_CALLER_LOST, c->number, 0);
}

static void lose_first_proxy(struct domlet_container *c)
{
	struct domlet_error err;

	(void)domlet_error_set(&err, EIO, "the proxy of container %s was killed", c->state.id);
	domlet_queue_post_end(c->queue, DOMLET_EV_PROXY_LOST, c->number, &err);
}

void domlet_caller_lose(struct domlet_container *c, struct domlet_connection *from)
{
	for (uint32_t n = 1; n < c->processes->count; n++) {
		struct domlet_monitor_process *p = domlet_monitor_process_find(c->processes, n);

		if (!p || p->asker != from)
			continue;
		p->asker = NULL;
		domlet_guest_abandon(c->guest, n);
	}
	if (from->is_launcher)
		lose_launcher(c);
	else if (from->process == c->first)
		lose_first_proxy(c);
	else if (from->process)
		domlet_guest_lose_proxy(c->guest, from->process);
}

void domlet_caller_refuse(struct domlet_connection *from, struct domlet_control_request *r)
{
	switch (r->verb) {
	case DOMLET_CONTROL_UPDATE:
		free(r->update.was);
		free(r->update.limits);
		free(r->update.resources);
		domlet_control_answer(from, ESRCH, "container not running");
		return;
	case DOMLET_CONTROL_EXEC: refuse_exec(from, r, ESRCH, "cannot exec in a stopped container"); return;
	case DOMLET_CONTROL_START:
	case DOMLET_CONTROL_PAUSE:
	case DOMLET_CONTROL_RESUME:
	case DOMLET_CONTROL_STATS:
	case DOMLET_CONTROL_SIGNAL: domlet_control_answer(from, ESRCH, "container not running"); return;
	default: return;
	}
}
