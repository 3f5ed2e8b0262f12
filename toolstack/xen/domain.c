/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "host.h"
#include "schedule.h"

/* What the owner is told, on a turn of the loop's own. */

static void tell_built(void *user)
{
	struct domlet_xen *xen = user;

	xen->ops->built(xen->user, xen->build.rc, xen->domid, &xen->build.err);
}

static void tell_unpaused(void *user)
{
	struct domlet_xen *xen = user;

	xen->ops->unpaused(xen->user, xen->unpause.rc, &xen->unpause.err);
}

static void tell_paused(void *user)
{
	struct domlet_xen *xen = user;

	xen->ops->paused(xen->user, xen->pause.rc, &xen->pause.err);
}

static void tell_resumed(void *user)
{
	struct domlet_xen *xen = user;

	xen->ops->resumed(xen->user, xen->resume.rc, &xen->resume.err);
}

static void tell_resized(void *user)
{
	struct domlet_xen *xen = user;

	xen->ops->resized(xen->user, xen->resize.rc, &xen->resize.err);
}

static void tell_destroyed(void *user)
{
	struct domlet_xen *xen = user;

	xen->ops->destroyed(xen->user, xen->destroy.rc, &xen->destroy.err);
}

static void tell_shut_down(void *user)
{
	struct domlet_xen *xen = user;

	xen->ops->shutdown(xen->user, xen->shutdown_reason);
}

static void tell_vanished(void *user)
{
	struct domlet_xen *xen = user;

	xen->ops->vanished(xen->user);
}

static void tell_ring_ready(void *user)
{
	struct domlet_xen *xen = user;

	xen->ops->ring_ready(xen->user, &xen->offer.offer);
}

static void tell_disaster(void *user)
{
	struct domlet_xen *xen = user;

	xen->ops->disaster(xen->user, xen->disaster_text);
}

static void tell_attached(void *user)
{
	struct domlet_xen_slot *slot = user;

	slot->xen->ops->attached(slot->xen->user, slot->tag, slot->disk.rc, &slot->disk.err);
}

static void tell_detached(void *user)
{
	struct domlet_xen_slot *slot = user;

	slot->xen->ops->detached(slot->xen->user, slot->tag, slot->disk.rc, &slot->disk.err);
}

static void tell_nic_added(void *user)
{
	struct domlet_xen_nic_slot *slot = user;

	slot->xen->ops->nic_added(slot->xen->user, slot->nic.number, slot->nic.rc, &slot->nic.err);
}

static void tell_nic_removed(void *user)
{
	struct domlet_xen_nic_slot *slot = user;

	slot->xen->ops->nic_removed(slot->xen->user, slot->nic.number, slot->nic.rc, &slot->nic.err);
}

/* From nothing to a built domain */

static void on_event(void *user, const libxl_event *event);
static void on_disaster(void *user, const char *what);
static void on_closed(void *user);
static void on_built(void *user);
static void on_unpaused(void *user);
static void on_paused(void *user);
static void on_resumed(void *user);
static void on_offer(void *user);
static void on_store_lost(void *user);
static void on_disk_done(void *user);
static void on_nic_done(void *user);
static void on_resized(void *user);
static void on_destroyed(void *user);
static void destroy_when_quiet(struct domlet_xen *xen);

static void init(struct domlet_xen *xen)
{
	struct domlet_xen_loop *loop = &xen->loop;
	struct domlet_xen_store *store = &xen->store;

	xen->domid = DOMLET_XEN_NO_DOMID;
	loop->user = xen;
	loop->event = on_event;
	loop->disaster = on_disaster;
	loop->closed = on_closed;
	xen->build = (struct domlet_xen_build){ .loop = loop, .store = store, .done = on_built, .user = xen };
	xen->unpause = (struct domlet_xen_unpause){
		.loop = loop, .what = "can't start the domain", .done = on_unpaused, .user = xen
	};
	xen->pause = (struct domlet_xen_pause){ .loop = loop, .done = on_paused, .user = xen };
	xen->resume = (struct domlet_xen_unpause){
		.loop = loop, .what = "can't resume the domain", .done = on_resumed, .user = xen
	};
	xen->destroy = (struct domlet_xen_destroy){ .loop = loop, .store = store, .done = on_destroyed, .user = xen };
	xen->resize = (struct domlet_xen_resize){ .loop = loop, .done = on_resized, .user = xen };
	xen->offer = (struct domlet_xen_offer){ .store = store, .done = on_offer, .lost = on_store_lost, .user = xen };
	domlet_xen_build_init(&xen->build);
	domlet_xen_destroy_init(&xen->destroy);
	domlet_xen_resize_init(&xen->resize);
	xen->built.deliver = tell_built;
	xen->unpaused.deliver = tell_unpaused;
	xen->paused.deliver = tell_paused;
	xen->resumed.deliver = tell_resumed;
	xen->resized.deliver = tell_resized;
	xen->destroyed.deliver = tell_destroyed;
	xen->shut_down.deliver = tell_shut_down;
	xen->vanished.deliver = tell_vanished;
	xen->ring_ready.deliver = tell_ring_ready;
	xen->disaster.deliver = tell_disaster;
}

int domlet_xen_open(struct uv_loop_s *loop, const struct domlet_xen_ops *ops, void *user, struct domlet_xen **out,
		    struct domlet_error *err)
{
	struct domlet_xen *xen;
	int rc = domlet_xen_check_host(err);

	*out = NULL;
	if (rc)
		return rc;
	xen = calloc(1, sizeof(*xen));
	if (!xen)
		return domlet_error_set(err, ENOMEM, "out of memory");
	xen->ops = ops;
	xen->user = user;
	xen->loop.uv = loop;
	init(xen);
	/* The store first: its sentence about a missing xenstored is clearer
	 * than libxl's. */
	rc = domlet_xen_store_open(&xen->store, &xen->loop, err);
	if (!rc)
		rc = domlet_xen_loop_open(&xen->loop, err);
	if (rc) {
		domlet_xen_close(xen);
		return rc;
	}
	*out = xen;
	return 0;
}

int domlet_xen_build(struct domlet_xen *xen, const struct domlet_domain_spec *spec, struct domlet_error *err)
{
	domlet_xen_size(spec, &xen->resize.built);
	return domlet_xen_build_start(&xen->build, spec, err);
}

void domlet_xen_build_cancel(struct domlet_xen *xen)
{
	domlet_xen_build_stop(&xen->build);
}

static int watch_for_end(struct domlet_xen *xen)
{
	int rc = libxl_evenable_domain_death(xen->loop.ctx, xen->domid, 0, &xen->death);

	if (rc)
		xen->death = NULL;
	return rc;
}

static void on_built(void *user)
{
	struct domlet_xen *xen = user;

	xen->domid = xen->build.domid;
	if (xen->build.rc == 0)
		(void)watch_for_end(xen); /* unpause tries again and reports */
	domlet_xen_loop_post(&xen->loop, &xen->built);
	destroy_when_quiet(xen);
}

/* Its guest runs */

int domlet_xen_unpause(struct domlet_xen *xen, struct domlet_error *err)
{
	int rc;

	if (xen->domid == DOMLET_XEN_NO_DOMID || xen->gone)
		return domlet_error_set(err, ESRCH, "can't start the domain: it is gone");
	domlet_xen_log_clear(&xen->loop.log);
	rc = xen->death ? 0 : watch_for_end(xen);
	if (rc)
		return domlet_xen_log_error(&xen->loop.log, err, rc, "can't watch for the domain's end");
	rc = domlet_xen_offer_start(&xen->offer, xen->domid, err);
	return rc ? rc : domlet_xen_unpause_start(&xen->unpause, xen->domid, err);
}

static void on_unpaused(void *user)
{
	struct domlet_xen *xen = user;

	domlet_xen_loop_post(&xen->loop, &xen->unpaused);
}

static bool is_ending(const struct domlet_xen *xen)
{
	return xen->domid == DOMLET_XEN_NO_DOMID || xen->gone || xen->destroying;
}

int domlet_xen_pause(struct domlet_xen *xen, struct domlet_error *err)
{
	if (is_ending(xen))
		return domlet_error_set(err, ESRCH, "can't pause the domain: it is gone");
	return domlet_xen_pause_start(&xen->pause, xen->domid, err);
}

static void on_paused(void *user)
{
	struct domlet_xen *xen = user;

	domlet_xen_loop_post(&xen->loop, &xen->paused);
}

int domlet_xen_resume(struct domlet_xen *xen, struct domlet_error *err)
{
	if (is_ending(xen))
		return domlet_error_set(err, ESRCH, "can't resume the domain: it is gone");
	return domlet_xen_unpause_start(&xen->resume, xen->domid, err);
}

static void on_resumed(void *user)
{
	struct domlet_xen *xen = user;

	domlet_xen_loop_post(&xen->loop, &xen->resumed);
}

int domlet_xen_resize(struct domlet_xen *xen, uint64_t memory_kib, uint32_t vcpus, struct domlet_error *err)
{
	if (is_ending(xen))
		return domlet_error_set(err, ESRCH, "can't change the domain's size: it is gone");
	return domlet_xen_resize_start(&xen->resize, xen->domid, memory_kib, vcpus, err);
}

int domlet_xen_schedule(struct domlet_xen *xen, uint32_t weight, int cap, struct domlet_error *err)
{
	if (is_ending(xen))
		return domlet_error_set(err, ESRCH, "can't change the domain's share of the processors: it is gone");
	return domlet_xen_schedule_set(&xen->loop, xen->domid, weight, cap, err);
}

static void on_resized(void *user)
{
	struct domlet_xen *xen = user;

	domlet_xen_loop_post(&xen->loop, &xen->resized);
	destroy_when_quiet(xen);
}

/* Its later disks */

static int find_slot(struct domlet_xen *xen, uint32_t tag, struct domlet_xen_slot **out, struct domlet_error *err)
{
	struct domlet_xen_slot *slot;

	if (tag >= DOMLET_CONTAINER_MAX)
		return domlet_error_set(err, EINVAL, "a domain has %u containers at most, and there is no number %u",
					DOMLET_CONTAINER_MAX, tag);
	if (!xen->slots[tag]) {
		slot = calloc(1, sizeof(*slot));
		if (!slot)
			return domlet_error_set(err, ENOMEM, "out of memory");
		slot->xen = xen;
		slot->tag = tag;
		slot->disk = (struct domlet_xen_disk){
			.loop = &xen->loop, .store = &xen->store, .done = on_disk_done, .user = slot
		};
		slot->attached = (struct domlet_xen_post){ .deliver = tell_attached, .user = slot };
		slot->detached = (struct domlet_xen_post){ .deliver = tell_detached, .user = slot };
		domlet_xen_disk_init(&slot->disk);
		xen->slots[tag] = slot;
	}
	*out = xen->slots[tag];
	return 0;
}

int domlet_xen_disk_attach(struct domlet_xen *xen, uint32_t tag, const char *image, const char *device,
			   struct domlet_error *err)
{
	struct domlet_xen_slot *slot;
	int rc;

	if (is_ending(xen))
		return domlet_error_set(err, ESRCH, "can't attach the disk %s: the domain is gone", device);
	rc = find_slot(xen, tag, &slot, err);
	return rc ? rc : domlet_xen_disk_attach_start(&slot->disk, xen->domid, image, device, err);
}

int domlet_xen_disk_detach(struct domlet_xen *xen, uint32_t tag, const char *device, struct domlet_error *err)
{
	struct domlet_xen_slot *slot;
	int rc;

	if (is_ending(xen))
		return domlet_error_set(err, ESRCH, "can't detach the disk %s: the domain is gone", device);
	rc = find_slot(xen, tag, &slot, err);
	return rc ? rc : domlet_xen_disk_detach_start(&slot->disk, xen->domid, device, err);
}

static void on_disk_done(void *user)
{
	struct domlet_xen_slot *slot = user;
	struct domlet_xen *xen = slot->xen;

	domlet_xen_loop_post(&xen->loop, slot->disk.attaching ? &slot->attached : &slot->detached);
	destroy_when_quiet(xen);
}

/* Its vifs */

static int find_nic(struct domlet_xen *xen, uint32_t number, struct domlet_xen_nic_slot **out, struct domlet_error *err)
{
	struct domlet_xen_nic_slot *slot;

	if (number >= DOMLET_XEN_NICS_MAX)
		return domlet_error_set(err, EINVAL, "a domain has %u vifs at most, and there is no number %u",
					DOMLET_XEN_NICS_MAX, number);
	if (!xen->nics[number]) {
		slot = calloc(1, sizeof(*slot));
		if (!slot)
			return domlet_error_set(err, ENOMEM, "out of memory");
		slot->xen = xen;
		slot->nic = (struct domlet_xen_nic){
			.loop = &xen->loop, .store = &xen->store, .done = on_nic_done, .user = slot, .number = number
		};
		slot->added = (struct domlet_xen_post){ .deliver = tell_nic_added, .user = slot };
		slot->removed = (struct domlet_xen_post){ .deliver = tell_nic_removed, .user = slot };
		domlet_xen_nic_init(&slot->nic);
		xen->nics[number] = slot;
	}
	*out = xen->nics[number];
	return 0;
}

int domlet_xen_nic_add(struct domlet_xen *xen, uint32_t number, const uint8_t mac[6], struct domlet_error *err)
{
	struct domlet_xen_nic_slot *slot;
	int rc;

	if (is_ending(xen))
		return domlet_error_set(err, ESRCH, "can't add the vif %u: the domain is gone", number);
	rc = find_nic(xen, number, &slot, err);
	return rc ? rc : domlet_xen_nic_add_start(&slot->nic, xen->domid, mac, err);
}

int domlet_xen_nic_remove(struct domlet_xen *xen, uint32_t number, struct domlet_error *err)
{
	struct domlet_xen_nic_slot *slot;
	int rc;

	if (is_ending(xen))
		return domlet_error_set(err, ESRCH, "can't remove the vif %u: the domain is gone", number);
	rc = find_nic(xen, number, &slot, err);
	return rc ? rc : domlet_xen_nic_remove_start(&slot->nic, xen->domid, err);
}

static void on_nic_done(void *user)
{
	struct domlet_xen_nic_slot *slot = user;
	struct domlet_xen *xen = slot->xen;

	domlet_xen_loop_post(&xen->loop, slot->nic.adding ? &slot->added : &slot->removed);
	destroy_when_quiet(xen);
}

/* What it offers, and what goes wrong beside it */

static void on_offer(void *user)
{
	struct domlet_xen *xen = user;

	if (xen->offer.rc)
		on_disaster(xen, xen->offer.err.text);
	else
		domlet_xen_loop_post(&xen->loop, &xen->ring_ready);
}

static void on_store_lost(void *user)
{
	on_disaster(
		user,
		"the connection to xenstored has ended: it has died, and with it what Xen's toolstack knew of the domains; restart this host");
}

static void on_disaster(void *user, const char *what)
{
	struct domlet_xen *xen = user;

	(void)snprintf(xen->disaster_text, sizeof(xen->disaster_text), "%s", what);
	domlet_xen_loop_post(&xen->loop, &xen->disaster);
}

/* Its end */

static void on_event(void *user, const libxl_event *event)
{
	struct domlet_xen *xen = user;

	if (event->domid != xen->domid || xen->gone)
		return;
	if (event->type == LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN) {
		xen->shutdown_reason = event->u.domain_shutdown.shutdown_reason;
		domlet_xen_loop_post(&xen->loop, &xen->shut_down);
	} else if (event->type == LIBXL_EVENT_TYPE_DOMAIN_DEATH && !xen->destroying) {
		xen->gone = true;
		domlet_xen_store_sweep(xen->store.xs, xen->domid); /* whoever destroyed it may have left a disk */
		domlet_xen_loop_post(&xen->loop, &xen->vanished);
	}
}

int domlet_xen_destroy(struct domlet_xen *xen, struct domlet_error *err)
{
	if (xen->destroying)
		return domlet_error_set(err, EALREADY, "the domain is being destroyed already");
	domlet_xen_build_stop(&xen->build);
	xen->destroying = true;
	/* The end of the last of these goes on with this. */
	if (domlet_xen_build_runs(&xen->build))
		domlet_xen_build_abort(&xen->build);
	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (xen->slots[i])
			domlet_xen_disk_stop(&xen->slots[i]->disk);
	for (size_t i = 0; i < DOMLET_XEN_NICS_MAX; i++)
		if (xen->nics[i])
			domlet_xen_nic_stop(&xen->nics[i]->nic);
	domlet_xen_resize_stop(&xen->resize);
	destroy_when_quiet(xen);
	return 0;
}

static bool is_quiet(const struct domlet_xen *xen)
{
	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (xen->slots[i] && domlet_xen_disk_runs(&xen->slots[i]->disk))
			return false;
	for (size_t i = 0; i < DOMLET_XEN_NICS_MAX; i++)
		if (xen->nics[i] && domlet_xen_nic_runs(&xen->nics[i]->nic))
			return false;
	return !domlet_xen_build_runs(&xen->build) && !domlet_xen_resize_runs(&xen->resize);
}

static void destroy_when_quiet(struct domlet_xen *xen)
{
	if (!xen->destroying || xen->destroy_begun || !is_quiet(xen))
		return;
	xen->destroy_begun = true;
	domlet_xen_destroy_start(&xen->destroy, xen->domid, xen->gone);
}

static void on_destroyed(void *user)
{
	struct domlet_xen *xen = user;

	xen->destroying = xen->destroy_begun = false;
	if (xen->destroy.rc == 0)
		xen->gone = true;
	domlet_xen_loop_post(&xen->loop, &xen->destroyed);
}

void domlet_xen_close(struct domlet_xen *xen)
{
	if (!xen || xen->loop.is_closed)
		return;
	if (xen->death && xen->loop.ctx && !xen->loop.under_way)
		libxl_evdisable_domain_death(xen->loop.ctx, xen->death);
	xen->death = NULL;
	domlet_xen_build_close(&xen->build);
	domlet_xen_destroy_close(&xen->destroy);
	domlet_xen_resize_close(&xen->resize);
	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		if (xen->slots[i])
			domlet_xen_disk_close(&xen->slots[i]->disk);
	for (size_t i = 0; i < DOMLET_XEN_NICS_MAX; i++)
		if (xen->nics[i])
			domlet_xen_nic_close(&xen->nics[i]->nic);
	domlet_xen_store_close(&xen->store);
	domlet_xen_loop_close(&xen->loop);
}

static void on_closed(void *user)
{
	struct domlet_xen *xen = user;

	for (size_t i = 0; i < DOMLET_CONTAINER_MAX; i++)
		free(xen->slots[i]);
	for (size_t i = 0; i < DOMLET_XEN_NICS_MAX; i++)
		free(xen->nics[i]);
	free(xen);
}
