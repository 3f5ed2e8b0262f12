// SPDX-License-Identifier: GPL-2.0-or-later
#include "stream.h"

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
	struct domlet_guest_streams *s = h->data;

	(void)status, (void)events;
	s->input.ready = s->input.ready || h == &s->input.poll;
	s->link->turn(s->link->user);
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

static bool add_handle(struct domlet_guest_streams *s, uv_poll_t *h, int fd, bool is_socket)
{
	int flags = fcntl(fd, F_GETFL);

	if (uv_poll_init(s->link->loop, h, fd) != 0) /* a file: always ready */
		return false;
	/* libuv has set O_NONBLOCK on what the caller's descriptor shares. All
	 * that is done with a socket here is done with MSG_DONTWAIT. */
	if (is_socket && flags >= 0)
		(void)fcntl(fd, F_SETFL, flags);
	h->data = s;
	return true;
}

/* The handle first: libuv takes the descriptor's number out of epoll when it
 * closes one, and after close() that number may be another connection's or stream's. */
static void close_watched(int *fd, uv_poll_t *h, bool *pollable, bool *polling, uv_close_cb let_go)
{
	if (*pollable)
		uv_close((uv_handle_t *)h, let_go);
	*pollable = *polling = false;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_output(struct domlet_guest_output *o, uv_close_cb let_go)
{
	close_watched(&o->fd, &o->poll, &o->pollable, &o->polling, let_go);
	domlet_backlog_free(&o->backlog);
}

static void close_input(struct domlet_guest_input *in, uv_close_cb let_go)
{
	close_watched(&in->fd, &in->poll, &in->pollable, &in->polling, let_go);
}

static void open_output(struct domlet_guest_streams *s, int which, uint32_t process, bool none)
{
	struct domlet_guest_output *o = &s->outputs[which];

	o->stream = domlet_stream_id(process, which ? DOMLET_STREAM_STDERR : DOMLET_STREAM_STDOUT);
	o->eof = none;
	o->pollable = add_handle(s, &o->poll, o->fd, o->socket);
}

int domlet_guest_streams_open(struct domlet_guest_streams *s, struct domlet_guest_link *l, uint32_t process,
			      const int stdio[3], bool terminal, uv_close_cb let_go)
{
	struct domlet_guest_input *in = &s->input;
	int r;

	s->link = l;
	s->let_go = let_go;
	in->fd = own_descriptor(stdio[0], O_RDONLY, &in->socket);
	s->outputs[0].fd = in->fd < 0 ? -1 : own_descriptor(stdio[1], O_WRONLY, &s->outputs[0].socket);
	s->outputs[1].fd = s->outputs[0].fd < 0 ? -1 : own_descriptor(stdio[2], O_WRONLY, &s->outputs[1].socket);
	if (s->outputs[1].fd < 0) {
		r = -errno;
		domlet_guest_streams_close(s); /* there are no handles yet */
		return r;
	}
	open_output(s, 0, process, false);
	open_output(s, 1, process, terminal);
	in->terminal = terminal && (isatty(in->fd) || errno == EIO); /* it may have hung up by now */
	in->stream = domlet_stream_id(process, DOMLET_STREAM_STDIN);
	in->pollable = add_handle(s, &in->poll, in->fd, in->socket);
	return s->outputs[0].pollable + s->outputs[1].pollable + in->pollable;
}

int domlet_guest_streams_open_connection(struct domlet_guest_streams *s, struct domlet_guest_link *l, uint32_t carrier,
					 int fd, uv_close_cb let_go)
{
	struct domlet_guest_input *in = &s->input;
	struct domlet_guest_output *o = &s->outputs[0];
	int r;

	s->link = l;
	s->let_go = let_go;
	s->outputs[1].fd = -1;
	s->outputs[1].eof = true;
	in->fd = fd;
	in->socket = o->socket = o->whole = true;
	o->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* each direction is polled, and ends, by itself */
	if (o->fd < 0) {
		r = -errno;
		domlet_guest_streams_close(s); /* there are no handles yet */
		return r;
	}
	open_output(s, 0, carrier, false);
	in->stream = domlet_stream_id(carrier, DOMLET_STREAM_STDIN);
	in->pollable = add_handle(s, &in->poll, in->fd, true);
	return o->pollable + in->pollable;
}

void domlet_guest_streams_announce(struct domlet_guest_link *l, uint32_t process)
{
	for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR; k++)
		(void)domlet_link_open(&l->link, domlet_stream_id(process, k));
}

void domlet_guest_streams_withdraw(struct domlet_guest_link *l, uint32_t process)
{
	for (uint32_t k = DOMLET_STREAM_STDIN; l->attached && k <= DOMLET_STREAM_STDERR; k++)
		domlet_link_close(&l->link, domlet_stream_id(process, k));
}

static struct domlet_guest_output *output_of(struct domlet_guest_streams *s, uint32_t stream)
{
	for (int i = 0; i < 2; i++)
		if (s->outputs[i].stream == stream)
			return &s->outputs[i];
	return NULL;
}

static ssize_t put(struct domlet_guest_output *o, const uint8_t *data, size_t len)
{
	ssize_t n;

	do
		n = o->socket ? send(o->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) : write(o->fd, data, len);
	while (n < 0 && errno == EINTR);
	o->moved = o->moved || n > 0;
	return n;
}

/* Nobody reads it any more: what is under way is swallowed. */
static void give_up(struct domlet_guest_link *l, struct domlet_guest_output *o, uv_close_cb let_go)
{
	if (l->attached)
		domlet_link_credit(&l->link, o->stream, o->backlog.len);
	close_output(o, let_go);
}

/* Of an output that we have closed before its end. */
static void tell_reset(struct domlet_guest_link *l, struct domlet_guest_output *o)
{
	int r;

	if (o->fd >= 0 || o->eof || o->reset || !l->attached)
		return;
	r = domlet_link_send_reset(&l->link, o->stream);
	o->reset = r == 0 || r == -EALREADY; /* or it is to be opened yet, or the guest must read first */
}

void domlet_guest_streams_data(struct domlet_guest_streams *s, uint32_t stream, const uint8_t *data, size_t len)
{
	struct domlet_guest_link *l = s->link;
	struct domlet_guest_output *o = output_of(s, stream);
	ssize_t n = 0;

	if (o && o->fd >= 0 && o->backlog.len == 0) {
		n = put(o, data, len);
		if (n < 0 && errno != EAGAIN)
			give_up(l, o, s->let_go);
		n = n < 0 ? 0 : n;
	}
	if (!o || o->fd < 0)
		n = (ssize_t)len;
	domlet_link_credit(&l->link, stream, (size_t)n);
	if ((size_t)n == len)
		return;
	/* The link lets no more than a window through before it is credited. */
	if (!domlet_backlog_add(&o->backlog, data + n, len - (size_t)n)) {
		give_up(l, o, s->let_go);
		return;
	}
	if (o->pollable)
		watch(&o->poll, &o->polling, UV_WRITABLE);
}

void domlet_guest_streams_eof(struct domlet_guest_streams *s, uint32_t stream)
{
	struct domlet_guest_output *o = output_of(s, stream);

	if (o)
		o->eof = true;
}

void domlet_guest_streams_reset(struct domlet_guest_streams *s, uint32_t stream)
{
	if (s->input.stream == stream)
		close_input(&s->input, s->let_go);
}

static void write_backlog(struct domlet_guest_link *l, struct domlet_guest_output *o, uv_close_cb let_go)
{
	ssize_t n;

	if (!o->backlog.len)
		return;
	n = put(o, domlet_backlog_front(&o->backlog), o->backlog.len);
	if (n < 0 && errno != EAGAIN) {
		give_up(l, o, let_go);
		return;
	}
	if (n <= 0)
		return;
	domlet_backlog_drop(&o->backlog, (size_t)n);
	o->owed -= (size_t)n < o->owed ? (size_t)n : o->owed;
	if (l->attached)
		domlet_link_credit(&l->link, o->stream, (size_t)n);
	if (!o->backlog.len)
		unwatch(&o->poll, &o->polling);
}

/* Its reader sees the end when there is one, and not only when the process ends. */
static void move_output(struct domlet_guest_link *l, struct domlet_guest_output *o, uv_close_cb let_go)
{
	write_backlog(l, o, let_go);
	if (o->eof && !o->backlog.len) {
		if (o->whole && o->fd >= 0)
			(void)shutdown(o->fd, SHUT_WR);
		close_output(o, let_go);
	}
	tell_reset(l, o);
}

/* N is read()'s: below 0 while the terminal hangs up, then 0, as ^D gives. */
static bool has_hung_up(const struct domlet_guest_input *in, ssize_t n)
{
	struct termios t;

	return in->terminal && (n < 0 || tcgetattr(in->fd, &t) < 0);
}

static bool move_input(struct domlet_guest_streams *s, bool takes_input)
{
	struct domlet_guest_link *l = s->link;
	struct domlet_guest_input *in = &s->input;
	size_t len = DOMLET_FRAME_PAYLOAD_MAX;
	uint8_t *span;
	ssize_t n;

	if (!l->attached || in->eof || !takes_input) {
		unwatch(&in->poll, &in->polling); /* it would wake us for what nobody takes */
		return false;
	}
	if (in->fd < 0) { /* nobody in the guest wants it; the end is owed all the same */
		in->eof = domlet_link_send_eof(&l->link, in->stream) == 0;
		return in->eof;
	}
	if (in->polling && !in->ready) /* one of many, and most have nothing to say */
		return false;
	span = domlet_link_reserve(&l->link, in->stream, &len);
	if (!span) {
		l->wants_room = domlet_link_has_credit(&l->link, in->stream) || l->wants_room;
		unwatch(&in->poll, &in->polling);
		return false;
	}
	n = in->socket ? recv(in->fd, span, len, MSG_DONTWAIT) : read(in->fd, span, len);
	domlet_link_commit(&l->link, n > 0 ? (size_t)n : 0);
	if (n > 0)
		return true;
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		in->ready = false;
		if (in->pollable)
			watch(&in->poll, &in->polling, UV_READABLE);
		return false;
	}
	unwatch(&in->poll, &in->polling);
	if (has_hung_up(in, n)) /* the guest hangs its terminal up; what came of it before may have another reader */
		(void)domlet_link_send_reset(&l->link, s->outputs[0].stream);
	in->eof = domlet_link_send_eof(&l->link, in->stream) == 0;
	return in->eof;
}

bool domlet_guest_streams_move(struct domlet_guest_streams *s, bool takes_input)
{
	for (int i = 0; i < 2; i++)
		move_output(s->link, &s->outputs[i], s->let_go);
	return move_input(s, takes_input);
}

bool domlet_guest_streams_have_reader(const struct domlet_guest_streams *s)
{
	return s->outputs[0].fd >= 0 || s->outputs[1].fd >= 0;
}

bool domlet_guest_streams_moved(struct domlet_guest_streams *s)
{
	bool moved = s->outputs[0].moved || s->outputs[1].moved;

	s->outputs[0].moved = s->outputs[1].moved = false;
	return moved;
}

bool domlet_guest_streams_drained(const struct domlet_guest_streams *s)
{
	return !s->outputs[0].backlog.len && !s->outputs[1].backlog.len;
}

void domlet_guest_streams_owe(struct domlet_guest_streams *s)
{
	for (int i = 0; i < 2; i++)
		s->outputs[i].owed = s->outputs[i].backlog.len;
}

bool domlet_guest_streams_settled(const struct domlet_guest_streams *s)
{
	for (int i = 0; i < 2; i++)
		if (s->outputs[i].owed && s->outputs[i].backlog.len)
			return false;
	return true;
}

bool domlet_guest_streams_ended(const struct domlet_guest_streams *s)
{
	return s->outputs[0].eof && s->outputs[1].eof && domlet_guest_streams_drained(s);
}

bool domlet_guest_streams_finished(const struct domlet_guest_streams *s)
{
	return domlet_guest_streams_ended(s) && s->input.eof;
}

void domlet_guest_streams_close_input(struct domlet_guest_streams *s)
{
	close_input(&s->input, s->let_go);
}

void domlet_guest_streams_close(struct domlet_guest_streams *s)
{
	for (int i = 0; i < 2; i++)
		close_output(&s->outputs[i], s->let_go);
	close_input(&s->input, s->let_go);
}
