/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_CLI_EVENT_JSON_H
#define DOMLET_CLI_EVENT_JSON_H

/*
 * What `events` prints, as runc 1.1 writes it of a cgroup of version 2 (its types/events.go): the same members in the
 * same order, and what is 0 left out where it does so.
 */

#include "../../frontend/proto/figures.h"

/* {"type":"stats",…} of container ID, which the caller frees. NULL: out of memory. */
char *domlet_event_json_stats(const char *id, const struct domlet_figures *figures);
/* {"type":"oom",…}, likewise. */
char *domlet_event_json_oom(const char *id);

#endif
