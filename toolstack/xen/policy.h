/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_POLICY_H
#define DOMLET_XEN_POLICY_H

/*
 * Reads the administrator's policy (xl.cfg's syntax, by libxlutil, as
 * templates are). It lives beside them; what it means is oci/ask.h's.
 */

#include "../oci/policy.h"

struct domlet_error;

#define DOMLET_POLICY_PATH "/etc/domlet/policy.cfg"

/* 0 with POLICY->found false when there is no such file. What can't be
 * understood whole is an error: a policy with a mistake in it allows nothing. */
int domlet_policy_read(const char *path, struct domlet_policy *policy, struct domlet_error *err);

#endif
