/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_STANDIN_FAULT_H
#define DOMLET_STANDIN_FAULT_H

/*
 * Moments at which the stand-in's Xen fails. DOMLET_STANDIN_FAULT names one:
 * WHERE[#COUNT]=ACTION, where WHERE is what standin_fault() is given, COUNT the
 * number of that call in this process (1), and ACTION
 *   fail       the call does, as far as it can
 *   hang:FILE  it doesn't return before there is FILE
 *   kill       whoever calls is killed
 */

#include <stdbool.h>

/* True when the call is to fail. */
bool standin_fault(const char *where);

#endif
