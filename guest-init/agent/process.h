/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_PROCESS_H
#define DOMLET_INIT_PROCESS_H

/*
 * Messages about a process: EXEC, SIGNAL, WINSIZE, of which REQUEST is answered
 * when it is done, or has failed; and what becomes of processes until EXITED.
 */

#include "agent.h"

void domlet_process_exec(struct agent *a, uint32_t request, const struct domlet_msg_exec *m);
void domlet_process_signal(struct agent *a, uint32_t request, const struct domlet_msg_signal *m);
void domlet_process_winsize(struct agent *a, uint32_t request, const struct domlet_msg_winsize *m);

/* Every process of C. 0 or -errno; -ESRCH: there is none. */
int domlet_process_signal_all(struct agent *a, const struct guest_container *c, int signo);
/* G stands before exec, and is to go on. */
void domlet_process_go(struct guest_process *g);
/* What G's child says while it is set up: true when it said something. G may be released then. */
bool domlet_process_read_status(struct agent *a, struct guest_process *g);
/* Takes the status of every child that has ended. */
void domlet_process_reap(struct agent *a);
/* Sends EXITED once G has ended and its last output is on its way. */
void domlet_process_report(struct agent *a, struct guest_process *g);

#endif
