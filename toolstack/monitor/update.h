/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_UPDATE_H
#define DOMLET_MONITOR_UPDATE_H

/*
 * A container's limits change while it runs: its domain grows first where it has to, then the guest changes the limits of
 * the container's cgroup, and the domain shrinks afterwards. What can't be had is refused, and all is as it was. One
 * at a time for a container.
 */

#include <stdbool.h>
#include <stdint.h>

#include "../base/error.h"

struct domlet_connection;
struct domlet_container;
struct domlet_control_request;
struct domlet_guest_event;

enum domlet_update_stage {
	DOMLET_UPDATE_NONE,
	DOMLET_UPDATE_GROWING, /* its domain is to have what it needs first */
	DOMLET_UPDATE_ASKED,   /* the guest was asked */
};

struct domlet_update {
	enum domlet_update_stage stage;
	char *limits, *resources; /* the record's afterwards; the guest's; owned while there is a stage */
	uint64_t memory_kib;      /* for which its domain has room then, as the container's own */
	uint32_t vcpus;
	uint32_t weight; /* of its domain, if it is alone there; 0: as it is */
	int cap;         /* in percent of a processor, likewise; 0: none; -1: as it is */
};

/* Answers FROM, at once or when it is done. R's texts are taken over. */
void domlet_update_request(struct domlet_container *c, struct domlet_connection *from, struct domlet_control_request *r);
/* The domain is as large as it was to be for C's sake, or (ERR) can't be. */
void domlet_update_grown(struct domlet_container *c, const struct domlet_error *err);
/* What the guest says to it. */
void domlet_update_answered(struct domlet_container *c, const struct domlet_guest_event *ev);
/* Nobody waits for it any more. */
void domlet_update_forget(struct domlet_update *u);
/* Whether an update that is under way needs more of the domain than C has. */
bool domlet_update_grows(const struct domlet_container *c);
/* What the domain is to have for C now: while an update is under way, the larger one of both. */
uint64_t domlet_update_memory_kib(const struct domlet_container *c);
uint32_t domlet_update_vcpus(const struct domlet_container *c);

#endif
