/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen_fake.h"

#include <errno.h>
#include <libxl_utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenstore.h>

#include "../../frontend/proto/limits.h"
#include "../../toolstack/xen/host.h"
#include "../../toolstack/xen/loop.h"

#define DOMID 7
#define BACKEND "/local/domain/0/backend/vbd/7"

enum operation { CREATE, UNPAUSE, DESTROY, ATTACH, DETACH, ADD_NIC, REMOVE_NIC };

struct pending {
	uv_timer_t timer; /* first */
	enum operation what;
	void (*callback)(libxl_ctx *ctx, int rc, void *user);
	void *user;
	bool aborted;
	unsigned int disk; /* its bit in xen_fake.disks */
	uint64_t nic;      /* its bit in xen_fake.nics */
	struct pending *next;
};

struct xen_fake xen_fake;
static uv_loop_t *loop;
static uint8_t no_context[1 << 16]; /* tests/golden/domain_golden.c says why */
static const libxl_event_hooks *event_hooks;
static void *event_user;
static struct pending *under_way;
static int watch_pipe[2] = { -1, -1 };
static int listener = -1;
static uv_async_t end_async;
static char socket_path[64];

bool xen_fake_fails(const char *name)
{
	if (++xen_fake.calls != xen_fake.fail_at)
		return false;
	xen_fake.failed = name;
	errno = EIO;
	return true;
}

void xen_fake_reset(uv_loop_t *l, unsigned int fail_at)
{
	loop = l;
	xen_fake = (struct xen_fake){ .fail_at = fail_at };
	under_way = NULL;
	memset(no_context, 0xff, sizeof no_context);
}

int domlet_xen_check_host(struct domlet_error *err)
{
	return xen_fake_fails("check_host") ? domlet_error_set(err, ENODEV, "this is not a Xen dom0") : 0;
}

/* libxl */

int libxl_ctx_alloc(libxl_ctx **ctx, int version, unsigned int flags, xentoollog_logger *log)
{
	(void)version, (void)flags, (void)log;
	*ctx = (libxl_ctx *)no_context;
	return xen_fake_fails("ctx_alloc") ? ERROR_FAIL : 0;
}

int libxl_ctx_free(libxl_ctx *ctx)
{
	(void)ctx;
	if (xen_fake.open_operations) /* libxl asserts it */
		abort();
	return 0;
}

void libxl_osevent_register_hooks(libxl_ctx *ctx, const libxl_osevent_hooks *hooks, void *user)
{
	(void)ctx, (void)hooks;
	loop = ((struct domlet_xen_loop *)user)->uv; /* a monitor keeps its own */
}

void libxl_childproc_setmode(libxl_ctx *ctx, const libxl_childproc_hooks *hooks, void *user)
{
	(void)ctx, (void)hooks, (void)user;
}

void libxl_event_register_callbacks(libxl_ctx *ctx, const libxl_event_hooks *hooks, void *user)
{
	(void)ctx;
	event_hooks = hooks;
	event_user = user;
}

void libxl_event_free(libxl_ctx *ctx, libxl_event *event)
{
	(void)ctx;
	free(event);
}

int libxl_cpu_bitmap_alloc(libxl_ctx *ctx, libxl_bitmap *map, int max_cpus)
{
	(void)ctx;
	if (xen_fake_fails("cpu_bitmap_alloc"))
		return ERROR_NOMEM;
	map->size = (uint32_t)(max_cpus + 7) / 8;
	map->map = calloc(map->size, 1);
	return map->map ? 0 : ERROR_NOMEM;
}

/* Nobody's but dom0. */
libxl_dominfo *libxl_list_domain(libxl_ctx *ctx, int *count)
{
	(void)ctx;
	*count = xen_fake_fails("list_domain") ? 0 : 1;
	return *count ? calloc(1, sizeof(libxl_dominfo)) : NULL;
}

int libxl_get_physinfo(libxl_ctx *ctx, libxl_physinfo *info)
{
	(void)ctx;
	info->free_pages = 1 << 20;
	return xen_fake_fails("get_physinfo") ? ERROR_FAIL : 0;
}

static void free_pending(uv_handle_t *h)
{
	free(h);
}

static void complete(uv_timer_t *t)
{
	static const char *const names[] = { "create's end", "unpause's end", "destroy's end",   "attach's end",
					     "detach's end", "nic_add's end", "nic_remove's end" };
	struct pending *p = (struct pending *)t;
	struct pending **at = &under_way;
	int rc = xen_fake_fails(names[p->what]) ? ERROR_FAIL : 0;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	xen_fake.open_operations--;
	uv_close((uv_handle_t *)t, free_pending);
	if (p->aborted)
		rc = ERROR_ABORTED;
	if (p->what == CREATE) {
		xen_fake.domain = rc == 0;
	} else if (!xen_fake.domain) {
		rc = ERROR_DOMAIN_NOTFOUND;
	} else if (p->what == DESTROY) {
		xen_fake.domain = rc != 0;
		if (rc == 0)
			xen_fake.disks = 0, xen_fake.nics = 0;
	} else if (p->what == ATTACH || p->what == ADD_NIC) {
		; /* what there is of it stays, as libxl leaves it */
	} else if (p->what == DETACH) {
		if (rc == 0)
			xen_fake.disks &= ~p->disk;
	} else if (p->what == REMOVE_NIC) {
		if (rc == 0)
			xen_fake.nics &= ~p->nic;
	} else if (rc == 0) {
		xen_fake.unpaused = true;
		xen_fake.paused = false;
		if (!xen_fake.guest_silent)
			(void)!write(watch_pipe[1], "w", 1);
	}
	p->callback((libxl_ctx *)no_context, rc, p->user);
}

static struct pending *start(enum operation what, const libxl_asyncop_how *how)
{
	struct pending *p = calloc(1, sizeof *p);

	if (!p || !how || !how->callback)
		abort(); /* without a callback it would block the loop */
	p->what = what;
	p->callback = how->callback;
	p->user = how->u.for_callback;
	uv_timer_init(loop, &p->timer);
	uv_timer_start(&p->timer, complete, 1, 0);
	p->next = under_way;
	under_way = p;
	xen_fake.open_operations++;
	return p;
}

/* Its size */

int libxl_domain_info(libxl_ctx *ctx, libxl_dominfo *info, uint32_t domid)
{
	uint64_t missing = xen_fake.target_kib - xen_fake.memory_kib;

	(void)ctx, (void)domid;
	if (xen_fake_fails("domain_info") || !xen_fake.domain)
		return ERROR_DOMAIN_NOTFOUND;
	if (xen_fake.target_kib < xen_fake.memory_kib)
		xen_fake.memory_kib = xen_fake.target_kib;
	else
		xen_fake.memory_kib += missing < xen_fake.takes_kib ? missing : xen_fake.takes_kib;
	info->current_memkb = xen_fake.memory_kib;
	return 0;
}

int libxl_domain_setmaxmem(libxl_ctx *ctx, uint32_t domid, uint64_t max_memkb)
{
	(void)ctx, (void)domid;
	if (xen_fake_fails("setmaxmem") || max_memkb < xen_fake.target_kib)
		return ERROR_FAIL;
	xen_fake.max_kib = max_memkb;
	return 0;
}

int libxl_set_memory_target(libxl_ctx *ctx, uint32_t domid, int64_t target_memkb, int relative, int enforce)
{
	(void)ctx, (void)domid;
	if (relative || !enforce)
		abort();
	if (xen_fake.targets_refused && xen_fake.targets_refused--)
		return ERROR_FAIL;
	if (xen_fake_fails("set_memory_target") || (uint64_t)target_memkb > xen_fake.max_kib)
		return ERROR_INVAL;
	xen_fake.target_kib = (uint64_t)target_memkb;
	xen_fake.targets++;
	return 0;
}

int libxl_set_vcpuonline(libxl_ctx *ctx, uint32_t domid, libxl_bitmap *map, const libxl_asyncop_how *how)
{
	(void)domid;
	if (xen_fake_fails("set_vcpuonline"))
		return ERROR_FAIL;
	xen_fake.vcpus = (unsigned int)libxl_bitmap_count_set(map);
	how->callback(ctx, 0, how->u.for_callback);
	return 0;
}

int libxl_domain_sched_params_set(libxl_ctx *ctx, uint32_t domid, const libxl_domain_sched_params *params)
{
	(void)ctx, (void)domid;
	if (xen_fake_fails("domain_sched_params_set"))
		return ERROR_FAIL;
	if (params->weight != LIBXL_DOMAIN_SCHED_PARAM_WEIGHT_DEFAULT)
		xen_fake.weight = params->weight;
	if (params->cap != LIBXL_DOMAIN_SCHED_PARAM_CAP_DEFAULT)
		xen_fake.cap = params->cap;
	return 0;
}

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild_logger, unsigned int flags)
{
	(void)logger, (void)dombuild_logger, (void)flags;
	return xen_fake_fails("xc_interface_open") ? NULL : (xc_interface *)no_context;
}

int xc_interface_close(xc_interface *xc)
{
	(void)xc;
	return 0;
}

int xc_get_paging_mempool_size(xc_interface *xc, uint32_t domid, uint64_t *size)
{
	(void)xc, (void)domid;
	*size = xen_fake.pool_kib * 1024;
	return xen_fake_fails("get_paging_mempool_size") ? -1 : 0;
}

int xc_set_paging_mempool_size(xc_interface *xc, uint32_t domid, uint64_t size)
{
	(void)xc, (void)domid;
	if (xen_fake_fails("set_paging_mempool_size"))
		return -1;
	xen_fake.pool_kib = size / 1024;
	return 0;
}

int libxl_domain_create_new(libxl_ctx *ctx, libxl_domain_config *config, uint32_t *domid, const libxl_asyncop_how *how,
			    const libxl_asyncprogress_how *console)
{
	(void)ctx, (void)console;
	if (xen_fake_fails("create_new"))
		return ERROR_INVAL;
	xen_fake.memory_kib = xen_fake.target_kib = xen_fake.max_kib = config->b_info.max_memkb;
	xen_fake.takes_kib = UINT64_MAX;
	xen_fake.vcpus = (unsigned int)libxl_bitmap_count_set(&config->b_info.avail_vcpus);
	*domid = DOMID;
	(void)start(CREATE, how);
	return 0;
}

int libxl_ao_abort(libxl_ctx *ctx, const libxl_asyncop_how *how)
{
	struct pending *p = under_way;

	(void)ctx;
	while (p && (p->callback != how->callback || p->user != how->u.for_callback))
		p = p->next;
	if (p) /* it ends in any case */
		uv_timer_start(&p->timer, complete, 1, 0);
	if (!p || xen_fake_fails("ao_abort"))
		return ERROR_NOTFOUND;
	p->aborted = true;
	return 0;
}

int libxl_domain_unpause(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *how)
{
	(void)ctx, (void)domid;
	if (xen_fake_fails("unpause"))
		return ERROR_FAIL;
	(void)start(UNPAUSE, how);
	return 0;
}

int libxl_domain_pause(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *how)
{
	(void)domid;
	if (xen_fake_fails("pause"))
		return ERROR_FAIL;
	xen_fake.paused = xen_fake.domain;
	xen_fake.pauses++;
	how->callback(ctx, 0, how->u.for_callback);
	return 0;
}

int libxl_domain_destroy(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *how)
{
	(void)ctx, (void)domid;
	if (xen_fake_fails("destroy"))
		return ERROR_FAIL;
	for (const struct pending *p = under_way; p; p = p->next)
		if (p->what >= ATTACH)
			xen_fake.destroyed_beside_disks = true;
	(void)start(DESTROY, how);
	return 0;
}

static int call_disk(enum operation what, const libxl_device_disk *disk, const libxl_asyncop_how *how)
{
	struct pending *p;

	if (disk->backend != LIBXL_DISK_BACKEND_PHY || disk->readwrite || strncmp(disk->vdev, "xvd", 3) != 0 ||
	    strlen(disk->vdev) != 4 || strcmp(disk->script, "/usr/lib/domlet/domlet-hotplug") != 0)
		abort();
	p = start(what, how);
	p->disk = 1u << (disk->vdev[3] - 'a');
	if (what == ATTACH)
		xen_fake.disks |= p->disk;
	if (__builtin_popcount(xen_fake.disks) > (int)xen_fake.disks_most)
		xen_fake.disks_most = (unsigned int)__builtin_popcount(xen_fake.disks);
	if (xen_fake.disks_hang)
		uv_timer_stop(&p->timer);
	return 0;
}

int libxl_device_disk_add(libxl_ctx *ctx, uint32_t domid, libxl_device_disk *disk, const libxl_asyncop_how *how)
{
	(void)ctx, (void)domid;
	return xen_fake_fails("disk_add") ? ERROR_FAIL : call_disk(ATTACH, disk, how);
}

int libxl_device_disk_remove(libxl_ctx *ctx, uint32_t domid, libxl_device_disk *disk, const libxl_asyncop_how *how)
{
	(void)ctx, (void)domid;
	xen_fake.removed_early = xen_fake.removed_early || xen_fake.connecting;
	return xen_fake_fails("disk_remove") ? ERROR_FAIL : call_disk(DETACH, disk, how);
}

int libxl_device_disk_destroy(libxl_ctx *ctx, uint32_t domid, libxl_device_disk *disk, const libxl_asyncop_how *how)
{
	(void)ctx, (void)domid;
	return xen_fake_fails("disk_destroy") ? ERROR_FAIL : call_disk(DETACH, disk, how);
}

static int call_nic(enum operation what, const libxl_device_nic *nic, const libxl_asyncop_how *how)
{
	struct pending *p;

	if (nic->backend_domid || nic->nictype != LIBXL_NIC_TYPE_VIF || nic->devid < 0 || nic->devid > 63 ||
	    strcmp(nic->script, "/usr/lib/domlet/domlet-hotplug") != 0)
		abort();
	p = start(what, how);
	p->nic = UINT64_C(1) << nic->devid;
	if (what == ADD_NIC)
		xen_fake.nics |= p->nic;
	if (xen_fake.nics_hang)
		uv_timer_stop(&p->timer);
	return 0;
}

int libxl_device_nic_add(libxl_ctx *ctx, uint32_t domid, libxl_device_nic *nic, const libxl_asyncop_how *how)
{
	(void)ctx, (void)domid;
	return xen_fake_fails("nic_add") ? ERROR_FAIL : call_nic(ADD_NIC, nic, how);
}

int libxl_device_nic_remove(libxl_ctx *ctx, uint32_t domid, libxl_device_nic *nic, const libxl_asyncop_how *how)
{
	(void)ctx, (void)domid;
	xen_fake.removed_early = xen_fake.removed_early || xen_fake.connecting_nics;
	return xen_fake_fails("nic_remove") ? ERROR_FAIL : call_nic(REMOVE_NIC, nic, how);
}

int libxl_device_nic_destroy(libxl_ctx *ctx, uint32_t domid, libxl_device_nic *nic, const libxl_asyncop_how *how)
{
	(void)ctx, (void)domid;
	return xen_fake_fails("nic_destroy") ? ERROR_FAIL : call_nic(REMOVE_NIC, nic, how);
}

int libxl_evenable_domain_death(libxl_ctx *ctx, uint32_t domid, libxl_ev_user user, libxl_evgen_domain_death **out)
{
	(void)ctx, (void)domid, (void)user;
	if (xen_fake_fails("evenable_domain_death"))
		return ERROR_FAIL;
	*out = (libxl_evgen_domain_death *)no_context;
	xen_fake.death_watches++;
	return 0;
}

void libxl_evdisable_domain_death(libxl_ctx *ctx, libxl_evgen_domain_death *evgen)
{
	(void)ctx, (void)evgen;
	xen_fake.death_watches--;
}

static void tell(libxl_event_type type)
{
	libxl_event *e = calloc(1, sizeof *e);

	if (!e || !xen_fake.death_watches) {
		free(e);
		return;
	}
	e->type = type;
	e->domid = DOMID;
	event_hooks->event_occurs(event_user, e);
}

void xen_fake_vanish(void)
{
	xen_fake.domain = false;
	tell(LIBXL_EVENT_TYPE_DOMAIN_DEATH);
}

void xen_fake_shut_down(void)
{
	tell(LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN);
}

static void end_now(uv_async_t *a)
{
	if (a->data)
		xen_fake_shut_down();
	if (!a->data || xen_fake.vanishes_then)
		xen_fake_vanish();
	uv_sleep(xen_fake.busy_ms);
}

void xen_fake_await_end(void)
{
	uv_async_init(loop, &end_async, end_now);
}

void xen_fake_end(bool shut_down)
{
	end_async.data = shut_down ? &end_async : NULL;
	uv_async_send(&end_async);
}

/* libxenstore: writes are forgotten, and the guest's ring is always there. */

static void stop_listening(void)
{
	if (listener < 0)
		return;
	close(listener);
	unlink(socket_path);
	listener = -1;
}

const char *xs_daemon_socket(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	stop_listening();
	if (xen_fake_fails("xenstored"))
		return "/nowhere";
	(void)snprintf(socket_path, sizeof socket_path, "/tmp/domlet-test-xenstored-%d", getpid());
	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s", socket_path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 1) < 0)
		abort();
	return socket_path;
}

struct xs_handle *xs_open(unsigned long flags)
{
	(void)flags;
	stop_listening();
	if (xen_fake_fails("xs_open") || pipe2(watch_pipe, O_NONBLOCK | O_CLOEXEC) < 0)
		return NULL;
	return (struct xs_handle *)no_context;
}

void xs_close(struct xs_handle *xs)
{
	(void)xs;
	close(watch_pipe[0]);
	close(watch_pipe[1]);
}

int xs_fileno(struct xs_handle *xs)
{
	(void)xs;
	return watch_pipe[0];
}

bool xs_watch(struct xs_handle *xs, const char *path, const char *token)
{
	(void)xs, (void)path, (void)token;
	return !xen_fake_fails("watch");
}

bool xs_unwatch(struct xs_handle *xs, const char *path, const char *token)
{
	(void)xs, (void)path, (void)token;
	return !xen_fake_fails("unwatch");
}

char **xs_check_watch(struct xs_handle *xs)
{
	char c;

	(void)xs;
	if (read(watch_pipe[0], &c, 1) != 1) {
		errno = EAGAIN;
		return NULL;
	}
	return xen_fake_fails("check_watch") ? NULL : calloc(2, sizeof(char *));
}

void *xs_read(struct xs_handle *xs, xs_transaction_t t, const char *path, unsigned int *len)
{
	char offer[24];
	const char *const nodes[][2] = { { "/ring/0", offer }, { "/vm", "/vm/x" } };

	(void)xs, (void)t;
	(void)snprintf(offer, sizeof offer, "%u 5 8 9 1", DOMLET_PROTO_VERSION);
	if ((strstr(path, "/backend/vbd/") && xen_fake.connecting && xen_fake.connecting--) ||
	    (strstr(path, "/backend/vif/") && xen_fake.connecting_nics && xen_fake.connecting_nics--))
		return strdup("3"); /* XenbusStateInitialised */
	for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
		size_t tail = strlen(nodes[i][0]);

		if (strlen(path) < tail || strcmp(path + strlen(path) - tail, nodes[i][0]) != 0)
			continue;
		if (xen_fake_fails("read"))
			return NULL;
		*len = (unsigned int)strlen(nodes[i][1]);
		return strdup(nodes[i][1]);
	}
	errno = ENOENT;
	return NULL;
}

bool xs_write(struct xs_handle *xs, xs_transaction_t t, const char *path, const void *data, unsigned int len)
{
	(void)xs, (void)t, (void)path, (void)data, (void)len;
	return !xen_fake_fails("write");
}

bool xs_mkdir(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
	return xs_write(xs, t, path, "", 0);
}

bool xs_set_permissions(struct xs_handle *xs, xs_transaction_t t, const char *path, struct xs_permissions *perms,
			unsigned int count)
{
	(void)xs, (void)t, (void)path, (void)perms, (void)count;
	return !xen_fake_fails("set_permissions");
}

/* No backend is ever left. */
char **xs_directory(struct xs_handle *xs, xs_transaction_t t, const char *path, unsigned int *num)
{
	(void)xs, (void)t;
	*num = 0;
	errno = ENOENT;
	return (strcmp(path, BACKEND) == 0 && xen_fake.disk_left) ||
			       (strcmp(path, "/local/domain/7") == 0 && xen_fake.domain) ?
		       calloc(1, sizeof(char *)) :
		       NULL;
}

bool xs_rm(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
	(void)xs, (void)t;
	if (strcmp(path, BACKEND) == 0)
		xen_fake.disk_left = false;
	return !xen_fake_fails("rm");
}

xs_transaction_t xs_transaction_start(struct xs_handle *xs)
{
	(void)xs;
	return xen_fake_fails("transaction_start") ? XBT_NULL : 1;
}

bool xs_transaction_end(struct xs_handle *xs, xs_transaction_t t, bool abandon)
{
	(void)xs, (void)t, (void)abandon;
	return !xen_fake_fails("transaction_end");
}
