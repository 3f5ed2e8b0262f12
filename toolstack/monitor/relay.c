// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <linux/major.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "internal.h"

/* Whether opening the device FD again gives the same one in the same state.
 * /dev/ptmx makes a new terminal, /dev/tty is ours and not the caller's, the
 * master of an old pty, a tape or a sound card may be opened once only, and
 * others count those who have them open: so these are terminals and memory's
 * devices without a state. */
static bool opens_again(int fd, const struct stat *st)
{
	unsigned int number;

	if (st->st_rdev == makedev(TTYAUX_MAJOR, 0) || ioctl(fd, TIOCGPTN, &number) == 0)
		return false;
	switch (major(st->st_rdev)) {
	case MEM_MAJOR:
		number = minor(st->st_rdev);
		return number == 3 || number == 5 ||
		       (number >= 7 && number <= 9); /* null, zero, full, random, urandom */
	case PTY_MASTER_MAJOR: return false;
	default: return isatty(fd) || errno == EIO; /* it may have hung up by now, and then can't be opened */
	}
}

/*
 * A descriptor of our own for FD: the caller's open file is shared with the
 * caller, so its O_NONBLOCK must stay as it is. Pipes and terminals can be
 * opened again; sockets have MSG_DONTWAIT; a file never makes us wait. What
 * should be opened again and can't (a FIFO that has lost its reader, the master
 * of a terminal) is left to libuv, which sets O_NONBLOCK: the caller's surprise
 * is the lesser evil.
 */
static int own_descriptor(int fd, int flags, bool *is_socket)
{
	struct stat st;
	char path[32];
	int own = -1;

	*is_socket = false;
	if (fd < 0 || fstat(fd, &st) < 0)
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	*is_socket = S_ISSOCK(st.st_mode);
	/* Who opened a FIFO for both keeps it from ending: so do we, in its place. */
	if (S_ISFIFO(st.st_mode) && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR)
		flags = O_RDWR;
	if (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && opens_again(fd, &st))) {
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		own = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	}
	return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void on_ready(uv_poll_t *h, int status, int events)
{
	(void)status, (void)events;
	domlet_monitor_turn(h->loop->data);
}

static void watch(uv_poll_t *h, bool *polling, int events)
{
	if (!*polling)
		uv_poll_start(h, events, on_ready);
	*polling = true;
}

static void unwatch(uv_poll_t *h, bool *polling)
{
	if (*polling)
		uv_poll_stop(h);
	*polling = false;
}

static bool add_handle(struct monitor *m, struct process *p, uv_poll_t *h, int fd, bool is_socket)
{
	int flags = fcntl(fd, F_GETFL);

	if (uv_poll_init(&m->loop, h, fd) != 0) /* a file: always ready */
		return false;
	/* libuv has set O_NONBLOCK on what the caller's descriptor shares. All
	 * that is done with a socket here is done with MSG_DONTWAIT. */
	if (is_socket && flags >= 0)
		(void)fcntl(fd, F_SETFL, flags);
	h->data = p;
	p->handles++;
	return true;
}

static void closed(uv_handle_t *h)
{
	domlet_process_handle_closed(h->data);
}

/* The handle first: libuv takes the descriptor's number out of epoll when it
 * closes one, and after close() that number may be another peer's or stream's. */
static void close_watched(int *fd, uv_poll_t *h, bool *pollable, bool *polling)
{
	if (*pollable)
		uv_close((uv_handle_t *)h, closed);
	*pollable = *polling = false;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_sink(struct sink *s)
{
	close_watched(&s->fd, &s->poll, &s->pollable, &s->polling);
	domlet_backlog_free(&s->backlog);
}

static void close_source(struct source *s)
{
	close_watched(&s->fd, &s->poll, &s->pollable, &s->polling);
}

void domlet_relay_open(struct monitor *m, struct process *p, const int stdio[3], bool terminal)
{
	for (int i = 0; i < 2; i++) {
		struct sink *s = &p->sinks[i];

		s->fd = own_descriptor(stdio[i + 1], O_WRONLY, &s->socket);
		s->stream = domlet_stream_id(p->number, i ? DOMLET_STREAM_STDERR : DOMLET_STREAM_STDOUT);
		s->eof = i == 1 && terminal;
		s->pollable = add_handle(m, p, &s->poll, s->fd, s->socket);
	}
	p->source.fd = own_descriptor(stdio[0], O_RDONLY, &p->source.socket);
	p->source.terminal = terminal && (isatty(p->source.fd) || errno == EIO); /* it may have hung up by now */
	p->source.stream = domlet_stream_id(p->number, DOMLET_STREAM_STDIN);
	p->source.pollable = add_handle(m, p, &p->source.poll, p->source.fd, p->source.socket);
	for (int i = 0; i < 3; i++)
		if (stdio[i] >= 0)
			close(stdio[i]);
}

static struct sink *sink_of(struct monitor *m, uint32_t stream)
{
	struct process *p = domlet_process_find(m, stream >> 2);

	for (int i = 0; p && i < 2; i++)
		if (p->sinks[i].stream == stream)
			return &p->sinks[i];
	return NULL;
}

static ssize_t put(struct monitor *m, const struct sink *s, const uint8_t *data, size_t len)
{
	ssize_t n;

	do
		n = s->socket ? send(s->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) : write(s->fd, data, len);
	while (n < 0 && errno == EINTR);
	m->output_moved = m->output_moved || n > 0;
	return n;
}

/* Nobody reads it any more: what is under way is swallowed. */
static void give_up_sink(struct monitor *m, struct sink *s)
{
	if (m->attached)
		domlet_link_credit(&m->link, s->stream, s->backlog.len);
	close_sink(s);
}

/* Of an output that we have closed before its end. */
static void tell_reset(struct monitor *m, struct sink *s)
{
	int r;

	if (s->fd >= 0 || s->eof || s->reset || !m->attached)
		return;
	r = domlet_link_send_reset(&m->link, s->stream);
	s->reset = r == 0 || r == -EALREADY; /* or it is to be opened yet, or the guest must read first */
}

void domlet_relay_data(struct monitor *m, uint32_t stream, const uint8_t *data, size_t len)
{
	struct sink *s = sink_of(m, stream);
	ssize_t n = 0;

	if (s && s->fd >= 0 && s->backlog.len == 0) {
		n = put(m, s, data, len);
		if (n < 0 && errno != EAGAIN)
			give_up_sink(m, s);
		n = n < 0 ? 0 : n;
	}
	if (!s || s->fd < 0)
		n = (ssize_t)len;
	domlet_link_credit(&m->link, stream, (size_t)n);
	if ((size_t)n == len)
		return;
	/* The link lets no more than a window through before it is credited. */
	if (!domlet_backlog_add(&s->backlog, data + n, len - (size_t)n)) {
		give_up_sink(m, s);
		return;
	}
	if (s->pollable)
		watch(&s->poll, &s->polling, UV_WRITABLE);
}

void domlet_relay_eof(struct monitor *m, uint32_t stream)
{
	struct sink *s = sink_of(m, stream);

	if (s)
		s->eof = true;
}

void domlet_relay_reset(struct monitor *m, uint32_t stream)
{
	struct process *p = domlet_process_find(m, stream >> 2);

	if (p && p->source.stream == stream)
		close_source(&p->source);
}

static void write_backlog(struct monitor *m, struct sink *s)
{
	ssize_t n;

	if (!s->backlog.len)
		return;
	n = put(m, s, domlet_backlog_front(&s->backlog), s->backlog.len);
	if (n < 0 && errno != EAGAIN) {
		give_up_sink(m, s);
		return;
	}
	if (n <= 0)
		return;
	domlet_backlog_drop(&s->backlog, (size_t)n);
	s->owed -= (size_t)n < s->owed ? (size_t)n : s->owed;
	if (m->attached)
		domlet_link_credit(&m->link, s->stream, (size_t)n);
	if (!s->backlog.len)
		unwatch(&s->poll, &s->polling);
}

/* Its reader sees the end when there is one, and not only when the process ends. */
static void move_output(struct monitor *m, struct sink *s)
{
	write_backlog(m, s);
	if (s->eof && !s->backlog.len)
		close_sink(s);
	tell_reset(m, s);
}

/* True while the guest may be given input for P. */
static bool takes_input(const struct monitor *m, const struct process *p)
{
	if (p->number == FIRST_PROCESS)
		return domlet_life_takes_requests(&m->life, CONTAINER);
	return p->phase == PROCESS_STARTING || p->phase == PROCESS_RUNNING || p->phase == PROCESS_LINGERING;
}

/* N is read()'s: below 0 while the terminal hangs up, then 0, as ^D gives. */
static bool has_hung_up(const struct source *s, ssize_t n)
{
	struct termios t;

	return s->terminal && (n < 0 || tcgetattr(s->fd, &t) < 0);
}

static bool move_input(struct monitor *m, struct process *p)
{
	struct source *s = &p->source;
	size_t len = DOMLET_FRAME_PAYLOAD_MAX;
	uint8_t *span;
	ssize_t n;

	if (!m->attached || s->eof || !takes_input(m, p)) {
		unwatch(&s->poll, &s->polling); /* it would wake us for what nobody takes */
		return false;
	}
	if (s->fd < 0) { /* nobody in the guest wants it; the end is owed all the same */
		s->eof = domlet_link_send_eof(&m->link, s->stream) == 0;
		return s->eof;
	}
	span = domlet_link_reserve(&m->link, s->stream, &len);
	if (!span) {
		m->wants_room = domlet_link_has_credit(&m->link, s->stream) || m->wants_room;
		unwatch(&s->poll, &s->polling);
		return false;
	}
	n = s->socket ? recv(s->fd, span, len, MSG_DONTWAIT) : read(s->fd, span, len);
	domlet_link_commit(&m->link, n > 0 ? (size_t)n : 0);
	if (n > 0)
		return true;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (s->pollable)
			watch(&s->poll, &s->polling, UV_READABLE);
		return false;
	}
	unwatch(&s->poll, &s->polling);
	if (has_hung_up(s, n)) /* the guest hangs its terminal up; what came of it before may have another reader */
		(void)domlet_link_send_reset(&m->link, p->sinks[0].stream);
	s->eof = domlet_link_send_eof(&m->link, s->stream) == 0;
	return s->eof;
}

bool domlet_relay_move(struct monitor *m)
{
	bool any = false;

	m->wants_room = false;
	for (uint32_t i = 0; i < m->processes_used; i++) {
		struct process *p = &m->processes[i];

		if (p->phase == PROCESS_FREE || p->phase == PROCESS_CLOSING)
			continue;
		for (int k = 0; k < 2; k++)
			move_output(m, &p->sinks[k]);
		any = move_input(m, p) || any;
	}
	return any;
}

bool domlet_relay_drained(const struct process *p)
{
	return !p->sinks[0].backlog.len && !p->sinks[1].backlog.len;
}

void domlet_relay_owe(struct process *p)
{
	for (int i = 0; i < 2; i++)
		p->sinks[i].owed = p->sinks[i].backlog.len;
}

bool domlet_relay_settled(const struct process *p)
{
	for (int i = 0; i < 2; i++)
		if (p->sinks[i].owed && p->sinks[i].backlog.len)
			return false;
	return true;
}

bool domlet_relay_ended(const struct process *p)
{
	return p->sinks[0].eof && p->sinks[1].eof && domlet_relay_drained(p);
}

void domlet_relay_close_input(struct process *p)
{
	close_source(&p->source);
}

void domlet_relay_close(struct process *p)
{
	for (int i = 0; i < 2; i++)
		close_sink(&p->sinks[i]);
	close_source(&p->source);
}
