// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The queue and the one place that steps: rooms post what happens, core says
 * what is to be done about it, and the rooms do that.
 */
#include "monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "../dom0/cgroup.h"
#include "../dom0/pid.h"
#include "../storage/image.h"
#include "caller.h"
#include "container.h"
#include "control.h"
#include "domain.h"
#include "queue.h"

/* The one container of today's domains, its first process, and of which generation its configuration is. */
#define CONTAINER 0u
#define FIRST_PROCESS 1u
#define GENERATION 1u
/* ARRIVE's code: the domain ends with it. */
#define KEEPS_DOMAIN 1u
/* The proxy was told its exit status; it has only to end. */
#define PROXY_END_MS 2000

struct monitor {
	const struct domlet_launch *launch;
	uv_loop_t loop;
	uv_async_t wake; /* events wait, or a process's end, which others may wait for */
	struct domlet_queue queue;
	struct domlet_life life;
	struct domlet_domain domain;
	struct domlet_container container;
	struct domlet_guest guest;
	struct domlet_control control;
	uv_timer_t boot_timer;
	bool read_out; /* all was read that a guest left which runs no more */
	bool finished; /* but for output of further processes, and their proxies */
};

static struct monitor the; /* one a process; its link alone is 100 KiB */

static void handle_events(struct monitor *m);

/* Actions */

static void on_boot_timeout(uv_timer_t *t)
{
	struct monitor *m = t->data;
	bool boot, sync;
	struct domlet_error err;

	/* It may have come in time, and wait to be read. */
	domlet_guest_turn(&m->guest);
	handle_events(m);
	boot = domlet_life_owes_boot(&m->life);
	sync = domlet_life_owes_sync(&m->life);
	if (!boot && !sync && !domlet_life_owes_answer(&m->life, CONTAINER))
		return;
	(void)domlet_error_set(&err, ETIMEDOUT,
			       "the guest of container %s was still %s after %u s (domlet_boot_timeout in %s)",
			       m->launch->plan->id, domlet_life_stage(&m->life, CONTAINER),
			       m->launch->tmpl->boot_timeout_s, m->launch->tmpl->path);
	domlet_queue_post_end(&m->queue,
			      boot ? DOMLET_EV_BOOT_TIMEOUT :
			      sync ? DOMLET_EV_SYNC_FAILED :
				     DOMLET_EV_ANSWER_TIMEOUT,
			      CONTAINER, &err);
}

static void arm_boot_timer(struct monitor *m)
{
	uv_timer_start(&m->boot_timer, on_boot_timeout, m->launch->tmpl->boot_timeout_s * UINT64_C(1000), 0);
}

static void attach(struct monitor *m)
{
	struct domlet_error err;

	domlet_log_phase(m->launch->log, "ring");
	if (domlet_guest_attach(&m->guest, m->launch->state->domid, &m->domain.offer, &err) < 0)
		domlet_queue_post_end(&m->queue, DOMLET_EV_ATTACH_FAILED, 0, &err);
}

/* Once the last output is written. */
static void finish(struct monitor *m)
{
	struct domlet_state *state = m->launch->state;
	bool stuck = m->domain.stuck;
	struct domlet_error ignored;

	m->finished = !domlet_container_is_over(&m->container);
	if (m->finished)
		return;
	domlet_log_phase(m->launch->log, "destroyed");
	if (!stuck)
		domlet_image_forget(state->image);
	domlet_cgroup_leave(state->monitor_cgroup);
	/* Nobody will come to delete it; but what knows of a domain that libxl
	 * couldn't destroy stays, with its number, for the next command to try again. */
	if (!stuck && ((m->launch->foreground && !m->launch->keep) || !m->container.created)) {
		domlet_pid_wait(&state->proxy, PROXY_END_MS); /* it sits in the cgroup */
		domlet_cgroup_remove(state->cgroup_kept ? NULL : state->cgroup);
		(void)domlet_state_remove(state, &ignored);
	} else if (!stuck) {
		state->domid = DOMLET_DOMID_NONE;
		m->container.record.over = domlet_record_save(&m->container.record, DOMLET_STATUS_STOPPED, &ignored) < 0;
	}
	if (!m->container.record.over)
		uv_stop(&m->loop);
}

static void perform(struct monitor *m, enum domlet_life_action_type a)
{
	switch (a) {
	case DOMLET_ACT_BUILD: domlet_domain_build(&m->domain); return;
	case DOMLET_ACT_CANCEL_BUILD: domlet_domain_cancel_build(&m->domain); return;
	case DOMLET_ACT_PUBLISH:
		domlet_domain_publish(&m->domain, m->container.number, m->container.generation,
				      domlet_container_goes_over_the_ring(&m->container));
		return;
	case DOMLET_ACT_UNPAUSE: domlet_domain_unpause(&m->domain); return;
	case DOMLET_ACT_ARM_BOOT_TIMER:
		domlet_log_phase(m->launch->log, "unpaused");
		arm_boot_timer(m);
		return;
	case DOMLET_ACT_ATTACH: attach(m); return;
	case DOMLET_ACT_SEND_CREATE:
		domlet_log_phase(m->launch->log, "hello");
		domlet_domain_forget_seed(&m->domain);
		domlet_container_send_create(&m->container);
		return;
	case DOMLET_ACT_ANSWER_CREATE: domlet_container_answer_create(&m->container); return;
	case DOMLET_ACT_SEND_START:
		domlet_container_send_start(&m->container);
		arm_boot_timer(m);
		return;
	case DOMLET_ACT_ANSWER_START: domlet_container_answer_start(&m->container); return;
	case DOMLET_ACT_SYNC:
		domlet_container_send_sync(&m->container);
		arm_boot_timer(m);
		return;
	case DOMLET_ACT_PAUSE:
		domlet_guest_sleeps(&m->guest, true);
		domlet_domain_pause(&m->domain);
		return;
	case DOMLET_ACT_RESUME: domlet_domain_resume(&m->domain); return;
	case DOMLET_ACT_ANSWER_PAUSE: domlet_container_answer_pause(&m->container); return;
	case DOMLET_ACT_ANSWER_RESUME: domlet_container_answer_resume(&m->container); return;
	case DOMLET_ACT_DETACH: domlet_guest_detach(&m->guest); return;
	case DOMLET_ACT_DESTROY: domlet_domain_destroy(&m->domain); return;
	case DOMLET_ACT_REPORT_EXIT: domlet_container_report_exit(&m->container); return;
	case DOMLET_ACT_FINISH: finish(m); return;
	default: return; /* what one container that keeps its domain isn't asked for */
	}
}

/* Events */

/* In the record before anybody is told. */
static void note_pause(struct monitor *m, bool was_paused)
{
	enum domlet_container_state state = domlet_container_life(&m->container)->state;
	struct domlet_error ignored;

	if (!was_paused && state == DOMLET_CONTAINER_PAUSED)
		(void)domlet_record_save(&m->container.record, DOMLET_STATUS_PAUSED, &ignored);
	if (was_paused && (state == DOMLET_CONTAINER_RUNNING || state == DOMLET_CONTAINER_DRAINING))
		(void)domlet_record_save(&m->container.record, DOMLET_STATUS_RUNNING, &ignored);
	if (m->life.domain.state == DOMLET_DOMAIN_READY)
		domlet_guest_sleeps(&m->guest, false);
}

static void step(struct monitor *m, const struct domlet_event *ev)
{
	struct domlet_life_event event = { ev->type, ev->container, ev->code };
	const struct domlet_container_life *life = domlet_container_life(&m->container);
	bool was_paused = life->state == DOMLET_CONTAINER_PAUSED;
	struct domlet_life_actions out;

	if (ev->type == DOMLET_EV_SYNC_FAILED || ev->type == DOMLET_EV_PAUSE_FAILED ||
	    ev->type == DOMLET_EV_RESUME_FAILED)
		m->container.pause_err = ev->reason;
	else if (!m->container.err.code && ev->reason.code && !life->exit_known)
		m->container.err = ev->reason;
	if (ev->type == DOMLET_EV_PAUSE || ev->type == DOMLET_EV_RESUME)
		m->container.pause_err.code = 0;
	domlet_life_step(&m->life, &event, &out);
	note_pause(m, was_paused);
	for (size_t i = 0; i < out.len; i++)
		perform(m, out.act[i].type);
	/* One that was refused, as something else came first. */
	if (ev->type == DOMLET_EV_PAUSE && !life->pause_pending)
		domlet_container_answer_pause(&m->container);
	if (ev->type == DOMLET_EV_RESUME && !life->resume_pending)
		domlet_container_answer_resume(&m->container);
}

static bool ends_domain(enum domlet_life_event_type type)
{
	return type == DOMLET_EV_SHUTDOWN || type == DOMLET_EV_VANISHED;
}

/* Of all, whoever wants that end. */
static bool is_an_end(enum domlet_life_event_type type)
{
	return ends_domain(type) || type == DOMLET_EV_DESTROY || type == DOMLET_EV_KILL_TIMEOUT ||
	       type == DOMLET_EV_PROXY_LOST || type == DOMLET_EV_CALLER_LOST || type == DOMLET_EV_ANSWER_TIMEOUT ||
	       type == DOMLET_EV_BOOT_TIMEOUT;
}

/* What a guest put into the ring before it ended comes before its end, and
 * before the others that wait already. */
static void read_out(struct monitor *m)
{
	const struct domlet_event *next = domlet_queue_next(&m->queue);

	if (m->read_out || !next || !ends_domain(next->type))
		return;
	m->read_out = true;
	domlet_guest_last_turn(&m->guest);
	domlet_queue_put_last(&m->queue, is_an_end);
}

static void handle_end_of_domain(struct monitor *m, struct domlet_event *ev)
{
	const char *id = m->launch->plan->id, *stage = domlet_life_stage(&m->life, CONTAINER);

	if (ev->type == DOMLET_EV_SHUTDOWN)
		(void)domlet_error_set(&ev->reason, EIO, "the domain of container %s shut down (reason %u) while %s",
				       id, ev->code, stage);
	else
		(void)domlet_error_set(&ev->reason, EIO,
				       "the domain of container %s was destroyed from outside while %s", id, stage);
	step(m, ev);
}

/* What is left of the container is over now, whatever its guest or a reader says. */
static void handle_kill_timeout(struct monitor *m, const struct domlet_event *ev)
{
	if (!domlet_container_life(&m->container)->exit_reported)
		step(m, ev);
	domlet_guest_drop_further(&m->guest, m->container.number);
	domlet_container_tell_exit(&m->container, true);
}

/* The one place that steps, which no action and no room calls: each event is
 * handled to its end before the next one is looked at. */
static void handle_events(struct monitor *m)
{
	struct domlet_event ev;

	for (;;) {
		read_out(m);
		if (!domlet_queue_take(&m->queue, &ev))
			break;
		if (ends_domain(ev.type))
			handle_end_of_domain(m, &ev);
		else if (ev.type == DOMLET_EV_KILL_TIMEOUT)
			handle_kill_timeout(m, &ev);
		else
			step(m, &ev);
	}
	domlet_container_tell_exit(&m->container, false);
	if (m->finished)
		finish(m);
}

static void on_wake(uv_async_t *a)
{
	handle_events(a->data);
}

static void on_hello(struct monitor *m, uint32_t version)
{
	struct domlet_error err;

	if (version == DOMLET_PROTO_VERSION) {
		domlet_queue_post(&m->queue, DOMLET_EV_HELLO, 0, 0);
		return;
	}
	(void)domlet_error_set(
		&err, EPROTO,
		"the guest of container %s greets in version %u of the ring protocol and dom0 speaks version %u: install the guest initrd of this version",
		m->launch->plan->id, version, DOMLET_PROTO_VERSION);
	domlet_queue_post_end(&m->queue, DOMLET_EV_BROKEN, 0, &err);
}

static void on_broken(struct monitor *m, const char *reason)
{
	struct domlet_error err;

	(void)domlet_error_set(&err, EPROTO,
			       "the guest of container %s broke the ring protocol (%s); its domain was ended",
			       m->launch->plan->id, reason);
	domlet_queue_post_end(&m->queue, DOMLET_EV_BROKEN, 0, &err);
}

static void on_guest_event(void *user, const struct domlet_guest_event *ev)
{
	struct monitor *m = user;

	if (ev->type == DOMLET_GUEST_HELLO)
		on_hello(m, ev->code);
	else if (ev->type == DOMLET_GUEST_BROKEN)
		on_broken(m, ev->text);
	else
		domlet_container_hear(&m->container, ev);
	(void)uv_async_send(&m->wake);
}

static void on_request(void *user, struct domlet_connection *from, struct domlet_control_request *r)
{
	struct monitor *m = user;

	handle_events(m);
	domlet_caller_ask(&m->container, from, r);
	handle_events(m);
	domlet_guest_turn(&m->guest); /* at once, if there is something for it */
}

static void on_loss(void *user, struct domlet_connection *from)
{
	struct monitor *m = user;

	handle_events(m);
	domlet_caller_lose(&m->container, from);
	(void)uv_async_send(&m->wake);
}

static void open_rooms(struct monitor *m)
{
	const struct domlet_guest_listener guest = { on_guest_event, m };
	const struct domlet_control_listener control = { on_request, on_loss, m };
	struct domlet_connection *launcher;

	uv_async_init(&m->loop, &m->wake, on_wake);
	uv_timer_init(&m->loop, &m->boot_timer);
	m->wake.data = m->boot_timer.data = m;
	domlet_queue_open(&m->queue, &m->wake);
	domlet_guest_open(&m->guest, &m->loop, &guest);
	domlet_control_open(&m->control, &m->loop, m->launch->plan->id, &control);
	launcher = domlet_control_add(&m->control, m->launch->caller_fd, 0);
	if (launcher)
		launcher->is_launcher = true;
	(void)domlet_control_add(&m->control, m->launch->proxy_fd, FIRST_PROCESS);
	m->container.number = CONTAINER;
	m->container.first = FIRST_PROCESS;
	m->container.generation = GENERATION;
	m->container.launch = m->launch;
	m->container.life = &m->life;
	m->container.queue = &m->queue;
	m->container.guest = &m->guest;
	m->container.control = &m->control;
	domlet_container_open(&m->container, &m->loop);
}

int domlet_monitor_main(const struct domlet_launch *launch)
{
	struct monitor *m = &the;
	struct domlet_error *err = &m->container.err;
	char dir[4096];

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit of the caller's for files is an error like a full disk */
	m->launch = launch;
	uv_loop_init(&m->loop);
	m->loop.data = m;
	open_rooms(m);
	domlet_queue_post(&m->queue, DOMLET_EV_ARRIVE, CONTAINER, KEEPS_DOMAIN);
	domlet_state_path(launch->state, "", dir, sizeof dir);
	/* Before anybody can ask: commands believe him whom the record names. */
	if (domlet_state_save(launch->state, err) < 0 || domlet_control_listen(&m->control, dir, err) < 0 ||
	    domlet_domain_open(&m->domain, &m->loop, launch, &m->queue, &m->container.record, err) < 0) {
		domlet_queue_post(&m->queue, DOMLET_EV_DESTROY, 0, 0);
		handle_events(m);
		return 1;
	}
	domlet_container_take_streams(&m->container);
	domlet_queue_post(&m->queue, DOMLET_EV_LAUNCH, 0, 0);
	(void)uv_run(&m->loop, UV_RUN_DEFAULT);
	return 0;
}
