/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_FAKES_XEN_FAKE_H
#define DOMLET_FAKES_XEN_FAKE_H

/*
 * libxl and libxenstore for toolstack/xen without a hypervisor: what starts
 * or waits is replaced, what only fills structures is the real library. One
 * domain, and one call that fails: the fail_at'th, counted over all of them.
 */

#include <stdbool.h>

#include <uv.h>

struct xen_fake {
	unsigned int calls, fail_at;   /* 0: none fails */
	const char *failed;            /* the call that did */
	bool domain, unpaused, paused; /* a guest that is paused does nothing (ring_fake.c) */
	unsigned int pauses;
	bool guest_silent;    /* it never announces a ring */
	bool vanishes_then;   /* a domain that shuts itself down is destroyed at once */
	unsigned int busy_ms; /* for so long other callbacks hold the loop up after the domain's end */
	int open_operations, death_watches;
	bool disk_left;                 /* libxl forgot the backend of its disk */
	unsigned int disks, disks_most; /* later ones that are there, in whole or in part: now, at most */
	unsigned int connecting;        /* so many looks at the state of a later disk, until its guest has connected */
	bool removed_early;             /* a disk, before that */
	bool disks_hang;                /* calls about them end only when they are aborted */
	bool destroyed_beside_disks;    /* while such a call was under way */
	uint64_t nics;                  /* those that are there, in whole or in part: a bit for each number */
	unsigned int connecting_nics;   /* as connecting, of a vif */
	bool nics_hang;
	/* What the domain has, is to have, and may have; its guest takes TAKES_KIB at each look. */
	uint64_t memory_kib, target_kib, max_kib, pool_kib, takes_kib;
	unsigned int vcpus, targets;  /* how often it was told another one */
	unsigned int targets_refused; /* so many tries fail */
	int weight, cap;              /* of its scheduling; 0: nobody has set it */
};

extern struct xen_fake xen_fake;

/* Before each run, with the loop that the code under test uses. */
void xen_fake_reset(uv_loop_t *loop, unsigned int fail_at);
/* Counts a call; true when it is the one to fail, errno is EIO then. */
bool xen_fake_fails(const char *name);
/* Somebody destroys the domain; or it shuts itself down. */
void xen_fake_vanish(void);
void xen_fake_shut_down(void);
/* The one or the other, from any thread; it is awaited in the loop's. */
void xen_fake_await_end(void);
void xen_fake_end(bool shut_down);

#endif
