/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resize.h"

#include <errno.h>
#include <libxl_utils.h>
#include <xenctrl.h>

#include "memory.h"

/* Linux adds memory in sections (SECTION_SIZE_BITS of x86), and describes each in its
 * struct pages, which it takes from the memory that there is: one byte of 64. In a PV domain
 * page tables and the list of frames come to as much as a fourth of these. */
#define SECTION_KIB (128u * 1024u)
#define DESCRIBES 64u
#define DESCRIBES_PV 51u
/* So that there is room for these, a domain is at most doubled at a time. */
#define STEP_MIN_KIB SECTION_KIB
/* What Xen counts apart from the guest's memory, and pages that the guest never had. */
#define SLACK_KIB 2048u
#define PATIENCE_MS 10000u
/* A guest that goes on taking has so many times that for a step: its processors may be busy with something else. */
#define PATIENCE_MOST 6u
#define LOOK_MS 20u
static const char what[] = "can't change the domain's size";

void domlet_xen_resize_init(struct domlet_xen_resize *resize)
{
	(void)uv_timer_init(resize->loop->uv, &resize->timer); /* which can't fail */
	domlet_xen_loop_hold(resize->loop, (uv_handle_t *)&resize->timer, resize);
	libxl_bitmap_init(&resize->map);
	resize->patience_ms = PATIENCE_MS;
}

bool domlet_xen_resize_runs(const struct domlet_xen_resize *resize)
{
	return resize->busy;
}

static void go_on(struct domlet_xen_resize *resize);
static void on_look(uv_timer_t *timer);
static void set_vcpus(struct domlet_xen_resize *resize);
static void on_vcpus(libxl_ctx *ctx, int rc, void *user);
static void finish(struct domlet_xen_resize *resize);

static uint64_t size_tables(const struct domlet_xen_size *built, uint64_t memory_kib)
{
	uint64_t added_kib = memory_kib > built->memory_kib ? memory_kib - built->memory_kib : 0;

	added_kib += added_kib / 32; /* the tables lie in it, too */
	added_kib = (added_kib + SECTION_KIB - 1) / SECTION_KIB * SECTION_KIB;
	return added_kib / (built->pv ? DESCRIBES_PV : DESCRIBES);
}

/* What hardware page tables are made of. A domain that shrinks keeps it. */
static int grow_pool(struct domlet_xen_resize *resize, struct domlet_error *err)
{
	uint64_t now, need = domlet_xen_pool_kib(resize->goal_kib, resize->built.vcpus_max) * 1024;
	xc_interface *xc;
	int rc = 0;

	if (resize->built.pv)
		return 0;
	xc = xc_interface_open(NULL, NULL, 0);
	if (!xc || xc_get_paging_mempool_size(xc, resize->domid, &now) < 0 ||
	    (now < need && xc_set_paging_mempool_size(xc, resize->domid, need) < 0))
		rc = domlet_error_set(err, errno, "%s: Xen gives no memory for its page tables: %s", what,
				      domlet_strerror(errno));
	if (xc)
		xc_interface_close(xc);
	return rc;
}

static int allow(struct domlet_xen_resize *resize, struct domlet_error *err)
{
	struct domlet_xen_loop *loop = resize->loop;
	uint64_t more_kib = resize->goal_kib - resize->target_kib;
	int rc = domlet_xen_memory_check(loop->ctx, more_kib + domlet_xen_pool_kib(more_kib, 0), err);

	if (!rc)
		rc = grow_pool(resize, err);
	if (rc)
		return rc;
	rc = libxl_domain_setmaxmem(loop->ctx, resize->domid, resize->goal_kib);
	return rc ? domlet_xen_log_error(&loop->log, err, rc, what) : 0;
}

static void set_deadline(struct domlet_xen_resize *resize)
{
	uv_update_time(resize->loop->uv);
	resize->deadline_ms = uv_now(resize->loop->uv) + resize->patience_ms;
	resize->last_ms = uv_now(resize->loop->uv) + (uint64_t)resize->patience_ms * PATIENCE_MOST;
	resize->seen_kib = 0;
}

/* The guest has HAS_KIB by now. */
static bool is_late(struct domlet_xen_resize *resize, uint64_t has_kib)
{
	uint64_t now = uv_now(resize->loop->uv);

	if (resize->seen_kib && has_kib > resize->seen_kib)
		resize->deadline_ms = now + resize->patience_ms;
	resize->seen_kib = has_kib;
	return now >= resize->deadline_ms || now >= resize->last_ms;
}

int domlet_xen_resize_start(struct domlet_xen_resize *resize, uint32_t domid, uint64_t memory_kib, uint32_t vcpus,
			    struct domlet_error *err)
{
	const struct domlet_xen_size *built = &resize->built;
	uint64_t before_kib = resize->goal_kib, tables_kib;
	int rc;

	if (!memory_kib)
		memory_kib = built->memory_kib;
	if (!vcpus)
		vcpus = built->vcpus;
	if (memory_kib > built->memory_max_kib)
		memory_kib = built->memory_max_kib;
	if (!resize->target_kib) {
		resize->target_kib = built->memory_kib;
		resize->vcpus_now = built->vcpus;
	}
	tables_kib = size_tables(built, memory_kib);
	if (tables_kib < resize->tables_kib)
		tables_kib = resize->tables_kib;
	if (!resize->loop->under_way)
		domlet_xen_log_clear(&resize->loop->log);
	resize->domid = domid;
	resize->goal_kib = memory_kib + tables_kib;
	if (resize->goal_kib > resize->target_kib) {
		rc = allow(resize, err);
		if (rc) {
			resize->goal_kib = before_kib;
			return rc;
		}
	}
	resize->tables_kib = tables_kib;
	resize->vcpus = vcpus < built->vcpus_max ? vcpus : built->vcpus_max;
	if (resize->busy)
		return 0; /* it is looked at again */
	resize->busy = true;
	resize->rc = 0;
	set_deadline(resize);
	go_on(resize);
	return 0;
}

/* Whether the guest has what it was told to take, or will not. */
static bool has_taken(struct domlet_xen_resize *resize)
{
	libxl_dominfo info;
	uint64_t has_kib = 0;
	int rc;

	libxl_dominfo_init(&info);
	rc = libxl_domain_info(resize->loop->ctx, &info, resize->domid);
	if (rc)
		resize->rc = domlet_xen_log_error(&resize->loop->log, &resize->err, rc, what);
	else
		has_kib = info.current_memkb + SLACK_KIB;
	libxl_dominfo_dispose(&info);
	if (!resize->rc && has_kib < resize->target_kib && is_late(resize, has_kib))
		resize->rc = domlet_error_set(
			&resize->err, ETIMEDOUT,
			"the domain's guest took %llu of the %llu MiB that it was given: it is short of memory, or its kernel has no CONFIG_XEN_BALLOON_MEMORY_HOTPLUG",
			(unsigned long long)(has_kib - SLACK_KIB) / 1024, (unsigned long long)resize->target_kib / 1024);
	return resize->rc || has_kib >= resize->target_kib;
}

/* Each step changes the target, which the guest sees in xenstore. */
static void step(struct domlet_xen_resize *resize)
{
	uint64_t most_kib = resize->target_kib + (resize->target_kib > STEP_MIN_KIB ? resize->target_kib : STEP_MIN_KIB);
	uint64_t next_kib = resize->goal_kib < most_kib ? resize->goal_kib : most_kib;
	int rc = libxl_set_memory_target(resize->loop->ctx, resize->domid, (int64_t)next_kib, 0, 1);

	if (rc)
		resize->rc = domlet_xen_log_error(&resize->loop->log, &resize->err, rc, what);
	else
		resize->target_kib = next_kib;
	set_deadline(resize);
}

static void go_on(struct domlet_xen_resize *resize)
{
	while (!resize->rc) {
		if (resize->goal_kib >= resize->target_kib && !has_taken(resize)) {
			(void)uv_timer_start(&resize->timer, on_look, LOOK_MS, 0);
			return;
		}
		if (resize->target_kib == resize->goal_kib)
			break;
		if (!resize->rc)
			step(resize);
	}
	set_vcpus(resize);
}

static void on_look(uv_timer_t *timer)
{
	go_on(timer->data);
}

/* The guest's kernel brings them up, or takes them down. */
static void set_vcpus(struct domlet_xen_resize *resize)
{
	struct domlet_xen_loop *loop = resize->loop;
	libxl_asyncop_how how = { .callback = on_vcpus, .u.for_callback = resize };
	int rc;

	if (resize->vcpus == resize->vcpus_now || (resize->rc && resize->rc != -ETIMEDOUT)) {
		finish(resize);
		return;
	}
	rc = libxl_cpu_bitmap_alloc(loop->ctx, &resize->map, (int)resize->built.vcpus_max);
	for (uint32_t i = 0; !rc && i < resize->vcpus; i++)
		libxl_bitmap_set(&resize->map, (int)i);
	resize->calling = true;
	loop->under_way++;
	if (!rc)
		rc = libxl_set_vcpuonline(loop->ctx, resize->domid, &resize->map, &how);
	if (rc)
		on_vcpus(loop->ctx, rc, resize);
}

static void on_vcpus(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen_resize *resize = user;

	(void)ctx;
	resize->calling = false;
	resize->loop->under_way--;
	libxl_bitmap_dispose(&resize->map);
	if (!rc)
		resize->vcpus_now = resize->vcpus;
	else if (!resize->rc)
		resize->rc = domlet_xen_log_error(&resize->loop->log, &resize->err, rc, what);
	finish(resize);
}

static void finish(struct domlet_xen_resize *resize)
{
	(void)uv_timer_stop(&resize->timer);
	resize->busy = false;
	resize->done(resize->user);
}

void domlet_xen_resize_stop(struct domlet_xen_resize *resize)
{
	if (!resize->busy || resize->calling) /* libxl doesn't wait for anybody there */
		return;
	resize->rc = domlet_error_set(&resize->err, ECANCELED, "the domain's size isn't changed any more: it ends");
	finish(resize);
}

void domlet_xen_resize_close(struct domlet_xen_resize *resize)
{
	if (resize->loop)
		domlet_xen_loop_drop(resize->loop, (uv_handle_t *)&resize->timer);
}
