/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_REPLY_H
#define DOMLET_INIT_REPLY_H

/* What domlet-init says. A monitor that takes no more of it ends the domain. */

#include "agent.h"

void domlet_reply_message(struct agent *a, const struct domlet_msg *m);
/* The answer to REQUEST, of which 0 wants none. FAILURE may be NULL: it went well, as with code 0. */
void domlet_reply_send(struct agent *a, uint32_t request, const struct domlet_failure *failure);

#endif
