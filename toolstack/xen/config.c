/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a template and a plan's wishes to libxl's configuration of a domain:
 * data only, nothing is started (tests/golden compares it with files).
 */
#include "build.h"

#include <errno.h>
#include <libxl_utils.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk.h"
#include "memory.h"
#include "resize.h"

static void set_string(char **out, const char *text, bool *failed)
{
	if (!text)
		return;
	*out = strdup(text);
	if (!*out)
		*failed = true;
}

/* Parses "all" or "0,2-5,^3" (xl.cfg's cpus, without nodes and lists). */
static int set_cpus(libxl_ctx *ctx, libxl_bitmap *map, const char *text, struct domlet_error *err)
{
	const char *at = text;

	if (libxl_cpu_bitmap_alloc(ctx, map, 0))
		return domlet_error_set(err, ENOMEM, "out of memory");
	if (!strcmp(text, "all")) {
		libxl_bitmap_set_any(map);
		return 0;
	}
	for (;;) {
		bool without = *at == '^';
		char *end;
		long first, last;

		at += without;
		first = last = strtol(at, &end, 10);
		if (end != at && *end == '-') {
			at = end + 1;
			last = strtol(at, &end, 10);
		}
		if (end == at || (*end && *end != ',') || first < 0 || last < first || last >= (long)map->size * 8)
			return domlet_error_set(
				err, EINVAL,
				"cpus = \"%.100s\" is no list of this host's processors, as in \"0,2-5,^3\"", text);
		for (long cpu = first; cpu <= last; cpu++) {
			if (without)
				libxl_bitmap_reset(map, (int)cpu);
			else
				libxl_bitmap_set(map, (int)cpu);
		}
		if (!*end)
			return 0;
		at = end + 1;
	}
}

static int set_create_info(libxl_domain_create_info *c, const struct domlet_domain_spec *spec, struct domlet_error *err)
{
	bool failed = false;

	c->type = strcmp(spec->tmpl->type, "pv") ? LIBXL_DOMAIN_TYPE_PVH : LIBXL_DOMAIN_TYPE_PV;
	c->passthrough = LIBXL_PASSTHROUGH_DISABLED;
	libxl_defbool_set(&c->run_hotplug_scripts, true);
	if (libxl_uuid_from_string(&c->uuid, spec->uuid))
		return domlet_error_set(err, EINVAL, "'%.60s' is no uuid", spec->uuid);
	set_string(&c->name, spec->name, &failed);
	set_string(&c->pool_name, spec->tmpl->pool, &failed);
	set_string(&c->ssid_label, spec->tmpl->seclabel, &failed);
	return failed ? domlet_error_set(err, ENOMEM, "out of memory") : 0;
}

void domlet_xen_size(const struct domlet_domain_spec *spec, struct domlet_xen_size *size)
{
	const struct domlet_template *t = spec->tmpl;

	size->pv = !strcmp(t->type, "pv");
	size->memory_kib = spec->memory_kib ? spec->memory_kib : t->memory_kib;
	size->memory_max_kib = t->memory_max_kib > size->memory_kib ? t->memory_max_kib : size->memory_kib;
	size->vcpus = spec->vcpus ? spec->vcpus : t->vcpus;
	/* What Xen gives a guest it can use at any time: who asks for a number gets that. */
	size->vcpus_max = spec->vcpus || t->vcpus_max < t->vcpus ? size->vcpus : t->vcpus_max;
}

static int set_build_info(libxl_ctx *ctx, libxl_domain_type type, libxl_domain_build_info *b,
			  const struct domlet_domain_spec *spec, struct domlet_error *err)
{
	const struct domlet_template *t = spec->tmpl;
	struct domlet_xen_size size;
	bool failed = false;

	domlet_xen_size(spec, &size);
	libxl_domain_build_info_init_type(b, type);
	b->max_vcpus = (int)size.vcpus_max;
	if (libxl_cpu_bitmap_alloc(ctx, &b->avail_vcpus, b->max_vcpus))
		return domlet_error_set(err, ENOMEM, "out of memory");
	for (int i = 0; i < b->max_vcpus; i++) /* not set_any: it fills whole bytes */
		libxl_bitmap_set(&b->avail_vcpus, i);
	b->max_memkb = b->target_memkb = size.memory_kib;
	/* Those to spare are there (a kernel doesn't start a processor that it found absent in
	 * the MADT), but aren't started, and have no share in the memory for page tables. */
	if (size.vcpus < size.vcpus_max) {
		failed = asprintf(&b->cmdline, "%s%smaxcpus=%u", t->extra ? t->extra : "", t->extra ? " " : "",
				  size.vcpus) < 0;
		if (!size.pv)
			b->shadow_memkb = domlet_xen_pool_kib(size.memory_kib, size.vcpus);
	} else {
		set_string(&b->cmdline, t->extra, &failed);
	}
	/* Each of these saves libxl or Xen work that no such domain needs. */
	libxl_defbool_set(&b->numa_placement, false);
	b->max_grant_version = 1;
	b->max_maptrack_frames = 0;
	b->device_model_version = LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN;
	/* Too little memory is found before half of it has been filled. */
	libxl_defbool_set(&b->claim_mode, true);
	if (t->tsc_native)
		b->tsc_mode = LIBXL_TSC_MODE_NATIVE;
	set_string(&b->kernel, t->kernel, &failed);
	set_string(&b->ramdisk, t->ramdisk, &failed);
	if (failed)
		return domlet_error_set(err, ENOMEM, "out of memory");
	return t->cpus ? set_cpus(ctx, &b->cpumap, t->cpus, err) : 0;
}

static int set_disk(libxl_domain_config *config, const struct domlet_domain_spec *spec, struct domlet_error *err)
{
	libxl_device_disk *disk = calloc(1, sizeof(*disk));

	if (!disk)
		return domlet_error_set(err, ENOMEM, "out of memory");
	libxl_device_disk_init(disk);
	config->disks = disk;
	config->num_disks = 1;
	return domlet_xen_disk_configure(disk, spec->image, spec->device, err);
}

int domlet_xen_configure(libxl_ctx *ctx, libxl_domain_config *config, const struct domlet_domain_spec *spec,
			 struct domlet_error *err)
{
	int rc = set_create_info(&config->c_info, spec, err);

	if (!rc)
		rc = set_build_info(ctx, config->c_info.type, &config->b_info, spec, err);
	return rc || !spec->image ? rc : set_disk(config, spec, err);
}
