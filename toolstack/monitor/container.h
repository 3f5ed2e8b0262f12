/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_CONTAINER_H
#define DOMLET_MONITOR_CONTAINER_H

/*
 * A container: how it comes to its domain and leaves that, its record, and the answers that
 * are due of it. What becomes of it is core's to say (its life); what becomes of its
 * processes the guest's.
 */

#include "control.h"
#include "domain.h"
#include "end.h"
#include "files.h"
#include "forward.h"
#include "network.h"
#include "process.h"
#include "record.h"
#include "shared.h"
#include "update.h"

struct domlet_container {
	uint32_t number;
	uint64_t generation; /* of that number */
	bool reserved;       /* a command is about to bring a container of this number */
	bool present;        /* there is one */

	/* Of the domain; each lasts longer. */
	const struct domlet_monitor_spec *spec;
	const struct domlet_life *life;
	struct domlet_queue *queue;
	struct domlet_guest *guest;
	struct domlet_control *control;
	struct domlet_domain *domain;
	struct domlet_monitor_processes *processes;
	struct domlet_networks *networks;

	bool opened;        /* what follows has its handles of libuv, which stay for the next of this number */
	uv_timer_t answers; /* runs while the guest owes one */
	struct domlet_end end;
	struct domlet_record record;

	/* Of one container, from domlet_container_take() to domlet_container_leave(). */
	struct domlet_state state;
	uint32_t first; /* its first process */
	bool terminal, foreground, keep, forges;
	uint64_t memory_kib; /* that its domain is to have for it; 0: it asks for none */
	uint32_t vcpus;
	int lock; /* its image's; -1: none */
	struct domlet_forward forward;
	char *document; /* until it is created, or goes over the ring; NULL then */
	size_t document_len;
	uint8_t sha256[DOMLET_SHA256_LEN];
	struct domlet_network network; /* from when it is created */
	struct domlet_files files;
	struct domlet_shared shared;   /* who serves its files */
	struct domlet_error err;       /* why it failed */
	struct domlet_error pause_err; /* why its last pause or resume did */
	bool created;                  /* the command that makes it was told so */
	bool done;                     /* and has said that its part of the creation is done */
	bool exit_waits;               /* the first proxy is to be told its status when the others have ended */
	bool late;                     /* it came when its domain was built */
	bool attaches, has_disk;       /* its disk is on the way; is there */
	bool deletes, leaves;          /* the guest is to forget it; its disk goes */
	bool let_go;                   /* its record is nobody's any more, though the guest has something of it */
	struct domlet_update update;
	bool counts;             /* its guest was asked for figures */
	bool watch, watch_asked; /* somebody is to be told of kills for want of memory; and its guest knows */
	bool spoilt;             /* its disk can't go: its number is not given again */
};

/* Of an order that asks: about the container of that number, or the process; or the SYNC of that number. */
enum domlet_container_question {
	DOMLET_ASKED_CREATE,
	DOMLET_ASKED_START,
	DOMLET_ASKED_EXEC,
	DOMLET_ASKED_SYNC,
	DOMLET_ASKED_FREEZE,
	DOMLET_ASKED_THAW,
	DOMLET_ASKED_DELETE,
	DOMLET_ASKED_NET,
	DOMLET_ASKED_FILE,
	DOMLET_ASKED_FORWARD,
	DOMLET_ASKED_STATS,
	DOMLET_ASKED_UPDATE,
};

static inline uint32_t domlet_container_tag(enum domlet_container_question q, uint32_t number)
{
	return (uint32_t)q << 16 | number;
}

static inline const struct domlet_container_life *domlet_container_life(const struct domlet_container *c)
{
	return &c->life->container[c->number];
}

/* It can be asked for something now. */
static inline bool domlet_container_takes_requests(const struct domlet_container *c)
{
	return domlet_guest_is_attached(c->guest) && domlet_life_takes_requests(c->life, c->number);
}

/* Whether no other container is in its domain. */
static inline bool domlet_container_is_alone(const struct domlet_container *c)
{
	for (uint32_t n = 0; n < DOMLET_CONTAINER_MAX; n++)
		if (n != c->number && c->life->container[n].state != DOMLET_CONTAINER_NONE)
			return false;
	return true;
}

/* What CREATE says: its record and its document are read. Its proxy's connection is made, its streams
 * are taken over, and R's descriptors and texts in any case. Below 0: it doesn't come. The caller has set number,
 * generation, and what is of the domain. */
int domlet_container_take(struct domlet_container *c, uv_loop_t *loop, struct domlet_control_request *r,
			  struct domlet_error *err);
/* Nothing of it is left in its domain, which may be gone, too (or be STUCK, as libxl can't destroy it): its record says
 * so, or goes with it. The container of that number is none from then on. False: the record is still to
 * be written, and record.left() called. */
bool domlet_container_leave(struct domlet_container *c, bool stuck);
/* What is left of one that was left. */
void domlet_container_free(struct domlet_container *c);

/* Actions */
void domlet_container_publish(struct domlet_container *c);
void domlet_container_send_create(struct domlet_container *c);
void domlet_container_send_start(struct domlet_container *c);
void domlet_container_send_freeze(struct domlet_container *c);
void domlet_container_send_thaw(struct domlet_container *c);
void domlet_container_send_delete(struct domlet_container *c);
void domlet_container_kill(struct domlet_container *c);
void domlet_container_answer_create(struct domlet_container *c);
void domlet_container_answer_start(struct domlet_container *c);
void domlet_container_answer_pause(struct domlet_container *c);
void domlet_container_answer_resume(struct domlet_container *c);
void domlet_container_answer_delete(struct domlet_container *c);
void domlet_container_report_exit(struct domlet_container *c);

/* What the guest says of it, but its SYNC. */
void domlet_container_hear(struct domlet_container *c, const struct domlet_guest_event *ev);
/* Where its guest has its files' ring. */
void domlet_container_share(struct domlet_container *c, const struct domlet_ring_offer *offer);
/* Its disk has come, or gone. */
void domlet_container_attached(struct domlet_container *c, int rc, const struct domlet_error *err);
/* The first proxy's status, when its time has come; AT_ONCE: it has. */
void domlet_container_tell_exit(struct domlet_container *c, bool at_once);
/* Nothing of it is left in the guest, and all proxies were told. */
bool domlet_container_is_over(const struct domlet_container *c);
/* Has the guest forget it when it has stopped, and its disk go after that. True: that is done, and it can leave. */
bool domlet_container_go_on_leaving(struct domlet_container *c);

#endif
