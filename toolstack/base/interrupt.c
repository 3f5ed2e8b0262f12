/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "interrupt.h"

#include <errno.h>

#include "error.h"

void domlet_interrupt_set(sigset_t *set)
{
	sigemptyset(set);
	for (const int *s = (const int[]){ SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0 }; *s; s++)
		sigaddset(set, *s);
}

void domlet_interrupt_hold(sigset_t *before)
{
	sigset_t held;

	domlet_interrupt_set(&held);
	(void)sigprocmask(SIG_BLOCK, &held, before);
}

int domlet_interrupt_check(struct domlet_error *err)
{
	sigset_t held, pending, both;

	domlet_interrupt_set(&held);
	(void)sigpending(&pending);
	return sigandset(&both, &pending, &held) == 0 && !sigisemptyset(&both) ?
		       domlet_error_set(err, EINTR, "interrupted") :
		       0;
}
