/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CORE_LIFE_H
#define DOMLET_CORE_LIFE_H

/*
 * The life of a domain and of the containers in it, as a step function: an
 * event goes in, actions come out. No I/O, no clock, no queue, no memory of
 * its own: the monitor does what the actions say, and the simulation checks
 * that every order of events ends with the domain gone and each question
 * answered once. The lives know nothing of each other; what one means to the
 * others goes through here. When the last container that keeps a domain is
 * over, the others are stopped, and the domain ends with the last of these; one
 * that nobody was in yet waits.
 */

#include "container_life.h"
#include "domain_life.h"

struct domlet_life_event {
	enum domlet_life_event_type type;
	uint32_t container; /* of DOMLET_CONTAINER_EVENTS: from 0 */
	uint32_t code;      /* ARRIVE: whether it keeps its domain; EXITED: the exit status */
};

struct domlet_life {
	struct domlet_domain_life domain;
	struct domlet_container_life container[DOMLET_CONTAINER_MAX];
	bool closing; /* nobody keeps the domain any more, and it ends when all are over */
};

/* An event that can't be meant in this state (a guest's lie, a late timer)
 * changes nothing. The actions are to be done in their order. */
void domlet_life_step(struct domlet_life *life, const struct domlet_life_event *event, struct domlet_life_actions *out);

/* Whether the guest still owes us a boot (BOOT_TIMEOUT ends it then)... */
bool domlet_life_owes_boot(const struct domlet_life *life);
/* ...or an answer about this container: ANSWER_TIMEOUT. */
bool domlet_life_owes_answer(const struct domlet_life *life, uint32_t container);

/* Whether the guest still owes us the word that it may be paused: SYNC_FAILED, when it takes too long. */
bool domlet_life_owes_sync(const struct domlet_life *life);

/* Whether the container has processes to start, signal and feed. */
bool domlet_life_takes_requests(const struct domlet_life *life, uint32_t container);

const char *domlet_life_event_type_name(enum domlet_life_event_type type);
const char *domlet_life_action_type_name(enum domlet_life_action_type type);
/* What a person is told had been reached: "building the domain". */
const char *domlet_life_stage(const struct domlet_life *life, uint32_t container);

#endif
