// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/text.h"
#include "internal.h"

/* Slots that are kept for processes to come, and not for what earlier ones have left running. */
#define SLOTS_SPARE 16
/* What a message holds beside the process object. */
#define EXEC_OVERHEAD 32u

struct process *domlet_process_first(struct monitor *m)
{
	return &m->processes[FIRST_PROCESS - 1];
}

struct process *domlet_process_find(struct monitor *m, uint32_t number)
{
	struct process *p = number && number <= m->processes_used ? &m->processes[number - 1] : NULL;

	return p && p->phase != PROCESS_FREE && p->phase != PROCESS_CLOSING ? p : NULL;
}

/* When slots get scarce, the output of what the process that ended first has
 * left running goes nowhere from now on: the guest then ends it and goes on reading. */
static void cut_lingering(struct monitor *m)
{
	struct process *oldest = NULL;
	unsigned int spare = 0;

	for (uint32_t i = FIRST_PROCESS; i < DOMLET_PROCESS_MAX; i++) {
		struct process *p = &m->processes[i];

		spare += p->phase == PROCESS_FREE;
		if (p->phase == PROCESS_LINGERING && (p->sinks[0].fd >= 0 || p->sinks[1].fd >= 0) &&
		    (!oldest || p->ended < oldest->ended))
			oldest = p;
	}
	if (spare < SLOTS_SPARE && oldest)
		domlet_relay_close(oldest);
}

static struct process *take_slot(struct monitor *m)
{
	cut_lingering(m);
	for (uint32_t i = FIRST_PROCESS; i < DOMLET_PROCESS_MAX; i++) {
		struct process *p = &m->processes[i];

		if (p->phase != PROCESS_FREE)
			continue;
		p->phase = PROCESS_STARTING;
		p->number = i + 1;
		(void)uv_timer_init(&m->loop, &p->deadline);
		p->deadline.data = p;
		p->handles++;
		m->processes_used = m->processes_used > i ? m->processes_used : i + 1;
		return p;
	}
	return NULL;
}

static void wipe(struct process *p)
{
	for (int i = 0; i < 2; i++)
		domlet_backlog_free(&p->sinks[i].backlog);
	memset(p, 0, sizeof *p);
}

void domlet_process_handle_closed(struct process *p)
{
	if (--p->handles == 0 && p->phase == PROCESS_CLOSING)
		wipe(p);
}

static void deadline_closed(uv_handle_t *h)
{
	domlet_process_handle_closed(h->data);
}

static void free_slot(struct monitor *m, struct process *p)
{
	domlet_document_close(m, p);
	if (m->attached)
		for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR; k++)
			domlet_link_close(&m->link, domlet_stream_id(p->number, k));
	if (p->proxy)
		p->proxy->process = NULL;
	domlet_relay_close(p);
	p->phase = PROCESS_CLOSING;
	uv_close((uv_handle_t *)&p->deadline, deadline_closed);
}

void domlet_process_open_streams(struct monitor *m, const struct process *p)
{
	for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR; k++)
		(void)domlet_link_open(&m->link, domlet_stream_id(p->number, k));
}

static void answer(struct process *p, int code, const char *text)
{
	p->request = 0;
	(void)uv_timer_stop(&p->deadline);
	if (p->asker)
		domlet_peers_answer(p->asker, code, text);
	p->asker = NULL;
}

void domlet_process_send_exit(struct process *p, uint32_t code)
{
	char text[32];

	(void)snprintf(text, sizeof text, "{\"exit\":%u}", code);
	if (p->proxy && p->proxy->fd >= 0)
		(void)send(p->proxy->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void end(struct monitor *m, struct process *p, uint32_t code)
{
	/* Before the proxy ends: callers read until the end, or only a little longer. */
	domlet_relay_close(p);
	domlet_process_send_exit(p, code);
	free_slot(m, p);
}

/* The same while the guest has not ended its outputs. */
static void linger(struct monitor *m, struct process *p)
{
	domlet_relay_close_input(p);
	domlet_process_send_exit(p, p->exit_code);
	if (p->proxy)
		p->proxy->process = NULL;
	p->proxy = NULL;
	p->phase = PROCESS_LINGERING;
	p->ended = ++m->processes_ended;
}

static void kill_in_guest(struct monitor *m, const struct process *p)
{
	struct domlet_msg msg = { .type = DOMLET_MSG_SIGNAL };

	msg.signal.container = CONTAINER;
	msg.signal.process = p->number;
	msg.signal.signo = SIGKILL;
	if (m->attached)
		(void)domlet_monitor_send(m, &msg);
}

/* Nobody waits for P any more, while the guest still owes the answer that says
 * what became of P: until then P keeps its number, and whatever it is, is killed. */
static void abandon(struct monitor *m, struct process *p)
{
	(void)uv_timer_stop(&p->deadline);
	domlet_document_cut(p);
	domlet_relay_close(p);
	domlet_process_send_exit(p, DOMLET_EXIT_KILLED);
	if (p->proxy)
		p->proxy->process = NULL;
	p->proxy = p->asker = NULL;
	kill_in_guest(m, p);
}

static void on_deadline(uv_timer_t *t)
{
	struct process *p = t->data;
	struct monitor *m = t->loop->data;
	char text[512];

	(void)snprintf(text, sizeof text,
		       "the guest of container %s has not answered an exec after %u s (domlet_boot_timeout in %s)",
		       m->launch->plan->id, m->launch->tmpl->boot_timeout_s, m->launch->tmpl->path);
	if (p->asker)
		domlet_peers_answer(p->asker, ETIMEDOUT, text);
	abandon(m, p);
	domlet_monitor_turn(m);
}

void domlet_process_asker_lost(struct monitor *m, struct process *p)
{
	p->asker = NULL;
	if (p->phase == PROCESS_STARTING)
		abandon(m, p);
}

static void refuse(struct peer *asker, char *object, int fds[4], int code, const char *text)
{
	domlet_peers_answer(asker, code, text);
	free(object);
	for (int i = 0; i < 4; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void domlet_process_exec(struct monitor *m, struct peer *asker, char *object, size_t len, bool terminal, int fds[4])
{
	struct domlet_msg msg = { .type = DOMLET_MSG_EXEC };
	struct process *p;
	char text[160];

	if (!m->attached || !domlet_life_takes_requests(&m->life, CONTAINER)) {
		refuse(asker, object, fds, ESRCH, "cannot exec in a stopped container");
		return;
	}
	p = take_slot(m);
	if (!p) {
		(void)snprintf(text, sizeof text,
			       "%u processes were started in the container and still run: no more are possible",
			       DOMLET_PROCESS_MAX - 1);
		refuse(asker, object, fds, EAGAIN, text);
		return;
	}
	p->asker = asker;
	p->proxy = domlet_peers_add(m, fds[3], p);
	domlet_relay_open(m, p, fds, terminal);
	if (!p->proxy) {
		if (fds[3] >= 0)
			close(fds[3]);
		free(object);
		answer(p, EAGAIN, "the container's monitor has too many connections: try again");
		free_slot(m, p);
		return;
	}
	(void)uv_timer_start(&p->deadline, on_deadline, m->launch->tmpl->boot_timeout_s * UINT64_C(1000), 0);
	msg.exec.container = CONTAINER;
	msg.exec.process = p->number;
	p->request = m->requests + 1;
	if (len > DOMLET_MSG_MAX - EXEC_OVERHEAD) {
		msg.exec.length = (uint32_t)len;
		domlet_document_open(m, p, object, len, object);
		(void)domlet_monitor_send(m, &msg);
		return;
	}
	domlet_process_open_streams(m, p);
	msg.exec.process_json = (struct domlet_slice){ (const uint8_t *)object, (uint32_t)len };
	(void)domlet_monitor_send(m, &msg);
	free(object);
}

void domlet_process_replied(struct monitor *m, uint32_t request, const struct domlet_msg_reply *r)
{
	char text[DOMLET_MONITOR_ANSWER_MAX];

	for (uint32_t i = FIRST_PROCESS; request && i < m->processes_used; i++) {
		struct process *p = &m->processes[i];

		if (p->request != request || p->phase != PROCESS_STARTING)
			continue;
		if (r->code == 0) {
			p->phase = PROCESS_RUNNING;
			answer(p, 0, NULL);
			if (!p->proxy) /* abandoned, before the guest had a process to kill */
				kill_in_guest(m, p);
			return;
		}
		(void)snprintf(text, sizeof text, "%.*s", (int)r->text.len, (const char *)r->text.ptr);
		domlet_text_clean(text);
		domlet_process_send_exit(p, 255);
		answer(p, r->code, text);
		free_slot(m, p);
		return;
	}
}

void domlet_process_exited(struct monitor *m, struct process *p, uint32_t code)
{
	(void)m;
	if (p->phase != PROCESS_STARTING && p->phase != PROCESS_RUNNING)
		return;
	if (p->request) /* so short that its end came first */
		answer(p, 0, NULL);
	domlet_relay_owe(p);
	p->phase = PROCESS_DRAINING;
	p->exit_code = code;
}

void domlet_process_sweep(struct monitor *m)
{
	for (uint32_t i = FIRST_PROCESS; i < m->processes_used; i++) {
		struct process *p = &m->processes[i];

		if (p->phase == PROCESS_LINGERING && domlet_relay_ended(p))
			free_slot(m, p);
		if (p->phase != PROCESS_DRAINING)
			continue;
		/* Whom it left behind may write faster than anybody reads. */
		if (m->attached && !domlet_relay_ended(p) && domlet_relay_settled(p))
			linger(m, p);
		else if (domlet_relay_drained(p))
			end(m, p, p->exit_code);
	}
}

void domlet_process_end_all(struct monitor *m)
{
	for (uint32_t i = FIRST_PROCESS; i < m->processes_used; i++) {
		struct process *p = &m->processes[i];

		if (p->phase == PROCESS_STARTING || p->phase == PROCESS_RUNNING)
			p->exit_code = DOMLET_EXIT_KILLED;
		else if (p->phase != PROCESS_LINGERING)
			continue;
		if (p->request)
			answer(p, ESRCH, "the container ended before the process ran");
		p->phase = PROCESS_DRAINING;
	}
	domlet_process_sweep(m);
}

void domlet_process_drop_all(struct monitor *m)
{
	domlet_process_end_all(m);
	for (uint32_t i = FIRST_PROCESS; i < m->processes_used; i++)
		if (m->processes[i].phase == PROCESS_DRAINING)
			end(m, &m->processes[i], m->processes[i].exit_code);
}

bool domlet_process_all_ended(const struct monitor *m)
{
	for (uint32_t i = FIRST_PROCESS; i < m->processes_used; i++)
		if (m->processes[i].phase >= PROCESS_STARTING && m->processes[i].phase <= PROCESS_LINGERING)
			return false;
	return true;
}

void domlet_process_proxy_lost(struct monitor *m, struct process *p)
{
	p->proxy = NULL;
	domlet_document_cut(p);
	if (p->phase == PROCESS_DRAINING) { /* nobody waits for its output any more */
		domlet_relay_close(p);
		return;
	}
	kill_in_guest(m, p);
}
