/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_INIT_FIGURES_H
#define DOMLET_INIT_FIGURES_H

/* What the kernel has counted of a container, read from its cgroup; what is below that counts with it. */

#include "../../frontend/proto/figures.h"

/* Of the cgroup whose directory CGROUP_FD is. What its controllers aren't there for is DOMLET_FIGURE_NONE;
 * without that of processes they are counted one by one, and those of cgroups below are left out. */
void domlet_figures_read(int cgroup_fd, struct domlet_figures *figures);

#endif
