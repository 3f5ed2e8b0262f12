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

/* The one container of today's domains, and its first process. */
#define DOMLET_CONTAINER_ONLY 0u
#define DOMLET_PROCESS_FIRST 1u
/* ARRIVE's code: the domain ends with it. */
#define DOMLET_KEEPS_DOMAIN 1u
/* Of its configuration. */
#define DOMLET_GENERATION_FIRST 1u

struct domlet_container_process {
	bool used;
	struct domlet_connection *asker; /* the command that waits for it; NULL: it was told, or is gone */
};

struct domlet_container {
	const struct domlet_launch *launch;
	const struct domlet_life *life;
	struct domlet_queue *queue;
	struct domlet_guest *guest;
	struct domlet_control *control;
	struct domlet_end end;
	struct domlet_record record;
	struct domlet_error err; /* why it failed */
	bool created;            /* the launching command was told so */
	bool done;               /* and has said that its part of the creation is done */
	bool exit_waits;         /* the first proxy is to be told its status when the others have ended */
	struct domlet_container_process processes[DOMLET_PROCESS_MAX + 1]; /* by number, from 1 */
};

/* LAUNCH to CONTROL are set. Not its streams. */
void domlet_container_open(struct domlet_container *c, uv_loop_t *loop);
void domlet_container_take_streams(struct domlet_container *c);
/* Its configuration does: xenstore has no room for it. */
bool domlet_container_goes_over_the_ring(const struct domlet_container *c);

/* Actions */
void domlet_container_send_create(struct domlet_container *c);
void domlet_container_send_start(struct domlet_container *c);
void domlet_container_answer_create(struct domlet_container *c);
void domlet_container_answer_start(struct domlet_container *c);
void domlet_container_report_exit(struct domlet_container *c);

/* What the guest says of it. */
void domlet_container_hear(struct domlet_container *c, const struct domlet_guest_event *ev);
/* What commands and proxies ask for, and what their ends mean. */
void domlet_container_request(struct domlet_container *c, struct domlet_connection *from,
			      struct domlet_control_request *r);
void domlet_container_lose(struct domlet_container *c, struct domlet_connection *from);

/* The first proxy's status, when its time has come; AT_ONCE: it has. */
void domlet_container_tell_exit(struct domlet_container *c, bool at_once);
/* Nothing of it is left in the guest, and all proxies were told. */
bool domlet_container_is_over(const struct domlet_container *c);

#endif
