/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_MONITOR_NETWORK_H
#define DOMLET_MONITOR_NETWORK_H

/*
 * A container's network: what its engine makes of its namespace in dom0 is read, a vif is
 * added for each link and joined with it there, and the guest is told to have the same. All of that follows from
 * what there is and what there was: whatever changes leads to another look. A look
 * begins when the container is created, as engines fill namespaces before that or soon afterwards; again before
 * it is started, since that is late enough for each of them; and after each change.
 */

#include <sys/types.h>
#include <uv.h>

#include "../guest/guest.h"
#include "../net/compare.h"
#include "../net/splice.h"
#include "domain.h"
#include "quiet.h"

struct domlet_networks;

enum domlet_network_nic_state {
	DOMLET_NETWORK_NIC_FREE,
	DOMLET_NETWORK_NIC_ADDING,
	DOMLET_NETWORK_NIC_JOINED,
	DOMLET_NETWORK_NIC_GOING, /* its link is gone; the guest is to give it back first */
	DOMLET_NETWORK_NIC_REMOVING,
	DOMLET_NETWORK_NIC_FAILED, /* there is none for its link, which is tried again at the start, or when it is made anew */
};

struct domlet_network_nic {
	enum domlet_network_nic_state state;
	uint32_t number; /* of the domain's vifs */
	uint32_t link, mtu;
	bool failed; /* it can't be used, and is to go */
	struct domlet_net_splice splice;
};

struct domlet_network {
	/* The caller sets these. */
	const struct domlet_monitor_spec *spec;
	struct domlet_networks *all;
	struct domlet_domain *domain;
	struct domlet_guest *guest;
	uint32_t container, tag; /* tag: of orders to the guest */
	bool forges;             /* the container may send in any name (net/filter.h) */
	void (*ready)(void *user, const struct domlet_error *err); /* ERR NULL: the guest has all that there is */
	void *user;

	/* private */
	bool is_open;
	bool is_others; /* another container of the domain is in the same namespace, and came first */
	dev_t dev;
	ino_t ino;
	int namespace;
	struct domlet_net_socket socket, events;
	uv_poll_t *poll;
	struct domlet_quiet quiet;
	bool dirty, asked, to_send, starting;
	struct domlet_network_nic nics[DOMLET_NET_LINKS_MAX];
	struct domlet_net wanted, sent;
	uint64_t revision;
	struct domlet_error err; /* why it isn't as it is to be; code 0: it is */
};

/* Of a domain. */
struct domlet_networks {
	struct domlet_network *of[DOMLET_CONTAINER_MAX]; /* by their containers; NULL: it has none that is open */
	uint64_t numbers;                                /* of vifs that are taken: a bit for each */
};

/* N is 0 but for what the caller has set; PROXY is a process in the container's namespace. A first look follows by itself. */
int domlet_network_open(struct domlet_network *n, uv_loop_t *loop, pid_t proxy, struct domlet_error *err);
/* Looks again; ready() comes once, maybe from inside this. */
void domlet_network_start(struct domlet_network *n);
/* The guest's answer to the order. */
void domlet_network_answered(struct domlet_network *n, const struct domlet_guest_event *ev);
/* Of any of the domain's vifs. */
void domlet_networks_nic_done(struct domlet_networks *all, uint32_t number, int rc, const struct domlet_error *err);
/* The container has ended, and its domain goes on. True: nothing is left of its network; else this is to be asked
 * again when a vif is done. */
bool domlet_network_end(struct domlet_network *n);
/* Releases what N has in dom0; its vifs go with the domain. */
void domlet_network_close(struct domlet_network *n);

#endif
