/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_MAKE_H
#define DOMLET_INIT_MAKE_H

/*
 * Making processes. A configuration that came with the message or waits in
 * xenstore is there at once; one that comes as a stream is awaited.
 */

#include "agent.h"

/* Makes G, a container's first process or a further one, of its configuration. */
void domlet_make_process(struct agent *a, struct guest_process *g, const char *text, size_t len);
/* There is no process G after all: releases it, and answers its request; that of a container's first process when
 * nothing of the container is left. */
void domlet_make_refuse(struct agent *a, struct guest_process *g, const struct domlet_failure *failure);

/* G's configuration of LEN bytes will come on its CONFIG stream. 0 or -errno with *failure. */
int domlet_make_await(struct agent *a, struct guest_process *g, uint32_t len, struct domlet_failure *failure);
/* What happens there; makes G when its configuration is complete. */
void domlet_make_take(struct agent *a, struct guest_process *g, const struct domlet_link_event *ev);
/* Checks what xenstore has of container M, and makes G when its document is there, too. 0 or -errno with *failure. */
int domlet_make_announced(struct agent *a, struct guest_process *g, const struct domlet_msg_create *m,
			  struct domlet_failure *failure);

#endif
