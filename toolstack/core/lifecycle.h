/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CORE_LIFECYCLE_H
#define DOMLET_CORE_LIFECYCLE_H

/*
 * The life of a domain and of the container in it, as a step function: an
 * event goes in, actions come out. No I/O, no clock, no memory of its own:
 * the monitor does what the actions say, and the simulation checks that
 * every order of events ends with the domain gone and each question answered
 * once. Two lives, so that a domain can be booted before its container is
 * known and take further ones: building and booting needs nothing of a
 * container's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum domlet_domain_life {
	DOMLET_DOMAIN_NONE,
	DOMLET_DOMAIN_BUILDING, /* libxl is at it; can't be interrupted */
	DOMLET_DOMAIN_PAUSED,   /* built; configuration being published */
	DOMLET_DOMAIN_BOOTING,  /* unpaused; no ring yet */
	DOMLET_DOMAIN_ATTACHED, /* ring mapped; no HELLO yet */
	DOMLET_DOMAIN_READY,
	DOMLET_DOMAIN_DYING, /* destroy under way */
	DOMLET_DOMAIN_GONE,
};

enum domlet_container_life {
	DOMLET_CONTAINER_NONE,
	DOMLET_CONTAINER_CREATING,
	DOMLET_CONTAINER_CREATED,
	DOMLET_CONTAINER_STARTING,
	DOMLET_CONTAINER_RUNNING,
	DOMLET_CONTAINER_DRAINING, /* exited, or its domain died; output still being written */
	DOMLET_CONTAINER_STOPPED,
};

/* clang-format off */
#define DOMLET_LIFE_EVENTS(E)                                                            \
	E(LAUNCH)         /* build the domain */                                         \
	E(BUILT) E(BUILD_FAILED)                                                         \
	E(UNPAUSED) E(UNPAUSE_FAILED)                                                    \
	E(RING_READY)     /* the guest announced its ring */                             \
	E(ATTACH_FAILED)  /* its ring can't be mapped or lies */                         \
	E(HELLO)                                                                         \
	E(CREATED) E(CREATE_FAILED)                                                      \
	E(START) E(STARTED) E(START_FAILED)                                              \
	E(EXITED)         /* the container's first process ended; code given */          \
	E(DRAINED)        /* every output byte was written or refused by its reader */   \
	E(KILL_TIMEOUT)   /* the guest did not confirm a SIGKILL */                      \
	E(BOOT_TIMEOUT)                                                                  \
	E(SHUTDOWN)       /* the domain shut itself down or crashed */                   \
	E(VANISHED)       /* somebody destroyed the domain */                            \
	E(BROKEN)         /* the guest violated the protocol */                          \
	E(PROXY_LOST) E(CALLER_LOST)                                                     \
	E(DESTROY)        /* delete, or an end that the monitor wants */                 \
	E(DESTROYED)

/* clang-format on */

enum domlet_life_event {
#define E(name) DOMLET_EV_##name,
	DOMLET_LIFE_EVENTS(E)
#undef E
		DOMLET_EV_COUNT
};

enum domlet_life_action {
	DOMLET_ACT_BUILD,
	DOMLET_ACT_PUBLISH_AND_UNPAUSE,
	DOMLET_ACT_ARM_BOOT_TIMER,
	DOMLET_ACT_ATTACH,
	DOMLET_ACT_SEND_CREATE,
	DOMLET_ACT_ANSWER_CREATE, /* once: success, or the failure's sentence */
	DOMLET_ACT_SEND_START,
	DOMLET_ACT_ANSWER_START, /* once for each START */
	DOMLET_ACT_DETACH,       /* unmap the ring, drop undelivered input */
	DOMLET_ACT_DESTROY,      /* start destroying the domain */
	DOMLET_ACT_REPORT_EXIT,  /* tell the proxy its exit status: once */
	DOMLET_ACT_FINISH,       /* nothing is left: clean up and end */
};

#define DOMLET_LIFE_ACTIONS_MAX 6

struct domlet_lifecycle {
	enum domlet_domain_life domain;
	enum domlet_container_life container;
	bool doomed; /* destroy as soon as the build lets us */
	bool failed; /* why is with the caller of step() */
	bool create_answered, start_pending, exit_reported, exit_known, output_waits;
	uint32_t exit_code;
};

struct domlet_life_actions {
	enum domlet_life_action act[DOMLET_LIFE_ACTIONS_MAX];
	size_t len;
};

/* Exit status of a container whose domain was destroyed under it: as if
 * SIGKILLed. */
#define DOMLET_EXIT_KILLED 137u

/* CODE is the exit status for EXITED, else ignored. An event that can't be
 * meant in this state (a guest's lie, a late timer) changes nothing. */
void domlet_lifecycle_step(struct domlet_lifecycle *lc, enum domlet_life_event ev, uint32_t code,
			   struct domlet_life_actions *out);

/* Whether the guest still owes us a boot or an answer: BOOT_TIMEOUT ends it then. */
bool domlet_lifecycle_guest_owes(const struct domlet_lifecycle *lc);

/* Whether the container has processes to start, signal and feed. */
bool domlet_lifecycle_takes_requests(const struct domlet_lifecycle *lc);

const char *domlet_domain_life_name(enum domlet_domain_life s);
const char *domlet_container_life_name(enum domlet_container_life s);
const char *domlet_life_event_name(enum domlet_life_event ev);
/* What a person is told a failed start had reached: "building the domain". */
const char *domlet_lifecycle_stage(const struct domlet_lifecycle *lc);

#endif
