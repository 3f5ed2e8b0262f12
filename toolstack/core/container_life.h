/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CORE_CONTAINER_LIFE_H
#define DOMLET_CORE_CONTAINER_LIFE_H

/*
 * The life of a container, which knows of its domain only what it is told
 * (domlet_container_life_hear) and what struct domlet_container_place says.
 * life.c alone steps it.
 */

#include <stdbool.h>

#include "event.h"

enum domlet_container_state {
	DOMLET_CONTAINER_NONE,
	DOMLET_CONTAINER_WAITING, /* for its domain, or its document's publication */
	DOMLET_CONTAINER_CREATING,
	DOMLET_CONTAINER_CREATED,
	DOMLET_CONTAINER_STARTING,
	DOMLET_CONTAINER_RUNNING,
	DOMLET_CONTAINER_PAUSED,
	DOMLET_CONTAINER_DRAINING, /* over, by itself or with its domain; output, or the domain's end, is waited for */
	DOMLET_CONTAINER_STOPPED,
	DOMLET_CONTAINER_DELETING,
};

struct domlet_container_life {
	enum domlet_container_state state;
	bool keeps; /* its domain stays for it */
	bool early; /* it came before its domain was begun, whose guest looks for its document when it boots */
	bool published;
	bool failed; /* its creation or start did; why is with the caller of step() */
	bool killed; /* its first process was sent SIGKILL, and hasn't ended yet as far as we know */
	bool doomed; /* it is to be killed as soon as the guest has created it, while its domain goes on */
	bool cut;    /* nobody waits for its output any more: it is over when its processes are */
	bool held;   /* it is paused by its domain's pause, not in its cgroup */
	bool create_answered, start_pending, pause_pending, resume_pending, delete_pending;
	bool exit_known, exit_reported, output_waits;
	uint32_t exit_code;
};

/* What its domain can do for it. */
enum domlet_container_home {
	DOMLET_HOME_NONE,     /* nothing yet, and it may still be built for it */
	DOMLET_HOME_BUILDING, /* nothing yet */
	DOMLET_HOME_BUILT,    /* take its document: it boots, or is paused */
	DOMLET_HOME_READY,    /* take its requests */
	DOMLET_HOME_LOST,
	DOMLET_HOME_GONE,
};

struct domlet_container_place {
	uint32_t number;
	enum domlet_container_home home;
	bool last; /* its domain is kept for no other */
	bool only; /* no other is in its domain */
};

/* Exit status of a container whose domain was destroyed under it: as if
 * SIGKILLed. */
#define DOMLET_EXIT_KILLED 137u

/* TYPE is one of DOMLET_CONTAINER_EVENTS. */
enum domlet_container_wish domlet_container_life_step(struct domlet_container_life *c,
						      const struct domlet_container_place *at,
						      enum domlet_life_event_type type, uint32_t code,
						      struct domlet_life_actions *out);

void domlet_container_life_hear(struct domlet_container_life *c, const struct domlet_container_place *at,
				enum domlet_domain_news news, struct domlet_life_actions *out);

/* Everything is to end: nobody waits for its output any more. */
void domlet_container_life_cut(struct domlet_container_life *c, const struct domlet_container_place *at,
			       struct domlet_life_actions *out);

/* Whether something of it is still to come, so that its domain stays for it. */
bool domlet_container_life_goes_on(const struct domlet_container_life *c);

const char *domlet_container_state_name(enum domlet_container_state s);

#endif
