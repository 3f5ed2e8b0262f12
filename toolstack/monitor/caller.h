/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_CALLER_H
#define DOMLET_MONITOR_CALLER_H

/* What commands and proxies ask of a container, and what it means that they are gone. */

#include "container.h"

/* Answers FROM, at once or when it is done. R's object and descriptors are taken over. */
void domlet_caller_ask(struct domlet_container *c, struct domlet_connection *from, struct domlet_control_request *r);
/* The same of no container: there is none any more. */
void domlet_caller_refuse(struct domlet_connection *from, struct domlet_control_request *r);
/* The guest's answer for those who have asked for figures. */
void domlet_caller_counted(struct domlet_container *c, const struct domlet_guest_event *ev);
void domlet_caller_lose(struct domlet_container *c, struct domlet_connection *from);

#endif
