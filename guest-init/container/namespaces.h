/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_NAMESPACES_H
#define DOMLET_INIT_NAMESPACES_H

/*
 * What is set in the container's own namespaces before its root is entered:
 * names, sysctls, the loopback device. Called in its first process.
 */

#include <sched.h>

#include "../config/config.h"

/* Those of a container's that this makes; the others its clone has made. */
#define DOMLET_NAMESPACES_LATER ((uint32_t)(CLONE_NEWCGROUP | CLONE_NEWTIME))

int domlet_namespaces_set_up(const struct domlet_container_config *c, struct domlet_failure *failure);

#endif
