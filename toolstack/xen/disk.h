/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_DISK_H
#define DOMLET_XEN_DISK_H

/*
 * A read-only disk of a domain that was built, and the operation that is under
 * way with it: libxl attaches it, or detaches it. The struct is the caller's, and
 * stays until the loop is closed.
 */

#include "store.h"
#include "turn.h"

struct domlet_xen_disk {
	/* filled by the caller */
	struct domlet_xen_loop *loop;
	const struct domlet_xen_store *store;
	void (*done)(void *user); /* once for each start, maybe from inside it */
	void *user;

	/* results */
	bool attaching; /* it was that, and not detaching */
	int rc;
	struct domlet_error err;

	/* private */
	bool busy;    /* until done() */
	bool stopped; /* the domain is to be destroyed: nothing further is begun */
	uint32_t domid;
	char image[4096], device[16];
	void (*then)(libxl_ctx *ctx, int rc, void *user); /* libxl's callback, when it has one to make */
	uv_timer_t connects;                              /* runs until a disk is connected that is to be detached */
	uint64_t deadline_ms;
	struct domlet_xen_turn turn;
};

void domlet_xen_disk_init(struct domlet_xen_disk *disk);
/* Each returns 0 or -errno, and then done() isn't called. */
int domlet_xen_disk_attach_start(struct domlet_xen_disk *disk, uint32_t domid, const char *image, const char *device,
				 struct domlet_error *err);
int domlet_xen_disk_detach_start(struct domlet_xen_disk *disk, uint32_t domid, const char *device,
				 struct domlet_error *err);
bool domlet_xen_disk_runs(const struct domlet_xen_disk *disk);
/* Asks libxl to end what is under way, since the domain is to be destroyed; done() may have
 * been called when this returns. */
void domlet_xen_disk_stop(struct domlet_xen_disk *disk);
void domlet_xen_disk_close(struct domlet_xen_disk *disk);

/* DISK, which is initialised, is a domain's disk DEVICE ("xvda") with the image
 * file IMAGE. Disposing of it frees all. */
int domlet_xen_disk_configure(libxl_device_disk *disk, const char *image, const char *device, struct domlet_error *err);

#endif
