// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/text.h"
#include "../dom0/cgroup.h"
#include "../dom0/pid.h"
#include "../storage/image.h"
#include "internal.h"

/* The proxy was told its exit status; it has only to end. */
#define PROXY_END_MS 2000
/* How long the guest is served before other descriptors get their turn: rounds,
 * each of so many bytes and events at most, until the time is over. A guest may
 * have a processor of its own, and refill the ring as fast as we empty it. */
#define EVENTS_A_ROUND 256
#define BYTES_A_ROUND (256u << 10)
#define TURN_MS 10
/* Of a guest that runs no more: all that is left in its ring. */
#define LAST_TURN_MS 2000

static struct monitor the; /* one a process; its link alone is 100 KiB */

void domlet_monitor_phase(struct monitor *m, const char *name)
{
	domlet_log_phase(m->launch->log, name);
}

/* The guest did what no guest does: its domain ends, for REASON. */
static void broken(struct monitor *m, const char *reason)
{
	struct domlet_error err;

	(void)domlet_error_set(&err, EPROTO,
			       "the guest of container %s broke the ring protocol (%s); its domain was ended",
			       m->launch->plan->id, reason);
	domlet_queue_post_end(&m->queue, DOMLET_EV_BROKEN, &err);
}

int domlet_monitor_send(struct monitor *m, struct domlet_msg *msg)
{
	int r;

	msg->request = ++m->requests;
	r = domlet_link_send(&m->link, msg);
	if (r == -EAGAIN)
		broken(m, "it has stopped reading");
	return r;
}

static void send_create(struct monitor *m)
{
	const struct domlet_plan *p = m->launch->plan;
	struct domlet_msg welcome = { .type = DOMLET_MSG_WELCOME }, create = { .type = DOMLET_MSG_CREATE };

	welcome.welcome.version = DOMLET_PROTO_VERSION;
	(void)domlet_link_send(&m->link, &welcome);
	create.create.source = domlet_monitor_goes_over_the_ring(p);
	if (create.create.source)
		domlet_document_open(m, domlet_process_first(m), p->document, p->document_len, NULL);
	else
		domlet_process_open_streams(m, domlet_process_first(m));
	create.create.container = CONTAINER;
	create.create.process = FIRST_PROCESS;
	create.create.generation = GENERATION;
	create.create.length = (uint32_t)p->document_len;
	create.create.sha256 = (struct domlet_slice){ p->sha256, sizeof p->sha256 };
	create.create.id = (struct domlet_slice){ (const uint8_t *)p->id, (uint32_t)strlen(p->id) };
	(void)domlet_monitor_send(m, &create);
	m->create_request = m->requests;
}

/* The largest of Linux. Whatever else a guest says is an error, too: who reads
 * a code below 0 in an answer would take it for success. */
#define ERRNO_MAX 4095

static void on_reply(struct monitor *m, uint32_t request, const struct domlet_msg_reply *said)
{
	struct domlet_msg_reply r = *said;
	struct domlet_error err = { 0 };
	bool create = request == m->create_request;

	if (!request) /* the number of what was never asked */
		return;
	if (r.code < 0 || r.code > ERRNO_MAX)
		r.code = EIO;
	if (!create && request != m->start_request) {
		domlet_process_replied(m, request, &r);
		return;
	}
	if (r.code == 0) {
		domlet_queue_post(&m->queue, create ? DOMLET_EV_CREATED : DOMLET_EV_STARTED, 0);
		return;
	}
	if (m->life.container[CONTAINER].state != (create ? DOMLET_CONTAINER_CREATING : DOMLET_CONTAINER_STARTING))
		return; /* said before: a second reason would hide the one that counts */
	err.code = r.code;
	(void)snprintf(err.text, sizeof err.text, "%.*s", (int)r.text.len, (const char *)r.text.ptr);
	domlet_text_clean(err.text);
	if (strncmp(err.text, "error running hook", strlen("error running hook")) == 0) /* and what it printed */
		domlet_error_reword(err.text);
	domlet_queue_post_end(&m->queue, create ? DOMLET_EV_CREATE_FAILED : DOMLET_EV_START_FAILED, &err);
}

/* The first reason is the one that people want. */
static void keep_reason(struct monitor *m, const char *text)
{
	if (!m->launch->state->reason)
		m->launch->state->reason = strdup(text);
}

static void on_exited(struct monitor *m, const struct domlet_msg_exited *e)
{
	struct process *p = domlet_process_find(m, e->process);

	/* Once: nor has a first process ended that isn't there yet. */
	if (!p || p->phase > PROCESS_RUNNING ||
	    (e->process == FIRST_PROCESS && !domlet_life_takes_requests(&m->life, CONTAINER)))
		return;
	/* A SIGKILL's timer runs on: it bounds the wait for a reader that has stopped, too. */
	if (e->process == FIRST_PROCESS)
		domlet_queue_post(&m->queue, DOMLET_EV_EXITED, e->code & 255);
	else
		domlet_process_exited(m, p, e->code & 255);
	if (!e->oom)
		return;
	if (e->process == FIRST_PROCESS)
		keep_reason(m, "the guest's kernel killed its first process for want of memory");
	domlet_log_notice(
		m->launch->log,
		"the guest's kernel killed process %u of container %s for want of memory: give the container more, by linux.resources.memory.limit",
		e->process, m->launch->plan->id);
}

static void on_hello(struct monitor *m, const struct domlet_msg_hello *h)
{
	struct domlet_error err;

	if (h->version == DOMLET_PROTO_VERSION) {
		domlet_queue_post(&m->queue, DOMLET_EV_HELLO, 0);
		return;
	}
	(void)domlet_error_set(
		&err, EPROTO,
		"the guest of container %s greets in version %u of the ring protocol and dom0 speaks version %u: install the guest initrd of this version",
		m->launch->plan->id, h->version, DOMLET_PROTO_VERSION);
	domlet_queue_post_end(&m->queue, DOMLET_EV_BROKEN, &err);
}

static void on_message(struct monitor *m, const struct domlet_msg *msg)
{
	switch (msg->type) {
	case DOMLET_MSG_HELLO: on_hello(m, &msg->hello); return;
	case DOMLET_MSG_REPLY: on_reply(m, msg->request, &msg->reply); return;
	case DOMLET_MSG_EXITED: on_exited(m, &msg->exited); return;
	default: return;
	}
}

static void tell(struct monitor *m)
{
	if (domlet_ring_take_notify(&m->ring.ring))
		(void)domlet_host_ring_notify(&m->ring);
}

static void handle_events(struct monitor *m);

/* True when it may be called again at once. */
static bool receive(struct monitor *m)
{
	struct domlet_link_event ev;

	domlet_link_allow(&m->link, BYTES_A_ROUND);
	for (int i = 0; i < EVENTS_A_ROUND && m->attached; i++) {
		domlet_link_next(&m->link, &ev);
		switch (ev.type) {
		case DOMLET_LINK_IDLE: return false;
		case DOMLET_LINK_BUSY: return true;
		case DOMLET_LINK_MSG: on_message(m, &ev.msg); break;
		case DOMLET_LINK_DATA:
			domlet_relay_data(m, ev.stream, ev.data, ev.len);
			domlet_link_taken(&m->link, ev.len);
			tell(m);
			break;
		case DOMLET_LINK_EOF: domlet_relay_eof(m, ev.stream); break;
		case DOMLET_LINK_RESET: domlet_relay_reset(m, ev.stream); break;
		case DOMLET_LINK_ROOM: break;
		case DOMLET_LINK_BROKEN: broken(m, ev.reason); break;
		}
		handle_events(m);
	}
	return m->attached;
}

/* The first proxy is process 1 of a pid namespace: when it ends, the kernel
 * kills the others in it, whatever status they were about to end with. */
static void tell_exit(struct monitor *m, bool at_once)
{
	if (!m->exit_waits || (!at_once && (!domlet_process_all_ended(m) || domlet_peers_have_proxy(m))))
		return;
	m->exit_waits = false;
	domlet_process_send_exit(domlet_process_first(m), m->life.container[CONTAINER].exit_code);
}

static void finish(struct monitor *m);

static void turn(struct monitor *m, uint64_t ms)
{
	uint64_t end = uv_hrtime() + ms * 1000000u;
	bool again = true, waits = false;

	handle_events(m);
	while (again) {
		again = m->attached && receive(m);
		again = domlet_relay_move(m) || again;
		again = domlet_document_send(m) || again;
		domlet_process_sweep(m);
		if (domlet_life_owes_output(&m->life, CONTAINER) && domlet_relay_drained(domlet_process_first(m)))
			domlet_queue_post(&m->queue, DOMLET_EV_DRAINED, 0);
		handle_events(m);
		tell_exit(m, false);
		if (m->finished)
			finish(m);
		if (!m->attached)
			return;
		waits = domlet_link_flush(&m->link) || m->wants_room;
		tell(m);
		if (!again)
			again = domlet_ring_linger(&m->ring.ring, waits, domlet_host_ring_pause) ||
				domlet_ring_arm(&m->ring.ring, waits);
		if (uv_hrtime() >= end)
			break;
	}
	if (again && m->attached) /* come back after the others had their turn */
		(void)uv_async_send(&m->again);
}

void domlet_monitor_turn(struct monitor *m)
{
	turn(m, TURN_MS);
}

void domlet_monitor_last_turn(struct monitor *m)
{
	turn(m, LAST_TURN_MS);
}

static void on_again(uv_async_t *a)
{
	domlet_monitor_turn(a->data);
}

/* Actions */

/* The console's end is where the reason is: as much of it as there is room for. */
static void add_last_words(struct monitor *m)
{
	static const char intro[] = "; the guest's last words: ";
	size_t used = strlen(m->err.text), from = used + sizeof intro - 1;

	if (from + 1 >= sizeof m->err.text)
		return;
	domlet_host_console_tail(m->launch->state->domid, m->err.text + from, sizeof m->err.text - from);
	if (m->err.text[from])
		memcpy(m->err.text + used, intro, sizeof intro - 1);
}

static void answer_create(struct monitor *m)
{
	struct peer *caller = &m->peers[0];

	if (!m->life.container[CONTAINER].failed) {
		/* A container that its record doesn't know would be taken for one whose creation was cut short. */
		m->created = domlet_monitor_save(m, DOMLET_STATUS_CREATED, &m->err) == 0;
		if (m->created)
			domlet_monitor_phase(m, "created");
		domlet_peers_answer(caller, m->created ? 0 : m->err.code, m->created ? NULL : m->err.text);
		if (!m->created)
			domlet_queue_post(&m->queue, DOMLET_EV_DESTROY, 0);
		return;
	}
	if (!m->err.code)
		(void)domlet_error_set(&m->err, EIO, "the domain of container %s ended before the container was created",
				       m->launch->plan->id);
	if (m->launch->state->domid != DOMLET_DOMID_NONE && !m->life.domain.greeted)
		add_last_words(m);
	domlet_peers_answer(caller, m->err.code, m->err.text);
}

static void answer_start(struct monitor *m)
{
	bool ok = !m->life.container[CONTAINER].failed;
	struct domlet_error ignored;

	if (ok) {
		domlet_monitor_phase(m, "started");
		(void)domlet_monitor_save(m, DOMLET_STATUS_RUNNING, &ignored);
	}
	for (size_t i = 0; i < PEERS_MAX; i++)
		if (m->peers[i].wants_start) {
			m->peers[i].wants_start = false;
			domlet_peers_answer(&m->peers[i],
					    ok          ? 0 :
					    m->err.code ? m->err.code :
							  EIO,
					    ok          ? NULL :
					    m->err.code ? m->err.text :
							  "the domain ended before the container started");
		}
}

static void on_ring(uv_poll_t *h, int status, int events)
{
	struct monitor *m = h->data;

	(void)status, (void)events;
	(void)domlet_host_ring_drain(&m->ring);
	domlet_monitor_turn(m);
}

static void attach(struct monitor *m)
{
	struct domlet_error err;

	domlet_monitor_phase(m, "ring");
	if (domlet_host_ring_map(&m->ring, m->launch->state->domid, &m->offer, &err) < 0) {
		domlet_queue_post_end(&m->queue, DOMLET_EV_ATTACH_FAILED, &err);
		return;
	}
	domlet_link_init(&m->link, &m->ring.ring, DOMLET_RING_HOST, m->offer.epoch);
	uv_poll_init(&m->loop, &m->ring_poll, domlet_host_ring_fd(&m->ring));
	m->ring_poll.data = m;
	uv_poll_start(&m->ring_poll, UV_READABLE, on_ring);
	m->attached = true;
	(void)uv_async_send(&m->again); /* the guest may have written already */
}

static void detach(struct monitor *m)
{
	if (!m->attached)
		return;
	m->attached = false;
	uv_poll_stop(&m->ring_poll);
	domlet_host_ring_unmap(&m->ring);
	domlet_process_end_all(m);
	(void)uv_async_send(&m->again); /* output may be left to write, or be written already */
}

static void report_exit(struct monitor *m)
{
	struct process *first = domlet_process_first(m);
	struct domlet_error ignored;

	domlet_monitor_phase(m, "exited");
	if (m->created && m->err.code) { /* an end that nobody asked for: say why */
		keep_reason(m, m->err.text);
		if (m->launch->foreground)
			domlet_peers_answer(&m->peers[0], m->err.code, m->err.text);
		else
			domlet_log_notice(m->launch->log, "%s", m->err.text);
	}
	/* Before the proxy ends: callers read until the end, or only a little longer. */
	domlet_relay_close(first);
	m->launch->state->exit_code = m->life.container[CONTAINER].exit_code;
	(void)domlet_monitor_save(m, DOMLET_STATUS_STOPPED, &ignored);
	m->exit_waits = true;
	tell_exit(m, false);
	if (m->exit_waits)
		domlet_monitor_expect_end(m);
}

static void on_boot_timeout(uv_timer_t *t)
{
	struct monitor *m = t->data;
	bool boot = domlet_life_owes_boot(&m->life);
	struct domlet_error err;

	if (!boot && !domlet_life_owes_answer(&m->life, CONTAINER))
		return;
	(void)domlet_error_set(&err, ETIMEDOUT,
			       "the guest of container %s was still %s after %u s (domlet_boot_timeout in %s)",
			       m->launch->plan->id, domlet_life_stage(&m->life, CONTAINER),
			       m->launch->tmpl->boot_timeout_s, m->launch->tmpl->path);
	domlet_queue_post_end(&m->queue, boot ? DOMLET_EV_BOOT_TIMEOUT : DOMLET_EV_ANSWER_TIMEOUT, &err);
}

static void arm_boot_timer(struct monitor *m)
{
	uv_timer_start(&m->boot_timer, on_boot_timeout, m->launch->tmpl->boot_timeout_s * UINT64_C(1000), 0);
}

void domlet_monitor_cut_off(struct monitor *m)
{
	if (!m->life.container[CONTAINER].exit_reported)
		domlet_queue_post(&m->queue, DOMLET_EV_KILL_TIMEOUT, 0);
	handle_events(m);
	domlet_process_drop_all(m);
	tell_exit(m, true);
	domlet_monitor_turn(m);
}

/* Once the last output is written. */
static void finish(struct monitor *m)
{
	struct domlet_error ignored;

	m->finished = m->exit_waits || !domlet_process_all_ended(m);
	if (m->finished)
		return;
	domlet_monitor_phase(m, "destroyed");
	if (!m->stuck)
		domlet_image_forget(m->launch->state->image);
	domlet_cgroup_leave(m->launch->state->monitor_cgroup);
	/* Nobody will come to delete it; but what knows of a domain that libxl
	 * couldn't destroy stays, with its number, for the next command to try again. */
	if (!m->stuck && ((m->launch->foreground && !m->launch->keep) || !m->created)) {
		domlet_pid_wait(&m->launch->state->proxy, PROXY_END_MS); /* it sits in the cgroup */
		domlet_cgroup_remove(m->launch->state->cgroup_kept ? NULL : m->launch->state->cgroup);
		(void)domlet_state_remove(m->launch->state, &ignored);
	} else if (!m->stuck) {
		m->launch->state->domid = DOMLET_DOMID_NONE;
		m->over = domlet_monitor_save(m, DOMLET_STATUS_STOPPED, &ignored) < 0;
	}
	if (!m->over)
		uv_stop(&m->loop);
}

static void perform(struct monitor *m, enum domlet_life_action_type a)
{
	struct domlet_msg start = { .type = DOMLET_MSG_START };

	switch (a) {
	case DOMLET_ACT_BUILD: domlet_domain_build(m); return;
	case DOMLET_ACT_CANCEL_BUILD: domlet_xen_build_cancel(m->xen); return;
	case DOMLET_ACT_PUBLISH: domlet_domain_publish(m); return;
	case DOMLET_ACT_UNPAUSE: domlet_domain_unpause(m); return;
	case DOMLET_ACT_ARM_BOOT_TIMER:
		domlet_monitor_phase(m, "unpaused");
		arm_boot_timer(m);
		return;
	case DOMLET_ACT_ATTACH: attach(m); return;
	case DOMLET_ACT_SEND_CREATE:
		domlet_monitor_phase(m, "hello");
		(void)domlet_xen_forget_seed(m->xen);
		send_create(m);
		return;
	case DOMLET_ACT_ANSWER_CREATE: answer_create(m); return;
	case DOMLET_ACT_SEND_START:
		start.start.container = CONTAINER;
		(void)domlet_monitor_send(m, &start);
		m->start_request = m->requests;
		arm_boot_timer(m);
		return;
	case DOMLET_ACT_ANSWER_START: answer_start(m); return;
	case DOMLET_ACT_DETACH: detach(m); return;
	case DOMLET_ACT_DESTROY: domlet_domain_destroy(m); return;
	case DOMLET_ACT_REPORT_EXIT: report_exit(m); return;
	case DOMLET_ACT_FINISH: finish(m); return;
	default: return; /* what one container that keeps its domain isn't asked for */
	}
}

static void handle_event(struct monitor *m, const struct domlet_event *ev)
{
	struct domlet_life_event event = { ev->type, CONTAINER, ev->code };
	struct domlet_life_actions out;

	if (!m->err.code && ev->reason.code && !m->life.container[CONTAINER].exit_known)
		m->err = ev->reason;
	domlet_life_step(&m->life, &event, &out);
	for (size_t i = 0; i < out.len; i++)
		perform(m, out.act[i].type);
}

/* The one place that steps, which no action and no room calls: each event is
 * handled to its end before the next one is looked at. */
static void handle_events(struct monitor *m)
{
	struct domlet_event ev;

	while (domlet_queue_take(&m->queue, &ev))
		handle_event(m, &ev);
}

int domlet_monitor_main(const struct domlet_launch *launch)
{
	struct monitor *m = &the;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit of the caller's for files is an error like a full disk */
	m->launch = launch;
	uv_loop_init(&m->loop);
	m->loop.data = m;
	uv_async_init(&m->loop, &m->again, on_again);
	domlet_queue_open(&m->queue, &m->again);
	uv_timer_init(&m->loop, &m->boot_timer);
	uv_timer_init(&m->loop, &m->save_timer);
	m->again.data = m->boot_timer.data = m->save_timer.data = m;
	domlet_monitor_await_end(m);
	domlet_peers_open(m);
	domlet_queue_post(&m->queue, DOMLET_EV_ARRIVE, KEEPS_DOMAIN);
	/* Before anybody can ask: commands believe him whom the record names. */
	if (domlet_state_save(launch->state, &m->err) < 0 || domlet_peers_listen(m, &m->err) < 0 ||
	    domlet_domain_open(m, &m->err) < 0) {
		domlet_queue_post(&m->queue, DOMLET_EV_DESTROY, 0);
		handle_events(m);
		return 1;
	}
	domlet_relay_open(m, domlet_process_first(m), launch->stdio, launch->plan->terminal);
	domlet_queue_post(&m->queue, DOMLET_EV_LAUNCH, 0);
	(void)uv_run(&m->loop, UV_RUN_DEFAULT);
	return 0;
}
