/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_CONTAINER_H
#define DOMLET_MONITOR_CONTAINER_H

/*
 * The container: its record, the answers that are due of it, and its processes
 * as far as their commands and proxies go. What becomes of it is core's to say
 * (its life); what becomes of its processes the guest's.
 */

#include "control.h"
#include "end.h"
#include "record.h"

struct domlet_container_process {
	bool used;
	struct domlet_connection *asker; /* the command that waits for it; NULL: it was told, or is gone */
};

struct domlet_container {
	uint32_t number;
	uint32_t first;      /* its first process */
	uint64_t generation; /* of its configuration */
	const struct domlet_launch *launch;
	const struct domlet_life *life;
	struct domlet_queue *queue;
	struct domlet_guest *guest;
	struct domlet_control *control;
	struct domlet_end end;
	struct domlet_record record;
	struct domlet_error err;       /* why it failed */
	struct domlet_error pause_err; /* why its last pause or resume did */
	uint16_t syncs;                /* asked for; the number of the last */
	bool created;                  /* the launching command was told so */
	bool done;                     /* and has said that its part of the creation is done */
	bool exit_waits;               /* the first proxy is to be told its status when the others have ended */
	struct domlet_container_process processes[DOMLET_PROCESS_MAX + 1]; /* by number, from 1 */
};

/* Of an order that asks: about the container of that number, or the process; or the SYNC of that number. */
enum domlet_container_question { DOMLET_ASKED_CREATE, DOMLET_ASKED_START, DOMLET_ASKED_EXEC, DOMLET_ASKED_SYNC };

static inline uint32_t domlet_container_tag(enum domlet_container_question q, uint32_t number)
{
	return (uint32_t)q << 16 | number;
}

static inline const struct domlet_container_life *domlet_container_life(const struct domlet_container *c)
{
	return &c->life->container[c->number];
}

/* The caller has set the members from number to control. Its streams are taken
 * by domlet_container_take_streams(). */
void domlet_container_open(struct domlet_container *c, uv_loop_t *loop);
void domlet_container_take_streams(struct domlet_container *c);
/* Its configuration does: xenstore has no room for it. */
bool domlet_container_goes_over_the_ring(const struct domlet_container *c);

/* Actions */
void domlet_container_send_create(struct domlet_container *c);
void domlet_container_send_start(struct domlet_container *c);
void domlet_container_answer_create(struct domlet_container *c);
void domlet_container_answer_start(struct domlet_container *c);
void domlet_container_send_sync(struct domlet_container *c);
void domlet_container_answer_pause(struct domlet_container *c);
void domlet_container_answer_resume(struct domlet_container *c);
void domlet_container_report_exit(struct domlet_container *c);

/* What the guest says of it. */
void domlet_container_hear(struct domlet_container *c, const struct domlet_guest_event *ev);
/* The first proxy's status, when its time has come; AT_ONCE: it has. */
void domlet_container_tell_exit(struct domlet_container *c, bool at_once);
/* Nothing of it is left in the guest, and all proxies were told. */
bool domlet_container_is_over(const struct domlet_container *c);

#endif
