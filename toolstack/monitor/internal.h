/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_INTERNAL_H
#define DOMLET_MONITOR_INTERNAL_H

/* What the monitor's files share: its one struct, and their doors to each other. */

#include <uv.h>

#include "../../frontend/proto/backlog.h"
#include "../../frontend/proto/link.h"
#include "../core/life.h"
#include "../ring/console.h"
#include "../ring/host.h"
#include "monitor.h"
#include "queue.h"

/* The one container of today's domains, and its first process. */
#define CONTAINER 0u
#define FIRST_PROCESS 1u
/* ARRIVE's code: the domain ends with it. */
#define KEEPS_DOMAIN 1u
/* Of its configuration. */
#define GENERATION 1u
/* The launching command; for each process its proxy and the command that starts
 * it; and other commands of the moment. */
#define PEERS_MAX (1u + 2u * DOMLET_PROCESS_MAX + 16u)

#define END_SIGNALS 3u

struct sink { /* where an output stream goes in dom0 */
	int fd;
	bool socket, pollable, polling, eof;
	bool reset; /* the guest was told that nobody reads it any more */
	uv_poll_t poll;
	struct domlet_backlog backlog;
	size_t owed; /* of the backlog, what was written before its process ended */
	uint32_t stream;
};

struct source { /* a process's standard input in dom0 */
	int fd;
	bool socket, pollable, polling, eof;
	bool terminal; /* and the process has one: when this hangs up, so does that */
	uv_poll_t poll;
	uint32_t stream;
};

struct document {         /* what says how to make a process, on its way over the ring */
	const char *text; /* NULL: none is */
	char *owned;      /* freed when it is done */
	size_t len, sent;
};

enum process_phase {
	PROCESS_FREE,
	PROCESS_STARTING, /* the guest was asked */
	PROCESS_RUNNING,
	PROCESS_DRAINING,  /* it ended; output is still being written */
	PROCESS_LINGERING, /* its proxy was told so; what it has left running has its outputs open, and so its number */
	PROCESS_CLOSING,   /* libuv has not let go of its handles yet */
};

/* A process in the guest. The first one's end is the container's, and its
 * phases are core's (struct domlet_container_life); those here are of the others. */
struct process {
	enum process_phase phase;
	uint32_t number; /* as in the protocol */
	struct sink sinks[2];
	struct source source;
	unsigned int handles; /* of libuv, still open */
	uv_timer_t deadline;  /* for the guest's answer to EXEC; not the first's */
	struct peer *proxy, *asker;
	uint32_t request; /* EXEC's; 0: answered */
	uint32_t exit_code;
	uint64_t ended; /* of those that linger: in which order */
	struct document document;
};

struct peer {
	int fd; /* -1: free */
	uv_poll_t poll;
	bool open, wants_start, is_proxy;
	struct process *process; /* whose proxy it is; NULL: a command, or a proxy whose process has ended */
};

struct monitor {
	const struct domlet_launch *launch;
	uv_loop_t loop;
	struct domlet_xen *xen;
	struct domlet_queue queue;
	struct domlet_life life;
	struct domlet_error err; /* why it failed */
	uint32_t requests;       /* last request number */
	uint32_t create_request, start_request;
	struct domlet_ring_offer offer;
	bool attached;
	bool created;          /* the launching command was told so */
	bool done;             /* and has said that its part of the creation is done */
	bool exit_waits;       /* the first proxy is to be told its status when the others have ended */
	bool finished;         /* but for output of further processes, and their proxies */
	bool output_moved;     /* a reader took some, since kill_timer's last look */
	uint64_t killed_at;    /* uv_now() when kill_timer was started */
	bool stuck;            /* libxl could not destroy the domain */
	uv_timer_t save_timer; /* runs while the record is to be written again */
	bool over;             /* nothing but that is left */
	unsigned int saves_at_the_end;
	uv_poll_t ring_poll;
	uv_async_t again; /* goes on with a turn that was cut short, or with events that came outside of one */
	struct domlet_host_ring ring;
	struct domlet_link link;
	struct process processes[DOMLET_PROCESS_MAX]; /* by number, from 1 */
	uint32_t processes_used;                      /* slots ever used */
	uint64_t processes_ended;
	bool wants_room; /* an input has credit, but the ring is full */
	uv_timer_t boot_timer, kill_timer, stop_timer;
	uv_signal_t end_signals[END_SIGNALS];
	bool stopping;    /* one of them came */
	uint64_t term_at; /* uv_now() when the first process was sent SIGTERM; 0: never */
	uv_poll_t listen_poll;
	int listen_fd;
	struct peer peers[PEERS_MAX]; /* 0: the launching command */
};

void domlet_monitor_turn(struct monitor *m);      /* moves what can be moved over the ring, for a while */
void domlet_monitor_last_turn(struct monitor *m); /* all: the guest runs no more */
/* What is left of the container is over now, whatever its guest or a reader says. */
void domlet_monitor_cut_off(struct monitor *m);
int domlet_monitor_send(struct monitor *m, struct domlet_msg *msg);

void domlet_monitor_phase(struct monitor *m, const char *name);
/* The container's configuration: xenstore has no room for it. */
static inline bool domlet_monitor_goes_over_the_ring(const struct domlet_plan *p)
{
	return p->document_len > DOMLET_CONFIG_XENSTORE_MAX;
}

/* end.c */
/* SIGTERM, SIGINT and SIGHUP of the monitor stop its container, as an engine would. */
void domlet_monitor_await_end(struct monitor *m);
/* Sends SIGNO to PROCESS in the guest. */
void domlet_monitor_signal(struct monitor *m, uint32_t process, int signo, bool all);
/* The container was sent SIGKILL, or has ended with output left of its further
 * processes: what isn't over soon is cut off. */
void domlet_monitor_expect_end(struct monitor *m);

/* record.c */
/* A record that can't be written now is tried again until it is. */
int domlet_monitor_save(struct monitor *m, enum domlet_status status, struct domlet_error *err);

/* domain.c: what libxl is asked for, and what it says; this comes as steps. */
int domlet_domain_open(struct monitor *m, struct domlet_error *err);
void domlet_domain_build(struct monitor *m);
void domlet_domain_publish(struct monitor *m);
void domlet_domain_unpause(struct monitor *m);
void domlet_domain_destroy(struct monitor *m);

/* processes.c */
struct process *domlet_process_first(struct monitor *m);
/* NULL: no such process. */
struct process *domlet_process_find(struct monitor *m, uint32_t number);
/* The protocol's half of a process's streams; before the guest can make it. */
void domlet_process_open_streams(struct monitor *m, const struct process *p);
/* Asks the guest to run another process. OBJECT, an OCI process object of LEN
 * bytes, and FDS, its streams and its proxy's socket, become ours. */
void domlet_process_exec(struct monitor *m, struct peer *asker, char *object, size_t len, bool terminal, int fds[4]);
void domlet_process_replied(struct monitor *m, uint32_t request, const struct domlet_msg_reply *r);
void domlet_process_exited(struct monitor *m, struct process *p, uint32_t code);
/* Ends each process whose output is written: what it has left running may go on
 * writing, until its slot is needed. */
void domlet_process_sweep(struct monitor *m);
/* The domain is gone or will be: they all were killed. Each ends when its output is written. */
void domlet_process_end_all(struct monitor *m);
/* The same, whatever is written. */
void domlet_process_drop_all(struct monitor *m);
/* All but the first; not their proxies yet. */
bool domlet_process_all_ended(const struct monitor *m);
void domlet_process_proxy_lost(struct monitor *m, struct process *p);
/* The command that asked for P is gone, and was not told that P runs: nobody else will end it. */
void domlet_process_asker_lost(struct monitor *m, struct process *p);
/* libuv has let go of one of P's handles. */
void domlet_process_handle_closed(struct process *p);
void domlet_process_send_exit(struct process *p, uint32_t code);

/* relay.c */
/* Takes over STDIO, the caller's descriptors; -1: none. */
void domlet_relay_open(struct monitor *m, struct process *p, const int stdio[3], bool terminal);
void domlet_relay_data(struct monitor *m, uint32_t stream, const uint8_t *data, size_t len);
void domlet_relay_eof(struct monitor *m, uint32_t stream);
/* The guest wants no more of it: whoever writes to our descriptor is to be told. */
void domlet_relay_reset(struct monitor *m, uint32_t stream);
bool domlet_relay_move(struct monitor *m); /* true when bytes moved */
bool domlet_relay_drained(const struct process *p);
/* P has ended: what it wrote is all that has come by now. */
void domlet_relay_owe(struct process *p);
/* That is written, whatever others have written since. */
bool domlet_relay_settled(const struct process *p);
/* No output will come any more, and what came is written. */
bool domlet_relay_ended(const struct process *p);
/* Nobody in dom0 speaks to it any more: the guest gets the end of its input. */
void domlet_relay_close_input(struct process *p);
/* Lets go of a process's streams: their readers see the end, and the guest is
 * told. libuv's handles of them are closed a little later (struct process's handles). */
void domlet_relay_close(struct process *p);

/* document.c: a configuration too large for xenstore, or a process object too
 * large for a message. The guest makes P when it has all of it; only then
 * P's streams are opened, so that a link has three at most for each process. */
/* Before CREATE or EXEC announces it. TEXT stays for as long as P. OWNED: TEXT,
 * to be freed when it is sent; or NULL. */
void domlet_document_open(struct monitor *m, struct process *p, const char *text, size_t len, char *owned);
void domlet_document_close(struct monitor *m, struct process *p);
/* Nobody wants P any more: the guest gets too short a document, and refuses. */
void domlet_document_cut(struct process *p);
/* True when bytes moved. After domlet_relay_move(), as it may set wants_room. */
bool domlet_document_send(struct monitor *m);

/* peers.c */
void domlet_peers_open(struct monitor *m); /* the launching command and the proxy */
int domlet_peers_listen(struct monitor *m, struct domlet_error *err);
/* NULL: too many, and FD stays the caller's. */
struct peer *domlet_peers_add(struct monitor *m, int fd, struct process *process);
void domlet_peers_answer(struct peer *p, int code, const char *text);
void domlet_peers_close(struct peer *p);
/* Of processes that have ended, while it has not read so or is still about to end. */
bool domlet_peers_have_proxy(const struct monitor *m);

#endif
