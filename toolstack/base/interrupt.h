/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_BASE_INTERRUPT_H
#define DOMLET_BASE_INTERRUPT_H

/*
 * SIGINT, SIGTERM, SIGHUP and SIGQUIT while something is made: these four are
 * held, so that what was begun can be undone before one of them ends this
 * process. Whoever may take long meanwhile looks for them, and gives up when one
 * has come. What is held is the calling thread's signal mask; there is no memory.
 */

#include <signal.h>

struct domlet_error;

/* Makes *SET the set of the four. */
void domlet_interrupt_set(sigset_t *set);
/* Holds the four from now on; *BEFORE is the mask as it was, to be set again by the
 * caller. */
void domlet_interrupt_hold(sigset_t *before);
/* -EINTR when one of the four is held and has come; 0 otherwise, also where none is
 * held. */
int domlet_interrupt_check(struct domlet_error *err);

/* How often those call domlet_interrupt_check() who wait for something else. */
#define DOMLET_INTERRUPT_LOOK_MS 50

#endif
