/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * toolstack/xen on a libxl and a xenstore of which one call fails, each in
 * turn: every way ends with a sentence, no domain, no handle left on the loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

#include "../../toolstack/base/file.h"
#include "../../toolstack/ring/offer.h"
#include "../../toolstack/xen/domain.h"
#include "../../toolstack/xen/turn.h"
#include "../../toolstack/xen/xen.h"
#include "../fakes/xen_fake.h"

#define BUILT_KIB (64u * 1024u)
#define GROWN_KIB (1024u * 1024u)

static char kernel[64];

#define NIC 5

struct owner {
	struct domlet_xen *xen;
	struct domlet_error err; /* why it didn't work */
	struct domlet_template tmpl;
	bool wants_end, ended, ready;
	bool stays; /* nothing is done when its guest is there */
	int built, unpaused, paused, resumed, destroyed, vanished, shut_down, rings;
	int resized;
	unsigned int attached, detached; /* bits of numbers */
	int nics_added, nics_removed;
	unsigned int further; /* disks, from number 1 on, that it has when its guest is there */
	uv_timer_t patience;  /* like the monitor's for a boot */
};

static const char *disk_name(uint32_t tag)
{
	static char name[8];

	(void)snprintf(name, sizeof name, "xvd%c", 'a' + tag);
	return name;
}

static void end(struct owner *o)
{
	struct domlet_error ignored;

	if (o->wants_end)
		return;
	o->wants_end = true;
	assert_int_equal(domlet_xen_destroy(o->xen, &ignored), 0);
}

static void note(struct owner *o, const struct domlet_error *err)
{
	assert_int_not_equal(err->code, 0);
	assert_true(strlen(err->text) > 10);
	o->err = *err;
	end(o);
}

static void on_built(void *user, int rc, uint32_t domid, const struct domlet_error *err)
{
	static const uint8_t sha256[32];
	struct owner *o = user;
	struct domlet_error why;

	assert_int_equal(o->built++, 0);
	if (rc < 0) {
		note(o, err);
		return;
	}
	assert_int_equal(domid, 7);
	if (!o->wants_end &&
	    (domlet_xen_publish(o->xen, 0, "c1", 1, "{}", 2, sha256, &why) < 0 || domlet_xen_unpause(o->xen, &why) < 0))
		note(o, &why);
}

static void on_unpaused(void *user, int rc, const struct domlet_error *err)
{
	struct owner *o = user;

	assert_int_equal(o->unpaused++, 0);
	if (rc < 0)
		note(o, err);
}

static void on_paused(void *user, int rc, const struct domlet_error *err)
{
	struct owner *o = user;
	struct domlet_error why;

	assert_int_equal(o->paused++, 0);
	if (rc < 0)
		note(o, err);
	else if (!o->wants_end && domlet_xen_resume(o->xen, &why) < 0)
		note(o, &why);
}

static void on_resumed(void *user, int rc, const struct domlet_error *err)
{
	struct owner *o = user;

	assert_int_equal(o->resumed++, 0);
	if (rc < 0)
		note(o, err);
	end(o);
}

static void on_destroyed(void *user, int rc, const struct domlet_error *err)
{
	struct owner *o = user;

	assert_int_equal(o->destroyed++, 0);
	if (rc < 0) {
		assert_true(strlen(err->text) > 10);
		o->err = *err;
	}
	o->ended = true;
	domlet_xen_close(o->xen);
}

static void on_shutdown(void *user, uint32_t reason)
{
	struct owner *o = user;

	(void)reason;
	o->shut_down++;
	end(o);
}

static void on_vanished(void *user)
{
	struct owner *o = user;

	assert_int_equal(o->vanished++, 0);
	o->ended = true;
	domlet_xen_close(o->xen);
}

static void on_ring(void *user, const struct domlet_ring_offer *offer)
{
	struct owner *o = user;
	struct domlet_error why;

	assert_int_equal(o->rings++, 0);
	assert_int_equal(offer->order * 1000 + offer->index_ref * 100 + offer->port * 10 + offer->epoch, 5891);
	o->ready = true;
	(void)domlet_xen_forget_seed(o->xen);
	for (unsigned int tag = 1; tag <= o->further && !o->wants_end; tag++)
		if (domlet_xen_disk_attach(o->xen, tag, kernel, disk_name(tag), &why) < 0)
			note(o, &why);
	if (!o->further && !o->stays && domlet_xen_pause(o->xen, &why) < 0)
		note(o, &why);
}

/* A further disk. */
static void on_attached(void *user, uint32_t tag, int rc, const struct domlet_error *err)
{
	struct owner *o = user;
	struct domlet_error why;

	assert_true(tag >= 1 && tag <= o->further && !(o->attached & 1u << tag));
	assert_int_equal(o->destroyed, 0);
	o->attached |= 1u << tag;
	if (rc < 0) {
		note(o, err);
		assert_non_null(strstr(err->text, disk_name(tag)));
		assert_true(rc == -ECANCELED || !(xen_fake.disks & 1u << tag));
	} else if (!o->wants_end && o->attached == (1u << (o->further + 1)) - 2 &&
		   domlet_xen_disk_detach(o->xen, tag, disk_name(tag), &why) < 0) {
		note(o, &why);
	}
}

/* The others stay until the domain ends. */
static void on_detached(void *user, uint32_t tag, int rc, const struct domlet_error *err)
{
	struct owner *o = user;
	struct domlet_error why;

	assert_true(o->attached & 1u << tag && !(o->detached & 1u << tag));
	assert_int_equal(o->destroyed, 0);
	o->detached |= 1u << tag;
	if (rc < 0)
		note(o, err);
	else if (!o->wants_end && domlet_xen_resize(o->xen, GROWN_KIB, 3, &why) < 0)
		note(o, &why);
}

static const uint8_t mac[6] = { 0, 0x16, 0x3e, 1, 2, 3 };

static void on_nic_added(void *user, uint32_t number, int rc, const struct domlet_error *err)
{
	struct owner *o = user;
	struct domlet_error why;

	assert_int_equal(number, NIC);
	assert_int_equal(o->destroyed, 0);
	o->nics_added++;
	if (rc < 0) {
		note(o, err);
		assert_true(rc == -ECANCELED || !xen_fake.nics);
	} else if (!o->wants_end && domlet_xen_nic_remove(o->xen, number, &why) < 0) {
		note(o, &why);
	}
}

static void on_nic_removed(void *user, uint32_t number, int rc, const struct domlet_error *err)
{
	struct owner *o = user;
	struct domlet_error why;

	assert_int_equal(number, NIC);
	assert_int_equal(o->destroyed, 0);
	o->nics_removed++;
	if (rc < 0)
		note(o, err);
	else if (!o->wants_end && !o->stays && domlet_xen_pause(o->xen, &why) < 0)
		note(o, &why);
	if (rc == 0)
		assert_int_equal(xen_fake.nics, 0);
}

/* It grows, shrinks, has a vif for a while, and is paused. */
static void on_resized(void *user, int rc, const struct domlet_error *err)
{
	struct owner *o = user;
	struct domlet_error why;

	assert_int_equal(o->destroyed, 0);
	o->resized++;
	if (rc < 0)
		note(o, err);
	else if (!o->wants_end && !o->stays &&
		 (o->resized == 1 ? domlet_xen_resize(o->xen, 0, 0, &why) :
				    domlet_xen_nic_add(o->xen, NIC, mac, &why)) < 0)
		note(o, &why);
}

static void on_disaster(void *user, const char *what)
{
	struct owner *o = user;
	struct domlet_error err;

	(void)domlet_error_set(&err, EIO, "%s", what);
	note(o, &err);
}

static void lose_patience(uv_timer_t *t)
{
	struct domlet_error err;

	(void)domlet_error_set(&err, ETIMEDOUT, "the guest takes too long");
	note(t->data, &err);
}

static const struct domlet_xen_ops ops = {
	.built = on_built,
	.unpaused = on_unpaused,
	.paused = on_paused,
	.resumed = on_resumed,
	.destroyed = on_destroyed,
	.shutdown = on_shutdown,
	.vanished = on_vanished,
	.ring_ready = on_ring,
	.disaster = on_disaster,
	.attached = on_attached,
	.detached = on_detached,
	.nic_added = on_nic_added,
	.nic_removed = on_nic_removed,
	.resized = on_resized,
};

/* A guest is waited for so long: where one that never comes is what is tested,
 * a little; where it must come, however long a busy machine takes. */
static unsigned int patience_ms = 20000;

static void begin(struct owner *o, uv_loop_t *loop, unsigned int fail_at)
{
	struct domlet_domain_spec spec = { .name = "domlet-c1-123456",
					   .uuid = "12345678-1234-1234-1234-123456789012",
					   .tmpl = &o->tmpl,
					   .memory_kib = BUILT_KIB };

	*o = (struct owner){
		.tmpl = { .kernel = kernel, .type = "pvh", .vcpus = 1, .vcpus_max = 4, .memory_max_kib = UINT64_MAX }
	};
	uv_loop_init(loop);
	xen_fake_reset(loop, fail_at);
	uv_timer_init(loop, &o->patience);
	o->patience.data = o;
	uv_unref((uv_handle_t *)&o->patience);
	uv_timer_start(&o->patience, lose_patience, patience_ms, 0);
	if (domlet_xen_open(loop, &ops, o, &o->xen, &o->err) < 0)
		o->ended = true;
	else if (domlet_xen_build(o->xen, &spec, &o->err) < 0)
		end(o);
}

static void finish(struct owner *o, uv_loop_t *loop)
{
	assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
	uv_close((uv_handle_t *)&o->patience, NULL);
	assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(loop), 0);
	assert_true(o->ended);
	assert_int_equal(xen_fake.open_operations, 0);
	assert_int_equal(xen_fake.death_watches, 0);
	assert_false(xen_fake.destroyed_beside_disks);
	if (xen_fake.domain) { /* only who couldn't be asked to destroy it */
		assert_non_null(xen_fake.failed);
		assert_non_null(strstr(xen_fake.failed, "destroy"));
	}
}

static void each_call_fails(void **state)
{
	unsigned int k = 0;
	struct owner o;
	uv_loop_t loop;

	(void)state;
	patience_ms = 600;
	do {
		begin(&o, &loop, ++k);
		o.further = 2;
		finish(&o, &loop);
		if (!o.ready)
			assert_true(strlen(o.err.text) > 10);
		/* A guest that doesn't let go of its disk is not asked. */
		if (xen_fake.failed &&
		    (!strcmp(xen_fake.failed, "disk_remove") || !strcmp(xen_fake.failed, "detach's end")))
			assert_int_equal(o.detached && o.resumed, 1);
		if (xen_fake.failed &&
		    (!strcmp(xen_fake.failed, "nic_remove") || !strcmp(xen_fake.failed, "nic_remove's end")))
			assert_int_equal(o.nics_removed && o.resumed, 1);
	} while (xen_fake.failed);
	patience_ms = 20000;
	begin(&o, &loop, 0);
	o.further = 2;
	finish(&o, &loop);
	assert_true(o.ready);
	assert_int_equal(o.err.code, 0);
	assert_int_equal(o.attached, 6);
	assert_int_equal(__builtin_popcount(o.detached), 1);
	assert_int_equal(xen_fake.disks_most, 2); /* at once */
	assert_int_equal(o.resized, 2);
	assert_int_equal(o.nics_added, 1);
	assert_int_equal(o.nics_removed, 1);
	print_message("%u calls\n", k - 1);
	assert_true(k > 58);
}

/* Asked for while libxl builds. */
static void a_build_is_stopped(void **state)
{
	struct owner o;
	uv_loop_t loop;
	unsigned int k = 0;

	(void)state;
	do {
		begin(&o, &loop, k++);
		if (!o.ended)
			end(&o);
		finish(&o, &loop);
		assert_false(o.ready);
	} while (k < 12);
}

/* libxl waits for what never comes. */
static void disks_under_way_end_before_their_domain(void **state)
{
	struct owner o;
	uv_loop_t loop;

	(void)state;
	for (unsigned int detaches = 0; detaches < 2; detaches++) {
		begin(&o, &loop, 0);
		o.further = 15;
		xen_fake.disks_hang = !detaches;
		while (!o.rings || (detaches && o.attached != 0xfffe))
			uv_run(&loop, UV_RUN_ONCE);
		assert_int_equal(o.attached, detaches ? 0xfffe : 0);
		assert_true(xen_fake.open_operations >= 1);
		end(&o);
		finish(&o, &loop);
		assert_int_equal(o.attached, 0xfffe);
		assert_int_equal(__builtin_popcount(o.detached), detaches);
		assert_int_equal(o.err.code, ECANCELED);
		assert_int_equal(o.destroyed, 1);
		assert_false(xen_fake.domain);
	}
}

/* libxl's word that a disk goes would be written over by who connects it. */
static void a_disk_is_connected_before_it_goes(void **state)
{
	struct owner o;
	uv_loop_t loop;

	(void)state;
	begin(&o, &loop, 0);
	o.further = 1;
	xen_fake.connecting = 5;
	finish(&o, &loop);
	assert_int_equal(o.err.code, 0);
	assert_int_equal(o.detached, 2);
	assert_int_equal(xen_fake.connecting, 0);
	assert_false(xen_fake.removed_early);
	/* Its domain ends meanwhile. */
	begin(&o, &loop, 0);
	o.further = 1;
	xen_fake.connecting = 1000000;
	while (o.attached != 2 || xen_fake.connecting > 999990)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(o.detached, 0);
	end(&o);
	finish(&o, &loop);
	assert_int_equal(o.detached, 2);
	assert_int_equal(o.err.code, ECANCELED);
	assert_false(xen_fake.removed_early);
}

static void run_until_nic(struct owner *o, uv_loop_t *loop, uint8_t number)
{
	struct domlet_error err;

	begin(o, loop, 0);
	o->stays = true;
	while (!o->rings)
		uv_run(loop, UV_RUN_ONCE);
	assert_int_equal(domlet_xen_nic_add(o->xen, number, mac, &err), 0);
}

static void a_vif_under_way_ends_before_its_domain(void **state)
{
	struct domlet_error err;
	struct owner o;
	uv_loop_t loop;

	(void)state;
	run_until_nic(&o, &loop, NIC);
	xen_fake.nics_hang = true; /* its removal */
	while (!o.nics_added)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(domlet_xen_nic_add(o.xen, NIC, mac, &err), -EBUSY);
	assert_non_null(strstr(err.text, "the vif 5 of the domain is being removed"));
	assert_int_equal(domlet_xen_nic_remove(o.xen, NIC, &err), -EBUSY);
	assert_int_equal(domlet_xen_nic_add(o.xen, DOMLET_XEN_NICS_MAX, mac, &err), -EINVAL);
	end(&o);
	assert_int_equal(domlet_xen_nic_add(o.xen, 1, mac, &err), -ESRCH);
	finish(&o, &loop);
	assert_int_equal(o.nics_removed, 1);
	assert_int_equal(o.err.code, ECANCELED);
	assert_int_equal(o.destroyed, 1);
}

static void a_vif_is_connected_before_it_goes(void **state)
{
	struct owner o;
	uv_loop_t loop;

	(void)state;
	run_until_nic(&o, &loop, NIC);
	xen_fake.connecting_nics = 5;
	while (!o.nics_removed)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(xen_fake.connecting_nics, 0);
	assert_false(xen_fake.removed_early);
	end(&o);
	finish(&o, &loop);
	assert_int_equal(o.err.code, 0);
}

static void a_disk_is_refused(void **state)
{
	struct domlet_error err;
	struct owner o;
	uv_loop_t loop;

	(void)state;
	begin(&o, &loop, 0);
	assert_int_equal(domlet_xen_disk_attach(o.xen, 1, kernel, "xvdb", &err), -ESRCH);
	assert_int_equal(domlet_xen_disk_detach(o.xen, 1, "xvdb", &err), -ESRCH);
	o.further = 1;
	xen_fake.disks_hang = true;
	while (!o.rings)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(domlet_xen_disk_attach(o.xen, 1, kernel, "xvdb", &err), -EBUSY);
	assert_int_equal(domlet_xen_disk_detach(o.xen, 1, "xvdb", &err), -EBUSY);
	assert_non_null(strstr(err.text, "xvdb of the domain is being attached"));
	assert_int_equal(domlet_xen_disk_attach(o.xen, 16, kernel, "xvdq", &err), -EINVAL);
	assert_int_equal(domlet_xen_disk_attach(o.xen, 2, "/nowhere", "xvdc", &err), -ENOENT);
	assert_non_null(strstr(err.text, "can't read the image /nowhere"));
	assert_int_equal(domlet_xen_disk_attach(o.xen, 2, kernel, "a-very-long-device", &err), -ENAMETOOLONG);
	end(&o);
	assert_int_equal(domlet_xen_disk_attach(o.xen, 2, kernel, "xvdc", &err), -ESRCH);
	finish(&o, &loop);
}

/* Until its guest is there, and after that until it was resized TIMES times. */
static void run_until(struct owner *o, uv_loop_t *loop, int times)
{
	while (!o->rings || o->resized < times) {
		uv_run(loop, UV_RUN_NOWAIT); /* which doesn't sleep when what it has told was the last */
		uv_sleep(1);
	}
}

static void a_domain_grows_and_shrinks(void **state)
{
	/* What was added is described in a 64th of it, for each 128 MiB begun. */
	const uint64_t tables_kib = 16 * 1024;
	struct domlet_error err;
	struct owner o;
	uv_loop_t loop;

	(void)state;
	begin(&o, &loop, 0);
	o.stays = true;
	run_until(&o, &loop, 0);
	assert_int_equal(xen_fake.vcpus, 4); /* there, though not started */
	xen_fake.takes_kib = 32 * 1024;
	assert_int_equal(domlet_xen_resize(o.xen, GROWN_KIB, 99, &err), 0);
	run_until(&o, &loop, 1);
	assert_int_equal(o.err.code, 0);
	assert_int_equal(xen_fake.target_kib, GROWN_KIB + tables_kib);
	assert_int_equal(xen_fake.max_kib, GROWN_KIB + tables_kib);
	assert_int_equal(xen_fake.memory_kib, GROWN_KIB + tables_kib);
	assert_int_equal(xen_fake.targets, 4); /* at most doubled: 64, 192, 384, 768, 1040 MiB */
	assert_int_equal(xen_fake.pool_kib, 4 * 1024 + 1040 * 4);
	assert_int_equal(xen_fake.vcpus, 4);
	assert_int_equal(domlet_xen_resize(o.xen, 2 * BUILT_KIB, 2, &err), 0);
	run_until(&o, &loop, 2);
	assert_int_equal(xen_fake.target_kib, 2 * BUILT_KIB + tables_kib); /* those stay */
	assert_int_equal(xen_fake.vcpus, 2);
	assert_int_equal(domlet_xen_resize(o.xen, 0, 0, &err), 0);
	run_until(&o, &loop, 3);
	assert_int_equal(xen_fake.target_kib, BUILT_KIB + tables_kib);
	assert_int_equal(xen_fake.vcpus, 1);
	/* Within what its template allows. */
	((struct domlet_xen *)o.xen)->resize.built.memory_max_kib = 3 * BUILT_KIB;
	assert_int_equal(domlet_xen_resize(o.xen, GROWN_KIB, 1, &err), 0);
	run_until(&o, &loop, 4);
	assert_int_equal(xen_fake.target_kib, 3 * BUILT_KIB + tables_kib);
	assert_int_equal(o.err.code, 0);
	end(&o);
	finish(&o, &loop);
}

static void a_guest_that_does_not_grow(void **state)
{
	struct domlet_error err;
	struct owner o;
	uv_loop_t loop;

	(void)state;
	begin(&o, &loop, 0);
	o.stays = true;
	run_until(&o, &loop, 0);
	assert_int_equal(domlet_xen_resize(o.xen, 64 * GROWN_KIB, 1, &err), -ENOMEM);
	assert_non_null(strstr(err.text, "not enough memory in Xen"));
	assert_int_equal(xen_fake.max_kib, BUILT_KIB);
	xen_fake.takes_kib = 0;
	((struct domlet_xen *)o.xen)->resize.patience_ms = 100;
	assert_int_equal(domlet_xen_resize(o.xen, GROWN_KIB, 3, &err), 0);
	run_until(&o, &loop, 1);
	assert_int_equal(o.err.code, ETIMEDOUT);
	assert_non_null(strstr(o.err.text, "took 64 of the 192 MiB"));
	assert_int_equal(xen_fake.vcpus, 3);
	finish(&o, &loop);
}

/* Longer than its time, but it goes on; and one that takes a little for ever. */
static void a_guest_that_grows_slowly(void **state)
{
	struct domlet_error err;
	struct owner o;
	uv_loop_t loop;

	(void)state;
	begin(&o, &loop, 0);
	o.stays = true;
	run_until(&o, &loop, 0);
	((struct domlet_xen *)o.xen)->resize.patience_ms = 100;
	xen_fake.takes_kib = 8 * 1024;
	assert_int_equal(domlet_xen_resize(o.xen, 2 * BUILT_KIB, 1, &err), 0);
	run_until(&o, &loop, 1);
	assert_int_equal(o.err.code, 0);
	assert_true(xen_fake.memory_kib + 2048 >= xen_fake.target_kib);
	xen_fake.takes_kib = 1;
	assert_int_equal(domlet_xen_resize(o.xen, GROWN_KIB, 1, &err), 0);
	run_until(&o, &loop, 2);
	assert_int_equal(o.err.code, ETIMEDOUT);
	finish(&o, &loop);
}

/* Whoever comes while it grows; and its end meanwhile. */
static void a_size_is_changed_on_the_way(void **state)
{
	struct domlet_error err;
	struct owner o;
	uv_loop_t loop;

	(void)state;
	begin(&o, &loop, 0);
	o.stays = true;
	run_until(&o, &loop, 0);
	xen_fake.takes_kib = 32 * 1024;
	assert_int_equal(domlet_xen_resize(o.xen, GROWN_KIB, 2, &err), 0);
	assert_int_equal(domlet_xen_resize(o.xen, 64 * GROWN_KIB, 1, &err), -ENOMEM); /* and the first goes on */
	uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(domlet_xen_resize(o.xen, 2 * GROWN_KIB, 3, &err), 0);
	run_until(&o, &loop, 1);
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(o.resized, 1);
	assert_int_equal(xen_fake.target_kib, 2 * GROWN_KIB + 32 * 1024);
	assert_int_equal(xen_fake.vcpus, 3);
	assert_int_equal(domlet_xen_resize(o.xen, 3 * GROWN_KIB, 1, &err), 0);
	end(&o);
	finish(&o, &loop);
	assert_int_equal(o.resized, 2);
	assert_int_equal(o.err.code, ECANCELED);
	assert_int_equal(o.destroyed, 1);
}

static char turns_file[32];
static const char *turns_of_host;
static int all_turns = -1;

static int own_turns(void **state)
{
	(void)state;
	turns_of_host = domlet_xen_turn_file;
	strcpy(turns_file, "/tmp/domlet-test-turns-XXXXXX");
	domlet_xen_turn_file = turns_file;
	return close(mkstemp(turns_file));
}

static int turns_of_the_host(void **state)
{
	(void)state;
	domlet_xen_turn_file = turns_of_host;
	return unlink(turns_file);
}

static void take_all_turns(void)
{
	struct flock turns = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	all_turns = open(domlet_xen_turn_file, O_RDWR | O_CLOEXEC);
	assert_true(all_turns >= 0);
	assert_int_equal(fcntl(all_turns, F_OFD_SETLK, &turns), 0);
}

static void give_turns_back(void)
{
	close(all_turns);
}

static void tick(uv_timer_t *t)
{
	((void (*)(void))t->data)();
	uv_close((uv_handle_t *)t, NULL);
}

static void after(uv_loop_t *loop, uv_timer_t *t, unsigned int ms, void (*what)(void))
{
	uv_timer_init(loop, t);
	t->data = (void *)what;
	uv_timer_start(t, tick, ms, 0);
}

/* WHAT happens to the domain while its guest boots. */
static void while_booting(void (*what)(void), struct owner *o)
{
	uv_timer_t t;
	uv_loop_t loop;

	begin(o, &loop, 0);
	xen_fake.guest_silent = true;
	xen_fake.disk_left = true;
	after(&loop, &t, 30, what);
	finish(o, &loop);
}

static void the_domain_vanishes(void **state)
{
	struct owner o;

	(void)state;
	while_booting(xen_fake_vanish, &o);
	assert_int_equal(o.vanished, 1);
	assert_int_equal(o.unpaused, 1);
	assert_false(xen_fake.disk_left); /* not ours to destroy, but nobody else would look */
}

static void the_domain_shuts_down(void **state)
{
	struct owner o;

	(void)state;
	while_booting(xen_fake_shut_down, &o);
	assert_int_equal(o.shut_down, 1);
	assert_int_equal(o.destroyed, 1);
	assert_false(xen_fake.domain);
	assert_false(xen_fake.disk_left);
}

/* The domain of a monitor that was killed while it destroyed it. */
static void what_is_left_of_a_domain_that_is_gone(void **state)
{
	static const char uuid[] = "12345678-1234-1234-1234-123456789012";
	struct domlet_error err;

	(void)state;
	xen_fake_reset(NULL, 0);
	xen_fake.disk_left = true;
	assert_int_equal(domlet_xen_destroy_uuid(uuid, UINT32_MAX, &err), 0);
	assert_true(xen_fake.disk_left); /* which one it had is not known */
	xen_fake.domain = true;
	assert_int_equal(domlet_xen_destroy_uuid(uuid, 7, &err), 0);
	assert_true(xen_fake.disk_left); /* another's by now */
	xen_fake.domain = false;
	assert_int_equal(domlet_xen_destroy_uuid(uuid, 7, &err), 0);
	assert_false(xen_fake.disk_left);
}

/* Others build or destroy as many domains as may be at a time. */
static void a_build_waits_for_its_turn(void **state)
{
	struct owner o;
	uv_loop_t loop;

	(void)state;
	take_all_turns();
	begin(&o, &loop, 0);
	for (int i = 0; i < 4; i++) {
		uv_run(&loop, UV_RUN_ONCE);
		assert_int_equal(o.built, 0);
		assert_int_equal(xen_fake.open_operations, 0);
	}
	give_turns_back();
	finish(&o, &loop);
	assert_true(o.ready);
	assert_int_equal(o.destroyed, 1);

	/* It may be stopped meanwhile. */
	take_all_turns();
	begin(&o, &loop, 0);
	uv_run(&loop, UV_RUN_ONCE);
	end(&o);
	finish(&o, &loop);
	assert_int_equal(o.built, 1);
	assert_false(o.ready);
	give_turns_back();

	/* And every turn was given back. */
	take_all_turns();
	give_turns_back();
}

/* Its guest may be what must be stopped. */
static void a_domain_that_waits_for_its_end_is_paused(void **state)
{
	struct owner o;
	uv_loop_t loop;

	(void)state;
	for (int fails = 0; fails < 2; fails++) {
		begin(&o, &loop, 0);
		xen_fake.guest_silent = true;
		while (!xen_fake.unpaused)
			uv_run(&loop, UV_RUN_ONCE);
		take_all_turns();
		xen_fake.fail_at = fails ? xen_fake.calls + 1 : 0;
		end(&o);
		assert_int_equal(xen_fake.paused, !fails);
		for (int i = 0; i < 4; i++)
			uv_run(&loop, UV_RUN_ONCE);
		assert_true(xen_fake.domain);
		give_turns_back();
		finish(&o, &loop);
		assert_int_equal(o.destroyed, 1);
		assert_int_equal(o.err.code, 0);
		assert_false(xen_fake.domain);
	}
}

struct told { /* by a loop that knows of no domain */
	struct domlet_xen_loop loop;
	struct domlet_xen_post a, b, last;
	char order[8];
	bool closed;
};

static void tell_a(void *user)
{
	struct told *t = user;

	strcat(t->order, "a");
	if (strlen(t->order) < 3)
		domlet_xen_loop_post(&t->loop, &t->a);
}

static void tell_b(void *user)
{
	struct told *t = user;

	strcat(t->order, "b");
}

static void tell_last(void *user)
{
	struct told *t = user;

	strcat(t->order, "!");
	domlet_xen_loop_post(&t->loop, &t->a);
	domlet_xen_loop_close(&t->loop);
	domlet_xen_loop_post(&t->loop, &t->b);
}

static void note_closed(void *user)
{
	((struct told *)user)->closed = true;
}

/* As it happened, each once, and nothing after the close. */
static void what_is_told_comes_in_order(void **state)
{
	struct told t = { .a.deliver = tell_a, .b.deliver = tell_b, .last.deliver = tell_last };
	struct domlet_error err;
	uv_loop_t uv;

	(void)state;
	uv_loop_init(&uv);
	xen_fake_reset(&uv, 0);
	t.loop.uv = &uv;
	t.loop.user = &t;
	t.loop.closed = note_closed;
	assert_int_equal(domlet_xen_loop_open(&t.loop, &err), 0);
	domlet_xen_loop_post(&t.loop, &t.b);
	domlet_xen_loop_post(&t.loop, &t.a);
	domlet_xen_loop_post(&t.loop, &t.b);
	assert_string_equal(t.order, "");
	for (int i = 0; i < 3 && strlen(t.order) < 3; i++)
		uv_run(&uv, UV_RUN_NOWAIT);
	assert_string_equal(t.order, "baa");
	domlet_xen_loop_post(&t.loop, &t.last);
	domlet_xen_loop_post(&t.loop, &t.b);
	assert_int_equal(uv_run(&uv, UV_RUN_DEFAULT), 0);
	assert_string_equal(t.order, "baa!");
	assert_true(t.closed);
	assert_int_equal(uv_loop_close(&uv), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_fails),
		cmocka_unit_test(a_build_is_stopped),
		cmocka_unit_test(disks_under_way_end_before_their_domain),
		cmocka_unit_test_setup_teardown(disks_under_way_end_before_their_domain, own_turns, turns_of_the_host),
		cmocka_unit_test(a_disk_is_connected_before_it_goes),
		cmocka_unit_test(a_vif_under_way_ends_before_its_domain),
		cmocka_unit_test(a_vif_is_connected_before_it_goes),
		cmocka_unit_test(a_disk_is_refused),
		cmocka_unit_test(a_domain_grows_and_shrinks),
		cmocka_unit_test(a_guest_that_does_not_grow),
		cmocka_unit_test(a_guest_that_grows_slowly),
		cmocka_unit_test(a_size_is_changed_on_the_way),
		cmocka_unit_test(what_is_told_comes_in_order),
		cmocka_unit_test(the_domain_vanishes),
		cmocka_unit_test(the_domain_shuts_down),
		cmocka_unit_test(what_is_left_of_a_domain_that_is_gone),
		cmocka_unit_test_setup_teardown(a_build_waits_for_its_turn, own_turns, turns_of_the_host),
		cmocka_unit_test_setup_teardown(a_domain_that_waits_for_its_end_is_paused, own_turns, turns_of_the_host),
	};

	(void)snprintf(kernel, sizeof kernel, "/proc/self/exe");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
