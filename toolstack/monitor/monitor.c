// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The queue and the one place that steps: rooms post what happens, core says
 * what is to be done about it, and the rooms do that.
 */
#include "monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../dom0/cgroup.h"
#include "caller.h"
#include "control.h"
#include "domain.h"
#include "members.h"
#include "queue.h"

/* That tell the monitor to end its containers. */
#define SIGNALS 3u

struct monitor {
	const struct domlet_monitor_spec *spec;
	uv_loop_t loop;
	uv_async_t wake; /* events wait, or a process's end, which others may wait for */
	uv_signal_t signals[SIGNALS];
	uv_timer_t boot_timer;
	struct domlet_queue queue;
	struct domlet_life life;
	struct domlet_domain domain;
	struct domlet_members members;
	struct domlet_guest guest;
	struct domlet_control control;
	uint16_t syncs; /* asked for; the number of the last */
	bool given_up;  /* the domain, which can't be destroyed, is for commands to try it */
	bool read_out;  /* all was read that a guest left which runs no more */
};

static struct monitor the; /* one a process; its link alone is 350 KiB */

static void handle_events(struct monitor *m);

/* NULL: there is none of that number. */
static struct domlet_container *find(struct monitor *m, uint32_t number)
{
	return domlet_members_find(&m->members, number);
}

static const char *whose(struct monitor *m)
{
	return domlet_members_whose(&m->members);
}

/* Whose progress says most of the domain's. */
static const char *stage(struct monitor *m)
{
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++)
		if (find(m, n))
			return domlet_life_stage(&m->life, n);
	return domlet_life_stage(&m->life, 0);
}

/* Actions */

static void on_boot_timeout(uv_timer_t *t)
{
	struct monitor *m = t->data;
	struct domlet_error err;
	bool boot;

	/* It may have come in time, and wait to be read. */
	domlet_guest_turn(&m->guest);
	handle_events(m);
	boot = domlet_life_owes_boot(&m->life);
	if (!boot && !domlet_life_owes_sync(&m->life))
		return;
	(void)domlet_error_set(&err, ETIMEDOUT, "the guest of %s was still %s after %u s (domlet_boot_timeout in %s)",
			       whose(m), stage(m), m->spec->tmpl->boot_timeout_s, m->spec->tmpl->path);
	domlet_queue_post_end(&m->queue, boot ? DOMLET_EV_BOOT_TIMEOUT : DOMLET_EV_SYNC_FAILED, 0, &err);
}

static void arm_boot_timer(struct monitor *m)
{
	uv_timer_start(&m->boot_timer, on_boot_timeout, m->spec->tmpl->boot_timeout_s * UINT64_C(1000), 0);
}

static void attach(struct monitor *m)
{
	struct domlet_error err;

	domlet_log_phase(m->spec->log, "ring");
	if (domlet_guest_attach(&m->guest, m->spec->record->domid, &m->domain.offer, &err) < 0)
		domlet_queue_post_end(&m->queue, DOMLET_EV_ATTACH_FAILED, 0, &err);
}

/* With the disk of the first container, which has come already. */
static void build(struct monitor *m)
{
	const struct domlet_container *first = find(m, 0);

	domlet_domain_build(&m->domain, first ? first->state.image : NULL, "xvda");
}

static void sync_guest(struct monitor *m)
{
	domlet_guest_sync(&m->guest, domlet_container_tag(DOMLET_ASKED_SYNC, ++m->syncs));
	arm_boot_timer(m);
}

/* The record of a domain that libxl couldn't destroy stays, for the next command to try again. */
static void forget_domain(struct monitor *m)
{
	struct domlet_error ignored;

	domlet_cgroup_leave(m->spec->record->monitor_cgroup);
	if (!m->domain.stuck)
		(void)domlet_domain_record_remove(m->spec->record, &ignored);
	uv_stop(&m->loop);
}

static void leave(struct monitor *m, struct domlet_container *c)
{
	if (domlet_container_leave(c, m->domain.stuck))
		domlet_container_free(c);
}

/* By what those ask for who came when the domain was built, and by what the one that it was built for asks for now. */
static void count_size(struct monitor *m, int64_t *more_kib, int64_t *more_vcpus)
{
	*more_kib = *more_vcpus = 0;
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++) {
		const struct domlet_container *c = find(m, n);

		if (!c)
			continue;
		*more_kib += (int64_t)domlet_update_memory_kib(c);
		*more_vcpus += domlet_update_vcpus(c);
		if (!c->late) {
			*more_kib -= (int64_t)domlet_domain_built_kib(&m->domain);
			*more_vcpus -= domlet_domain_built_vcpus(&m->domain);
		}
	}
	*more_kib = m->spec->memory_for_all ? 0 : *more_kib;
	*more_vcpus = m->spec->vcpus_for_all ? 0 : *more_vcpus;
}

/* Who waits for the domain to have the size for an update goes on when it has, or can't. */
static void go_on_updating(struct monitor *m, const struct domlet_error *err)
{
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++) {
		struct domlet_container *c = find(m, n);

		if (!c || c->update.stage != DOMLET_UPDATE_GROWING)
			continue;
		domlet_update_grown(c, domlet_update_grows(c) ? err : NULL);
		(void)uv_async_send(&m->wake); /* what was had for one that failed is to be given back */
	}
}

static bool is_growing_for_any(struct monitor *m)
{
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++)
		if (find(m, n) && find(m, n)->update.stage == DOMLET_UPDATE_GROWING && domlet_update_grows(find(m, n)))
			return true;
	return false;
}

static void grow(struct monitor *m)
{
	int64_t more_kib, more_vcpus;
	struct domlet_error err;

	if (m->life.domain.state != DOMLET_DOMAIN_READY)
		return;
	count_size(m, &more_kib, &more_vcpus);
	if (is_growing_for_any(m) && domlet_domain_allows(&m->domain, more_kib, more_vcpus, &err) < 0) {
		go_on_updating(m, &err);
		return;
	}
	domlet_domain_grow(&m->domain, more_kib, more_vcpus);
	if (!m->domain.resizing)
		go_on_updating(m, m->domain.grow_failed ? &m->domain.grow_err : NULL);
}

/* Whoever finds a container's record that is nobody's is to find the domain's so, too, and to try to destroy it;
 * we exit only a little later. */
static void give_domain_up(struct monitor *m)
{
	m->spec->record->monitor = (struct domlet_pid){ 0 };
	domlet_domain_save(&m->domain);
	m->given_up = true;
}

/* Once the last output is written. */
static void finish(struct monitor *m)
{
	m->members.finished = true;
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++)
		if (find(m, n) && !domlet_container_is_over(find(m, n)))
			return;
	if (m->domain.stuck && !m->given_up)
		give_domain_up(m);
	if (domlet_members_any(&m->members))
		domlet_log_phase(m->spec->log, "destroyed");
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++)
		if (find(m, n) && !find(m, n)->record.over)
			leave(m, find(m, n));
	if (!domlet_members_any(&m->members))
		forget_domain(m);
}

/* A record that could not be written for a while is, or never will be. */
static void left(void *user)
{
	struct domlet_container *c = user;
	struct monitor *m = &the;

	if (!c->leaves && !m->members.finished)
		return; /* something of it is still in the domain */
	domlet_container_free(c);
	if (!m->given_up) /* else it may be another's to write */
		domlet_domain_save(&m->domain);
	if (m->members.finished && !domlet_members_any(&m->members))
		forget_domain(m);
}

static void perform_on_domain(struct monitor *m, enum domlet_life_action_type a)
{
	switch (a) {
	case DOMLET_ACT_BUILD: build(m); return;
	case DOMLET_ACT_CANCEL_BUILD: domlet_domain_cancel_build(&m->domain); return;
	case DOMLET_ACT_UNPAUSE: domlet_domain_unpause(&m->domain); return;
	case DOMLET_ACT_ARM_BOOT_TIMER:
		domlet_log_phase(m->spec->log, "unpaused");
		arm_boot_timer(m);
		return;
	case DOMLET_ACT_ATTACH: attach(m); return;
	case DOMLET_ACT_SYNC: sync_guest(m); return;
	case DOMLET_ACT_PAUSE:
		domlet_guest_sleeps(&m->guest, true);
		domlet_domain_pause(&m->domain);
		return;
	case DOMLET_ACT_RESUME: domlet_domain_resume(&m->domain); return;
	case DOMLET_ACT_DETACH: domlet_guest_detach(&m->guest); return;
	case DOMLET_ACT_DESTROY: domlet_domain_destroy(&m->domain); return;
	case DOMLET_ACT_FINISH: finish(m); return;
	default: return; /* a container's */
	}
}

/* C's domain was kept for others. */
static void stop(struct monitor *m, struct domlet_container *c)
{
	struct domlet_error why;

	(void)domlet_error_set(&why, ECANCELED, "the containers that its domain %s was kept for have ended",
			       m->spec->record->name);
	domlet_end_stop(&c->end, &why);
}

static void perform(struct monitor *m, const struct domlet_life_action *act)
{
	struct domlet_container *c = find(m, act->container);

	if (act->type < DOMLET_ACT_PUBLISH) {
		perform_on_domain(m, act->type);
		return;
	}
	if (!c)
		return;
	switch (act->type) {
	case DOMLET_ACT_PUBLISH: domlet_container_publish(c); return;
	case DOMLET_ACT_SEND_CREATE:
		domlet_log_phase(m->spec->log, "hello");
		domlet_domain_forget_seed(&m->domain);
		domlet_container_send_create(c);
		return;
	case DOMLET_ACT_ANSWER_CREATE: domlet_container_answer_create(c); return;
	case DOMLET_ACT_SEND_START: domlet_container_send_start(c); return;
	case DOMLET_ACT_ANSWER_START: domlet_container_answer_start(c); return;
	case DOMLET_ACT_SEND_FREEZE: domlet_container_send_freeze(c); return;
	case DOMLET_ACT_ANSWER_PAUSE: domlet_container_answer_pause(c); return;
	case DOMLET_ACT_SEND_THAW: domlet_container_send_thaw(c); return;
	case DOMLET_ACT_ANSWER_RESUME: domlet_container_answer_resume(c); return;
	case DOMLET_ACT_KILL: domlet_container_kill(c); return;
	case DOMLET_ACT_STOP: stop(m, c); return;
	case DOMLET_ACT_REPORT_EXIT: domlet_container_report_exit(c); return;
	case DOMLET_ACT_SEND_DELETE: domlet_container_send_delete(c); return;
	case DOMLET_ACT_ANSWER_DELETE: domlet_container_answer_delete(c); return;
	default: return;
	}
}

/* Events */

/* In the record before anybody is told. */
static void note_pause(struct domlet_container *c, enum domlet_container_state before)
{
	enum domlet_container_state state = domlet_container_life(c)->state;
	bool was_paused = before == DOMLET_CONTAINER_PAUSED;
	struct domlet_error ignored;

	if (!was_paused && state == DOMLET_CONTAINER_PAUSED)
		(void)domlet_record_save(&c->record, DOMLET_STATUS_PAUSED, &ignored);
	if (was_paused && (state == DOMLET_CONTAINER_RUNNING || state == DOMLET_CONTAINER_DRAINING))
		(void)domlet_record_save(&c->record, DOMLET_STATUS_RUNNING, &ignored);
}

static bool is_a_pauses(enum domlet_life_event_type type)
{
	return type == DOMLET_EV_SYNC_FAILED || type == DOMLET_EV_PAUSE_FAILED || type == DOMLET_EV_RESUME_FAILED ||
	       type == DOMLET_EV_FREEZE_FAILED || type == DOMLET_EV_THAW_FAILED;
}

static void keep_reason(struct domlet_container *c, const struct domlet_event *ev)
{
	if (is_a_pauses(ev->type))
		c->pause_err = ev->reason;
	else if (!c->err.code && ev->reason.code && !domlet_container_life(c)->exit_known)
		c->err = ev->reason;
	if (ev->type == DOMLET_EV_PAUSE || ev->type == DOMLET_EV_RESUME)
		c->pause_err.code = 0;
}

/* One that was refused, as something else came first. */
static void answer_refused(struct domlet_container *c, enum domlet_life_event_type type)
{
	const struct domlet_container_life *life = domlet_container_life(c);

	if (type == DOMLET_EV_START && !life->start_pending)
		domlet_control_answer_all(c->control, c->number, DOMLET_CONTROL_START, EBUSY,
					  "cannot start a container that has stopped");
	if (type == DOMLET_EV_PAUSE && !life->pause_pending)
		domlet_container_answer_pause(c);
	if (type == DOMLET_EV_RESUME && !life->resume_pending)
		domlet_container_answer_resume(c);
}

/* The domain ends by what has happened to container NUMBER: the others are told so. */
static void tell_whose_end_it_is(struct monitor *m, uint32_t number)
{
	const struct domlet_container *c = find(m, number);

	for (uint32_t n = 0; c && n < DOMLET_CONTAINER_MAX; n++) {
		struct domlet_container *other = find(m, n);

		if (other && other != c && !other->err.code && !domlet_container_life(other)->exit_reported)
			(void)domlet_error_set(&other->err, EIO,
					       "the domain of container %s ended with container %s%s%s", other->state.id,
					       c->state.id, c->err.code ? ": " : "", c->err.code ? c->err.text : "");
	}
}

static void step(struct monitor *m, const struct domlet_event *ev)
{
	struct domlet_life_event event = { ev->type, ev->container, ev->code };
	enum domlet_container_state before[DOMLET_CONTAINER_MAX];
	bool of_domain = ev->type < DOMLET_EV_ARRIVE, was_dying = m->life.domain.state >= DOMLET_DOMAIN_DYING;
	struct domlet_life_actions out;

	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++) {
		before[n] = m->life.container[n].state;
		if (find(m, n) && (of_domain || n == ev->container))
			keep_reason(find(m, n), ev);
	}
	domlet_life_step(&m->life, &event, &out);
	if (!of_domain && !was_dying && m->life.domain.state >= DOMLET_DOMAIN_DYING)
		tell_whose_end_it_is(m, ev->container);
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++)
		if (find(m, n))
			note_pause(find(m, n), before[n]);
	if (m->life.domain.state == DOMLET_DOMAIN_READY)
		domlet_guest_sleeps(&m->guest, false);
	for (size_t i = 0; i < out.len; i++)
		perform(m, &out.act[i]);
	if (!of_domain && find(m, ev->container))
		answer_refused(find(m, ev->container), ev->type);
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
	if (ev->type == DOMLET_EV_SHUTDOWN)
		(void)domlet_error_set(&ev->reason, EIO, "the domain of %s shut down (reason %u) while %s", whose(m),
				       ev->code, stage(m));
	else
		(void)domlet_error_set(&ev->reason, EIO, "the domain of %s was destroyed from outside while %s",
				       whose(m), stage(m));
	step(m, ev);
}

/* What is left of the container is over now, whatever its guest or a reader says. */
static void handle_kill_timeout(struct monitor *m, const struct domlet_event *ev)
{
	struct domlet_container *c = find(m, ev->container);

	if (!c)
		return;
	if (!domlet_container_life(c)->exit_reported)
		step(m, ev);
	domlet_guest_drop_further(&m->guest, c->number);
	domlet_container_tell_exit(c, true);
}

/* What the containers that are over still need, until they have left. */
static void look_after_those_that_leave(struct monitor *m)
{
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++) {
		struct domlet_container *c = find(m, n);

		if (!c)
			continue;
		domlet_container_tell_exit(c, false);
		if (domlet_container_go_on_leaving(c)) {
			leave(m, c);
			domlet_domain_save(&m->domain);
		}
	}
	grow(m);
	if (m->members.finished)
		finish(m);
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
	look_after_those_that_leave(m);
}

static void on_wake(uv_async_t *a)
{
	handle_events(a->data);
}

/* What the guest says */

static void hear_hello(struct monitor *m, uint32_t version)
{
	struct domlet_error err;

	if (version == DOMLET_PROTO_VERSION) {
		domlet_queue_post(&m->queue, DOMLET_EV_HELLO, 0, 0);
		return;
	}
	(void)domlet_error_set(
		&err, EPROTO,
		"the guest of %s greets in version %u of the ring protocol and dom0 speaks version %u: install the guest initrd of this version",
		whose(m), version, DOMLET_PROTO_VERSION);
	domlet_queue_post_end(&m->queue, DOMLET_EV_BROKEN, 0, &err);
}

static void hear_broken(struct monitor *m, const char *reason)
{
	struct domlet_error err;

	(void)domlet_error_set(&err, EPROTO, "the guest of %s broke the ring protocol (%s); its domain was ended",
			       whose(m), reason);
	domlet_queue_post_end(&m->queue, DOMLET_EV_BROKEN, 0, &err);
}

static void hear_sync(struct monitor *m, const struct domlet_guest_event *ev)
{
	struct domlet_error err;

	if (ev->unheard || (ev->tag & UINT16_MAX) != m->syncs) /* the domain ends; nobody waits for it any more */
		return;
	if (ev->code == 0) {
		domlet_queue_post(&m->queue, DOMLET_EV_SYNCED, 0, 0);
		return;
	}
	(void)domlet_error_set(&err, (int)ev->code, "the guest of %s can't write out what is dirty: %s", whose(m),
			       ev->text);
	domlet_queue_post_end(&m->queue, DOMLET_EV_SYNC_FAILED, 0, &err);
}

static void hear_output(struct monitor *m, uint32_t container)
{
	struct domlet_container *c = find(m, container);

	if (c)
		c->end.output_moved = true;
}

static void hear_socket(struct monitor *m, const struct domlet_guest_event *ev)
{
	const struct domlet_container *c = find(m, ev->code);

	domlet_forward_hear(c ? &c->forward : NULL, &m->guest, ev);
}

static void hear_share(struct monitor *m, const struct domlet_guest_event *ev)
{
	struct domlet_container *c = find(m, ev->code);

	if (c)
		domlet_container_share(c, &ev->offer);
}

static void hear_figures(struct monitor *m, const struct domlet_guest_event *ev)
{
	struct domlet_container *c = find(m, ev->tag & UINT16_MAX);

	if (c)
		domlet_caller_counted(c, ev);
}

static struct domlet_container *of_event(struct monitor *m, const struct domlet_guest_event *ev)
{
	uint32_t number = ev->tag & UINT16_MAX;

	if (ev->type != DOMLET_GUEST_ANSWERED)
		return domlet_members_of_process(&m->members, ev->process);
	return ev->tag >> 16 == DOMLET_ASKED_EXEC ? domlet_members_of_process(&m->members, number) : find(m, number);
}

/* Its container may have left before. */
static void hear_freed(struct monitor *m, uint32_t process)
{
	struct domlet_monitor_process *p = domlet_monitor_process_find(&m->members.processes, process);

	if (p)
		p->used = false;
}

static void on_guest_event(void *user, const struct domlet_guest_event *ev)
{
	struct monitor *m = user;
	struct domlet_container *c = NULL;

	if (ev->type == DOMLET_GUEST_HELLO)
		hear_hello(m, ev->code);
	else if (ev->type == DOMLET_GUEST_BROKEN)
		hear_broken(m, ev->text);
	else if (ev->type == DOMLET_GUEST_OUTPUT)
		hear_output(m, ev->code);
	else if (ev->type == DOMLET_GUEST_SOCKET)
		hear_socket(m, ev);
	else if (ev->type == DOMLET_GUEST_SHARE)
		hear_share(m, ev);
	else if (ev->type == DOMLET_GUEST_ANSWERED && ev->tag >> 16 == DOMLET_ASKED_SYNC)
		hear_sync(m, ev);
	else if (ev->type == DOMLET_GUEST_ANSWERED && ev->tag >> 16 == DOMLET_ASKED_STATS)
		hear_figures(m, ev);
	else if (ev->type == DOMLET_GUEST_OUT_OF_MEMORY)
		domlet_control_tell_oom(&m->control, ev->code);
	else if (ev->type == DOMLET_GUEST_FREED)
		hear_freed(m, ev->process);
	else if ((c = of_event(m, ev)))
		domlet_container_hear(c, ev);
	(void)uv_async_send(&m->wake);
}

static void on_request(void *user, struct domlet_connection *from, struct domlet_control_request *r)
{
	struct monitor *m = user;

	handle_events(m);
	if (r->verb == DOMLET_CONTROL_JOIN)
		domlet_members_join(&m->members, from);
	else if (r->verb == DOMLET_CONTROL_CREATE)
		domlet_members_create(&m->members, from, r);
	else if (r->verb == DOMLET_CONTROL_ABOUT)
		domlet_members_be_about(&m->members, from, r);
	else if (find(m, from->container))
		domlet_caller_ask(find(m, from->container), from, r);
	else
		domlet_caller_refuse(from, r);
	handle_events(m);
	domlet_guest_turn(&m->guest); /* at once, if there is something for it */
}

static void on_loss(void *user, struct domlet_connection *from)
{
	struct monitor *m = user;

	handle_events(m);
	if (find(m, from->container))
		domlet_caller_lose(find(m, from->container), from);
	domlet_members_lose(&m->members, from);
	(void)uv_async_send(&m->wake);
}

/* What libxl says of disks */

static void on_attached(void *user, uint32_t number, int rc, const struct domlet_error *err)
{
	struct monitor *m = user;
	struct domlet_container *c = find(m, number);

	if (c)
		domlet_container_attached(c, rc, err);
	(void)uv_async_send(&m->wake); /* it may leave now */
}

static void on_detached(void *user, uint32_t number, int rc, const struct domlet_error *err)
{
	struct monitor *m = user;
	struct domlet_container *c = find(m, number);

	if (!c || !c->leaves || m->members.finished)
		return;
	c->spoilt = rc < 0;
	if (c->spoilt)
		domlet_log_notice(m->spec->log, "%s", err->text);
	else
		domlet_log_phase(c->spec->log, "detached");
	leave(m, c);
	domlet_domain_save(&m->domain);
	grow(m);
}

static void on_resized(void *user)
{
	struct monitor *m = user;

	(void)uv_async_send(&m->wake);
}

static void on_nic_done(void *user, uint32_t number, int rc, const struct domlet_error *err)
{
	struct monitor *m = user;

	domlet_networks_nic_done(&m->members.networks, number, rc, err);
	(void)uv_async_send(&m->wake); /* its container may leave now */
}

/* As an engine would stop them. */
static void on_signal(uv_signal_t *s, int signo)
{
	struct monitor *m = s->data;
	struct domlet_error why;

	(void)domlet_error_set(&why, EINTR, "the monitor of %s was told to end by SIG%s", whose(m), sigabbrev_np(signo));
	domlet_log_notice(m->spec->log, "%s: it stops what runs there", why.text);
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++)
		if (find(m, n))
			domlet_end_stop(&find(m, n)->end, &why);
	if (!domlet_members_any(&m->members))
		domlet_queue_post(&m->queue, DOMLET_EV_DESTROY, 0, 0);
}

static void open_signals(struct monitor *m)
{
	static const int signals[SIGNALS] = { SIGTERM, SIGINT, SIGHUP };

	for (size_t i = 0; i < SIGNALS; i++) {
		uv_signal_init(&m->loop, &m->signals[i]);
		m->signals[i].data = m;
		uv_signal_start(&m->signals[i], on_signal, signals[i]);
	}
}

static void open_rooms(struct monitor *m)
{
	const struct domlet_guest_listener guest = { on_guest_event, m };
	const struct domlet_control_listener control = { on_request, on_loss, m };

	uv_async_init(&m->loop, &m->wake, on_wake);
	uv_timer_init(&m->loop, &m->boot_timer);
	m->wake.data = m->boot_timer.data = m;
	domlet_queue_open(&m->queue, &m->wake);
	domlet_guest_open(&m->guest, &m->loop, &guest);
	domlet_control_open(&m->control, &m->loop, m->spec->record->name, &control);
	m->domain = (struct domlet_domain){ .spec = m->spec,
					    .queue = &m->queue,
					    .attached = on_attached,
					    .detached = on_detached,
					    .nic_done = on_nic_done,
					    .resized = on_resized,
					    .user = m };
	m->members = (struct domlet_members){ .spec = m->spec,
					      .loop = &m->loop,
					      .life = &m->life,
					      .queue = &m->queue,
					      .guest = &m->guest,
					      .control = &m->control,
					      .domain = &m->domain,
					      .left = left };
	open_signals(m);
	domlet_members_open(&m->members);
}

int domlet_monitor_main(const struct domlet_monitor_spec *spec)
{
	struct monitor *m = &the;
	struct domlet_error err;
	char dir[4096];

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit of the caller's for files is an error like a full disk */
	m->spec = spec;
	uv_loop_init(&m->loop);
	open_rooms(m);
	domlet_domain_record_path(spec->record, "", dir, sizeof dir);
	/* Before anybody can ask: commands believe him whom the record names. */
	if (domlet_domain_record_save(spec->record, &err) < 0 || domlet_control_listen(&m->control, dir, &err) < 0 ||
	    domlet_domain_open(&m->domain, &m->loop, &err) < 0) {
		domlet_control_answer(domlet_control_launcher(&m->control, 0), err.code, err.text);
		forget_domain(m);
		return 1;
	}
	(void)uv_run(&m->loop, UV_RUN_DEFAULT);
	return 0;
}
