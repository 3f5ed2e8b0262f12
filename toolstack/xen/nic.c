// SPDX-License-Identifier: GPL-2.0-or-later
#include "nic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOTPLUG_PROGRAM "/usr/lib/domlet/domlet-hotplug"
#define PATIENCE_MS 10000u /* as libxl has with a guest that doesn't let go */
#define LOOK_MS 20u
#define CONNECTED 4 /* xen/include/public/io/xenbus.h: XenbusStateConnected */

void domlet_xen_nic_init(struct domlet_xen_nic *nic)
{
	domlet_xen_turn_init(&nic->turn, nic->loop);
	(void)uv_timer_init(nic->loop->uv, &nic->connects); /* which can't fail */
	domlet_xen_loop_hold(nic->loop, (uv_handle_t *)&nic->connects, nic);
}

bool domlet_xen_nic_runs(const struct domlet_xen_nic *nic)
{
	return nic->busy;
}

static void add_now(void *user);
static void on_added(libxl_ctx *ctx, int rc, void *user);
static void on_cleaned(libxl_ctx *ctx, int rc, void *user);
static void remove_when_connected(struct domlet_xen_nic *nic);
static void on_removed(libxl_ctx *ctx, int rc, void *user);
static void on_forced(libxl_ctx *ctx, int rc, void *user);
static void finish(struct domlet_xen_nic *nic);

static int begin(struct domlet_xen_nic *nic, uint32_t domid, bool adding, struct domlet_error *err)
{
	if (nic->busy)
		return domlet_error_set(err, EBUSY, "the vif %u of the domain is being %s", nic->number,
					nic->adding ? "added" : "removed");
	nic->domid = domid;
	nic->adding = adding;
	nic->busy = true;
	nic->then = NULL;
	nic->stopped = false;
	return 0;
}

static int fail(struct domlet_xen_nic *nic, struct domlet_error *err, int rc)
{
	char what[64];

	if (rc == ERROR_ABORTED || nic->stopped)
		return domlet_error_set(err, ECANCELED, "the vif %u isn't %s any more: its domain ends", nic->number,
					nic->adding ? "added" : "removed");
	(void)snprintf(what, sizeof(what), "can't %s the domain's vif %u", nic->adding ? "add" : "remove", nic->number);
	return domlet_xen_log_error(&nic->loop->log, err, rc, what);
}

static int describe(const struct domlet_xen_nic *nic, libxl_device_nic *description)
{
	description->backend_domid = 0;
	description->devid = (libxl_devid)nic->number;
	description->nictype = LIBXL_NIC_TYPE_VIF;
	memcpy(description->mac, nic->mac, sizeof(nic->mac));
	description->script = strdup(HOTPLUG_PROGRAM);
	return description->script ? 0 : -ENOMEM;
}

/* One call of libxl, whose callback may come from inside it. */
static void call(struct domlet_xen_nic *nic,
		 int (*function)(libxl_ctx *ctx, uint32_t domid, libxl_device_nic *nic, const libxl_asyncop_how *how),
		 void (*then)(libxl_ctx *ctx, int rc, void *user))
{
	struct domlet_xen_loop *loop = nic->loop;
	libxl_asyncop_how how = { .callback = then, .u.for_callback = nic };
	libxl_device_nic description;
	int rc = ERROR_NOMEM;

	/* The log holds what other operations that are under way have said, too. */
	if (!loop->under_way)
		domlet_xen_log_clear(&loop->log);
	loop->under_way++;
	nic->then = then;
	libxl_device_nic_init(&description);
	if (describe(nic, &description) == 0)
		rc = function(loop->ctx, nic->domid, &description, &how);
	libxl_device_nic_dispose(&description); /* libxl has copied what it needs */
	if (rc)
		then(loop->ctx, rc, nic);
}

/* Adding: dom0 waits for netback and domlet-hotplug, and not for the guest, which finds
 * the device later. */

int domlet_xen_nic_add_start(struct domlet_xen_nic *nic, uint32_t domid, const uint8_t mac[6], struct domlet_error *err)
{
	int rc = begin(nic, domid, true, err);

	if (rc)
		return rc;
	memcpy(nic->mac, mac, sizeof(nic->mac));
	domlet_xen_turn_wait(&nic->turn, add_now, nic);
	return 0;
}

static void add_now(void *user)
{
	call(user, libxl_device_nic_add, on_added);
}

static void on_added(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen_nic *nic = user;

	(void)ctx;
	nic->loop->under_way--;
	nic->rc = rc ? fail(nic, &nic->err, rc) : 0;
	/* libxl leaves what it has made of a vif. One that exists isn't ours; the end of a
	 * domain removes all. */
	if (rc == 0 || rc == ERROR_DEVICE_EXISTS || nic->stopped)
		finish(nic);
	else
		call(nic, libxl_device_nic_destroy, on_cleaned);
}

static void on_cleaned(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen_nic *nic = user;

	(void)ctx, (void)rc; /* why it was to be removed is what counts */
	nic->loop->under_way--;
	finish(nic);
}

/* Removing: as with a disk (disk.c), libxl gives the guest ten seconds, no turn is taken, and
 * a guest that is about to connect is waited for, as netback would write over libxl's word that the vif goes. */

int domlet_xen_nic_remove_start(struct domlet_xen_nic *nic, uint32_t domid, struct domlet_error *err)
{
	int rc = begin(nic, domid, false, err);

	if (rc)
		return rc;
	uv_update_time(nic->loop->uv);
	nic->deadline_ms = uv_now(nic->loop->uv) + PATIENCE_MS;
	remove_when_connected(nic);
	return 0;
}

/* By the state that dom0's end of it has: the guest's is the guest's to write. */
static bool is_connecting(const struct domlet_xen_nic *nic)
{
	unsigned int len;
	char path[64], *state;
	bool connecting;

	(void)snprintf(path, sizeof(path), "/local/domain/0/backend/vif/%u/%u/state", nic->domid, nic->number);
	state = xs_read(nic->store->xs, XBT_NULL, path, &len);
	connecting = state && strtoul(state, NULL, 10) < CONNECTED;
	free(state);
	return connecting;
}

static void on_look(uv_timer_t *timer)
{
	remove_when_connected(timer->data);
}

static void remove_when_connected(struct domlet_xen_nic *nic)
{
	if (!is_connecting(nic))
		call(nic, libxl_device_nic_remove, on_removed);
	else if (uv_now(nic->loop->uv) < nic->deadline_ms)
		(void)uv_timer_start(&nic->connects, on_look, LOOK_MS, 0);
	else
		call(nic, libxl_device_nic_destroy, on_forced);
}

static void on_removed(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen_nic *nic = user;

	(void)ctx;
	nic->loop->under_way--;
	if (rc && !nic->stopped) {
		call(nic, libxl_device_nic_destroy, on_forced);
		return;
	}
	nic->rc = rc ? fail(nic, &nic->err, rc) : 0;
	finish(nic);
}

static void on_forced(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen_nic *nic = user;

	(void)ctx;
	nic->loop->under_way--;
	nic->rc = rc ? fail(nic, &nic->err, rc) : 0;
	finish(nic);
}

/* The end of both */

static void finish(struct domlet_xen_nic *nic)
{
	domlet_xen_turn_end(&nic->turn);
	(void)uv_timer_stop(&nic->connects);
	nic->busy = false;
	nic->done(nic->user);
}

void domlet_xen_nic_stop(struct domlet_xen_nic *nic)
{
	libxl_asyncop_how how = { .callback = nic->then, .u.for_callback = nic };

	if (!nic->busy)
		return;
	nic->stopped = true;
	if (nic->then == on_forced || nic->then == on_cleaned)
		return; /* which waits for no guest, and leaves nothing for the domain's end */
	if (!domlet_xen_turn_waits(&nic->turn) && !uv_is_active((uv_handle_t *)&nic->connects)) {
		(void)libxl_ao_abort(nic->loop->ctx, &how); /* it may be too late for that */
		return;
	}
	nic->rc = fail(nic, &nic->err, ERROR_ABORTED);
	finish(nic);
}

void domlet_xen_nic_close(struct domlet_xen_nic *nic)
{
	domlet_xen_turn_close(&nic->turn);
	domlet_xen_loop_drop(nic->loop, (uv_handle_t *)&nic->connects);
}
