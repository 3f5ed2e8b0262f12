/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CORE_EVENT_H
#define DOMLET_CORE_EVENT_H

/*
 * The words of the life cycle: what may happen, what is to be done then, and
 * what a domain and its containers, which don't know each other, have to say
 * through life.c. Who adds an event gives it to one of the two lists.
 */

#include <stddef.h>
#include <stdint.h>

#include "../../frontend/proto/limits.h"

/* clang-format off */
#define DOMLET_DOMAIN_EVENTS(E)                                                          \
	E(LAUNCH)         /* build the domain */                                         \
	E(BUILT) E(BUILD_FAILED)                                                         \
	E(UNPAUSED) E(UNPAUSE_FAILED)                                                    \
	E(RING_READY)     /* the guest announced its ring */                             \
	E(ATTACH_FAILED)  /* its ring can't be mapped or lies */                         \
	E(HELLO)                                                                         \
	E(BOOT_TIMEOUT)                                                                  \
	E(SYNCED)         /* the guest has nothing dirty left */                         \
	E(SYNC_FAILED)    /* it has, or took too long */                                 \
	E(PAUSED) E(PAUSE_FAILED)                                                        \
	E(RESUMED) E(RESUME_FAILED)                                                      \
	E(SHUTDOWN)       /* the domain shut itself down or crashed */                   \
	E(VANISHED)       /* somebody destroyed the domain */                            \
	E(BROKEN)         /* the guest violated the protocol */                          \
	E(DESTROY)        /* an end of everything that the monitor wants */              \
	E(DESTROYED)

#define DOMLET_CONTAINER_EVENTS(E)                                                       \
	E(ARRIVE)         /* there is one; code: whether its domain is kept for it */    \
	E(PUBLISHED) E(PUBLISH_FAILED)                                                   \
	E(CREATED) E(CREATE_FAILED)                                                      \
	E(START) E(STARTED) E(START_FAILED)                                              \
	E(PAUSE) E(FROZEN) E(FREEZE_FAILED)                                              \
	E(RESUME) E(THAWED) E(THAW_FAILED)                                               \
	E(KILL)           /* its first process was sent SIGKILL */                       \
	E(EXITED)         /* its first process ended; code: its exit status */           \
	E(DRAINED)        /* every output byte was written or refused by its reader */   \
	E(ANSWER_TIMEOUT) /* the guest did not answer */                                 \
	E(KILL_TIMEOUT)   /* the guest did not confirm a SIGKILL */                      \
	E(PROXY_LOST) E(CALLER_LOST)                                                     \
	E(DELETE) E(DELETED) E(DELETE_FAILED)

#define DOMLET_LIFE_ACTIONS(A)                                                           \
	/* of the domain */                                                              \
	A(BUILD)                                                                         \
	A(CANCEL_BUILD)   /* its end is told by BUILT or BUILD_FAILED all the same */    \
	A(UNPAUSE)        /* for the first time */                                       \
	A(ARM_BOOT_TIMER)                                                                \
	A(ATTACH)         /* map the ring */                                             \
	A(SYNC)           /* ask the guest to write out what is dirty */                 \
	A(PAUSE) A(RESUME)                                                               \
	A(DETACH)         /* unmap the ring, drop undelivered input */                   \
	A(DESTROY)        /* start destroying the domain */                              \
	A(FINISH)         /* nothing is left: clean up and end */                        \
	/* of a container */                                                             \
	A(PUBLISH)        /* its document, for the guest to read ahead */                \
	A(SEND_CREATE)                                                                   \
	A(ANSWER_CREATE)  /* once: success, or the failure's sentence */                 \
	A(SEND_START)                                                                    \
	A(ANSWER_START)   /* once for each START */                                      \
	A(SEND_FREEZE)    /* the guest writes out what is dirty, and freezes it */       \
	A(ANSWER_PAUSE)   /* once for each PAUSE: whether it is paused now */            \
	A(SEND_THAW)                                                                     \
	A(ANSWER_RESUME)  /* once for each RESUME: whether it is paused no more */       \
	A(KILL)           /* SIGKILL for all of it, and KILL_TIMEOUT if it lives on */   \
	A(STOP)           /* as its engine would stop it: its domain was kept for others, which are over */ \
	A(REPORT_EXIT)    /* tell the proxy its exit status: once */                     \
	A(SEND_DELETE)                                                                   \
	A(ANSWER_DELETE)  /* once for each DELETE: whether there is none any more */
/* clang-format on */

enum domlet_life_event_type {
#define E(name) DOMLET_EV_##name,
	DOMLET_DOMAIN_EVENTS(E) DOMLET_CONTAINER_EVENTS(E)
#undef E
		DOMLET_EV_COUNT
};

enum domlet_life_action_type {
#define A(name) DOMLET_ACT_##name,
	DOMLET_LIFE_ACTIONS(A)
#undef A
		DOMLET_ACT_COUNT
};

struct domlet_life_action {
	enum domlet_life_action_type type;
	uint32_t container; /* 0 in those of the domain */
};

/* An end of the domain: two open questions and the exit of each container, and
 * the domain's own. */
#define DOMLET_LIFE_ACTIONS_MAX (4u * DOMLET_CONTAINER_MAX + 4u)

struct domlet_life_actions {
	struct domlet_life_action act[DOMLET_LIFE_ACTIONS_MAX];
	size_t len;
};

void domlet_life_act(struct domlet_life_actions *out, enum domlet_life_action_type type, uint32_t container);

/* What a step of the domain means to its containers. */
enum domlet_domain_news {
	DOMLET_NEWS_NONE,
	DOMLET_NEWS_BUILT, /* it has a number: documents can be published */
	DOMLET_NEWS_READY, /* its guest takes requests */
	DOMLET_NEWS_PAUSED,
	DOMLET_NEWS_PAUSE_FAILED, /* and its guest takes requests */
	DOMLET_NEWS_RESUMED,      /* and its guest takes requests */
	DOMLET_NEWS_RESUME_FAILED,
	DOMLET_NEWS_LOST, /* nothing more will come of its guest */
	DOMLET_NEWS_GONE, /* LOST, if it wasn't before, and it is destroyed */
};

/* What a step of a container means to its domain. */
enum domlet_container_wish {
	DOMLET_WISH_NONE,
	DOMLET_WISH_RELEASE, /* it is over: a domain that was kept for it alone ends, when the others are, too */
	DOMLET_WISH_CONDEMN, /* it can't be ended but with its domain */
	DOMLET_WISH_PAUSE,
	DOMLET_WISH_RESUME,
};

#endif
