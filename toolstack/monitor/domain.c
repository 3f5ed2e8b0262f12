// SPDX-License-Identifier: GPL-2.0-or-later
#include "domain.h"

#include <errno.h>

#ifndef GROW_AGAIN_MS /* a test's patience ends earlier */
#define GROW_AGAIN_MS 10000u
#endif
#define GROW_AGAIN_MAX 5u /* the wait is doubled so often */

void domlet_domain_save(struct domlet_domain *d)
{
	struct domlet_error err;

	if (domlet_domain_record_save(d->spec->record, &err) < 0)
		domlet_log_notice(d->spec->log, "%s", err.text);
}

void domlet_domain_build(struct domlet_domain *d, const char *image, const char *device)
{
	const struct domlet_monitor_spec *s = d->spec;
	struct domlet_domain_spec spec = { .name = s->record->name,
					   .uuid = s->record->uuid,
					   .tmpl = s->tmpl,
					   .memory_kib = s->memory_kib,
					   .vcpus = s->vcpus,
					   .image = image,
					   .device = device };
	struct domlet_error err;

	if (domlet_xen_build(d->xen, &spec, &err) < 0)
		domlet_queue_post_end(d->queue, DOMLET_EV_BUILD_FAILED, 0, &err);
}

void domlet_domain_cancel_build(struct domlet_domain *d)
{
	domlet_xen_build_cancel(d->xen);
}

void domlet_domain_publish(struct domlet_domain *d, const struct domlet_domain_publication *p)
{
	struct domlet_error err;

	if (domlet_xen_publish(d->xen, p->container, p->id, p->generation, p->document, p->document_len, p->sha256,
			       &err) < 0)
		domlet_queue_post_end(d->queue, DOMLET_EV_PUBLISH_FAILED, p->container, &err);
	else
		domlet_queue_post(d->queue, DOMLET_EV_PUBLISHED, p->container, 0);
}

void domlet_domain_unpause(struct domlet_domain *d)
{
	struct domlet_error err;

	if (domlet_xen_unpause(d->xen, &err) < 0)
		domlet_queue_post_end(d->queue, DOMLET_EV_UNPAUSE_FAILED, 0, &err);
}

void domlet_domain_pause(struct domlet_domain *d)
{
	struct domlet_error err;

	if (domlet_xen_pause(d->xen, &err) < 0)
		domlet_queue_post_end(d->queue, DOMLET_EV_PAUSE_FAILED, 0, &err);
}

void domlet_domain_resume(struct domlet_domain *d)
{
	struct domlet_error err;

	if (domlet_xen_resume(d->xen, &err) < 0)
		domlet_queue_post_end(d->queue, DOMLET_EV_RESUME_FAILED, 0, &err);
}

void domlet_domain_forget_seed(struct domlet_domain *d)
{
	(void)domlet_xen_forget_seed(d->xen);
}

static void post_destroyed(struct domlet_domain *d, int rc, const struct domlet_error *err)
{
	d->stuck = rc < 0;
	if (d->stuck)
		domlet_log_notice(d->spec->log, "%s", err->text);
	domlet_queue_post(d->queue, DOMLET_EV_DESTROYED, 0, 0);
}

static void end_growth(struct domlet_domain *d)
{
	d->ends = true;
	(void)uv_timer_stop(&d->grow_again);
}

void domlet_domain_destroy(struct domlet_domain *d)
{
	struct domlet_error err;

	end_growth(d);
	if (domlet_xen_destroy(d->xen, &err) < 0)
		post_destroyed(d, -1, &err);
}

/* What libxl says */

static void built(void *user, int rc, uint32_t domid, const struct domlet_error *err)
{
	struct domlet_domain *d = user;

	if (rc < 0) {
		domlet_queue_post_end(d->queue, DOMLET_EV_BUILD_FAILED, 0, err);
		return;
	}
	domlet_log_phase(d->spec->log, "built");
	d->spec->record->domid = domid;
	domlet_domain_save(d);
	domlet_queue_post(d->queue, DOMLET_EV_BUILT, 0, 0);
}

static void unpaused(void *user, int rc, const struct domlet_error *err)
{
	struct domlet_domain *d = user;

	if (rc < 0)
		domlet_queue_post_end(d->queue, DOMLET_EV_UNPAUSE_FAILED, 0, err);
	else
		domlet_queue_post(d->queue, DOMLET_EV_UNPAUSED, 0, 0);
}

static void paused(void *user, int rc, const struct domlet_error *err)
{
	struct domlet_domain *d = user;

	if (rc < 0)
		domlet_queue_post_end(d->queue, DOMLET_EV_PAUSE_FAILED, 0, err);
	else
		domlet_queue_post(d->queue, DOMLET_EV_PAUSED, 0, 0);
}

static void resumed(void *user, int rc, const struct domlet_error *err)
{
	struct domlet_domain *d = user;

	if (rc < 0)
		domlet_queue_post_end(d->queue, DOMLET_EV_RESUME_FAILED, 0, err);
	else
		domlet_queue_post(d->queue, DOMLET_EV_RESUMED, 0, 0);
}

static void destroyed(void *user, int rc, const struct domlet_error *err)
{
	post_destroyed(user, rc, err);
}

static void domain_shutdown(void *user, uint32_t reason)
{
	struct domlet_domain *d = user;

	domlet_queue_post(d->queue, DOMLET_EV_SHUTDOWN, 0, reason);
}

static void vanished(void *user)
{
	struct domlet_domain *d = user;

	end_growth(d);
	domlet_queue_post(d->queue, DOMLET_EV_VANISHED, 0, 0);
}

static void ring_ready(void *user, const struct domlet_ring_offer *offer)
{
	struct domlet_domain *d = user;

	if (d->offered)
		return;
	d->offered = true;
	d->offer = *offer;
	domlet_queue_post(d->queue, DOMLET_EV_RING_READY, 0, 0);
}

static void disaster(void *user, const char *what)
{
	struct domlet_domain *d = user;
	struct domlet_error err;

	(void)domlet_error_set(&err, EIO, "%s", what);
	domlet_log_notice(d->spec->log, "%s", what);
	domlet_queue_post_end(d->queue, DOMLET_EV_DESTROY, 0, &err);
}

static void grow(struct domlet_domain *d);

static void on_grow_again(uv_timer_t *t)
{
	grow(t->data);
}

/* Another domain may end, or the guest find memory to describe more with. */
static void could_not_grow(struct domlet_domain *d, const struct domlet_error *err)
{
	unsigned int doubled = d->grow_failed < GROW_AGAIN_MAX ? d->grow_failed : GROW_AGAIN_MAX;

	if (d->ends)
		return;
	d->grow_err = *err;
	if (!d->grow_failed++)
		domlet_log_notice(d->spec->log, "%s; it is tried again", err->text);
	(void)uv_timer_start(&d->grow_again, on_grow_again, GROW_AGAIN_MS << doubled, 0);
}

static void resized(void *user, int rc, const struct domlet_error *err)
{
	struct domlet_domain *d = user;

	d->resizing = false;
	if (rc < 0) {
		could_not_grow(d, err);
		d->resized(d->user);
		return;
	}
	if (d->grow_failed)
		domlet_log_notice(d->spec->log, "the domain %s has the size that its containers ask for",
				  d->spec->record->name);
	d->grow_failed = 0;
	d->resized(d->user);
}

uint64_t domlet_domain_built_kib(const struct domlet_domain *d)
{
	return d->spec->memory_kib ? d->spec->memory_kib : d->spec->tmpl->memory_kib;
}

uint32_t domlet_domain_built_vcpus(const struct domlet_domain *d)
{
	return d->spec->vcpus ? d->spec->vcpus : d->spec->tmpl->vcpus;
}

static uint64_t wanted_kib(const struct domlet_domain *d, int64_t more_kib)
{
	return (uint64_t)((int64_t)domlet_domain_built_kib(d) + more_kib);
}

static uint32_t wanted_vcpus(const struct domlet_domain *d, int64_t more_vcpus)
{
	return (uint32_t)(domlet_domain_built_vcpus(d) + more_vcpus);
}

static void grow(struct domlet_domain *d)
{
	struct domlet_error err;

	d->resizing = domlet_xen_resize(d->xen, d->more_kib ? wanted_kib(d, d->more_kib) : 0,
					d->more_vcpus ? wanted_vcpus(d, d->more_vcpus) : 0, &err) == 0;
	if (!d->resizing)
		could_not_grow(d, &err);
}

/* As it was built it may be larger than the template lets it grow. */
int domlet_domain_allows(const struct domlet_domain *d, int64_t more_kib, int64_t more_vcpus, struct domlet_error *err)
{
	const struct domlet_template *t = d->spec->tmpl;
	uint32_t most_vcpus = d->spec->vcpus || t->vcpus_max < t->vcpus ? domlet_domain_built_vcpus(d) : t->vcpus_max;
	uint64_t kib = wanted_kib(d, more_kib);

	if (more_kib > 0 && kib > t->memory_max_kib)
		return domlet_error_set(err, ERANGE,
					"the domain %s would need %llu MiB, and can have %llu (domlet_max_memory in %s)",
					d->spec->record->name, (unsigned long long)kib / 1024,
					(unsigned long long)t->memory_max_kib / 1024, t->path);
	if (more_vcpus > 0 && wanted_vcpus(d, more_vcpus) > most_vcpus)
		return domlet_error_set(
			err, ERANGE,
			"the domain %s would need %u processors, and can have %u: it was built with as many (maxvcpus in %s)",
			d->spec->record->name, wanted_vcpus(d, more_vcpus), most_vcpus, t->path);
	return 0;
}

void domlet_domain_schedule(struct domlet_domain *d, uint32_t weight, int cap)
{
	struct domlet_error err;

	if (domlet_xen_schedule(d->xen, weight, cap, &err) < 0)
		domlet_log_notice(d->spec->log, "%s", err.text);
}

void domlet_domain_grow(struct domlet_domain *d, int64_t more_kib, int64_t more_vcpus)
{
	if (more_kib == d->more_kib && more_vcpus == d->more_vcpus)
		return;
	d->more_kib = more_kib;
	d->more_vcpus = more_vcpus;
	d->grow_failed = 0;
	(void)uv_timer_stop(&d->grow_again);
	grow(d);
}

static void attached(void *user, uint32_t tag, int rc, const struct domlet_error *err)
{
	struct domlet_domain *d = user;

	d->attached(d->user, tag, rc, err);
}

static void detached(void *user, uint32_t tag, int rc, const struct domlet_error *err)
{
	struct domlet_domain *d = user;

	d->detached(d->user, tag, rc, err);
}

static void nic_done(void *user, uint32_t number, int rc, const struct domlet_error *err)
{
	struct domlet_domain *d = user;

	d->nic_done(d->user, number, rc, err);
}

int domlet_domain_open(struct domlet_domain *d, uv_loop_t *loop, struct domlet_error *err)
{
	static const struct domlet_xen_ops ops = { .built = built,
						   .unpaused = unpaused,
						   .paused = paused,
						   .resumed = resumed,
						   .destroyed = destroyed,
						   .attached = attached,
						   .detached = detached,
						   .nic_added = nic_done,
						   .nic_removed = nic_done,
						   .resized = resized,
						   .shutdown = domain_shutdown,
						   .vanished = vanished,
						   .ring_ready = ring_ready,
						   .disaster = disaster };

	uv_timer_init(loop, &d->grow_again);
	d->grow_again.data = d;
	return domlet_xen_open(loop, &ops, d, &d->xen, err);
}
