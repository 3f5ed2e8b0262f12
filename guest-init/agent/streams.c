// SPDX-License-Identifier: GPL-2.0-or-later
#include "streams.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static uint32_t stream_of(const struct guest_process *g, enum domlet_stream_kind kind)
{
	return domlet_stream_id(g->p.number, kind);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void domlet_streams_open(struct agent *a, struct guest_process *g)
{
	for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR; k++)
		(void)domlet_link_open(&a->link, stream_of(g, k));
	g->out[0].open = true;
	g->out[1].open = !g->p.terminal;
}

void domlet_streams_close(struct agent *a, struct guest_process *g)
{
	for (uint32_t k = DOMLET_STREAM_STDIN; k <= DOMLET_STREAM_STDERR; k++)
		domlet_link_close(&a->link, stream_of(g, k));
	close_fd(&g->p.in_fd);
	close_fd(&g->p.out_fd);
	close_fd(&g->p.err_fd);
	domlet_backlog_free(&g->backlog);
}

/* As much as a terminal may hold for its master, whose FIONREAD doesn't count all of it. */
#define TERMINAL_LAST (128u << 10)

void domlet_streams_bound(struct guest_process *g)
{
	close_fd(&g->p.slave_fd);
	for (int k = 0; k < 2; k++) {
		int left = 0, fd = k ? g->p.err_fd : g->p.out_fd;

		if (fd >= 0 && g->p.terminal)
			left = TERMINAL_LAST;
		else if (fd >= 0)
			(void)ioctl(fd, FIONREAD, &left);
		g->out[k].bounded = true;
		g->out[k].left = left > 0 ? (uint32_t)left : 0;
	}
}

bool domlet_streams_settled(const struct guest_process *g)
{
	return (!g->out[0].open || g->out[0].lingers) && (!g->out[1].open || g->out[1].lingers);
}

/* Whether its outputs go on when it has ended. */
static bool leaves_outputs(const struct guest_process *g)
{
	return !g->first && !g->p.terminal;
}

/* Its terminal is still being opened. */
static bool awaits_terminal(const struct guest_process *g)
{
	return g->p.terminal && g->stage <= STAGE_SETUP;
}

static void hang_up(struct guest_process *g)
{
	if (!g->hung_up || awaits_terminal(g))
		return;
	close_fd(&g->p.in_fd);
	close_fd(&g->p.out_fd);
	g->hung_up = false;
}

/* All that could read a pipe have closed it: none can open it again. Who
 * writes to it in dom0 is told, as if there were no guest between them. */
static void lose_stdin(struct guest_process *g)
{
	close_fd(&g->p.in_fd);
	g->stdin_lost = !g->p.terminal && !g->stdin_eof;
}

/* Writes as much as the pipe takes; what it refuses waits in the backlog. */
static void to_stdin(struct agent *a, struct guest_process *g, const uint8_t *data, size_t len)
{
	size_t done = 0;

	if (g->p.in_fd >= 0 && g->backlog.len == 0) {
		ssize_t n = write(g->p.in_fd, data, len);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			lose_stdin(g);
		done = n > 0 ? (size_t)n : 0;
	}
	if (g->p.in_fd < 0 && !awaits_terminal(g))
		done = len; /* nobody reads any more */
	domlet_link_credit(&a->link, stream_of(g, DOMLET_STREAM_STDIN), done);
	if (done == len)
		return;
	if (!domlet_backlog_add(&g->backlog, data + done, len - done))
		domlet_agent_end(a, "more input than was credited, or no memory for it");
}

/* A terminal stays open; its reader is told as a person would tell it, which
 * means nothing to a program that reads raw. */
static void end_stdin(struct guest_process *g)
{
	struct termios t;

	g->stdin_eof = false;
	if (!g->p.terminal)
		close_fd(&g->p.in_fd);
	else if (g->p.in_fd >= 0 && tcgetattr(g->p.in_fd, &t) == 0 && t.c_lflag & ICANON)
		(void)!write(g->p.in_fd, &t.c_cc[VEOF], 1);
}

static void drain_backlog(struct agent *a, struct guest_process *g)
{
	uint32_t stream = stream_of(g, DOMLET_STREAM_STDIN);
	ssize_t n;

	if (awaits_terminal(g))
		return;
	if (g->stdin_lost && domlet_link_send_reset(&a->link, stream) != -EAGAIN)
		g->stdin_lost = false;
	if (g->backlog.len && g->p.in_fd >= 0) {
		n = write(g->p.in_fd, domlet_backlog_front(&g->backlog), g->backlog.len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			lose_stdin(g);
		if (n > 0) {
			domlet_backlog_drop(&g->backlog, (size_t)n);
			domlet_link_credit(&a->link, stream, (size_t)n);
		}
	}
	if (g->p.in_fd < 0 && g->backlog.len) {
		domlet_link_credit(&a->link, stream, g->backlog.len);
		domlet_backlog_drop(&g->backlog, g->backlog.len);
	}
	if (!g->backlog.len) {
		domlet_backlog_free(&g->backlog);
		if (g->stdin_eof)
			end_stdin(g);
	}
}

/* Nobody in dom0 reads it any more: who writes is to know, as with a pipe, but
 * not those whom an ended process has left behind, whose output nobody promised to read. */
static void lose_reader(struct agent *a, const struct guest_process *g, int *fd)
{
	if (*fd < 0 || !g->exited || !leaves_outputs(g)) {
		close_fd(fd);
		return;
	}
	domlet_drain_take(&a->drain, *fd);
	*fd = -1;
}

void domlet_streams_event(struct agent *a, struct guest_process *g, const struct domlet_link_event *ev)
{
	switch (ev->type) {
	case DOMLET_LINK_DATA: to_stdin(a, g, ev->data, ev->len); return;
	case DOMLET_LINK_EOF:
		if (g->backlog.len || awaits_terminal(g))
			g->stdin_eof = true;
		else
			end_stdin(g);
		return;
	case DOMLET_LINK_RESET:
		if (ev->stream == stream_of(g, DOMLET_STREAM_STDERR))
			lose_reader(a, g, &g->p.err_fd);
		else if (!g->p.terminal)
			lose_reader(a, g, &g->p.out_fd);
		else
			g->hung_up = true;
		hang_up(g); /* before an EOF, which the terminal's reader would take for ^D */
		return;
	default: return;
	}
}

/* Whether somebody may still write to the pipe FD, or has. */
static bool is_held(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) < 1 || (p.revents & (POLLIN | POLLHUP)) != POLLHUP;
}

/* Moves one output into the ring; true when it did something. */
static bool relay_output(struct agent *a, struct guest_process *g, int which)
{
	struct guest_output *out = &g->out[which];
	uint32_t stream = stream_of(g, which ? DOMLET_STREAM_STDERR : DOMLET_STREAM_STDOUT);
	int *fd = which ? &g->p.err_fd : &g->p.out_fd;
	size_t len = DOMLET_FRAME_PAYLOAD_MAX;
	uint8_t *span;
	ssize_t n = 0;

	if (!out->open || awaits_terminal(g))
		return false;
	if (out->bounded && !out->lingers) {
		out->lingers = !out->left && *fd >= 0 && leaves_outputs(g) && is_held(*fd);
		if (!out->lingers && out->left < len)
			len = out->left;
	}
	if (*fd >= 0 && len) {
		span = domlet_link_reserve(&a->link, stream, &len);
		if (!span)
			return false;
		n = read(*fd, span, len);
		domlet_link_commit(&a->link, n > 0 ? (size_t)n : 0);
		if (n > 0) {
			out->left -= out->bounded && !out->lingers ? (uint32_t)n : 0;
			return true;
		}
		if (n < 0 && errno == EAGAIN && out->bounded && !out->lingers) {
			out->left = 0; /* all of a terminal's; or somebody else reads the pipe */
			return true;
		}
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
	}
	if (domlet_link_send_eof(&a->link, stream) < 0)
		return false;
	close_fd(fd);
	out->open = false;
	return true;
}

bool domlet_streams_move(struct agent *a, struct guest_process *g)
{
	bool any;

	hang_up(g);
	drain_backlog(a, g);
	any = relay_output(a, g, 0);
	return relay_output(a, g, 1) || any;
}

bool domlet_streams_poll(struct agent *a, struct guest_process *g, struct pollfd *fds, nfds_t *n)
{
	bool wants_room = false;

	g->stdin_at = 0;
	if (g->p.in_fd >= 0 && (g->backlog.len || !g->p.terminal)) {
		g->stdin_at = *n;
		fds[(*n)++] = (struct pollfd){ .fd = g->p.in_fd, .events = g->backlog.len ? POLLOUT : 0 };
	}
	for (int k = 0; k < 2; k++) {
		int fd = k ? g->p.err_fd : g->p.out_fd;

		if (!g->out[k].open || fd < 0 ||
		    !domlet_link_has_credit(&a->link, stream_of(g, k ? DOMLET_STREAM_STDERR : DOMLET_STREAM_STDOUT)))
			continue;
		if (!domlet_link_has_room(&a->link)) /* a poll for output would return at once, for ever */
			wants_room = true;           /* its event wakes us */
		else
			fds[(*n)++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	return wants_room;
}

void domlet_streams_polled(struct guest_process *g, const struct pollfd *fds)
{
	if (g->stdin_at && g->p.in_fd >= 0 && !g->p.terminal && fds[g->stdin_at].revents & POLLERR)
		lose_stdin(g);
}
