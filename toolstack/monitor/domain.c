// SPDX-License-Identifier: GPL-2.0-or-later
/* The domain: what libxl is asked for, and what it says. */
#include <errno.h>

#include "internal.h"

void domlet_domain_build(struct monitor *m)
{
	const struct domlet_launch *l = m->launch;
	struct domlet_domain_spec spec = { .name = l->state->name,
					   .uuid = l->state->uuid,
					   .tmpl = l->tmpl,
					   .memory_kib = l->plan->memory_kib,
					   .vcpus = l->plan->vcpus,
					   .image = l->state->image,
					   .device = l->plan->root.device };
	struct domlet_error err;

	if (domlet_xen_build(m->xen, &spec, &err) < 0)
		domlet_queue_post_end(&m->queue, DOMLET_EV_BUILD_FAILED, &err);
}

void domlet_domain_publish(struct monitor *m)
{
	const struct domlet_plan *p = m->launch->plan;
	struct domlet_error err;

	domlet_monitor_phase(m, "built");
	if (domlet_xen_publish(m->xen, CONTAINER, p->id, GENERATION,
			       domlet_monitor_goes_over_the_ring(p) ? NULL : p->document, p->document_len, p->sha256,
			       &err) < 0)
		domlet_queue_post_end(&m->queue, DOMLET_EV_PUBLISH_FAILED, &err);
	else
		domlet_queue_post(&m->queue, DOMLET_EV_PUBLISHED, 0);
}

void domlet_domain_unpause(struct monitor *m)
{
	struct domlet_error err;

	if (domlet_xen_unpause(m->xen, &err) < 0)
		domlet_queue_post_end(&m->queue, DOMLET_EV_UNPAUSE_FAILED, &err);
}

void domlet_domain_destroy(struct monitor *m)
{
	struct domlet_error err;

	if (domlet_xen_destroy(m->xen, &err) < 0) {
		m->stuck = true;
		domlet_log_notice(m->launch->log, "%s", err.text);
		domlet_queue_post(&m->queue, DOMLET_EV_DESTROYED, 0);
	}
}

/* What libxl says */

static void built(void *user, int rc, uint32_t domid, const struct domlet_error *err)
{
	struct monitor *m = user;
	struct domlet_error ignored;

	if (rc < 0) {
		domlet_queue_post_end(&m->queue, DOMLET_EV_BUILD_FAILED, err);
		return;
	}
	m->launch->state->domid = domid;
	(void)domlet_monitor_save(m, DOMLET_STATUS_CREATING, &ignored); /* that of "created" decides */
	domlet_queue_post(&m->queue, DOMLET_EV_BUILT, 0);
}

static void unpaused(void *user, int rc, const struct domlet_error *err)
{
	struct monitor *m = user;

	if (rc < 0)
		domlet_queue_post_end(&m->queue, DOMLET_EV_UNPAUSE_FAILED, err);
	else
		domlet_queue_post(&m->queue, DOMLET_EV_UNPAUSED, 0);
}

static void destroyed(void *user, int rc, const struct domlet_error *err)
{
	struct monitor *m = user;

	m->stuck = rc < 0;
	if (m->stuck)
		domlet_log_notice(m->launch->log, "%s", err->text);
	domlet_queue_post(&m->queue, DOMLET_EV_DESTROYED, 0);
}

static void domain_shutdown(void *user, uint32_t reason)
{
	struct monitor *m = user;
	struct domlet_error err;

	domlet_monitor_last_turn(m); /* what it put into the ring before */
	(void)domlet_error_set(&err, EIO, "the domain of container %s shut down (reason %u) while %s",
			       m->launch->plan->id, reason, domlet_life_stage(&m->life, CONTAINER));
	domlet_queue_post_end(&m->queue, DOMLET_EV_SHUTDOWN, &err);
}

static void vanished(void *user)
{
	struct monitor *m = user;
	struct domlet_error err;

	domlet_monitor_last_turn(m); /* what it put into the ring before */
	(void)domlet_error_set(&err, EIO, "the domain of container %s was destroyed from outside while %s",
			       m->launch->plan->id, domlet_life_stage(&m->life, CONTAINER));
	domlet_queue_post_end(&m->queue, DOMLET_EV_VANISHED, &err);
}

static void ring_ready(void *user, const struct domlet_ring_offer *offer)
{
	struct monitor *m = user;

	if (m->life.domain.state > DOMLET_DOMAIN_BOOTING)
		return;
	m->offer = *offer;
	domlet_queue_post(&m->queue, DOMLET_EV_RING_READY, 0);
}

static void disaster(void *user, const char *what)
{
	struct monitor *m = user;
	struct domlet_error err;

	(void)domlet_error_set(&err, EIO, "%s", what);
	domlet_log_notice(m->launch->log, "%s", what);
	domlet_queue_post_end(&m->queue, DOMLET_EV_DESTROY, &err);
}

int domlet_domain_open(struct monitor *m, struct domlet_error *err)
{
	static const struct domlet_xen_ops ops = { built,    unpaused,   destroyed, domain_shutdown,
						   vanished, ring_ready, disaster };

	return domlet_xen_open(&m->loop, &ops, m, &m->xen, err);
}
