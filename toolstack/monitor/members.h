/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_MEMBERS_H
#define DOMLET_MONITOR_MEMBERS_H

/*
 * The containers of the domain, by number: which command is about to bring one, who comes, and who
 * asks about which. A number is given again when nothing of its container is left.
 */

#include "container.h"

struct domlet_members {
	/* Of the domain, for each container; the caller sets these. */
	const struct domlet_monitor_spec *spec;
	uv_loop_t *loop;
	const struct domlet_life *life;
	struct domlet_queue *queue;
	struct domlet_guest *guest;
	struct domlet_control *control;
	struct domlet_domain *domain;
	void (*left)(void *container); /* its record, which could not be written when it left, is, or never will be */

	struct domlet_container *containers[DOMLET_CONTAINER_MAX]; /* NULL: nobody has had this number yet */
	struct domlet_monitor_processes processes;
	struct domlet_networks networks;
	uint64_t generation; /* the last that was given away */
	bool finished;       /* the domain has ended, but for output of further processes, and their proxies */
};

/* The command that starts the monitor, by SPEC's connection, is the first that brings a container. */
void domlet_members_open(struct domlet_members *m);
/* NULL: there is none of that number. */
struct domlet_container *domlet_members_find(struct domlet_members *m, uint32_t number);
/* Whose process it is, or NULL. */
struct domlet_container *domlet_members_of_process(struct domlet_members *m, uint32_t process);
bool domlet_members_any(struct domlet_members *m);
/* Whose guest it is, for people: one of several containers names none of them. Valid until the next call. */
const char *domlet_members_whose(struct domlet_members *m);

/* JOIN, CREATE and ABOUT, which is answered where it has an answer. R's texts and descriptors are taken over. */
void domlet_members_join(struct domlet_members *m, struct domlet_connection *from);
void domlet_members_create(struct domlet_members *m, struct domlet_connection *from, struct domlet_control_request *r);
void domlet_members_be_about(struct domlet_members *m, struct domlet_connection *from,
			     const struct domlet_control_request *r);
/* FROM is lost, and brings no container any more. */
void domlet_members_lose(struct domlet_members *m, struct domlet_connection *from);

#endif
