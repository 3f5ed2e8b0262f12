// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

static void give_up(const char *what)
{
	fprintf(stderr, "monitor: %s\n", what);
	abort();
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A reply, too. */
static void take_figures(struct monitor *m, const struct domlet_msg *msg)
{
	const char *reason;

	if (msg->request >= 2048 || m->replies[msg->request].answered)
		give_up("figures to nothing");
	if (domlet_figures_decode(msg->figures.numbers.ptr, msg->figures.numbers.len, &m->figures, &reason) < 0)
		give_up(reason);
	m->replies[msg->request].answered = true;
	m->replies[msg->request].code = 0;
}

static void on_message(struct monitor *m, const struct domlet_msg *msg)
{
	switch (msg->type) {
	case DOMLET_MSG_HELLO: m->hello = msg->hello.version == DOMLET_PROTO_VERSION; return;
	case DOMLET_MSG_REPLY:
		if (msg->request >= 2048 || m->replies[msg->request].answered)
			give_up("a reply to nothing");
		m->replies[msg->request].answered = true;
		m->replies[msg->request].code = msg->reply.code;
		snprintf(m->replies[msg->request].text, 1024, "%.*s", (int)msg->reply.text.len,
			 (const char *)msg->reply.text.ptr);
		return;
	case DOMLET_MSG_FIGURES: take_figures(m, msg); return;
	case DOMLET_MSG_OOM: m->ooms++; return;
	case DOMLET_MSG_EXITED:
		if (msg->exited.process > DOMLET_PROCESS_MAX || m->exits[msg->exited.process].exited)
			give_up("an exit of nothing");
		m->exits[msg->exited.process].exited = true;
		m->exits[msg->exited.process].code = msg->exited.code;
		m->exits[msg->exited.process].signo = msg->exited.signo;
		m->exits[msg->exited.process].oom = msg->exited.oom;
		return;
	default: give_up("a message that is not a guest's");
	}
}

static void receive(struct monitor *m)
{
	struct domlet_link_event ev;

	for (;;) {
		domlet_link_next(&m->link, &ev);
		switch (ev.type) {
		case DOMLET_LINK_IDLE:
		case DOMLET_LINK_BUSY: return;
		case DOMLET_LINK_MSG: on_message(m, &ev.msg); break;
		case DOMLET_LINK_DATA: {
			struct output *o = &m->outputs[ev.stream];

			o->bytes = realloc(o->bytes, o->len + ev.len);
			memcpy(o->bytes + o->len, ev.data, ev.len);
			o->len += ev.len;
			domlet_link_taken(&m->link, ev.len);
			if (!m->stopped[ev.stream])
				domlet_link_credit(&m->link, ev.stream, ev.len);
			break;
		}
		case DOMLET_LINK_EOF: m->outputs[ev.stream].eof = true; break;
		case DOMLET_LINK_RESET: m->outputs[ev.stream].reset = true; break;
		case DOMLET_LINK_ROOM: break;
		case DOMLET_LINK_BROKEN: m->broken = ev.reason; return;
		}
	}
}

void monitor_turn(struct monitor *m, int ms)
{
	struct pollfd p = { .fd = m->fd };
	const uint8_t *out;
	uint8_t *in;
	size_t len;
	ssize_t n;

	(void)domlet_link_flush(&m->link);
	while ((out = domlet_pump_to_send(&m->pump, &len)) &&
	       (n = send(m->fd, out, len, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		domlet_pump_sent(&m->pump, (size_t)n);
	p.events = (short)((domlet_pump_space(&m->pump, &len) ? POLLIN : 0) |
			   (domlet_pump_to_send(&m->pump, &len) ? POLLOUT : 0));
	(void)poll(&p, 1, ms);
	in = domlet_pump_space(&m->pump, &len);
	n = in ? recv(m->fd, in, len, MSG_DONTWAIT) : -1;
	if (in && (n == 0 || (n < 0 && errno != EAGAIN)))
		m->broken = "the agent has gone";
	if (in && n > 0)
		domlet_pump_received(&m->pump, (size_t)n);
	receive(m);
}

/* Turns until *FLAG. */
static void until(struct monitor *m, const bool *flag, const char *what)
{
	int64_t end = now_ms() + WAIT_MS;

	while (!*flag) {
		if (m->broken)
			give_up(m->broken);
		if (now_ms() > end)
			give_up(what);
		monitor_turn(m, 100);
	}
}

void monitor_open(struct monitor *m)
{
	static _Alignas(DOMLET_PAGE_SIZE) uint8_t mem[DOMLET_PUMP_MEM_SIZE];

	memset(m, 0, sizeof *m);
	m->pid = guest_spawn(&m->fd);
	if (m->pid < 0)
		give_up("the agent can't be started");
	domlet_pump_init(&m->pump, mem, DOMLET_RING_HOST, 1);
	domlet_link_init(&m->link, &m->pump.near, DOMLET_RING_HOST, 1);
	until(m, &m->hello, "no hello");
}

int monitor_close(struct monitor *m)
{
	struct domlet_msg bye = { .type = DOMLET_MSG_SHUTDOWN };
	int status;

	(void)domlet_link_send(&m->link, &bye);
	for (int64_t end = now_ms() + WAIT_MS; !m->broken; monitor_turn(m, 100))
		if (now_ms() > end)
			give_up("no end");
	close(m->fd);
	if (waitpid(m->pid, &status, 0) != m->pid)
		give_up("no agent to wait for");
	for (size_t i = 0; i < sizeof m->outputs / sizeof m->outputs[0]; i++)
		free(m->outputs[i].bytes);
	return status;
}

void monitor_open_streams(struct monitor *m, uint32_t process)
{
	for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR; k++) {
		uint32_t stream = domlet_stream_id(process, k);

		if (domlet_link_open(&m->link, stream) < 0)
			give_up("a stream is open already");
		free(m->outputs[stream].bytes);
		m->outputs[stream] = (struct output){ 0 };
		m->stopped[stream] = false;
	}
	m->exits[process].exited = false;
}

void monitor_close_streams(struct monitor *m, uint32_t process)
{
	for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_CONFIG; k++)
		domlet_link_close(&m->link, domlet_stream_id(process, k));
}

uint32_t monitor_send(struct monitor *m, struct domlet_msg *msg)
{
	msg->request = ++m->requests;
	if (domlet_link_send(&m->link, msg) < 0)
		give_up("a message can't be sent");
	return msg->request;
}

int monitor_reply(struct monitor *m, uint32_t request)
{
	until(m, &m->replies[request].answered, "no reply");
	return m->replies[request].code;
}

int monitor_ask(struct monitor *m, struct domlet_msg *msg)
{
	return monitor_reply(m, monitor_send(m, msg));
}

void monitor_write(struct monitor *m, uint32_t stream, const void *data, size_t len, bool end)
{
	int64_t give_up_at = now_ms() + WAIT_MS;
	const uint8_t *p = data;

	while (len && !m->outputs[stream].reset) {
		size_t n = len;
		uint8_t *span = domlet_link_reserve(&m->link, stream, &n);

		if (m->broken || now_ms() > give_up_at)
			give_up("a stream takes nothing");
		if (!span) {
			monitor_turn(m, 100);
			continue;
		}
		memcpy(span, p, n);
		domlet_link_commit(&m->link, n);
		p += n;
		len -= n;
	}
	while (end && domlet_link_send_eof(&m->link, stream) == -EAGAIN)
		monitor_turn(m, 100);
	monitor_turn(m, 0);
}

int monitor_exit(struct monitor *m, uint32_t process)
{
	until(m, &m->exits[process].exited, "no exit");
	return (int)m->exits[process].code;
}

int monitor_wait(struct monitor *m, uint32_t process)
{
	int code = monitor_exit(m, process);

	monitor_close_streams(m, process);
	return code;
}

void monitor_eof(struct monitor *m, uint32_t process, enum domlet_stream_kind kind)
{
	until(m, &m->outputs[domlet_stream_id(process, kind)].eof, "no end of an output");
}
