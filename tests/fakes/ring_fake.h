/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_FAKES_RING_FAKE_H
#define DOMLET_FAKES_RING_FAKE_H

/*
 * toolstack/ring/host.h without a hypervisor: "mapping" a ring makes one in
 * this process and starts a thread that is the guest. It greets, creates,
 * starts, says "hello" on its standard output and exits with 3. It takes
 * documents by CONFIG; an exec's of more than 1 MiB it refuses at once, of
 * others the process ends with the first seven bits of its SHA-256.
 *
 * The first STATS of a container says that the kernel has counted 1,000 us of processor, the second one 2,000, and so on; with
 * "watch" one OOM comes behind each. Of container 12 come figures that are too short, of 13 those of container 0, of 14 a REPLY of 0,
 * of 15 one of ESRCH.
 *
 * An UPDATE of resources that have "refuse" in them fails with EBUSY, and one with "never" is not answered.
 *
 * RING_FAKE_RUNS does with an exec what the first letter of its object says:
 *   s  it sleeps until it is signalled, as process 1 does
 *   w  the same, once it has written a line
 *   o  it writes RING_FAKE_OUTPUT bytes before the answer, and ends with 0
 *   l  it writes a line and ends with 0, but its outputs are held until they are reset; at its input's end comes another line
 *   n  that fails with -22
 *   p  the same, with a text that would paint on a terminal
 *   h  setting it up takes for ever; when it is signalled, that has failed, and process 1 writes a line
 *   d  nothing: it answers neither that nor signals for it, nor the DELETE of its container
 * As long as one does s, w or d, another of its number fails with EBUSY.
 */

#include "../../frontend/proto/net.h"

#define RING_FAKE_LATE_MS 1800
#define RING_FAKE_OUTPUT 200000u /* more than a pipe holds, less than a window */

enum ring_fake_guest {
	RING_FAKE_GOOD,
	RING_FAKE_REFUSES, /* CREATE fails: exec: "x" and a control: executable file not found in $PATH */
	RING_FAKE_QUITS,   /* CREATE succeeds, and its domain shuts down */
	RING_FAKE_SLEEPS,  /* its program ends when it is signalled */
	RING_FAKE_RUNS,    /* the same; of its execs see above */
	RING_FAKE_COUNTS,  /* its program counts signals and ends with SIGUSR1, with how many there were; SYNC fails */
	RING_FAKE_STALLS, /* SYNC is answered when a signal comes, which does nothing else; later ones at once, and signals end its program */
	RING_FAKE_GHOST,    /* its program ends with 3 soon after SYNC, as the ring says when its domain is paused */
	RING_FAKE_STUBBORN, /* its program sleeps and heeds no signal */
	RING_FAKE_MISER,    /* its program sleeps, too, and of a document it takes one window only */
	RING_FAKE_DIES,     /* after START it writes RING_FAKE_OUTPUT bytes, and its domain shuts down */
	RING_FAKE_LATE, /* it answers START RING_FAKE_LATE_MS later, and the host takes 400 ms to read that; then as SLEEPS */
	RING_FAKE_CRASHES, /* after START its program ends with 3, and its domain shuts down and is destroyed at once */
	RING_FAKE_VANISHES, /* an exec's process does, and the domain is destroyed from outside */
	RING_FAKE_DEAF,     /* after START it reads nothing more */
	RING_FAKE_FLOODS, /* after START its ring is full whenever the host looks, of frames that are no event, and a message */
	RING_FAKE_BREAKS, /* after START it writes what is no frame */
	RING_FAKE_HUNGRY, /* its program is killed for want of memory */
	RING_FAKE_LIES, /* its program was killed for want of memory before there is one, again and again; its START fails with -22 */
	RING_FAKE_SILENT, /* it panics, and never announces a ring */
	RING_FAKE_NEWER,  /* it greets in the next version of the protocol */
	RING_FAKE_AGENT,  /* domlet-init at the other end of ring_fake_socket; when it ends, its domain shuts down */
};

/* What a guest was told of its network, and what it answers: in memory that a test shares with it. */
struct ring_fake_net {
	struct domlet_net asked; /* last */
	uint64_t revision;
	unsigned int times, before_start;
	int code; /* of its answer, a string says why */
};

extern struct ring_fake_net *ring_fake_net; /* NULL: none is kept */
extern enum ring_fake_guest ring_fake_guest;
/* Before each look of the host's: as of a guest that is always faster. */
void ring_fake_refill(void);
extern int ring_fake_socket; /* closed with the domain's end */

#endif
