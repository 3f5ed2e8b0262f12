/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_HOST_H
#define DOMLET_XEN_HOST_H

/* What this host is; nothing is kept. */

#include "../base/error.h"

/* 0 when this is a Xen dom0. */
int domlet_xen_check_host(struct domlet_error *err);

#endif
