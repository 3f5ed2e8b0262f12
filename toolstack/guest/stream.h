/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_GUEST_STREAM_H
#define DOMLET_GUEST_STREAM_H

/*
 * A process's three streams between the link and the descriptors of whoever
 * called in dom0, or the two of a connection to a socket of the host's. Bytes go straight from the one to the other; what an
 * output's descriptor refuses waits in a backlog of one window.
 */

#include <uv.h>

#include "../../frontend/proto/backlog.h"
#include "link.h"

struct domlet_guest_output {
	int fd;
	bool socket, pollable, polling, eof;
	bool reset; /* the guest was told that nobody reads it any more */
	bool moved; /* its reader took some, since domlet_guest_streams_moved() */
	bool whole; /* a connection that is ours alone: its other end is to see this one's end */
	uv_poll_t poll;
	struct domlet_backlog backlog;
	size_t owed; /* of the backlog, what was written before its process ended */
	uint32_t stream;
};

struct domlet_guest_input {
	int fd;
	bool socket, pollable, polling, eof;
	bool ready;    /* since it was polled for */
	bool terminal; /* and the process has one: when this hangs up, so does that */
	uv_poll_t poll;
	uint32_t stream;
};

struct domlet_guest_streams {
	struct domlet_guest_output outputs[2];
	struct domlet_guest_input input;
	struct domlet_guest_link *link;
	uv_close_cb let_go; /* libuv's of one of the handles, whose data are these streams */
};

/* Of STDIO, the caller's descriptors (-1: none), which stay the caller's, with descriptors of its own. Returns how
 * many handles of libuv there are, of each of which LET_GO will be told; -errno, when it gets no descriptor. */
int domlet_guest_streams_open(struct domlet_guest_streams *s, struct domlet_guest_link *l, uint32_t process,
			      const int stdio[3], bool terminal, uv_close_cb let_go);
/* The two of the connection CARRIER (DOMLET_STREAM_CONNECTION and above) instead, with the connected socket FD, which is
 * taken over. The same is returned. */
int domlet_guest_streams_open_connection(struct domlet_guest_streams *s, struct domlet_guest_link *l, uint32_t carrier,
					 int fd, uv_close_cb let_go);
/* The link's half of them; before the guest can make the process. */
void domlet_guest_streams_announce(struct domlet_guest_link *l, uint32_t process);
void domlet_guest_streams_withdraw(struct domlet_guest_link *l, uint32_t process);
void domlet_guest_streams_data(struct domlet_guest_streams *s, uint32_t stream, const uint8_t *data, size_t len);
void domlet_guest_streams_eof(struct domlet_guest_streams *s, uint32_t stream);
/* The guest wants no more of it: whoever writes to our descriptor is to be told. */
void domlet_guest_streams_reset(struct domlet_guest_streams *s, uint32_t stream);
/* TAKES_INPUT: the guest may be given some now. True when bytes moved into the ring. */
bool domlet_guest_streams_move(struct domlet_guest_streams *s, bool takes_input);
bool domlet_guest_streams_have_reader(const struct domlet_guest_streams *s);
/* Whether a reader took some output since the last such question. */
bool domlet_guest_streams_moved(struct domlet_guest_streams *s);
bool domlet_guest_streams_drained(const struct domlet_guest_streams *s);
/* The process has ended: what it wrote is all that has come by now. */
void domlet_guest_streams_owe(struct domlet_guest_streams *s);
/* That is written, whatever others have written since. */
bool domlet_guest_streams_settled(const struct domlet_guest_streams *s);
/* No output will come any more, and what came is written. */
bool domlet_guest_streams_ended(const struct domlet_guest_streams *s);
/* Nobody in dom0 speaks to the process any more: the guest gets the end of its input. */
void domlet_guest_streams_close_input(struct domlet_guest_streams *s);
/* All has come and gone in both directions: of a connection nothing is left. */
bool domlet_guest_streams_finished(const struct domlet_guest_streams *s);
/* Their readers see the end, and the guest is told. libuv lets go of the handles a little later. */
void domlet_guest_streams_close(struct domlet_guest_streams *s);

#endif
