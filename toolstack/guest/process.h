/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_GUEST_PROCESS_H
#define DOMLET_GUEST_PROCESS_H

/*
 * The guest's processes, by number: from the order that makes one until
 * nothing of it is left. A container's first process stays until its container
 * could not be created or was deleted, or is forgotten before the guest knows it; further ones end by themselves, or when
 * the link does.
 */

#include "document.h"
#include "event.h"
#include "order.h"
#include "request.h"
#include "stream.h"

enum domlet_guest_process_phase {
	DOMLET_GUEST_PROCESS_WAITING,  /* a first one, of which the guest doesn't know yet */
	DOMLET_GUEST_PROCESS_STARTING, /* the guest was asked */
	DOMLET_GUEST_PROCESS_RUNNING,
	DOMLET_GUEST_PROCESS_DRAINING, /* it ended; output is still being written */
	DOMLET_GUEST_PROCESS_LINGERING, /* its proxy was told so; what it has left running has its outputs open, and so its number */
	DOMLET_GUEST_PROCESS_CLOSING, /* libuv has not let go of its handles yet */
};

struct domlet_guest_process {
	enum domlet_guest_process_phase phase;
	uint32_t number, container;
	bool first;   /* of its container */
	bool orphan;  /* nobody waits for it any more: it is killed as soon as there is something to kill */
	bool told;    /* ENDED was posted */
	bool dropped; /* only its number is kept, as the guest may have it still */
	struct domlet_guest_streams streams;
	unsigned int handles; /* of libuv, still open */
	uv_timer_t deadline;  /* for the guest's answer to EXEC */
	uint64_t left_ms;     /* of it, while the guest sleeps; 0: it isn't waited for */
	uint32_t exit_code;
	uint64_t ended; /* of those that linger: in which order */
	struct domlet_guest_document document;
	struct domlet_guest_processes *all;
};

struct domlet_guest_processes {
	struct domlet_guest_process *by_number[DOMLET_PROCESS_MAX + 1]; /* owned; NULL: none has it */
	bool asleep;
	uint32_t top; /* the highest number that one has */
	uint64_t ended;
	struct domlet_guest_requests requests;
	struct domlet_guest_link *link;
	struct domlet_guest_listener listener;
};

void domlet_guest_process_take_first(struct domlet_guest_processes *all, const struct domlet_guest_first *order);
/* What the guest knows stays until it says that it doesn't any more, or the link ends. */
void domlet_guest_process_forget_first(struct domlet_guest_processes *all, uint32_t number);
void domlet_guest_process_create(struct domlet_guest_processes *all, const struct domlet_guest_create *order);
void domlet_guest_process_exec(struct domlet_guest_processes *all, const struct domlet_guest_exec *order);
void domlet_guest_process_start(struct domlet_guest_processes *all, uint32_t tag, uint32_t container);
/* The guest is paused, or runs again: meanwhile it can answer nothing, and no time that it has for that passes. */
void domlet_guest_process_sleep(struct domlet_guest_processes *all, bool asleep);
/* Of no process: what the guest has dirty. Of this and each of the next ones but FILE, for a container, one at a time, whoever
 * waits for its answer: another is refused. */
void domlet_guest_process_sync(struct domlet_guest_processes *all, uint32_t tag);
void domlet_guest_process_freeze(struct domlet_guest_processes *all, uint32_t tag, uint32_t container);
void domlet_guest_process_thaw(struct domlet_guest_processes *all, uint32_t tag, uint32_t container);
void domlet_guest_process_file(struct domlet_guest_processes *all, const struct domlet_guest_file *order);
void domlet_guest_process_net(struct domlet_guest_processes *all, const struct domlet_guest_net *order);
void domlet_guest_process_stats(struct domlet_guest_processes *all, uint32_t tag, uint32_t container, bool watch);
void domlet_guest_process_update(struct domlet_guest_processes *all, const struct domlet_guest_update *order);
void domlet_guest_process_delete(struct domlet_guest_processes *all, uint32_t tag, uint32_t container);
void domlet_guest_process_forward(struct domlet_guest_processes *all, uint32_t tag, uint32_t container,
				  uint32_t service);
/* When many processes have left something running, the output of what the one that ended first has left goes nowhere
 * from now on: the guest then ends it and goes on reading. */
void domlet_guest_process_make_room(struct domlet_guest_processes *all);

/* NULL: no such process. */
struct domlet_guest_process *domlet_guest_process_find(struct domlet_guest_processes *all, uint32_t number);
/* The guest's reply. TEXT is for people. */
void domlet_guest_process_replied(struct domlet_guest_processes *all, uint32_t request, uint32_t code, const char *text);
/* The guest's FIGURES, which are a reply. */
void domlet_guest_process_counted(struct domlet_guest_processes *all, uint32_t request, uint32_t container,
				  const struct domlet_figures *figures);
void domlet_guest_process_exited(struct domlet_guest_process *p, uint32_t code, bool out_of_memory);

/* True when bytes moved into the ring. */
bool domlet_guest_process_move(struct domlet_guest_processes *all);
/* Ends each process whose output is written: what it has left running may go on
 * writing, until its number is needed. */
void domlet_guest_process_sweep(struct domlet_guest_processes *all);

/* Who asked for P is gone and was not told that P runs: nobody else will end it. */
void domlet_guest_process_abandon(struct domlet_guest_process *p, int code);
void domlet_guest_process_lose_proxy(struct domlet_guest_process *p);
/* The link has ended: all were killed. Each ends when its output is written. */
void domlet_guest_process_end_all(struct domlet_guest_processes *all);
/* Whether a reader took some of CONTAINER's output since the last such question. */
bool domlet_guest_process_moved(struct domlet_guest_processes *all, uint32_t container);
/* All of CONTAINER but its first one end now, whatever is written; their numbers stay theirs while the guest may have
 * them. */
void domlet_guest_process_drop_further(struct domlet_guest_processes *all, uint32_t container);

#endif
