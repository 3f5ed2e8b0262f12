// SPDX-License-Identifier: GPL-2.0-or-later
#include "container.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../base/text.h"
#include "../ring/console.h"

void domlet_container_open(struct domlet_container *c, uv_loop_t *loop)
{
	const struct domlet_launch *l = c->launch;

	domlet_record_open(&c->record, loop, l->state, l->plan->id, l->log);
	c->end = (struct domlet_end){ .loop = loop,
				      .launch = l,
				      .life = c->life,
				      .queue = c->queue,
				      .guest = c->guest,
				      .container = c->number,
				      .first = c->first };
	domlet_end_open(&c->end);
}

void domlet_container_take_streams(struct domlet_container *c)
{
	struct domlet_guest_first order = { .container = c->number,
					    .process = c->first,
					    .terminal = c->launch->plan->terminal };

	memcpy(order.stdio, c->launch->stdio, sizeof order.stdio);
	domlet_guest_take_first(c->guest, &order);
}

bool domlet_container_goes_over_the_ring(const struct domlet_container *c)
{
	return c->launch->plan->document_len > DOMLET_CONFIG_XENSTORE_MAX;
}

/* Actions */

void domlet_container_send_create(struct domlet_container *c)
{
	const struct domlet_plan *p = c->launch->plan;
	struct domlet_guest_create order = { .tag = domlet_container_tag(DOMLET_ASKED_CREATE, c->number),
					     .container = c->number,
					     .process = c->first,
					     .id = p->id,
					     .generation = c->generation,
					     .sha256 = p->sha256,
					     .document = domlet_container_goes_over_the_ring(c) ? p->document : NULL,
					     .document_len = p->document_len };

	domlet_guest_create(c->guest, &order);
}

void domlet_container_send_start(struct domlet_container *c)
{
	domlet_guest_start(c->guest, domlet_container_tag(DOMLET_ASKED_START, c->number), c->number);
}

void domlet_container_send_sync(struct domlet_container *c)
{
	domlet_guest_sync(c->guest, domlet_container_tag(DOMLET_ASKED_SYNC, ++c->syncs));
}

/* The console's end is where the reason is: as much of it as there is room for. */
static void add_last_words(struct domlet_container *c)
{
	static const char intro[] = "; the guest's last words: ";
	size_t used = strlen(c->err.text), from = used + sizeof intro - 1;

	if (from + 1 >= sizeof c->err.text)
		return;
	domlet_host_console_tail(c->launch->state->domid, c->err.text + from, sizeof c->err.text - from);
	if (c->err.text[from])
		memcpy(c->err.text + used, intro, sizeof intro - 1);
}

void domlet_container_answer_create(struct domlet_container *c)
{
	struct domlet_connection *launcher = domlet_control_launcher(c->control);

	if (!domlet_container_life(c)->failed) {
		/* A container that its record doesn't know would be taken for one whose creation was cut short. */
		c->created = domlet_record_save(&c->record, DOMLET_STATUS_CREATED, &c->err) == 0;
		if (c->created)
			domlet_log_phase(c->launch->log, "created");
		domlet_control_answer(launcher, c->created ? 0 : c->err.code, c->created ? NULL : c->err.text);
		if (!c->created)
			domlet_queue_post(c->queue, DOMLET_EV_DESTROY, 0, 0);
		return;
	}
	if (!c->err.code)
		(void)domlet_error_set(&c->err, EIO, "the domain of container %s ended before the container was created",
				       c->launch->plan->id);
	if (c->launch->state->domid != DOMLET_DOMID_NONE && !c->life->domain.greeted)
		add_last_words(c);
	domlet_control_answer(launcher, c->err.code, c->err.text);
}

void domlet_container_answer_start(struct domlet_container *c)
{
	struct domlet_error ignored;

	if (!domlet_container_life(c)->failed) {
		domlet_log_phase(c->launch->log, "started");
		(void)domlet_record_save(&c->record, DOMLET_STATUS_RUNNING, &ignored);
		domlet_control_answer_all(c->control, DOMLET_CONTROL_START, 0, NULL);
	} else if (c->err.code) {
		domlet_control_answer_all(c->control, DOMLET_CONTROL_START, c->err.code, c->err.text);
	} else {
		domlet_control_answer_all(c->control, DOMLET_CONTROL_START, EIO,
					  "the domain ended before the container started");
	}
}

static void answer_paused(struct domlet_container *c, enum domlet_control_verb verb, bool done)
{
	if (done)
		domlet_control_answer_all(c->control, verb, 0, NULL);
	else if (c->pause_err.code)
		domlet_control_answer_all(c->control, verb, c->pause_err.code, c->pause_err.text);
	else
		domlet_control_answer_all(c->control, verb, ESRCH, "container not running");
}

void domlet_container_answer_pause(struct domlet_container *c)
{
	answer_paused(c, DOMLET_CONTROL_PAUSE, domlet_container_life(c)->state == DOMLET_CONTAINER_PAUSED);
}

/* Also when it has ended since, by itself: it did go on. */
void domlet_container_answer_resume(struct domlet_container *c)
{
	answer_paused(c, DOMLET_CONTROL_RESUME,
		      domlet_container_life(c)->state != DOMLET_CONTAINER_PAUSED &&
			      c->life->domain.state < DOMLET_DOMAIN_DYING);
}

void domlet_container_report_exit(struct domlet_container *c)
{
	struct domlet_error ignored;

	domlet_log_phase(c->launch->log, "exited");
	if (c->created && c->err.code) { /* an end that nobody asked for: say why */
		domlet_record_keep_reason(&c->record, c->err.text);
		if (c->launch->foreground)
			domlet_control_answer(domlet_control_launcher(c->control), c->err.code, c->err.text);
		else
			domlet_log_notice(c->launch->log, "%s", c->err.text);
	}
	/* Before the proxy ends: callers read until the end, or only a little longer. */
	domlet_guest_close_streams(c->guest, c->first);
	c->launch->state->exit_code = domlet_container_life(c)->exit_code;
	(void)domlet_record_save(&c->record, DOMLET_STATUS_STOPPED, &ignored);
	c->exit_waits = true;
	domlet_container_tell_exit(c, false);
	if (c->exit_waits)
		domlet_end_expect(&c->end);
}

static bool further_processes_have_ended(const struct domlet_container *c)
{
	for (uint32_t n = 1; n <= DOMLET_PROCESS_MAX; n++)
		if (c->processes[n].used)
			return false;
	return true;
}

/* The first proxy is process 1 of a pid namespace: when it ends, the kernel
 * kills the others in it, whatever status they were about to end with. */
void domlet_container_tell_exit(struct domlet_container *c, bool at_once)
{
	if (!c->exit_waits ||
	    (!at_once && (!further_processes_have_ended(c) || domlet_control_has_ending_proxy(c->control))))
		return;
	c->exit_waits = false;
	domlet_control_send_exit(c->control, c->first, domlet_container_life(c)->exit_code);
}

bool domlet_container_is_over(const struct domlet_container *c)
{
	return !c->exit_waits && further_processes_have_ended(c);
}

/* What the guest says */

static void hear_create_or_start(struct domlet_container *c, bool create, const struct domlet_guest_event *ev)
{
	struct domlet_error err = { .code = (int)ev->code };

	if (ev->unheard) /* the domain ends, which answers whoever waits */
		return;
	if (ev->code == 0) {
		domlet_queue_post(c->queue, create ? DOMLET_EV_CREATED : DOMLET_EV_STARTED, c->number, 0);
		return;
	}
	if (domlet_container_life(c)->state != (create ? DOMLET_CONTAINER_CREATING : DOMLET_CONTAINER_STARTING))
		return; /* a reason for what nobody waits for would hide the one that counts */
	(void)snprintf(err.text, sizeof err.text, "%.*s", (int)sizeof err.text - 1, ev->text);
	domlet_text_clean(err.text);                                                    /* where it was cut */
	if (strncmp(err.text, "error running hook", strlen("error running hook")) == 0) /* and what it printed */
		domlet_error_reword(err.text);
	domlet_queue_post_end(c->queue, create ? DOMLET_EV_CREATE_FAILED : DOMLET_EV_START_FAILED, c->number, &err);
}

static void hear_sync(struct domlet_container *c, const struct domlet_guest_event *ev)
{
	struct domlet_error err;

	if (ev->unheard || (ev->tag & UINT16_MAX) != c->syncs) /* the domain ends; nobody waits for it any more */
		return;
	if (ev->code == 0) {
		domlet_queue_post(c->queue, DOMLET_EV_SYNCED, 0, 0);
		return;
	}
	(void)domlet_error_set(&err, (int)ev->code, "the guest of container %s can't write out what is dirty: %s",
			       c->launch->plan->id, ev->text);
	domlet_queue_post_end(c->queue, DOMLET_EV_SYNC_FAILED, 0, &err);
}

static void hear_exec(struct domlet_container *c, uint32_t process, const struct domlet_guest_event *ev)
{
	struct domlet_connection *asker = c->processes[process].asker;
	char text[512];

	c->processes[process].asker = NULL;
	if (!ev->unheard) {
		domlet_control_answer(asker, (int)ev->code, ev->code ? ev->text : NULL);
	} else if (ev->code == ETIMEDOUT) {
		(void)snprintf(
			text, sizeof text,
			"the guest of container %s has not answered an exec after %u s (domlet_boot_timeout in %s)",
			c->launch->plan->id, c->launch->tmpl->boot_timeout_s, c->launch->tmpl->path);
		domlet_control_answer(asker, ETIMEDOUT, text);
	} else if (ev->code == 0) {
		domlet_control_answer(asker, 0, NULL);
	} else {
		domlet_control_answer(asker, ESRCH, "the container ended before the process ran");
	}
}

static void hear_exited(struct domlet_container *c, const struct domlet_guest_event *ev)
{
	bool first = ev->process == c->first;

	/* A SIGKILL's timer runs on: it bounds the wait for a reader that has stopped, too. */
	if (first)
		domlet_queue_post(c->queue, DOMLET_EV_EXITED, c->number, ev->code);
	if (!ev->out_of_memory)
		return;
	if (first)
		domlet_record_keep_reason(&c->record, "the guest's kernel killed its first process for want of memory");
	domlet_log_notice(
		c->launch->log,
		"the guest's kernel killed process %u of container %s for want of memory: give the container more, by linux.resources.memory.limit",
		ev->process, c->launch->plan->id);
}

void domlet_container_hear(struct domlet_container *c, const struct domlet_guest_event *ev)
{
	switch (ev->type) {
	case DOMLET_GUEST_ANSWERED:
		if (ev->tag >> 16 == DOMLET_ASKED_EXEC)
			hear_exec(c, ev->tag & UINT16_MAX, ev);
		else if (ev->tag >> 16 == DOMLET_ASKED_SYNC)
			hear_sync(c, ev);
		else
			hear_create_or_start(c, ev->tag >> 16 == DOMLET_ASKED_CREATE, ev);
		return;
	case DOMLET_GUEST_EXITED: hear_exited(c, ev); return;
	case DOMLET_GUEST_ENDED:
		if (ev->process == c->first)
			domlet_queue_post(c->queue, DOMLET_EV_DRAINED, c->number, 0);
		else
			domlet_control_send_exit(c->control, ev->process, ev->code);
		return;
	case DOMLET_GUEST_FREED: c->processes[ev->process] = (struct domlet_container_process){ 0 }; return;
	case DOMLET_GUEST_OUTPUT: c->end.output_moved = true; return;
	case DOMLET_GUEST_HELLO:
	case DOMLET_GUEST_BROKEN: return; /* the domain's */
	}
}
