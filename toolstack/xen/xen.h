/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DOMLET_XEN_XEN_H
#define DOMLET_XEN_XEN_H

/*
 * The one door to libxl, libxlutil and libxenstore. A context lives on one
 * libuv loop; libxl is asynchronous on it (osevent hooks, SIGCHLD by the
 * main loop). Callbacks come on that loop, never from inside a call. Every
 * started operation calls back exactly once. Memory passed in is copied.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "../base/error.h"

#define DOMLET_XEN_NO_DOMID UINT32_MAX /* no domain has this number */
#define DOMLET_XEN_NICS_MAX 64u        /* of a domain: of all its containers together */

struct uv_loop_s;
struct domlet_xen;
struct domlet_ring_offer;

#define DOMLET_BOOT_TIMEOUT_MAX_S 3600

/* What a template (xl.cfg syntax) says of a domain. Owned strings. */
struct domlet_template {
	char *path, *kernel, *ramdisk, *extra, *cpus, *pool, *seclabel;
	char type[4];                        /* "pvh" or "pv" */
	uint64_t memory_kib, memory_max_kib; /* domlet_max_memory: what a domain grows to; UINT64_MAX: no bound */
	uint32_t vcpus, vcpus_max;           /* maxvcpus */
	bool tsc_native;
	uint32_t boot_timeout_s; /* domlet_boot_timeout: xl ignores that key */
};

int domlet_template_read(const char *path, struct domlet_template *t, struct domlet_error *err);
/* Another kernel in the template's place. RAMDISK NULL: the template's stays.
 * PARAMETERS, NULL for none, come behind its own. */
int domlet_template_boot(struct domlet_template *t, const char *kernel, const char *ramdisk, const char *parameters,
			 struct domlet_error *err);
void domlet_template_free(struct domlet_template *t);

struct domlet_domain_spec {
	const char *name, *uuid; /* uuid text of 36 characters */
	const struct domlet_template *tmpl;
	uint64_t memory_kib; /* 0: the template's */
	uint32_t vcpus;      /* 0: the template's, with its spare ones */
	const char *image;   /* of its disk, which is read-only; NULL: none */
	const char *device;  /* what that is called, as in "xvda" */
};

struct domlet_xen_ops { /* callbacks, all on the loop */
	void (*built)(void *user, int rc, uint32_t domid, const struct domlet_error *err);
	void (*unpaused)(void *user, int rc, const struct domlet_error *err);
	void (*paused)(void *user, int rc, const struct domlet_error *err);
	void (*resumed)(void *user, int rc, const struct domlet_error *err);
	void (*destroyed)(void *user, int rc, const struct domlet_error *err);
	void (*shutdown)(void *user, uint32_t reason); /* domain shut itself down: libxl_shutdown_reason */
	void (*vanished)(void *user);                  /* domain is gone though we didn't ask */
	void (*ring_ready)(void *user, const struct domlet_ring_offer *offer);
	void (*disaster)(void *user, const char *what);
	void (*attached)(void *user, uint32_t tag, int rc, const struct domlet_error *err);
	void (*detached)(void *user, uint32_t tag, int rc, const struct domlet_error *err);
	void (*nic_added)(void *user, uint32_t number, int rc, const struct domlet_error *err);
	void (*nic_removed)(void *user, uint32_t number, int rc, const struct domlet_error *err);
	void (*resized)(void *user, int rc, const struct domlet_error *err);
};

/* Errors: not a dom0, xenstored gone, …: sentences with what to do. */
int domlet_xen_open(struct uv_loop_s *loop, const struct domlet_xen_ops *ops, void *user, struct domlet_xen **xen,
		    struct domlet_error *err);
/* Closes libxl and all loop handles; the loop must run once more. */
void domlet_xen_close(struct domlet_xen *xen);

int domlet_xen_build(struct domlet_xen *xen, const struct domlet_domain_spec *spec, struct domlet_error *err);
/* Ends a build that libxl has not begun, as others are in its way; built() says so. */
void domlet_xen_build_cancel(struct domlet_xen *xen);
int domlet_xen_unpause(struct domlet_xen *xen, struct domlet_error *err); /* also arms death and ring watches */
/* Of one that runs. */
int domlet_xen_pause(struct domlet_xen *xen, struct domlet_error *err);
int domlet_xen_resume(struct domlet_xen *xen, struct domlet_error *err);
/* What is under way with disks ends first, and its callbacks come before destroyed(). */
int domlet_xen_destroy(struct domlet_xen *xen, struct domlet_error *err);

/* Further disks of a domain that was built: each TAG (0 to DOMLET_CONTAINER_MAX - 1, the
 * container's number) has one, with one operation at a time (-EBUSY); those of several tags may
 * be under way at once. IMAGE is a file, read-only; DEVICE its name in the guest, as in
 * "xvdb". attached() means that dom0 has done its part: the guest finds the disk soon
 * afterwards. If it has failed, nothing of the disk is left. detached() comes within about
 * 20 s, whatever the guest does, and with 0 also when there was no such disk. A domain's end
 * takes all its disks along; -ESRCH then. */
int domlet_xen_disk_attach(struct domlet_xen *xen, uint32_t tag, const char *image, const char *device,
			   struct domlet_error *err);
int domlet_xen_disk_detach(struct domlet_xen *xen, uint32_t tag, const char *device, struct domlet_error *err);

/* The vifs of a domain that was built, whether its guest runs or not, by their NUMBERs (0 to DOMLET_XEN_NICS_MAX - 1);
 * with the same promises as the disks. When one is added, dom0 has the device vifDOMID.NUMBER, in the
 * network namespace of libxl's process. */
int domlet_xen_nic_add(struct domlet_xen *xen, uint32_t number, const uint8_t mac[6], struct domlet_error *err);
int domlet_xen_nic_remove(struct domlet_xen *xen, uint32_t number, struct domlet_error *err);

/* Of a domain whose guest runs: so much memory and so many processors from now on, each within
 * what the template allows; 0 is what it was built with. resized() comes when a guest that is
 * to grow has done so, and at once when it is to shrink, which it does in the background.
 * A call while one is under way changes what that is to reach: resized() comes once for both.
 * -ENOMEM: Xen has not so much, and nothing has changed. resized() with -ETIMEDOUT: the guest
 * took nothing more for ten seconds, or not all in a minute; it may still. */
int domlet_xen_resize(struct domlet_xen *xen, uint64_t memory_kib, uint32_t vcpus, struct domlet_error *err);

/* Of a domain that was built: its share of the processors (schedule.h). */
int domlet_xen_schedule(struct domlet_xen *xen, uint32_t weight, int cap, struct domlet_error *err);

/* Publishes seed and container node N (PROTOCOL.md), one transaction, owner
 * dom0, readable by the guest only. DOCUMENT may be NULL when it goes over
 * the ring: then length and hash only. */
int domlet_xen_publish(struct domlet_xen *xen, uint32_t n, const char *id, uint64_t generation, const char *document,
		       size_t len, const uint8_t sha256[32], struct domlet_error *err);
int domlet_xen_forget_seed(struct domlet_xen *xen);

/* Blocking, for verbs that clean up after a dead monitor; no loop needed.
 * 0 also when no such domain exists: what libxl may have left of DOMID, which
 * it had (DOMLET_XEN_NO_DOMID: unknown), is removed then. */
int domlet_xen_destroy_uuid(const char *uuid, uint32_t domid, struct domlet_error *err);
/* Whether this host can run PVH (HVM with HAP). */
bool domlet_xen_has_hvm(void);
/* 0 when xenstored is there; waits ten seconds at most. */
int domlet_xen_store_check(struct domlet_error *err);

#endif
