/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_INTERNAL_H
#define DOMLET_MONITOR_INTERNAL_H

/* What the monitor's files share: its one struct, and their doors to each other. */

#include <uv.h>

#include "../../frontend/proto/link.h"
#include "../core/lifecycle.h"
#include "../ring/host.h"
#include "monitor.h"

#define PEERS_MAX 16
/* The one container of today's domains, and its first process. */
#define CONTAINER 0u
#define PROCESS 1u

struct sink { /* where an output stream goes in dom0 */
	int fd;
	bool socket, pollable, polling, eof;
	uv_poll_t poll;
	uint8_t *backlog; /* at most a window */
	uint32_t backlog_len, stream;
};

struct source { /* the container's standard input in dom0 */
	int fd;
	bool socket, pollable, polling, eof;
	bool wants_room; /* it has credit, but the ring is full */
	uv_poll_t poll;
};

struct peer {
	int fd; /* -1: free */
	uv_poll_t poll;
	bool open, wants_start;
};

struct monitor {
	const struct domlet_launch *launch;
	uv_loop_t loop;
	struct domlet_xen *xen;
	struct domlet_lifecycle life;
	struct domlet_error err; /* why it failed */
	uint32_t requests;       /* last request number */
	uint32_t create_request, start_request;
	bool attached;
	bool created; /* the launching command was told so */
	bool stuck;   /* libxl could not destroy the domain */
	uv_poll_t ring_poll;
	uv_async_t again; /* goes on with a turn that was cut short */
	struct domlet_host_ring ring;
	struct domlet_link link;
	struct sink sinks[2];
	struct source source;
	uv_timer_t boot_timer, kill_timer;
	uv_poll_t listen_poll;
	int listen_fd;
	struct peer peers[PEERS_MAX]; /* 0: the launching command, 1: the proxy */
};

void domlet_monitor_step(struct monitor *m, enum domlet_life_event ev, uint32_t code);
void domlet_monitor_turn(struct monitor *m); /* moves what can be moved over the ring */
int domlet_monitor_send(struct monitor *m, struct domlet_msg *msg);
/* A step with its reason, which is told to who waits. */
void domlet_monitor_fail(struct monitor *m, const struct domlet_error *err, enum domlet_life_event ev);
/* The guest did what no guest does: its domain ends, for REASON. */
void domlet_monitor_broken(struct monitor *m, const char *reason);

/* relay.c */
void domlet_relay_open(struct monitor *m);
void domlet_relay_data(struct monitor *m, uint32_t stream, const uint8_t *data, size_t len);
void domlet_relay_eof(struct monitor *m, uint32_t stream);
bool domlet_relay_input(struct monitor *m); /* true when bytes moved */
bool domlet_relay_drained(const struct monitor *m);
/* Lets go of the container's streams: their readers see the end. */
void domlet_relay_close(struct monitor *m);

/* peers.c */
int domlet_peers_open(struct monitor *m, struct domlet_error *err);
void domlet_peers_answer(struct peer *p, int code, const char *text);
void domlet_peers_close(struct peer *p);

#endif
