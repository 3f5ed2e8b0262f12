/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CORE_DOMAIN_LIFE_H
#define DOMLET_CORE_DOMAIN_LIFE_H

/* The life of a domain, which knows nothing of containers. life.c alone steps it. */

#include <stdbool.h>

#include "event.h"

enum domlet_domain_state {
	DOMLET_DOMAIN_NONE,
	DOMLET_DOMAIN_BUILDING, /* libxl is at it; can't be interrupted */
	DOMLET_DOMAIN_BOOTING,  /* built; no ring yet */
	DOMLET_DOMAIN_ATTACHED, /* ring mapped; no HELLO yet */
	DOMLET_DOMAIN_READY,
	DOMLET_DOMAIN_PAUSING, /* the guest writes out what is dirty; then libxl pauses it */
	DOMLET_DOMAIN_PAUSED,
	DOMLET_DOMAIN_DYING, /* destroy under way */
	DOMLET_DOMAIN_GONE,
};

struct domlet_domain_life {
	enum domlet_domain_state state;
	bool doomed;              /* destroy as soon as the build lets us */
	bool unpausing, unpaused; /* for the first time: asked for; done */
	bool greeted;             /* the guest said HELLO once */
	bool syncing;             /* PAUSING: the guest has not answered yet */
	bool resuming;            /* PAUSED: asked for; PAUSING: as soon as it is paused */
	bool finished;            /* nothing follows */
};

/* TYPE is one of DOMLET_DOMAIN_EVENTS. */
enum domlet_domain_news domlet_domain_life_step(struct domlet_domain_life *d, enum domlet_life_event_type type,
						struct domlet_life_actions *out);

/* Orders. Each is for a domain that can obey; else it changes nothing. */
enum domlet_domain_news domlet_domain_life_pause(struct domlet_domain_life *d, struct domlet_life_actions *out);
enum domlet_domain_news domlet_domain_life_resume(struct domlet_domain_life *d, struct domlet_life_actions *out);
/* From wherever it is; the build alone can't be cut short. */
enum domlet_domain_news domlet_domain_life_end(struct domlet_domain_life *d, struct domlet_life_actions *out);
/* Once, when all documents that its guest is to read ahead are there. */
void domlet_domain_life_unpause(struct domlet_domain_life *d, struct domlet_life_actions *out);
/* After DOMLET_NEWS_LOST was told to all. */
void domlet_domain_life_destroy(struct domlet_domain_life *d, struct domlet_life_actions *out);
/* When it is gone, and so is all that was in it. */
void domlet_domain_life_finish(struct domlet_domain_life *d, struct domlet_life_actions *out);

const char *domlet_domain_state_name(enum domlet_domain_state s);

#endif
