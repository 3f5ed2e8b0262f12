/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_FILE_H
#define DOMLET_INIT_FILE_H

#include "agent.h"

/* FILE: a copied file of a container's is written anew, and REQUEST answered. */
void domlet_agent_file(struct agent *a, uint32_t request, const struct domlet_msg_file *m);

#endif
