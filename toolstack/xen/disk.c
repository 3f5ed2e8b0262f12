/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOTPLUG_PROGRAM "/usr/lib/domlet/domlet-hotplug"
#define PATIENCE_MS 10000u /* as libxl has with a guest that doesn't let go */
#define LOOK_MS 20u
#define CONNECTED 4 /* xen/include/public/io/xenbus.h: XenbusStateConnected */

int domlet_xen_disk_configure(libxl_device_disk *disk, const char *image, const char *device, struct domlet_error *err)
{
	disk->backend = LIBXL_DISK_BACKEND_PHY;
	disk->format = LIBXL_DISK_FORMAT_RAW;
	disk->readwrite = 0;
	disk->pdev_path = strdup(image);
	disk->vdev = strdup(device);
	disk->script = strdup(HOTPLUG_PROGRAM);
	if (!disk->pdev_path || !disk->vdev || !disk->script)
		return domlet_error_set(err, ENOMEM, "out of memory");
	return 0;
}

void domlet_xen_disk_init(struct domlet_xen_disk *disk)
{
	domlet_xen_turn_init(&disk->turn, disk->loop);
	(void)uv_timer_init(disk->loop->uv, &disk->connects); /* which can't fail */
	domlet_xen_loop_hold(disk->loop, (uv_handle_t *)&disk->connects, disk);
}

bool domlet_xen_disk_runs(const struct domlet_xen_disk *disk)
{
	return disk->busy;
}

static void attach_now(void *user);
static void on_attached(libxl_ctx *ctx, int rc, void *user);
static void on_cleaned(libxl_ctx *ctx, int rc, void *user);
static void detach_when_connected(struct domlet_xen_disk *disk);
static void on_detached(libxl_ctx *ctx, int rc, void *user);
static void on_forced(libxl_ctx *ctx, int rc, void *user);
static void finish(struct domlet_xen_disk *disk);

static int begin(struct domlet_xen_disk *disk, uint32_t domid, const char *image, const char *device,
		 struct domlet_error *err)
{
	if (disk->busy)
		return domlet_error_set(err, EBUSY, "the disk %s of the domain is being %s", disk->device,
					disk->attaching ? "attached" : "detached");
	if (strlen(image) >= sizeof(disk->image) || strlen(device) >= sizeof(disk->device))
		return domlet_error_set(err, ENAMETOOLONG, "the disk %.20s with the image %.100s has too long a name",
					device, image);
	(void)snprintf(disk->image, sizeof(disk->image), "%s", image);
	(void)snprintf(disk->device, sizeof(disk->device), "%s", device);
	disk->domid = domid;
	disk->busy = true;
	disk->then = NULL;
	disk->stopped = false;
	return 0;
}

static int fail(struct domlet_xen_disk *disk, struct domlet_error *err, int rc)
{
	char what[sizeof(disk->image) + 64];

	if (rc == ERROR_ABORTED || disk->stopped)
		return domlet_error_set(err, ECANCELED, "the disk %s isn't %s any more: its domain ends", disk->device,
					disk->attaching ? "attached" : "detached");
	if (disk->attaching)
		(void)snprintf(what, sizeof(what), "can't attach the image %.200s as the domain's disk %s", disk->image,
			       disk->device);
	else
		(void)snprintf(what, sizeof(what), "can't detach the domain's disk %s", disk->device);
	return domlet_xen_log_error(&disk->loop->log, err, rc, what);
}

/* One call of libxl, whose callback may come from inside it. */
static void call(struct domlet_xen_disk *disk,
		 int (*function)(libxl_ctx *ctx, uint32_t domid, libxl_device_disk *disk, const libxl_asyncop_how *how),
		 void (*then)(libxl_ctx *ctx, int rc, void *user))
{
	struct domlet_xen_loop *loop = disk->loop;
	libxl_asyncop_how how = { .callback = then, .u.for_callback = disk };
	libxl_device_disk description;
	struct domlet_error ignored;
	int rc = ERROR_NOMEM;

	/* The log holds what other operations that are under way have said, too. */
	if (!loop->under_way)
		domlet_xen_log_clear(&loop->log);
	loop->under_way++;
	disk->then = then;
	libxl_device_disk_init(&description);
	if (domlet_xen_disk_configure(&description, disk->image, disk->device, &ignored) == 0)
		rc = function(loop->ctx, disk->domid, &description, &how);
	libxl_device_disk_dispose(&description); /* libxl has copied what it needs */
	if (rc)
		then(loop->ctx, rc, disk);
}

/* Attaching: dom0 waits for blkback and domlet-hotplug, and not for the guest, which finds
 * the disk later. */

int domlet_xen_disk_attach_start(struct domlet_xen_disk *disk, uint32_t domid, const char *image, const char *device,
				 struct domlet_error *err)
{
	int rc;

	if (access(image, R_OK) < 0)
		return domlet_error_set(
			err, errno,
			"can't read the image %s of the root file system: %s; was it removed from the cache just now? Try again",
			image, domlet_strerror(errno));
	rc = begin(disk, domid, image, device, err);
	if (rc)
		return rc;
	disk->attaching = true;
	domlet_xen_turn_wait(&disk->turn, attach_now, disk);
	return 0;
}

static void attach_now(void *user)
{
	call(user, libxl_device_disk_add, on_attached);
}

static void on_attached(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen_disk *disk = user;

	(void)ctx;
	disk->loop->under_way--;
	disk->rc = rc ? fail(disk, &disk->err, rc) : 0;
	/* libxl leaves what it has made of a disk. One that exists isn't ours; the end of a
	 * domain removes all. */
	if (rc == 0 || rc == ERROR_DEVICE_EXISTS || disk->stopped)
		finish(disk);
	else
		call(disk, libxl_device_disk_destroy, on_cleaned);
}

static void on_cleaned(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen_disk *disk = user;

	(void)ctx, (void)rc; /* why it was to be removed is what counts */
	disk->loop->under_way--;
	finish(disk);
}

/* Detaching: libxl gives the guest ten seconds to let go, and then does without it
 * (tools/libs/light/libxl_device.c: device_backend_callback). As this depends on the guest,
 * no turn is taken: others would wait for it.
 * A disk that the guest is about to connect to is not detached yet: blkback would write
 * "connected" over libxl's "closing" (drivers/block/xen-blkback/xenbus.c: connect), the guest
 * would never hear of it, and lose its disk, and all that comes after it on its xenbus, ten seconds later. */

int domlet_xen_disk_detach_start(struct domlet_xen_disk *disk, uint32_t domid, const char *device,
				 struct domlet_error *err)
{
	int rc = begin(disk, domid, "", device, err);

	if (rc)
		return rc;
	disk->attaching = false;
	uv_update_time(disk->loop->uv);
	disk->deadline_ms = uv_now(disk->loop->uv) + PATIENCE_MS;
	detach_when_connected(disk);
	return 0;
}

/* By the state that dom0's end of it has: the guest's is the guest's to write. */
static bool is_connecting(const struct domlet_xen_disk *disk)
{
	unsigned int device = 202u << 8 | (unsigned int)(disk->device[3] - 'a') << 4; /* of "xvda" to "xvdp" */
	unsigned int len;
	char path[64], *state;
	bool connecting;

	(void)snprintf(path, sizeof(path), "/local/domain/0/backend/vbd/%u/%u/state", disk->domid, device);
	state = xs_read(disk->store->xs, XBT_NULL, path, &len);
	connecting = state && strtoul(state, NULL, 10) < CONNECTED;
	free(state);
	return connecting;
}

static void on_look(uv_timer_t *timer)
{
	detach_when_connected(timer->data);
}

static void detach_when_connected(struct domlet_xen_disk *disk)
{
	if (!is_connecting(disk))
		call(disk, libxl_device_disk_remove, on_detached);
	else if (uv_now(disk->loop->uv) < disk->deadline_ms)
		(void)uv_timer_start(&disk->connects, on_look, LOOK_MS, 0);
	else
		call(disk, libxl_device_disk_destroy, on_forced);
}

static void on_detached(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen_disk *disk = user;

	(void)ctx;
	disk->loop->under_way--;
	if (rc && !disk->stopped) {
		call(disk, libxl_device_disk_destroy, on_forced);
		return;
	}
	disk->rc = rc ? fail(disk, &disk->err, rc) : 0;
	finish(disk);
}

static void on_forced(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen_disk *disk = user;

	(void)ctx;
	disk->loop->under_way--;
	disk->rc = rc ? fail(disk, &disk->err, rc) : 0;
	finish(disk);
}

/* The end of both */

static void finish(struct domlet_xen_disk *disk)
{
	domlet_xen_turn_end(&disk->turn);
	(void)uv_timer_stop(&disk->connects);
	disk->busy = false;
	disk->done(disk->user);
}

void domlet_xen_disk_stop(struct domlet_xen_disk *disk)
{
	libxl_asyncop_how how = { .callback = disk->then, .u.for_callback = disk };

	if (!disk->busy)
		return;
	disk->stopped = true;
	if (disk->then == on_forced || disk->then == on_cleaned)
		return; /* which waits for no guest, and leaves nothing for the domain's end */
	if (!domlet_xen_turn_waits(&disk->turn) && !uv_is_active((uv_handle_t *)&disk->connects)) {
		(void)libxl_ao_abort(disk->loop->ctx, &how); /* it may be too late for that */
		return;
	}
	disk->rc = fail(disk, &disk->err, ERROR_ABORTED);
	finish(disk);
}

void domlet_xen_disk_close(struct domlet_xen_disk *disk)
{
	domlet_xen_turn_close(&disk->turn);
	domlet_xen_loop_drop(disk->loop, (uv_handle_t *)&disk->connects);
}
