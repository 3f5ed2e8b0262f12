/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"

/* What a domain costs Xen beside its memory: page tables, structures. */
#define MEMORY_OVERHEAD_KIB 4096u

static int check_file(const char *what, const char *path, const char *template_path, struct domlet_error *err)
{
	if (!path || access(path, R_OK) == 0)
		return 0;
	int code = errno;

	return domlet_error_set(
		err, code,
		"can't read the guest %s %s: %s; build it with images/kernel.sh and images/initrd.sh and install it there, or name another one in %s",
		what, path, domlet_strerror(code), template_path ? template_path : "the template");
}

static int check_memory(struct domlet_xen *xen, uint64_t need_kib, struct domlet_error *err)
{
	libxl_physinfo info;
	uint64_t free_kib;

	libxl_physinfo_init(&info);
	if (libxl_get_physinfo(xen->ctx, &info)) {
		libxl_physinfo_dispose(&info);
		return 0; /* the build will say it better */
	}
	free_kib = (info.free_pages + info.scrub_pages) * 4;
	free_kib -= info.outstanding_pages * 4 < free_kib ? info.outstanding_pages * 4 : free_kib;
	libxl_physinfo_dispose(&info);
	if (free_kib >= need_kib + MEMORY_OVERHEAD_KIB)
		return 0;
	return domlet_error_set(
		err, ENOMEM,
		"not enough memory in Xen: the domain needs %llu MiB and %llu MiB are free; stop a domain, lower dom0's (`xl mem-set 0 MIB`), or ask for less",
		(unsigned long long)(need_kib + MEMORY_OVERHEAD_KIB) / 1024, (unsigned long long)free_kib / 1024);
}

static int prepare(struct domlet_xen *xen, const struct domlet_domain_spec *spec, struct domlet_error *err)
{
	const struct domlet_template *t = spec->tmpl;
	int rc = check_file("kernel", t->kernel, t->path, err);

	if (!rc)
		rc = check_file("ramdisk", t->ramdisk, t->path, err);
	if (!rc && spec->image && access(spec->image, R_OK) < 0)
		rc = domlet_error_set(
			err, errno,
			"can't read the image %s of the root file system: %s; was it removed from the cache just now? Try again",
			spec->image, domlet_strerror(errno));
	if (!rc)
		rc = domlet_xen_configure(xen, spec, err);
	return rc ? rc : check_memory(xen, xen->config.b_info.max_memkb, err);
}

static void start_destroy(struct domlet_xen *xen);

/* libxl has destroyed the domain by itself when RC isn't 0. */
static void on_built(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen *xen = user;

	xen->building = false;
	domlet_xen_turn_end(xen);
	if (rc && xen->build_domid != NO_DOMID)
		domlet_xen_store_sweep(xen->store, xen->build_domid);
	if (rc == ERROR_ABORTED) {
		xen->built.rc = domlet_error_set(&xen->built.err, ECANCELED, "the domain's build was stopped");
	} else if (rc) {
		xen->built.rc = domlet_xen_log_error(&xen->log, &xen->built.err, rc, "can't build the domain");
	} else {
		xen->built.rc = 0;
		xen->domid = xen->build_domid;
		if (libxl_evenable_domain_death(ctx, xen->domid, 0, &xen->death))
			xen->death = NULL; /* unpause tries again and reports */
	}
	domlet_xen_post(xen, DOMLET_XEN_BUILT);
	if (xen->destroying)
		start_destroy(xen);
}

static void build_now(struct domlet_xen *xen)
{
	libxl_asyncop_how how = { .callback = on_built, .u.for_callback = xen };
	int rc;

	domlet_xen_log_clear(&xen->log);
	rc = libxl_domain_create_new(xen->ctx, &xen->config, &xen->build_domid, &how, NULL);
	if (rc)
		on_built(xen->ctx, rc, xen);
}

int domlet_xen_build(struct domlet_xen *xen, const struct domlet_domain_spec *spec, struct domlet_error *err)
{
	int rc;

	if (xen->has_config)
		return domlet_error_set(err, EBUSY, "this context has a domain already");
	libxl_domain_config_init(&xen->config);
	xen->has_config = true;
	rc = prepare(xen, spec, err);
	if (rc)
		return rc;
	xen->build_domid = NO_DOMID;
	xen->building = true;
	domlet_xen_turn_wait(xen, build_now);
	return 0;
}

static void on_unpaused(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen *xen = user;

	(void)ctx;
	xen->unpausing = false;
	xen->unpaused.rc = rc ? domlet_xen_log_error(&xen->log, &xen->unpaused.err, rc, "can't start the domain") : 0;
	domlet_xen_post(xen, DOMLET_XEN_UNPAUSED);
}

int domlet_xen_unpause(struct domlet_xen *xen, struct domlet_error *err)
{
	libxl_asyncop_how how = { .callback = on_unpaused, .u.for_callback = xen };
	int rc;

	if (xen->domid == NO_DOMID || xen->gone)
		return domlet_error_set(err, ESRCH, "can't start the domain: it is gone");
	domlet_xen_log_clear(&xen->log);
	if (!xen->death) {
		rc = libxl_evenable_domain_death(xen->ctx, xen->domid, 0, &xen->death);
		if (rc) {
			xen->death = NULL;
			return domlet_xen_log_error(&xen->log, err, rc, "can't watch for the domain's end");
		}
	}
	rc = domlet_xen_store_watch(xen, err);
	if (rc)
		return rc;
	xen->unpausing = true;
	rc = libxl_domain_unpause(xen->ctx, xen->domid, &how);
	if (rc) {
		xen->unpausing = false;
		return domlet_xen_log_error(&xen->log, err, rc, "can't start the domain");
	}
	return 0;
}

static void finish_destroy(struct domlet_xen *xen, int rc)
{
	xen->destroying = false;
	domlet_xen_turn_end(xen);
	/* Someone else was faster. */
	if (rc == ERROR_DOMAIN_NOTFOUND || rc == ERROR_DOMAIN_DESTROYED)
		rc = 0;
	if (!rc && xen->domid != NO_DOMID)
		domlet_xen_store_sweep(xen->store, xen->domid);
	if (!rc)
		xen->gone = true;
	xen->destroyed.rc = rc ? domlet_xen_log_error(&xen->log, &xen->destroyed.err, rc, "can't destroy the domain") :
				 0;
	domlet_xen_post(xen, DOMLET_XEN_DESTROYED);
}

static void on_destroyed(libxl_ctx *ctx, int rc, void *user)
{
	(void)ctx;
	finish_destroy(user, rc);
}

static void destroy_now(struct domlet_xen *xen)
{
	libxl_asyncop_how how = { .callback = on_destroyed, .u.for_callback = xen };
	int rc;

	domlet_xen_log_clear(&xen->log);
	rc = libxl_domain_destroy(xen->ctx, xen->domid, &how);
	if (rc)
		finish_destroy(xen, rc);
}

static void on_paused(libxl_ctx *ctx, int rc, void *user)
{
	(void)ctx, (void)rc, (void)user; /* it is destroyed soon, running or not */
}

static void start_destroy(struct domlet_xen *xen)
{
	libxl_asyncop_how how = { .callback = on_paused, .u.for_callback = xen };

	if (xen->domid == NO_DOMID || xen->gone) {
		finish_destroy(xen, 0);
		return;
	}
	domlet_xen_turn_wait(xen, destroy_now);
	if (domlet_xen_turn_waits(xen)) /* what must end does nothing meanwhile; libxl has done it when this returns */
		(void)libxl_domain_pause(xen->ctx, xen->domid, &how);
}

void domlet_xen_build_cancel(struct domlet_xen *xen)
{
	if (xen->building && domlet_xen_turn_waits(xen))
		on_built(xen->ctx, ERROR_ABORTED, xen);
}

int domlet_xen_destroy(struct domlet_xen *xen, struct domlet_error *err)
{
	if (xen->destroying)
		return domlet_error_set(err, EALREADY, "the domain is being destroyed already");
	domlet_xen_build_cancel(xen);
	xen->destroying = true;
	if (xen->building) { /* its end goes on with this */
		libxl_asyncop_how how = { .callback = on_built, .u.for_callback = xen };

		libxl_ao_abort(xen->ctx, &how);
		return 0;
	}
	start_destroy(xen);
	return 0;
}

void domlet_xen_domain_event(struct domlet_xen *xen, const libxl_event *event)
{
	if (event->domid != xen->domid || xen->gone)
		return;
	if (event->type == LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN) {
		xen->shutdown_reason = event->u.domain_shutdown.shutdown_reason;
		domlet_xen_post(xen, DOMLET_XEN_SHUTDOWN);
	} else if (event->type == LIBXL_EVENT_TYPE_DOMAIN_DEATH && !xen->destroying) {
		xen->gone = true;
		domlet_xen_store_sweep(xen->store, xen->domid); /* whoever destroyed it may have left a disk */
		domlet_xen_post(xen, DOMLET_XEN_VANISHED);
	}
}

void domlet_xen_domain_close(struct domlet_xen *xen)
{
	bool busy;

	if (domlet_xen_turn_waits(xen)) /* libxl does not know of it yet */
		xen->building = xen->destroying = false;
	domlet_xen_turn_end(xen);
	busy = xen->building || xen->unpausing || xen->destroying;
	if (xen->death && xen->ctx && !busy)
		libxl_evdisable_domain_death(xen->ctx, xen->death);
	xen->death = NULL;
	if (xen->has_config && !busy)
		libxl_domain_config_dispose(&xen->config);
	xen->has_config = false;
}
