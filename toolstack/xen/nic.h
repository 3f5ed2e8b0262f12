/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_NIC_H
#define DOMLET_XEN_NIC_H

/*
 * A vif of a domain that was built, and the operation that is under way with
 * it: libxl adds it, or removes it. The struct is the caller's, and stays until the
 * loop is closed. Of the vif the name in dom0, vifDOMID.NUMBER, is all that others need.
 */

#include "store.h"
#include "turn.h"

struct domlet_xen_nic {
	/* filled by the caller */
	struct domlet_xen_loop *loop;
	const struct domlet_xen_store *store;
	void (*done)(void *user); /* once for each start, maybe from inside it */
	void *user;
	uint32_t number; /* of the domain's vifs; the guest's device is vif-NUMBER */

	/* results */
	bool adding; /* it was that, and not removing */
	int rc;
	struct domlet_error err;

	/* private */
	bool busy;    /* until done() */
	bool stopped; /* the domain is to be destroyed: nothing further is begun */
	uint32_t domid;
	uint8_t mac[6];
	void (*then)(libxl_ctx *ctx, int rc, void *user); /* libxl's callback, when it has one to make */
	uv_timer_t connects;                              /* runs until a vif is connected that is to be removed */
	uint64_t deadline_ms;
	struct domlet_xen_turn turn;
};

void domlet_xen_nic_init(struct domlet_xen_nic *nic);
/* Each returns 0 or -errno, and then done() isn't called. MAC is what the guest's device has at first. */
int domlet_xen_nic_add_start(struct domlet_xen_nic *nic, uint32_t domid, const uint8_t mac[6], struct domlet_error *err);
int domlet_xen_nic_remove_start(struct domlet_xen_nic *nic, uint32_t domid, struct domlet_error *err);
bool domlet_xen_nic_runs(const struct domlet_xen_nic *nic);
/* Asks libxl to end what is under way, since the domain is to be destroyed; done() may have
 * been called when this returns. */
void domlet_xen_nic_stop(struct domlet_xen_nic *nic);
void domlet_xen_nic_close(struct domlet_xen_nic *nic);

#endif
