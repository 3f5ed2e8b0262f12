/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "build.h"

#include <errno.h>
#include <unistd.h>

#include "memory.h"

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

static int prepare(struct domlet_xen_build *build, const struct domlet_domain_spec *spec, struct domlet_error *err)
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
		rc = domlet_xen_configure(build->loop->ctx, &build->config, spec, err);
	return rc ? rc : domlet_xen_memory_check(build->loop->ctx, build->config.b_info.max_memkb, err);
}

void domlet_xen_build_init(struct domlet_xen_build *build)
{
	build->domid = DOMLET_XEN_NO_DOMID;
	domlet_xen_turn_init(&build->turn, build->loop);
}

bool domlet_xen_build_runs(const struct domlet_xen_build *build)
{
	return build->building;
}

static void build_now(void *user);
static void on_built(libxl_ctx *ctx, int rc, void *user);
static void finish(struct domlet_xen_build *build, int rc);

int domlet_xen_build_start(struct domlet_xen_build *build, const struct domlet_domain_spec *spec,
			   struct domlet_error *err)
{
	int rc;

	if (build->begun)
		return domlet_error_set(err, EBUSY, "this context has a domain already");
	libxl_domain_config_init(&build->config);
	build->begun = true;
	rc = prepare(build, spec, err);
	if (rc)
		return rc;
	build->domid_for_libxl = DOMLET_XEN_NO_DOMID;
	build->building = true;
	domlet_xen_turn_wait(&build->turn, build_now, build);
	return 0;
}

void domlet_xen_build_stop(struct domlet_xen_build *build)
{
	if (build->building && domlet_xen_turn_waits(&build->turn))
		finish(build, ERROR_ABORTED);
}

static void build_now(void *user)
{
	struct domlet_xen_build *build = user;
	struct domlet_xen_loop *loop = build->loop;
	libxl_asyncop_how how = { .callback = on_built, .u.for_callback = build };
	int rc;

	domlet_xen_log_clear(&loop->log);
	loop->under_way++;
	rc = libxl_domain_create_new(loop->ctx, &build->config, &build->domid_for_libxl, &how, NULL);
	if (rc)
		on_built(loop->ctx, rc, build);
}

void domlet_xen_build_abort(struct domlet_xen_build *build)
{
	libxl_asyncop_how how = { .callback = on_built, .u.for_callback = build };

	libxl_ao_abort(build->loop->ctx, &how);
}

static void on_built(libxl_ctx *ctx, int rc, void *user)
{
	struct domlet_xen_build *build = user;

	(void)ctx;
	build->loop->under_way--;
	finish(build, rc);
}

/* libxl has destroyed the domain by itself when RC isn't 0. */
static void finish(struct domlet_xen_build *build, int rc)
{
	build->building = false;
	domlet_xen_turn_end(&build->turn);
	if (rc && build->domid_for_libxl != DOMLET_XEN_NO_DOMID)
		domlet_xen_store_sweep(build->store->xs, build->domid_for_libxl);
	if (rc == ERROR_ABORTED) {
		build->rc = domlet_error_set(&build->err, ECANCELED, "the domain's build was stopped");
	} else if (rc) {
		build->rc = domlet_xen_log_error(&build->loop->log, &build->err, rc, "can't build the domain");
	} else {
		build->rc = 0;
		build->domid = build->domid_for_libxl;
	}
	build->done(build->user);
}

void domlet_xen_build_close(struct domlet_xen_build *build)
{
	bool waits = domlet_xen_turn_waits(&build->turn);

	domlet_xen_turn_close(&build->turn);
	if (build->begun && (!build->building || waits)) /* else libxl has it */
		libxl_domain_config_dispose(&build->config);
	build->begun = false;
}
