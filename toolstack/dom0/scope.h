/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_DOM0_SCOPE_H
#define DOMLET_DOM0_SCOPE_H

/*
 * Cgroups that systemd makes: transient scopes, asked for over its bus. Where systemd
 * runs, cgroups are its own, and what it doesn't know may be moved or removed, and is
 * killed at shutdown at any moment. A scope is called by the directory of its cgroup,
 * "…/SLICE/NAME.scope". Commands and the monitor come here. libsystemd is loaded when it
 * is needed, and by a child of its own, so that who asks stays as small as it was;
 * domlet is built and runs without it. Nothing is kept.
 */

#include <stdbool.h>
#include <sys/types.h>

struct domlet_error;

/* What is in a scope, which says when it is ended at the host's shutdown. */
enum domlet_scope_of {
	/* A monitor, which ends the container on SIGTERM: after the engines, which end their
	 * containers themselves, and before xendomains, which would save the domain. */
	DOMLET_SCOPE_MONITOR,
	/* The proxies of a container: not at all, as they end with it. */
	DOMLET_SCOPE_CONTAINER,
};

/* Whether systemd runs here. */
bool domlet_scope_systemd(void);
/* Whether systemd runs here, and PATH is a scope. */
bool domlet_scope_is(const char *path);
/* Whether it can be asked for scopes. 0 or -errno. */
int domlet_scope_check(struct domlet_error *err);
/* Has systemd make the scope PATH with this process in it. 0 or -errno. */
int domlet_scope_enter(const char *path, enum domlet_scope_of of, struct domlet_error *err);
/* Has systemd make the scope PATH, whose only process sleeps until domlet_scope_release():
 * a scope without any is removed. Returns its pid or -errno; -EEXIST: there is a unit of
 * this name. The process ends with its maker. */
pid_t domlet_scope_hold(const char *path, enum domlet_scope_of of, struct domlet_error *err);
/* Ends what domlet_scope_hold() has returned (0: nothing). */
void domlet_scope_release(pid_t holder);

#endif
