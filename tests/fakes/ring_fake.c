/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ring_fake.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../frontend/proto/figures.h"
#include "../../frontend/proto/link.h"
#include "../../frontend/proto/pump.h"
#include "../../frontend/proto/sha256.h"
#include "../../toolstack/ring/console.h"
#include "../../toolstack/ring/host.h"
#include "xen_fake.h"

#define ORDER DOMLET_RING_ORDER_DEFAULT

struct ring_fake_net *ring_fake_net;
enum ring_fake_guest ring_fake_guest;
int ring_fake_socket = -1;

static struct {
	pthread_t thread;
	int to_guest, to_host; /* eventfds: the event channel */
	_Atomic bool stop;
	struct domlet_ring_page *page;
	uint8_t *data;
	struct domlet_ring ring;
	struct domlet_link link;
	uint32_t writer, left;             /* the process that writes so much, before the domain dies */
	char does[DOMLET_PROCESS_MAX + 1]; /* an exec's letter, by number */
	uint32_t requests[DOMLET_PROCESS_MAX + 1];
	uint32_t first[DOMLET_CONTAINER_MAX]; /* processes */
	bool mute[DOMLET_CONTAINER_MAX];      /* an exec in it does nothing */
	uint32_t signals, sync;               /* the first SYNC */
	uint64_t stats;                       /* so many */
	bool started, stalls;
	_Atomic bool late;   /* the host takes its time for what it reads next */
	_Atomic bool floods; /* its end of the ring is ring_fake_refill()'s */
	bool quits;          /* once what was said is on its way */
	struct {             /* what comes on CONFIG of a process; SHA256 is set for a container's first */
		bool first;
		uint32_t process, request, len, have;
		uint8_t *text, sha256[DOMLET_SHA256_LEN];
	} document;
} fake;

static void say(struct domlet_msg *m)
{
	if (domlet_link_send(&fake.link, m) < 0)
		abort();
}

static void reply(uint32_t request, int code, const char *text)
{
	struct domlet_msg m = { .type = DOMLET_MSG_REPLY, .request = request };

	m.reply.code = code;
	m.reply.text = (struct domlet_slice){ (const uint8_t *)text, (uint32_t)strlen(text) };
	say(&m);
}

static void write_line(uint32_t process)
{
	size_t len = 6;
	uint8_t *span = domlet_link_reserve(&fake.link, domlet_stream_id(process, DOMLET_STREAM_STDOUT), &len);

	if (!span || len < 6)
		abort();
	memcpy(span, "hello\n", 6);
	domlet_link_commit(&fake.link, 6);
}

static void program_ends(uint32_t code)
{
	struct domlet_msg m = { .type = DOMLET_MSG_EXITED };

	write_line(1);
	(void)domlet_link_send_eof(&fake.link, domlet_stream_id(1, DOMLET_STREAM_STDOUT));
	(void)domlet_link_send_eof(&fake.link, domlet_stream_id(1, DOMLET_STREAM_STDERR));
	m.exited.process = 1;
	m.exited.code = code;
	m.exited.oom = ring_fake_guest == RING_FAKE_HUNGRY;
	say(&m);
}

static void open_streams(uint32_t process)
{
	for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR; k++)
		(void)domlet_link_open(&fake.link, domlet_stream_id(process, k));
}

static void exec_exits(uint32_t process, uint32_t code)
{
	struct domlet_msg m = { .type = DOMLET_MSG_EXITED };

	m.exited.process = process;
	m.exited.code = code;
	say(&m);
}

static void exec_ends(uint32_t process, uint32_t code)
{
	for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR; k++) {
		(void)domlet_link_send_eof(&fake.link, domlet_stream_id(process, k));
		domlet_link_close(&fake.link, domlet_stream_id(process, k));
	}
	exec_exits(process, code);
}

static void run(uint32_t container, uint32_t process, uint32_t request, char what)
{
	if (fake.does[process] && strchr("swd", fake.does[process])) {
		reply(request, EBUSY, "another process has that number");
		return;
	}
	fake.mute[container] = fake.mute[container] || what == 'd';
	fake.does[process] = what;
	fake.requests[process] = request;
	if (what == 'h' || what == 'd')
		return;
	if (what == 'n' || what == 'p') {
		reply(request, -EINVAL,
		      what == 'p' ? "\xc2\x9b"
				    "31m\xe2\x80\xae"
				    "deR" :
				    "there is no reason");
		return;
	}
	open_streams(process);
	if (what == 'o') {
		fake.writer = process;
		fake.left = RING_FAKE_OUTPUT;
		return;
	}
	if (what == 'w' || what == 'l') /* the host has it before the answer */
		write_line(process);
	reply(request, 0, "");
	if (what == 'l')
		exec_exits(process, 0);
}

/* Nobody reads an output of what an exec has left running. */
static void take_reset(uint32_t stream)
{
	uint32_t process = stream >> 2;

	if (fake.does[process] != 'l' && fake.does[process] != 'L')
		return;
	(void)domlet_link_send_eof(&fake.link, stream);
	fake.does[process] = fake.does[process] == 'l' ? 'L' : '\0';
	for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR && !fake.does[process]; k++)
		domlet_link_close(&fake.link, domlet_stream_id(process, k));
}

static void signal_exec(uint32_t process, uint32_t signo)
{
	if (fake.does[process] == 'h') {
		write_line(1);
		reply(fake.requests[process], ECHILD, "the process died while it was set up");
	} else if (fake.does[process] == 's' || fake.does[process] == 'w') {
		fake.does[process] = '\0';
		exec_ends(process, 128 + signo);
	}
}

/* Of a further container, whose first process sleeps. */
static void signal_member(uint32_t process, uint32_t signo)
{
	for (uint32_t c = 1; c < DOMLET_CONTAINER_MAX; c++)
		if (fake.first[c] == process) {
			fake.first[c] = 0;
			exec_ends(process, 128 + signo);
			return;
		}
}

static void lie(void)
{
	struct domlet_msg m = { .type = DOMLET_MSG_EXITED, .exited = { .process = 1, .oom = 1 } };

	for (int i = 0; i < 5; i++)
		say(&m);
}

static void await_document(uint32_t process, uint32_t request, uint32_t len, const uint8_t *sha256)
{
	fake.document.process = process;
	fake.document.request = request;
	fake.document.len = len;
	fake.document.have = 0;
	fake.document.text = malloc(len);
	fake.document.first = sha256 != NULL;
	if (sha256)
		memcpy(fake.document.sha256, sha256, DOMLET_SHA256_LEN);
	if (domlet_link_open(&fake.link, domlet_stream_id(process, DOMLET_STREAM_CONFIG)) < 0 || !fake.document.text)
		abort();
}

static void take_data(const struct domlet_link_event *ev)
{
	if (ev->stream != domlet_stream_id(fake.document.process, DOMLET_STREAM_CONFIG))
		return;
	if (ev->len > fake.document.len - fake.document.have)
		abort();
	memcpy(fake.document.text + fake.document.have, ev->data, ev->len);
	fake.document.have += (uint32_t)ev->len;
	if (ring_fake_guest != RING_FAKE_MISER)
		domlet_link_credit(&fake.link, ev->stream, ev->len);
}

static void take_end(const struct domlet_link_event *ev)
{
	uint32_t process = fake.document.process;
	uint8_t sha256[DOMLET_SHA256_LEN];

	if (fake.does[ev->stream >> 2] == 'l' && (ev->stream & 3) == DOMLET_STREAM_STDIN)
		write_line(ev->stream >> 2);
	if (ev->stream != domlet_stream_id(process, DOMLET_STREAM_CONFIG))
		return;
	domlet_sha256(fake.document.text, fake.document.have, sha256);
	free(fake.document.text);
	domlet_link_close(&fake.link, ev->stream);
	fake.document.process = 0;
	if (fake.document.have != fake.document.len ||
	    (fake.document.first && memcmp(sha256, fake.document.sha256, DOMLET_SHA256_LEN) != 0)) {
		reply(fake.document.request, EBADMSG, "the document is another one");
		return;
	}
	open_streams(process);
	reply(fake.document.request, 0, "");
	if (!fake.document.first)
		exec_ends(process, sha256[0] >> 1);
}

static void write_output(void)
{
	size_t len = fake.left;
	uint8_t *span;

	if (!fake.left)
		return;
	span = domlet_link_reserve(&fake.link, domlet_stream_id(fake.writer, DOMLET_STREAM_STDOUT), &len);
	if (!span)
		return;
	memset(span, 'x', len);
	domlet_link_commit(&fake.link, len);
	(void)domlet_link_flush(&fake.link);
	fake.left -= (uint32_t)len;
	if (fake.left)
		return;
	if (ring_fake_guest == RING_FAKE_RUNS) {
		reply(fake.requests[fake.writer], 0, "");
		exec_ends(fake.writer, 0);
	} else {
		xen_fake_end(ring_fake_guest == RING_FAKE_DIES);
	}
}

static bool sleeps(void)
{
	return ring_fake_guest == RING_FAKE_SLEEPS || ring_fake_guest == RING_FAKE_LATE ||
	       ring_fake_guest == RING_FAKE_RUNS || ring_fake_guest == RING_FAKE_MISER;
}

/* While the host can't look it ends, its program before it. */
static void crash(void)
{
	(void)domlet_link_flush(&fake.link);
	if (domlet_ring_take_notify(&fake.ring))
		(void)eventfd_write(fake.to_host, 1);
	uv_sleep(50);
	xen_fake.busy_ms = 50;
	xen_fake.vanishes_then = true;
	xen_fake_end(true);
	uv_sleep(10);
	program_ends(3);
}

static void take_net(const struct domlet_msg *m)
{
	const char *reason;

	if (!ring_fake_net || domlet_net_decode(m->net.state.ptr, m->net.state.len, &ring_fake_net->asked, &reason) < 0 ||
	    m->net.revision <= ring_fake_net->revision)
		abort();
	ring_fake_net->revision = m->net.revision;
	ring_fake_net->times++;
	ring_fake_net->before_start += !fake.started;
	reply(m->request, ring_fake_net->code, ring_fake_net->code ? "it has no such device" : "");
}

static void tell_stats(const struct domlet_msg *m)
{
	struct domlet_msg answer = { .type = DOMLET_MSG_FIGURES, .request = m->request };
	struct domlet_msg oom = { .type = DOMLET_MSG_OOM, .oom = { m->stats.container, 1 } };
	struct domlet_figures figures;
	uint8_t numbers[DOMLET_FIGURES_LEN];

	domlet_figures_init(&figures);
	figures.of[DOMLET_FIGURE_CPU_USAGE_US] = 1000 * ++fake.stats;
	domlet_figures_encode(&figures, numbers);
	answer.figures.container = m->stats.container == 13 ? 0 : m->stats.container;
	answer.figures.numbers = (struct domlet_slice){ numbers, sizeof numbers - (m->stats.container == 12) };
	if (m->stats.container < 14)
		say(&answer);
	else
		reply(m->request, m->stats.container == 14 ? 0 : ESRCH, "container not running");
	if (m->stats.watch)
		say(&oom);
}

static void obey(const struct domlet_msg *m)
{
	switch (m->type) {
	case DOMLET_MSG_CREATE:
		if (ring_fake_guest == RING_FAKE_LIES)
			lie();
		fake.first[m->create.container] = m->create.process;
		if (m->create.source == 1) {
			await_document(m->create.process, m->request, m->create.length, m->create.sha256.ptr);
			return;
		}
		open_streams(m->create.process);
		if (ring_fake_guest == RING_FAKE_REFUSES)
			reply(m->request, ENOENT, "exec: \"x\xc2\x9b\": executable file not found in $PATH");
		else
			reply(m->request, 0, "");
		fake.quits = ring_fake_guest == RING_FAKE_QUITS;
		return;
	case DOMLET_MSG_START:
		if (ring_fake_guest == RING_FAKE_LATE) {
			uv_sleep(RING_FAKE_LATE_MS);
			fake.late = true;
		}
		reply(m->request, ring_fake_guest == RING_FAKE_LIES ? -EINVAL : 0, "there is no reason");
		if (ring_fake_guest == RING_FAKE_GOOD)
			program_ends(3);
		if (ring_fake_guest == RING_FAKE_DIES) {
			fake.writer = 1;
			fake.left = RING_FAKE_OUTPUT;
		}
		fake.started = true;
		if (ring_fake_guest == RING_FAKE_HUNGRY)
			program_ends(137);
		if (ring_fake_guest == RING_FAKE_CRASHES)
			crash();
		if (ring_fake_guest == RING_FAKE_BREAKS) {
			(void)domlet_link_flush(&fake.link);
			domlet_ring_copy_in(&fake.ring, 0, "this is no frame header!", DOMLET_FRAME_HEADER_LEN);
			domlet_ring_produce(&fake.ring, DOMLET_FRAME_HEADER_LEN);
			domlet_ring_publish(&fake.ring);
		}
		return;
	case DOMLET_MSG_EXEC:
		if (ring_fake_guest == RING_FAKE_VANISHES) {
			(void)domlet_link_open(&fake.link, domlet_stream_id(m->exec.process, DOMLET_STREAM_STDOUT));
			reply(m->request, 0, "");
			fake.writer = m->exec.process;
			fake.left = RING_FAKE_OUTPUT;
			return;
		}
		if (ring_fake_guest == RING_FAKE_RUNS)
			run(m->exec.container, m->exec.process, m->request, (char)m->exec.process_json.ptr[0]);
		else if (m->exec.length > 1u << 20)
			reply(m->request, E2BIG, "such a document is too large for this guest");
		else
			await_document(m->exec.process, m->request, m->exec.length, NULL);
		return;
	case DOMLET_MSG_NET: take_net(m); return;
	case DOMLET_MSG_STATS: tell_stats(m); return;
	case DOMLET_MSG_UPDATE:
		if (memmem(m->update.resources.ptr, m->update.resources.len, "refuse", 6))
			reply(m->request, EBUSY, "rejecting memory limit 5: the container uses 6");
		else if (!memmem(m->update.resources.ptr, m->update.resources.len, "never", 5))
			reply(m->request, 0, "");
		return;
	case DOMLET_MSG_FREEZE:
	case DOMLET_MSG_THAW: reply(m->request, 0, ""); return;
	case DOMLET_MSG_DELETE:
		if (fake.mute[m->delete_.container])
			return;
		/* Which its first process has not outlived, if that still ran. */
		if (fake.first[m->delete_.container])
			exec_ends(fake.first[m->delete_.container], 137);
		fake.first[m->delete_.container] = 0;
		reply(m->request, 0, "");
		return;
	case DOMLET_MSG_SYNC:
		if (ring_fake_guest == RING_FAKE_STALLS && !fake.sync) {
			fake.sync = m->request;
			fake.stalls = true;
			return;
		}
		if (ring_fake_guest == RING_FAKE_COUNTS)
			reply(m->request, EIO,
			      "a disk is \x9b"
			      "full");
		else
			reply(m->request, 0, "");
		if (ring_fake_guest == RING_FAKE_GHOST) {
			(void)domlet_link_flush(&fake.link);
			(void)eventfd_write(fake.to_host, 1);
			uv_sleep(200);
			program_ends(3);
		}
		return;
	case DOMLET_MSG_SIGNAL:
		reply(m->request, 0, "");
		if (ring_fake_guest == RING_FAKE_STALLS && fake.stalls)
			reply(fake.sync, 0, "");
		else if (ring_fake_guest == RING_FAKE_STALLS)
			program_ends(128 + m->signal.signo);
		fake.stalls = false;
		if (ring_fake_guest == RING_FAKE_COUNTS && m->signal.signo == SIGUSR1)
			program_ends(fake.signals);
		fake.signals++;
		if (m->signal.process == 1 && sleeps())
			program_ends(128 + m->signal.signo);
		if (m->signal.process != 1 && sleeps())
			signal_member(m->signal.process, m->signal.signo);
		if (m->signal.process != 1 && ring_fake_guest == RING_FAKE_RUNS)
			signal_exec(m->signal.process, m->signal.signo);
		return;
	default: return;
	}
}

void ring_fake_refill(void)
{
	struct domlet_frame ack = { .type = DOMLET_FRAME_ACK, .epoch = 1, .ack = fake.link.recv_seq };
	uint8_t frame[DOMLET_FRAME_HEADER_LEN];

	if (!fake.floods || domlet_ring_room(&fake.ring) < 512)
		return;
	domlet_frame_encode(&ack, frame);
	while (domlet_ring_room(&fake.ring) >= 256) {
		domlet_ring_copy_in(&fake.ring, 0, frame, sizeof frame);
		domlet_ring_produce(&fake.ring, sizeof frame);
	}
	reply(0, 0, ""); /* which isn't asked for */
	(void)domlet_link_flush(&fake.link);
}

static void *guest(void *arg)
{
	struct domlet_msg hello = { .type = DOMLET_MSG_HELLO, .hello = { .version = DOMLET_PROTO_VERSION } };
	struct domlet_link_event ev;
	uint64_t count;
	bool deaf = false;

	(void)arg;
	domlet_link_init(&fake.link, &fake.ring, DOMLET_RING_GUEST, 1);
	hello.hello.version += ring_fake_guest == RING_FAKE_NEWER;
	say(&hello);
	while (!fake.stop) {
		if (xen_fake.paused) {
			uv_sleep(5);
			continue;
		}
		do {
			ev.type = DOMLET_LINK_IDLE;
			if (!deaf)
				domlet_link_next(&fake.link, &ev);
			if (ev.type == DOMLET_LINK_MSG)
				obey(&ev.msg);
			if (ev.type == DOMLET_LINK_EOF)
				take_end(&ev);
			if (ev.type == DOMLET_LINK_RESET)
				take_reset(ev.stream);
			if (ev.type == DOMLET_LINK_DATA) {
				take_data(&ev);
				domlet_link_taken(&fake.link, ev.len);
			}
			deaf = deaf || (ring_fake_guest == RING_FAKE_DEAF && ev.type == DOMLET_LINK_MSG &&
					ev.msg.type == DOMLET_MSG_START);
		} while (ev.type != DOMLET_LINK_IDLE && ev.type != DOMLET_LINK_BROKEN);
		write_output();
		(void)domlet_link_flush(&fake.link);
		if (domlet_ring_take_notify(&fake.ring))
			(void)eventfd_write(fake.to_host, 1);
		fake.floods = fake.floods || (ring_fake_guest == RING_FAKE_FLOODS && fake.started);
		while (fake.floods && !fake.stop)
			uv_sleep(10);
		if (fake.quits) {
			fake.quits = false;
			uv_sleep(5); /* time for the host to see the answer */
			xen_fake.busy_ms = 20;
			xen_fake_end(true);
		}
		if (!domlet_ring_arm(&fake.ring, false))
			(void)poll(&(struct pollfd){ .fd = fake.to_guest, .events = POLLIN }, 1, 50);
		domlet_ring_disarm(&fake.ring);
		(void)eventfd_read(fake.to_guest, &count);
	}
	return NULL;
}

/* True when bytes moved; *GONE: there will be no more. */
static bool pump_bytes(struct domlet_pump *p, bool *gone)
{
	const uint8_t *out;
	uint8_t *in;
	size_t len;
	ssize_t sent, got;

	out = domlet_pump_to_send(p, &len);
	sent = out ? send(ring_fake_socket, out, len, MSG_DONTWAIT | MSG_NOSIGNAL) : -1;
	if (sent > 0)
		domlet_pump_sent(p, (size_t)sent);
	in = domlet_pump_space(p, &len);
	got = in ? recv(ring_fake_socket, in, len, MSG_DONTWAIT) : -1;
	if (got > 0)
		domlet_pump_received(p, (size_t)got);
	*gone = in && (got == 0 || (got < 0 && errno != EAGAIN));
	return sent > 0 || got > 0;
}

static void *agent(void *arg)
{
	struct domlet_pump p = { .far = fake.ring };
	bool gone = false, room;
	uint64_t count;
	size_t len;

	(void)arg;
	while (!fake.stop && !gone) {
		struct pollfd fds[] = { { .fd = fake.to_guest, .events = POLLIN }, { .fd = ring_fake_socket } };
		bool any = pump_bytes(&p, &gone);

		if (domlet_ring_take_notify(&p.far))
			(void)eventfd_write(fake.to_host, 1);
		if (any)
			continue;
		room = domlet_pump_space(&p, &len) != NULL;
		fds[1].events = (short)((room ? POLLIN : 0) | (domlet_pump_to_send(&p, &len) ? POLLOUT : 0));
		if (!gone && !domlet_ring_arm(&p.far, !room))
			(void)poll(fds, 2, 50);
		domlet_ring_disarm(&p.far);
		(void)eventfd_read(fake.to_guest, &count);
	}
	if (gone)
		xen_fake_end(true);
	return NULL;
}

int domlet_host_ring_map(struct domlet_host_ring *hr, uint32_t domid, const struct domlet_ring_offer *offer,
			 struct domlet_error *err)
{
	size_t direction = (size_t)DOMLET_PAGE_SIZE << ORDER;

	memset(hr, 0, sizeof *hr);
	if (xen_fake_fails("ring_map"))
		return domlet_error_set(err, EIO,
					"can't map the ring's index page, grant %u of domain %u, port %u, epoch %u",
					offer->index_ref, domid, offer->port, offer->epoch);
	fake.page = aligned_alloc(DOMLET_PAGE_SIZE, DOMLET_PAGE_SIZE);
	fake.data = aligned_alloc(DOMLET_PAGE_SIZE, 2 * direction);
	fake.to_guest = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fake.to_host = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fake.stop = false;
	fake.sync = 0;
	fake.stalls = false;
	memset(fake.does, 0, sizeof fake.does);
	memset(fake.mute, 0, sizeof fake.mute);
	memset(fake.first, 0, sizeof fake.first);
	domlet_ring_page_init(fake.page, ORDER, 1);
	domlet_ring_attach(&fake.ring, fake.page, fake.data, fake.data + direction, ORDER, DOMLET_RING_GUEST);
	domlet_ring_attach(&hr->ring, fake.page, fake.data, fake.data + direction, offer->order, DOMLET_RING_HOST);
	hr->epoch = offer->epoch;
	hr->page = fake.page;
	xen_fake_await_end();
	return pthread_create(&fake.thread, NULL, ring_fake_guest == RING_FAKE_AGENT ? agent : guest, NULL) == 0 ? 0 :
														   -EIO;
}

void domlet_host_ring_unmap(struct domlet_host_ring *hr)
{
	if (!hr->page)
		return;
	fake.stop = true;
	(void)eventfd_write(fake.to_guest, 1);
	(void)pthread_join(fake.thread, NULL);
	close(ring_fake_socket);
	close(fake.to_guest);
	close(fake.to_host);
	free(fake.page);
	free(fake.data);
	hr->page = NULL;
}

int domlet_host_ring_fd(const struct domlet_host_ring *hr)
{
	(void)hr;
	return fake.to_host;
}

int domlet_host_ring_notify(struct domlet_host_ring *hr)
{
	(void)hr;
	return eventfd_write(fake.to_guest, 1);
}

int domlet_host_ring_drain(struct domlet_host_ring *hr)
{
	uint64_t count;

	(void)hr;
	(void)eventfd_read(fake.to_host, &count);
	if (fake.late) {
		fake.late = false;
		uv_sleep(400);
	}
	return 0;
}

void domlet_host_console_tail(uint32_t domid, char *buf, size_t len)
{
	(void)domid;
	(void)snprintf(buf, len, "%s", xen_fake.domain ? "Kernel panic" : "");
}
