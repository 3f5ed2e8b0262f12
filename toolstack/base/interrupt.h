/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_BASE_INTERRUPT_H
#define DOMLET_BASE_INTERRUPT_H

/*
 * INT, TERM, HUP and QUIT while something is made: they are held, so that what
 * was begun can be undone before they end this process. Whoever may take long
 * meanwhile looks for them, and gives up when one has come.
 */

#include <signal.h>

struct domlet_error;

/* The four. */
void domlet_interrupt_set(sigset_t *set);
/* From now on they are held; *BEFORE is what was blocked. */
void domlet_interrupt_hold(sigset_t *before);
/* -EINTR when one is held and has come. 0 where none is held. */
int domlet_interrupt_check(struct domlet_error *err);

/* How often those look who wait for something else. */
#define DOMLET_INTERRUPT_LOOK_MS 50

#endif
